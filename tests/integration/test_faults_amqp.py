"""The faults of docs/reliability.md that RabbitMQ has, as test_faults does for
Redis."""
import signal
import threading
import time

import amqp
import pytest

from support.events import Sender, task_id
from support.proxy import Proxy
from support.rabbit import AmqpPublisher
from support.wait import stays
from test_faults import MOST_PAUSE_S, UP, measured, reasons, watch

__all__ = ["measured", "watch"]  # fixtures


class AmqpPump:
    """Publishes events all the time, whatever happens to the server."""

    def __init__(self, vhost):
        self.vhost = vhost
        self.worker = Sender("w1@host-a")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._done.set()
        self._thread.join()

    def channel(self):
        """A connection of its own: fresh after each that broke."""
        connection = amqp.Connection(
            f"127.0.0.1:{self.vhost.port}", virtual_host=self.vhost.name,
            connect_timeout=1, read_timeout=2, write_timeout=2)
        connection.connect()
        return connection.channel()

    def _run(self):
        publisher = None
        while not self._done.wait(0.03):
            try:
                if publisher is None:
                    publisher = AmqpPublisher(self)
                publisher.send(self.worker.received(task_id(), "demo.add"))
            except (OSError, amqp.AMQPError):
                publisher = None


@pytest.fixture
def pump(vhost):
    with AmqpPump(vhost) as running:
        yield running


@pytest.fixture
def exporter(vhost, make_exporter):
    return make_exporter(vhost.url())


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


def test_f4_f6_server_stopped_and_killed(own_rabbit, make_exporter, watch,
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
        rabbit.start()
        started = time.monotonic()
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


def test_f19_next_server_of_the_list(vhost, pump, make_exporter, watch,
                                     measured):
    servers = [Proxy(vhost.port), Proxy(vhost.port)]
    try:
        exporter = make_exporter(";".join(
            f"amqp://127.0.0.1:{proxy.port}/{vhost.name}"
            for proxy in servers))
        witness = watch(exporter)
        witness.until(lambda s: s.received, 10)
        assert [proxy.naccepted for proxy in servers] == [1, 0]
        start = time.monotonic()
        servers[0].shut()
        servers[0].cut(reset=True)
        took = witness.counts(start, 10)
        measured("F19", "RabbitMQ node lost: counts through the next after", 5,
                 took)
        assert servers[1].naccepted >= 1
        witness.paused = True
        exporter.stop()
    finally:
        for proxy in servers:
            proxy.stop()
