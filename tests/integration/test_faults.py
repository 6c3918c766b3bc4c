"""The faults of docs/reliability.md, injected one by one: how soon each is
noticed and got over, while /metrics answers within a second throughout and
nothing grows."""
import json
import os
import signal
import socket
import threading
import time

import pytest
import redis

from support.events import Publisher, Sender, task_id
from support.exporter import SANITIZED, Exporter
from support.netns import FarRedis, Network, missing
from support.proxy import Proxy
from support.wait import stays, wait_until
from support.witness import Pump, Witness
from support.workers import Celery

UP = "celery_exporter_broker_up"
# What the loop, the scraper and a busy machine may take beside the fault.
SLACK_S = 1.0 if SANITIZED else 0.25
# The longest pause between two attempts, and the attempt.
MOST_PAUSE_S = 10.5


@pytest.fixture
def watch():
    """watch(exporter): a Witness; checks at the end that every scrape was
    answered in time and that nothing was kept."""
    started = []

    def begin(exporter, **limits):
        witness = Witness(exporter).__enter__()
        # What only the first scrapes and the first connection allocate.
        wait_until(lambda: len(witness.samples) > 5)
        started.append((witness, witness.last, limits))
        return witness

    yield begin
    try:
        for witness, baseline, limits in started:
            if witness.exporter.running():
                witness.check(baseline, **limits)
            assert not witness.failures, witness.failures[:5]
    finally:
        for witness, _, _ in started:
            witness.__exit__()


@pytest.fixture
def pump(redis_server):
    with Pump(redis_server) as running:
        yield running


@pytest.fixture
def measured(record_property):
    def say(row, text, bound=None, took=None):
        line = f"{row}: {text}"
        if took is not None:
            line += f" {took:.2f} s (at most {bound:g} s)"
        record_property("measured", line)
        print(f"measured: {line}")
        if took is not None:
            assert took <= bound + SLACK_S, line

    return say


@pytest.fixture
def proxy(redis_server):
    running = Proxy(redis_server.port)
    yield running
    running.stop()


@pytest.fixture
def through(proxy, make_exporter):
    """An exporter that reaches its broker through the proxy."""
    return make_exporter(f"redis://127.0.0.1:{proxy.port}/0")


@pytest.fixture
def far(tmp_path):
    """A server behind a network of our own."""
    why = missing()
    if why:
        pytest.skip(why)
    folder = tmp_path / "far"
    folder.mkdir()
    with Network() as network:
        server = FarRedis(folder, network).start()
        server.network = network
        yield server
        network.heal()
        server.stop()


def reasons(witness):
    return set(witness.last.disconnects)


def failed(witness):
    return set(witness.last.errors)


class stopped:
    """SIGSTOP, and SIGCONT in the end."""

    def __init__(self, process):
        self.pid = process.pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)

    def __exit__(self, *exc):
        os.kill(self.pid, signal.SIGCONT)


# The broker is not there


def test_f1_broker_down_at_start(make_exporter, make_redis, watch, measured):
    server = make_redis()
    server.stop()
    exporter = make_exporter(server.url(), connected=False)
    witness = watch(exporter, memory=12 << 20, fds=2)
    witness.until(lambda s: sum(s.errors.values()) >= 6, 10)
    assert witness.last.up == 0 and failed(witness) == {"refused"}

    with Pump(server):
        server.start()
        took = witness.counts(time.monotonic(), 12)

    measured("F1", "broker down at start: counts after", MOST_PAUSE_S, took)


def test_f2_firewall_drops_what_we_send(far, make_exporter, watch, measured):
    far.network.iptables("-p", "tcp", "--syn", "-j", "DROP")
    start = time.monotonic()
    exporter = make_exporter(far.url(), connected=False)
    witness = watch(exporter, memory=12 << 20, fds=2)
    took = witness.until(lambda s: s.errors, 10, start)
    assert failed(witness) == {"timeout"}
    measured("F2", "SYN dropped: attempt given up after", 3, took)

    with Pump(far):
        healed = time.monotonic()
        far.network.heal()
        took = witness.counts(healed, 15)
    measured("F2", "SYN dropped: counts after the firewall by", 13, took)


def test_f3_connection_refused(far, make_exporter, watch, measured):
    far.network.iptables("-p", "tcp", "--syn", "-j", "REJECT",
                         "--reject-with", "tcp-reset")
    start = time.monotonic()
    exporter = make_exporter(far.url(), connected=False)
    witness = watch(exporter, memory=12 << 20, fds=2)
    witness.until(lambda s: s.errors.get("refused"), 5, start)
    # so fast that the first five attempts fit into the first seconds
    witness.until(lambda s: s.errors.get("refused", 0) >= 5, 5, start)
    assert failed(witness) == {"refused"}

    with Pump(far):
        healed = time.monotonic()
        far.network.heal()
        took = witness.counts(healed, 12)
    measured("F3", "refused: counts after", MOST_PAUSE_S, took)


@pytest.mark.sanitized
@pytest.mark.parametrize("how", ["fin", "rst"])
def test_f3_connection_cut(through, proxy, redis_server, pump, watch, measured,
                           how):
    witness = watch(through)
    start = time.monotonic()
    proxy.cut(reset=how == "rst")

    took = witness.until(lambda s: s.disconnects, 5, start)
    assert reasons(witness) == {"closed" if how == "fin" else "reset"}
    measured("F3", f"cut by {how}: noticed after", 0.1, took)
    took = witness.counts(start, 5)
    measured("F3", f"cut by {how}: counts after", 0.5, took)


@pytest.mark.sanitized
@pytest.mark.parametrize("how", ["stop", "kill"])
def test_f4_broker_restarted(exporter, redis_server, pump, watch, measured,
                             how):
    witness = watch(exporter)
    witness.until(lambda s: s.received, 5)
    connects = witness.last.connects
    start = time.monotonic()
    getattr(redis_server, how)()
    took = witness.down(start, 5)
    measured("F4", f"broker ended by {how}: noticed after", 0.2, took)

    redis_server.start()
    took = witness.counts(time.monotonic(), 12)
    measured("F4", f"broker ended by {how}: counts after", 1, took)
    assert witness.last.connects == connects + 1


# The broker is there and says nothing


def test_f5_half_open_connection(far, make_exporter, watch, measured):
    exporter = make_exporter(far.url())
    witness = watch(exporter, memory=12 << 20)
    start = time.monotonic()
    far.network.drop_both_ways()
    took = witness.down(start, 20)
    measured("F5", "packets dropped both ways: noticed after", 10, took)
    assert reasons(witness) == {"silent"}

    with Pump(far):
        healed = time.monotonic()
        far.network.heal()
        took = witness.counts(healed, 16)
    measured("F5", "packets dropped both ways: counts after", 13, took)


def test_f6_broker_stopped(exporter, redis_server, pump, watch, measured):
    witness = watch(exporter)
    with stopped(redis_server.process):
        start = time.monotonic()
        took = witness.down(start, 15)
        measured("F6", "broker stopped: noticed after", 10, took)
        assert reasons(witness) == {"silent"}
    resumed = time.monotonic()
    took = witness.counts(resumed, 16)
    measured("F6", "broker stopped: counts after it goes on", MOST_PAUSE_S,
             took)


def test_f7_busy_script_is_no_death(make_redis, make_exporter, watch,
                                    measured):
    server = make_redis(config={"busy-reply-threshold": 100})
    exporter = make_exporter(server.url())
    witness = watch(exporter)
    other = server.connect()
    server.client.ping()  # while a new connection is still let in

    def loop():
        try:
            other.eval("while true do end", 0)
        except redis.RedisError:
            pass

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        # twelve seconds of BUSY are longer than any silence is borne
        stays(lambda: witness.last.up == 1, 12)
    finally:
        server.client.script_kill()
        thread.join()
    assert not witness.last.disconnects
    with Pump(server):
        took = witness.counts(time.monotonic(), 5)
    measured("F7", "script blocked the broker for 12 s: counts after", 0.5,
             took)


def test_f7_slow_broker_is_waited_for(make_redis, make_exporter, watch):
    server = make_redis(config={"enable-debug-command": "yes"})
    exporter = make_exporter(server.url())
    witness = watch(exporter)
    server.client.execute_command("DEBUG", "SLEEP", "6")
    with Pump(server):
        witness.counts(time.monotonic(), 5)
    assert not witness.last.disconnects


def test_f7_loading_broker_is_used(make_redis, make_exporter, watch, measured):
    """Redis delivers events while it loads; only keys have to wait."""
    server = make_redis(config={"enable-debug-command": "yes", "save": "1 1",
                                "loading-process-events-interval-bytes": 1024})
    server.client.execute_command("DEBUG", "POPULATE", "20000")
    server.client.save()
    exporter = make_exporter(server.url(), "--poll-interval", "1")
    witness = watch(exporter)
    server.kill()
    server.config["key-load-delay"] = 100  # us for each key: two seconds
    start = time.monotonic()
    starting = threading.Thread(target=server.start)  # until it has loaded
    starting.start()
    try:
        took = witness.until(lambda s: s.up == 1 and s.connects == 2, 12,
                             start)
        assert starting.is_alive(), "loaded too soon"
        measured("F7", "broker loads for some seconds: up after", 10.5, took)
    finally:
        starting.join()
    with Pump(server):
        witness.counts(time.monotonic(), 5)
    assert "LOADING" not in exporter.log, "said as if it were for good"


# The broker ends the connection


@pytest.mark.parametrize("how", ["one message", "stalled reader"])
def test_f8_output_buffer_overrun(through, proxy, redis_server, watch,
                                  measured, how):
    witness = watch(through, memory=24 << 20)
    client = redis_server.connect()
    if how == "one message":
        start = time.monotonic()
        client.publish("/0.celeryev/task.received", b"x" * (34 << 20))
    else:
        proxy.stall()
        for _ in range(80):
            client.publish("/0.celeryev/task.received", b"x" * (1 << 20))
        wait_until(lambda: redis_server.subscriptions() == 0, 10)
        start = time.monotonic()
        proxy.flow()

    took = witness.until(lambda s: s.disconnects, 5, start)
    measured("F8", f"output buffer overrun, {how}: noticed after", 0.5, took)
    with Pump(redis_server):
        took = witness.counts(time.monotonic(), 5)
    measured("F8", f"output buffer overrun, {how}: counts after", 0.5, took)
    assert "protocol" not in witness.last.disconnects


@pytest.mark.sanitized
def test_f9_client_kill(exporter, redis_server, pump, watch, measured):
    witness = watch(exporter)
    witness.until(lambda s: s.received, 5)
    connects = witness.last.connects
    start = time.monotonic()
    redis_server.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    took = witness.until(lambda s: s.connects == connects + 1, 5, start)
    measured("F9", "CLIENT KILL: subscribed anew after", 0.5, took)
    witness.counts(start + took, 5)


def test_f10_password_changed(run_exporter, redis_server, watch, measured):
    exporter = run_exporter("--retry-interval", "1")
    witness = watch(exporter)
    redis_server.client.config_set("requirepass", "s3cret")
    redis_server.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    witness.until(lambda s: s.errors.get("auth"), 5)
    assert "wants a password" in exporter.log or "NOAUTH" in exporter.log
    redis_server.password = "s3cret"
    redis_server.connect().config_set("requirepass", "")
    redis_server.password = None

    took = witness.until(lambda s: s.up, 5)
    measured("F10", "password changed: up after it is right again", 1, took)


def test_f10_rights_taken_away(make_redis, make_exporter, watch, measured):
    server = make_redis(acl="user default on nopass ~* &* +@all\n"
                            "user mon on >s3cret ~* &* +@all\n")
    exporter = make_exporter(server.url(auth="mon:s3cret@"))
    witness = watch(exporter)
    start = time.monotonic()
    server.client.execute_command("ACL", "SETUSER", "mon", "resetchannels")
    witness.down(start, 5)
    witness.until(lambda s: s.errors.get("permission"), 5)
    server.client.execute_command("ACL", "SETUSER", "mon", "allchannels")
    took = witness.until(lambda s: s.up, 12)
    measured("F10", "rights taken away: up after they are back", MOST_PAUSE_S,
             took)


# Workers and clocks


def test_f20_worker_killed(make_exporter, redis_server, tmp_path, watch,
                           measured):
    exporter = make_exporter(redis_server.url(), "--worker-timeout", "4")
    celery = Celery("/usr/bin/python3", redis_server.url(), tmp_path)
    try:
        worker = celery.worker("w1@doomed")
        worker.ready()
        exporter.wait_value(1, "celery_worker_up", 30, hostname="doomed")
        watch(exporter)
        start = time.monotonic()
        worker.kill()
        exporter.wait_value(0, "celery_worker_up", 10, hostname="doomed")
        measured("F20", "worker killed, timeout 4 s: down after", 5,
                 time.monotonic() - start)
    finally:
        celery.stop()


@pytest.mark.parametrize("shift_s", [-3600, 3600])
def test_f21_clock_of_a_worker_is_wrong(run_exporter, publisher, watch,
                                        shift_s):
    exporter = run_exporter("--worker-timeout", "3")
    watch(exporter)
    worker = Sender("w1@skewed")

    def beat():
        event = worker.heartbeat()
        event["timestamp"] += shift_s
        publisher.send(event)
        return True

    beat()
    exporter.wait_value(1, "celery_worker_up", hostname="skewed")
    stays(lambda: beat() and exporter.page().value(
        "celery_worker_up", hostname="skewed") == 1, 4)


FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


@pytest.mark.skipif(not os.path.exists(FAKETIME), reason="needs libfaketime")
@pytest.mark.parametrize("shift", ["-1h", "+1h"])
def test_f21_clock_of_a_real_worker_is_wrong(make_exporter, redis_server,
                                             tmp_path, watch, shift):
    exporter = make_exporter(redis_server.url(), "--worker-timeout", "4")
    celery = Celery("/usr/bin/python3", redis_server.url(), tmp_path)
    celery.env |= {"LD_PRELOAD": FAKETIME, "FAKETIME": shift,
                   "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    try:
        celery.worker("w1@skewed", pool="solo").ready()
        exporter.wait_value(1, "celery_worker_up", 30, hostname="skewed")
        watch(exporter)
        stays(lambda: exporter.page().value("celery_worker_up",
                                            hostname="skewed") == 1, 6)
    finally:
        celery.stop()


@pytest.mark.skipif(SANITIZED or not os.path.exists(FAKETIME),
                    reason="needs libfaketime, and a build without sanitizers")
@pytest.mark.parametrize("jump", ["+1d", "-1d", "+5000d"])
def test_f22_wall_clock_jumps(make_exporter, redis_server, publisher, tmp_path,
                              watch, jump):
    clock = tmp_path / "faketime"
    clock.write_text("+0")
    exporter = make_exporter(
        redis_server.url(), "--worker-timeout", "30",
        env={"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(clock),
             "FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    publisher.send(Sender("w1@host-a").heartbeat())
    publisher.settle(exporter)
    witness = watch(exporter)
    connects = witness.last.connects

    clock.write_text(jump)

    def undisturbed():
        page = exporter.page()
        return (page.value("celery_worker_up", hostname="host-a") == 1 and
                page.value(UP) == 1)

    stays(undisturbed, 2)
    assert witness.last.connects == connects
    assert not witness.last.disconnects


def years_up(exporter):
    """In a time namespace whose monotonic clock began long ago."""
    exporter.args[:0] = ["unshare", "-T", "--monotonic", str(3 * 10**9)]
    exporter.start()
    here, there = (os.readlink(f"/proc/{pid}/ns/time")
                   for pid in ("self", exporter.process.pid))
    if here == there:
        pytest.skip("this kernel changes the time namespace of children only")
    return exporter


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces")
def test_f22_uptime_of_a_century(tmp_path, redis_server, publisher, watch):
    exporter = Exporter(tmp_path, redis_server.url(), "--worker-timeout", "30")
    try:
        years_up(exporter)
        publisher.send(Sender("w1@host-a").heartbeat())
        publisher.settle(exporter)
        witness = watch(exporter)
        redis_server.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        witness.until(lambda s: s.connects == 2, 5)
        stays(lambda: exporter.page().value("celery_worker_up",
                                            hostname="host-a") == 1, 2)
        witness.paused = True
        exporter.stop()
    finally:
        exporter.kill()


# The end


@pytest.mark.sanitized
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("state", ["counting", "refused", "silent",
                                   "half a login"])
def test_f28_ends_soon_whatever_it_does(tmp_path, redis_server, measured,
                                        number, state):
    proxy = Proxy(redis_server.port)
    url = f"redis://127.0.0.1:{proxy.port}/0"
    exporter = Exporter(tmp_path, url)
    try:
        if state == "refused":
            proxy.shut()
        elif state == "half a login":
            proxy.stall()
        exporter.start(connected=state in ("counting", "silent"))
        if state == "refused":
            exporter.wait_for(lambda p: p.sum(
                "celery_exporter_broker_connect_errors_total") > 2)
        elif state == "silent":
            proxy.stall()
        elif state == "half a login":
            wait_until(lambda: proxy.naccepted > 0)
        start = time.monotonic()
        with Pump(redis_server, every_s=0.001):
            exporter.process.send_signal(number)
            assert exporter.wait_exit(10) == 0, exporter.log
        measured("F28", f"{number.name} while {state}: ended after", 3,
                 time.monotonic() - start)
        exporter.check_log()
    finally:
        exporter.kill()
        proxy.stop()


def test_f28_second_signal_ends_it_at_once(exporter, redis_server):
    # A reader that never reads keeps the first signal waiting.
    with socket.create_connection(("127.0.0.1", exporter.port)) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n")
        with stopped(redis_server.process):
            exporter.process.send_signal(signal.SIGTERM)
            exporter.process.send_signal(signal.SIGINT)
            start = time.monotonic()
            exporter.wait_exit(3)
            assert time.monotonic() - start < 3
    exporter.process = None


# Bad lines


def test_f31_a_fifth_of_the_packets_is_lost(far, make_exporter, watch,
                                            measured):
    exporter = make_exporter(far.url())
    witness = watch(exporter, memory=12 << 20)
    far.network.lose(0.2)
    nsent = 60
    publisher = Publisher(far.connect())
    worker = Sender("w1@host-a")
    for _ in range(nsent):
        publisher.send(worker.received(task_id(), "demo.add"))

    took = witness.until(lambda s: s.received == nsent, 30)
    assert not witness.last.disconnects
    measured("F31", f"20 % of packets lost: {nsent} of {nsent} events after",
             30, took)


def test_f31_a_slow_line(far, make_exporter, watch, measured):
    exporter = make_exporter(far.url())
    witness = watch(exporter, memory=12 << 20)
    far.network.narrow()
    publisher = Publisher(far.connect())
    worker = Sender("w1@host-a")
    start = time.monotonic()
    for _ in range(10):
        publisher.send_list([worker.received(task_id(), "demo.add",
                                             args="x" * 1000)
                             for _ in range(20)])

    witness.until(lambda s: s.received == 200, 30)
    assert not witness.last.disconnects
    measured("F31", "1 Mbit/s: 360 KB of events counted after", 20,
             time.monotonic() - start)


@pytest.mark.sanitized
@pytest.mark.parametrize("size", [1, 7])
def test_f31_pieces_of_a_few_bytes(make_exporter, redis_server, watch, size):
    proxy = Proxy(redis_server.port, slice_bytes=size)
    try:
        exporter = make_exporter(f"redis://127.0.0.1:{proxy.port}/0")
        witness = watch(exporter)
        publisher = Publisher(redis_server.connect())
        worker = Sender("w1@host-a")
        for _ in range(20):
            publisher.send(worker.received(task_id(), "demo.add"))
        witness.until(lambda s: s.received == 20, 20)
        assert not witness.last.disconnects
    finally:
        proxy.stop()


# More of everything


def test_f34_two_exporters_on_one_broker(run_exporter, redis_server, watch):
    both = [run_exporter(), run_exporter()]
    witnesses = [watch(exporter) for exporter in both]
    publisher = Publisher(redis_server.connect())
    worker = Sender("w1@host-a")
    for _ in range(50):
        event = worker.received(task_id(), "demo.add")
        assert publisher.body(json.dumps(event).encode(),
                              "task.received") == 2
    for witness in witnesses:
        witness.until(lambda s: s.received == 50, 10)
    redis_server.stop()
    for witness in witnesses:
        witness.down(time.monotonic(), 5)
    redis_server.start()
    for witness in witnesses:
        witness.until(lambda s: s.up, 12)


def test_f35_flapping_broker(through, proxy, redis_server, pump, watch,
                             measured):
    witness = watch(through)
    seconds = 300 if os.environ.get("CELERY_EXPORTER_TEST_ALL") else 20
    start = time.monotonic()
    attempts = []

    def flap():
        proxy.shut()
        proxy.cut(reset=True)
        pause = time.monotonic()
        wait_until(lambda: time.monotonic() - pause > 2)
        proxy.open()
        pause = time.monotonic()
        wait_until(lambda: time.monotonic() - pause > 2)
        last = witness.last
        attempts.append(last.connects + sum(last.errors.values()))
        return time.monotonic() - start > seconds

    wait_until(flap, seconds + 10)
    elapsed = time.monotonic() - start
    later = attempts[-1] - attempts[0]
    measured("F35", f"broker flapping for {elapsed:.0f} s: "
             f"{attempts[-1]:.0f} attempts, {later / (elapsed - 4):.2f} a "
             "second after the first seconds")
    assert later / (elapsed - 4) <= 1.2
    took = witness.counts(time.monotonic(), 12)
    measured("F35", "flapping broker stays: counts after", MOST_PAUSE_S, took)
