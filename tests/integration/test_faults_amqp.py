"""The faults of docs/reliability.md that RabbitMQ has, as test_faults does for
Redis."""
import signal
import threading
import time

import pytest

from support.events import Sender, task_id
from support.netns import FarRabbit, Network, missing
from support.proxy import Proxy
from support.rabbit import AmqpPublisher
from support.wait import stays
from support.witness import AmqpPump, Pump
from test_faults import (MOST_PAUSE_S, UP, failed, measured, reasons, stopped,
                         watch)

__all__ = ["measured", "watch"]  # fixtures

# How long an exporter is stopped: more than all that anybody waits for.
PAUSE_S = 60


@pytest.fixture
def pump(vhost):
    with AmqpPump(vhost) as running:
        yield running


@pytest.fixture
def exporter(vhost, make_exporter):
    return make_exporter(vhost.url())


@pytest.fixture(scope="module")
def far_rabbit(tmp_path_factory):
    """A server behind a network of our own."""
    why = missing()
    if why:
        pytest.skip(why)
    with Network() as network:
        server = FarRabbit(tmp_path_factory.mktemp("far-rabbit"), network)
        server.network = network
        try:
            yield server.start()
        finally:
            server.stop()


@pytest.fixture
def far(far_rabbit):
    """What is at the far end of that network, which is healed."""
    yield far_rabbit.vhost()
    far_rabbit.network.heal()


def test_f2_firewall_drops_what_we_send(far, make_exporter, watch, measured):
    network = far.rabbit.network
    network.iptables("-p", "tcp", "--syn", "-j", "DROP")
    start = time.monotonic()
    exporter = make_exporter(far.url(), connected=False)
    witness = watch(exporter, memory=12 << 20, fds=2)
    took = witness.until(lambda s: s.errors, 10, start)
    assert failed(witness) == {"timeout"}
    measured("F2", "RabbitMQ, SYN dropped: attempt given up after", 3, took)

    with AmqpPump(far):
        healed = time.monotonic()
        network.heal()
        took = witness.counts(healed, 15)
    measured("F2", "RabbitMQ, SYN dropped: counts after the firewall by", 13,
             took)


def test_f3_connection_refused(far, make_exporter, watch, measured):
    network = far.rabbit.network
    network.iptables("-p", "tcp", "--syn", "-j", "REJECT", "--reject-with",
                     "tcp-reset")
    start = time.monotonic()
    exporter = make_exporter(far.url(), connected=False)
    witness = watch(exporter, memory=12 << 20, fds=2)
    witness.until(lambda s: s.errors.get("refused", 0) >= 5, 5, start)
    assert failed(witness) == {"refused"}

    with AmqpPump(far):
        healed = time.monotonic()
        network.heal()
        took = witness.counts(healed, 12)
    measured("F3", "RabbitMQ, refused: counts after", MOST_PAUSE_S, took)


def test_f5_half_open_connection(far, make_exporter, watch, measured):
    network = far.rabbit.network
    exporter = make_exporter(far.url())
    witness = watch(exporter, memory=12 << 20)
    start = time.monotonic()
    network.drop_both_ways()
    took = witness.down(start, 20)
    measured("F5", "RabbitMQ, packets dropped both ways: noticed after", 10,
             took)
    assert reasons(witness) == {"silent"}

    with AmqpPump(far):
        healed = time.monotonic()
        network.heal()
        took = witness.counts(healed, 16)
    measured("F5", "RabbitMQ, packets dropped both ways: counts after", 13,
             took)


def test_f31_a_fifth_of_the_packets_is_lost(far, make_exporter, watch,
                                            measured):
    exporter = make_exporter(far.url())
    witness = watch(exporter, memory=12 << 20)
    publisher = AmqpPublisher(far)
    far.rabbit.network.lose(0.2)
    nsent = 60
    worker = Sender("w1@host-a")
    start = time.monotonic()
    for i in range(nsent):
        # One by one, or all of them would fit into a packet or two.
        publisher.send(worker.received(task_id(), "demo.add"))
        witness.until(lambda s, n=i + 1: s.received == n, 30)

    took = time.monotonic() - start
    assert not witness.last.disconnects
    measured("F31", f"RabbitMQ, 20 % of packets lost: {nsent} of {nsent} "
             "events after", 30, took)


@pytest.mark.sanitized
def test_f3_connection_cut(vhost, pump, make_exporter, watch, measured):
    proxy = Proxy(vhost.port)
    try:
        exporter = make_exporter(f"amqp://127.0.0.1:{proxy.port}/{vhost.name}")
        witness = watch(exporter)
        start = time.monotonic()
        proxy.cut(reset=True)
        took = witness.until(lambda s: s.disconnects, 5, start)
        assert reasons(witness) == {"reset"}
        measured("F3", "RabbitMQ, connection cut: noticed after", 0.1, took)
        took = witness.counts(start, 5)
        measured("F3", "RabbitMQ, connection cut: counts after", 1, took)
        witness.paused = True
        exporter.stop()
    finally:
        proxy.stop()


def test_f1_f4_f6_server_stopped_and_killed(own_rabbit, make_exporter, watch,
                                         measured):
    rabbit = own_rabbit
    vhost = rabbit.vhost()
    exporter = make_exporter(vhost.url())
    witness = watch(exporter)
    with AmqpPump(vhost):
        witness.until(lambda s: s.received, 10)
        start = time.monotonic()
        rabbit.send_signal(signal.SIGSTOP)
        try:
            took = witness.down(start, 20)
            assert reasons(witness) == {"silent"}
        finally:
            rabbit.send_signal(signal.SIGCONT)
        resumed = time.monotonic()
        measured("F6", "RabbitMQ stopped: noticed after", 10, took)
        took = witness.counts(resumed, 30)
        measured("F6", "RabbitMQ stopped: counts after it goes on",
                 MOST_PAUSE_S + 5, took)

        connects = witness.last.connects
        start = time.monotonic()
        rabbit.kill()
        took = witness.down(start, 5)
        measured("F4", "RabbitMQ killed: noticed after", 0.2, took)
        late = make_exporter(vhost.url(), connected=False)
        waiting = watch(late, memory=12 << 20, fds=2)
        waiting.until(lambda s: sum(s.errors.values()) >= 6, 10)
        assert waiting.last.up == 0 and failed(waiting) == {"refused"}
        rabbit.start()
        started = time.monotonic()
        took = waiting.counts(started, 20)
        measured("F1", "RabbitMQ down at start: counts after", MOST_PAUSE_S,
                 took)
        took = witness.counts(started, 20)
        measured("F4", "RabbitMQ killed: counts after it is back",
                 MOST_PAUSE_S, took)
        assert witness.last.connects == connects + 1


@pytest.mark.sanitized
def test_f13_queue_deleted(vhost, exporter, pump, watch, measured):
    witness = watch(exporter)
    witness.until(lambda s: s.received, 10)
    queue = next(row["name"] for row in vhost.queues("name")
                 if row["name"].startswith("celeryev."))
    # The queue is exclusive: only an administrator can delete it.
    start = time.monotonic()
    vhost.rabbit.ctl("eval",
                     '{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"'
                     f'{vhost.name}">>, queue, <<"{queue}">>)), '
                     'rabbit_amqqueue:delete(Q, false, false, <<"t">>).')
    deleted = time.monotonic()
    witness.until(lambda s: s.disconnects, 5, start)
    # between the two commands of the clock: the tool takes its time
    took = max(0, witness.counts(deleted, 5))
    measured("F13", "event queue deleted: counts after", 0.5, took)


def test_f14_connections_closed(vhost, exporter, pump, watch, measured):
    witness = watch(exporter)
    witness.until(lambda s: s.received, 10)
    connects = witness.last.connects
    start = time.monotonic()
    vhost.close_connections()
    witness.until(lambda s: s.connects > connects, 10, start)
    closed = next(s.at for s in witness.samples
                  if s.at > start and (s.up == 0 or s.connects > connects))
    took = witness.until(lambda s: s.connects > connects and s.up, 5, closed)
    measured("F14", "close_all_connections: subscribed anew after", 1, took)
    witness.counts(time.monotonic(), 5)


def test_f14_vhost_deleted(rabbit, make_exporter, watch, measured):
    vhost = rabbit.vhost()
    exporter = make_exporter(vhost.url())
    witness = watch(exporter)
    rabbit.ctl("delete_vhost", vhost.name)
    witness.until(lambda s: s.up == 0 and s.errors, 10)
    assert set(witness.last.errors) <= {"permission", "error"}
    rabbit.ctl("add_vhost", vhost.name)
    rabbit.ctl("set_permissions", "-p", vhost.name, "guest", ".*", ".*", ".*")
    start = time.monotonic()
    took = witness.until(lambda s: s.up, 15, start)
    measured("F14", "virtual host deleted: up after it is back", MOST_PAUSE_S,
             took)
    vhost.close()


def test_f14_user_deleted(rabbit, vhost, make_exporter, pump, watch,
                          measured):
    everything = ".*", ".*", ".*"
    exporter = make_exporter(vhost.url(vhost.account("doomed", *everything)),
                             "--retry-interval", "1")
    witness = watch(exporter)
    rabbit.ctl("delete_user", "doomed")
    witness.until(lambda s: s.up == 0 and s.errors.get("auth"), 10)
    vhost.account("doomed", *everything)
    took = witness.counts(time.monotonic(), 15)
    measured("F14", "user deleted: counts after it is back", 1, took)


def test_f15_scrapes_keep_no_heartbeat_waiting(vhost, make_exporter, watch,
                                                measured):
    """The server closes a connection that misses two heartbeats of 2 s."""
    exporter = make_exporter(vhost.url(query="?heartbeat=2"))
    witness = watch(exporter)
    nscrapes, done = [0] * 4, threading.Event()

    def storm(i):
        while not done.is_set():
            assert exporter.get("/metrics").status == 200
            nscrapes[i] += 1

    threads = [threading.Thread(target=storm, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    try:
        stays(lambda: not witness.last.disconnects, 12)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    measured("F15", f"{sum(nscrapes) / 12:.0f} scrapes a second for 12 s: no "
             "heartbeat missed")
    assert exporter.page().value("celery_exporter_broker_connects_total") == 1


def test_f18_exporter_was_away(vhost, exporter, pump, make_exporter,
                               measured):
    exporter.wait_for(lambda p: p.sum("celery_task_received_total") > 3)
    exporter.stop()
    assert vhost.queues("name") == [], "its queue went with it"

    start = time.monotonic()
    again = make_exporter(vhost.url())
    again.wait_for(lambda p: p.sum("celery_task_received_total") > 0)
    measured("F18", "exporter started anew: counts after", 1,
             time.monotonic() - start)


def test_f16_memory_alarm(own_rabbit, make_exporter, watch):
    vhost = own_rabbit.vhost()
    exporter = make_exporter(vhost.url())
    witness = watch(exporter)
    own_rabbit.ctl("set_vm_memory_high_watermark", "0.0000001")
    # longer than any silence is borne
    stays(lambda: exporter.page().value(UP) == 1, 12)
    own_rabbit.ctl("set_vm_memory_high_watermark", "0.4")
    with AmqpPump(vhost):
        witness.counts(time.monotonic(), 5)
    assert not witness.last.disconnects


def test_f19_next_node_of_the_list(rabbit, vhost, own_rabbit, make_exporter,
                                   watch, measured):
    """Two servers, in order and then round; the way to the second one is a
    proxy's, because that server is shared."""
    first, second = own_rabbit.vhost(), vhost
    way = Proxy(rabbit.port)
    try:
        exporter = make_exporter(
            f"{first.url()};amqp://127.0.0.1:{way.port}/{second.name}")
        witness = watch(exporter)
        assert way.naccepted == 0
        with AmqpPump(second):
            start = time.monotonic()
            own_rabbit.kill()
            took = witness.counts(start, 10)
        measured("F19", "RabbitMQ node killed: counts through the next after",
                 5, took)
        assert first.rabbit.process is None and way.naccepted >= 1

        own_rabbit.start()
        with AmqpPump(first):
            start = time.monotonic()
            way.shut()
            way.cut(reset=True)
            took = witness.counts(start, 10)
        measured("F19", "second node lost: counts through the first after", 5,
                 took)
        witness.paused = True
        exporter.stop()
    finally:
        way.stop()


def test_f23_exporters_stopped_and_resumed(
        vhost, pump, redis_server, make_exporter, watch, measured):
    """RabbitMQ has given up the connection meanwhile, Redis has not."""
    exporters = [make_exporter(broker.url(), "--worker-timeout", "5")
                 for broker in (redis_server, vhost)]
    with Pump(redis_server):
        witnesses = [watch(exporter) for exporter in exporters]
        for witness in witnesses:
            witness.until(lambda s: s.received, 5)
            witness.paused = True
        with stopped(exporters[0].process), stopped(exporters[1].process):
            stays(lambda: all(each.running() for each in exporters), PAUSE_S)
        resumed = time.monotonic()
        for witness in witnesses:
            witness.paused = False

        measured("F23", f"exporter stopped for {PAUSE_S} s, Redis: counts "
                 "after", 3, witnesses[0].counts(resumed, 10))
        anew = witnesses[1].until(lambda s: s.connects == 2, 10, resumed)
        witnesses[1].counts(resumed + anew, 10)
        measured("F23", f"exporter stopped for {PAUSE_S} s, RabbitMQ: "
                 "subscribed anew after", 3, anew)
        for exporter in exporters:
            stays(lambda: exporter.page().value(
                "celery_worker_up", hostname="host-a") == 1, 1)
