"""Nothing is lost in silence: what was seen and what was missed is all that the
workers did, by their own count, exactly."""
import pathlib
import signal
import threading
import urllib.parse

import pytest

from support.proxy import Proxy
from support.wait import stays, wait_until
from support.workers import SYSTEM_PYTHON, Celery, newest_python

MISSED = "celery_exporter_missed_tasks_total"
EVENTS = "celery_worker_task_events_enabled"
BOTH = pytest.mark.parametrize("broker", ["redis", "amqp"], indirect=True)


@pytest.fixture(scope="module", params=[
    "debian", pytest.param("newest", marks=pytest.mark.extended)])
def python(request):
    found = SYSTEM_PYTHON if request.param == "debian" else newest_python()
    if isinstance(found, str) and " " in found:
        pytest.skip(found)
    return found


@pytest.fixture
def celery(python, broker, tmp_path):
    app = Celery(python, broker.url(), tmp_path, broker.settings)
    yield app
    app.stop()


@pytest.fixture
def proxy(broker):
    between = Proxy(urllib.parse.urlsplit(broker.url()).port)
    yield between
    between.stop()


@pytest.fixture
def exporter(broker, proxy, make_exporter):
    """Its way to the broker is its own."""
    return make_exporter(proxied(broker, proxy))


def proxied(broker, proxy):
    port = urllib.parse.urlsplit(broker.url()).port
    return broker.url().replace(f":{port}/", f":{proxy.port}/")


def seen(page):
    return page.sum("celery_task_started_total")


def missed(page):
    return page.sum(MISSED)


def own_counts(celery):
    """Of all workers, by name."""
    counts = {}
    for totals in celery.run("stats.py").values():
        for name, n in totals.items():
            counts[name] = counts.get(name, 0) + n
    return counts


def wait_done(celery, ntasks, timeout=90):
    wait_until(lambda: sum(own_counts(celery).values()) == ntasks, timeout,
               what=lambda: own_counts(celery))


def warm_up(celery, exporter, *names):
    """Each task once: now it is known that its events come."""
    before = seen(exporter.page())
    names = names or ("work.add",)
    celery.send(*[(name,) for name in names])
    exporter.wait_for(lambda p: seen(p) == before + len(names), 30)
    return len(names)


def check(exporter, want_seen_and_missed, timeout=20):
    def right(page):
        return seen(page) + missed(page) == want_seen_and_missed

    page = exporter.wait_for(right, timeout)
    # It never decreases, so it must not be more for a moment either.
    stays(lambda: right(exporter.page()), 5,
          what=lambda: (seen(exporter.page()), missed(exporter.page())))
    return page


class Background:
    """Sends tasks while the test goes on."""

    def __init__(self, celery, *calls):
        self.thread = threading.Thread(target=celery.send, args=calls)
        self.thread.start()

    def running(self):
        return self.thread.is_alive()

    def wait(self):
        self.thread.join(120)
        assert not self.thread.is_alive()


def subscription(broker, exporter):
    """The subscribed one of the exporter's Redis connections, or None."""
    sockets = set()
    for link in pathlib.Path(f"/proc/{exporter.process.pid}/fd").iterdir():
        try:
            sockets.add(str(link.readlink()))
        except OSError:
            continue
    ports = {int(line.split()[1].split(":")[1], 16) for line
             in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
             if f"socket:[{line.split()[9]}]" in sockets}
    for client in broker.server.client.client_list():
        if int(client["addr"].split(":")[1]) in ports and client["psub"] != "0":
            return client["id"]
    return None


def kick(broker, exporter):
    """The server ends the exporter's subscription, and no other."""
    if hasattr(broker, "server"):
        client = subscription(broker, exporter)
        if client is not None:
            broker.server.client.execute_command("CLIENT", "KILL", "ID", client)
        return
    rows = broker.vhost.rabbit.ctl("list_connections", "pid", "vhost",
                                   "client_properties").splitlines()
    for pid, vhost, about in (row.split("\t", 2) for row in rows):
        if vhost == broker.vhost.name and "celery-exporter" in about:
            broker.vhost.rabbit.ctl("close_connection", pid, "test")


@BOTH
def test_subscription_killed_while_a_thousand_tasks_run(
        celery, broker, make_exporter, proxy):
    is_redis = hasattr(broker, "server")
    # RabbitMQ's tool would take longer than the tasks.
    exporter = make_exporter(broker.url() if is_redis
                             else proxied(broker, proxy))
    celery.worker("w1@one").ready()
    ndone = warm_up(celery, exporter)

    tasks = Background(celery, ("work.add", [], {"times": 1000}))
    while tasks.running():
        if is_redis:
            kick(broker, exporter)
        else:
            proxy.cut()
        exporter.wait_connected()
    tasks.wait()
    wait_done(celery, ndone + 1000)

    page = check(exporter, ndone + 1000)
    assert page.sum("celery_exporter_broker_connects_total") > 2
    print(f"measured: {missed(page):.0f} of 1000 tasks missed")


@BOTH
def test_way_to_the_broker_cut_for_a_while(celery, exporter, proxy):
    celery.worker("w1@one").ready()
    ndone = warm_up(celery, exporter)

    tasks = Background(celery, ("work.add", [], {"times": 1000}))
    exporter.wait_for(lambda p: seen(p) > 50, 30)
    proxy.shut()
    proxy.cut(reset=True)
    tasks.wait()
    wait_done(celery, ndone + 1000)
    exporter.wait_for(lambda p: p.sum("celery_exporter_broker_up") == 0)
    proxy.open()
    exporter.wait_connected()

    page = check(exporter, ndone + 1000)
    assert missed(page) > 0


@BOTH
def test_silent_tasks_are_not_missed(celery, broker, run_exporter):
    exporter = run_exporter()
    celery.worker("w1@one").ready()
    ndone = warm_up(celery, exporter)

    tasks = Background(celery, *[("work.add", [], {"times": 4}),
                                 ("work.silent", [], {"times": 1})] * 100)
    for _ in range(3):
        kick(broker, exporter)
        exporter.wait_connected()
    tasks.wait()
    wait_done(celery, ndone + 500)

    assert own_counts(celery)["work.silent"] == 100
    check(exporter, ndone + 400)


def test_silent_tasks_alone(celery, broker, run_exporter):
    exporter = run_exporter()
    celery.worker("w1@one").ready()
    ndone = warm_up(celery, exporter)

    celery.send(*[("work.silent", [], {"times": 5})] * 10)
    wait_done(celery, ndone + 50)

    check(exporter, ndone)
    assert exporter.page().value(EVENTS, hostname="one", worker="w1@one") == 1


@BOTH
def test_worker_restarted_while_nobody_looks(celery, exporter, proxy):
    first = celery.worker("w1@one").ready()
    ndone = warm_up(celery, exporter)
    check(exporter, ndone)

    proxy.shut()
    proxy.cut()
    exporter.wait_for(lambda p: p.sum("celery_exporter_broker_up") == 0)
    first.stop()
    celery.worker("w1@one").ready()
    celery.send(("work.add", [], {"times": 50}))
    wait_done(celery, 50)
    proxy.open()
    exporter.wait_connected()
    # Its events are on: the next one tells.
    celery.send(("work.add", [], {"times": 3}))

    page = check(exporter, ndone + 53)
    assert missed(page) == 50


@BOTH
def test_events_switched_off_for_a_while(celery, broker, run_exporter):
    exporter = run_exporter()
    # Of one with -E they cannot be.
    celery.worker("w1@one", events=False).ready()
    labels = {"hostname": "one", "worker": "w1@one"}

    def switched(page, on):
        celery.send(("work.add",))
        return page.value(EVENTS, **labels) == on

    celery.run("control.py", "enable_events")
    exporter.wait_for(lambda p: switched(p, 1), 40)
    celery.run("control.py", "disable_events")
    exporter.wait_for(lambda p: switched(p, 0), 40)
    celery.run("control.py", "enable_events")
    exporter.wait_for(lambda p: switched(p, 1), 40)
    nseen = seen(exporter.page())
    celery.send(("work.add", [], {"times": 5}))
    exporter.wait_for(lambda p: seen(p) >= nseen + 5)
    stays(lambda: missed(exporter.page()) == 0, 12)

    # What is lost from now on counts again.
    before = sum(own_counts(celery).values())
    nseen = seen(exporter.page())
    kick(broker, exporter)
    celery.send(("work.add", [], {"times": 100}))
    wait_done(celery, before + 100)
    check(exporter, nseen + 100)


def test_threads_lose_events_by_themselves(celery, run_exporter):
    exporter = run_exporter()
    celery.worker("w1@one", pool="threads", concurrency=8).ready()
    ndone = warm_up(celery, exporter)

    celery.send(("work.add", [], {"times": 300}))
    wait_done(celery, ndone + 300)

    page = check(exporter, ndone + 300)
    print(f"measured: {missed(page):.0f} of 300 tasks missed")


def test_worker_without_events_misses_nothing(celery, run_exporter):
    exporter = run_exporter()
    celery.worker("w1@one", events=False).ready()

    celery.send(("work.add", [], {"times": 30}))
    wait_done(celery, 30)

    exporter.wait_value(0, EVENTS, timeout=20, hostname="one",
                        worker="w1@one")
    page = exporter.page()
    assert page.sum("celery_worker_processed_total") == 30
    assert missed(page) == 0


def test_exporter_that_reads_too_slowly_is_kicked(celery, make_redis,
                                                  make_exporter, tmp_path,
                                                  python):
    server = make_redis(config={
        "client-output-buffer-limit": "pubsub 64kb 32kb 1"})
    exporter = make_exporter(server.url())
    app = Celery(python, server.url(), tmp_path)
    try:
        app.worker("w1@one").ready()
        ndone = warm_up(app, exporter)
        tasks = Background(app, ("work.add", ["x" * 300, "y"],
                                 {"times": 1000}))
        exporter.wait_for(lambda p: seen(p) > 50, 30)
        exporter.process.send_signal(signal.SIGSTOP)
        tasks.wait()
        wait_done(app, ndone + 1000)
        exporter.process.send_signal(signal.SIGCONT)

        page = check(exporter, ndone + 1000, 30)
        print(f"measured: {missed(page):.0f} of 1000 tasks missed")
    finally:
        exporter.process.send_signal(signal.SIGCONT)
        app.stop()


def test_exporter_that_starts_late_counts_from_its_first_heartbeat(
        celery, broker, run_exporter):
    celery.worker("w1@one").ready()
    celery.send(("work.add", [], {"times": 20}),
                ("work.silent", [], {"times": 5}))
    wait_done(celery, 25)

    exporter = run_exporter()
    exporter.wait_value(25, "celery_worker_processed_total", hostname="one",
                        worker="w1@one")
    nseen = warm_up(celery, exporter)
    kick(broker, exporter)
    celery.send(("work.add", [], {"times": 30}),
                ("work.silent", [], {"times": 5}))
    wait_done(celery, 25 + nseen + 35)

    check(exporter, nseen + 30)
