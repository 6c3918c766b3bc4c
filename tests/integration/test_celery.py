"""End to end: real workers of Debian's Celery and of the newest, real brokers,
and what the exporter makes of them."""
import pytest

from support.wait import stays
from support.workers import SYSTEM_PYTHON, Celery, newest_python

KINDS = ("sent", "received", "started", "succeeded", "failed", "rejected",
         "revoked", "retried")


# Each release of Celery on both brokers, each broker both ways.
PAIRS = [("debian", "redis"), ("newest", "redis"), ("newest", "redis+tls"),
         ("debian", "amqp"), ("newest", "amqp"), ("debian", "amqp+tls")]
pytestmark = pytest.mark.parametrize(
    "python,broker", PAIRS, ids=map("-".join, PAIRS), indirect=True)


@pytest.fixture
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


def total(page, kind, name, **labels):
    return page.sum(f"celery_task_{kind}_total", name=name, **labels)


def outcome(page, name):
    found = {kind: total(page, kind, name) for kind in KINDS}
    return {kind: value for kind, value in found.items() if value}


def classes(page, name):
    return {labels["exception"] for labels, value
            in page.select("celery_task_failed_total", name=name) if value}


OUTCOMES = {
    "work.add": {"sent": 9, "received": 9, "started": 9, "succeeded": 9},
    "work.fail": {"sent": 5, "received": 5, "started": 5, "failed": 5},
    "work.die": {"sent": 1, "received": 1, "started": 1, "failed": 1},
    "work.retry": {"sent": 3, "received": 3, "started": 3, "retried": 2,
                   "succeeded": 1},
    "work.ignore": {"sent": 1, "received": 1, "started": 1},
    "work.spawn": {"sent": 1, "received": 1, "started": 1, "succeeded": 1},
    "work.nosuch": {"sent": 1, "failed": 1},
}
# Celery 5.7 says of these that they failed, too, or twice.
FAILED_VARIES = {
    "work.too_long": {"sent": 1, "received": 1, "started": 1},
    "work.reject": {"sent": 1, "received": 1, "started": 1, "rejected": 1},
}


def test_every_outcome_is_counted_and_named(celery, run_exporter):
    exporter = run_exporter()
    celery.worker("w1@one", "celery,other").ready()
    # From now on it is known that this name has task-sent events.
    celery.send(("work.add",))
    page = exporter.wait_for(lambda p: outcome(p, "work.add") == {
        "sent": 1, "received": 1, "started": 1, "succeeded": 1}, 20)
    waits = waits_of_add(page)

    celery.send(
        ("work.add", [1, 2], {"times": 6}), ("work.add", [], {"countdown": 1}),
        *[("work.fail", [kind]) for kind in ("value", "key", "custom",
                                             "nameless", "unicode")],
        ("work.die",), ("work.too_long",), ("work.retry",), ("work.reject",),
        ("work.ignore",), ("work.spawn",), ("work.nosuch",))

    page = exporter.wait_for(
        lambda p: all(outcome(p, name) == wanted
                      for name, wanted in OUTCOMES.items())
        and total(p, "failed", "work.too_long") >= 1
        and total(p, "rejected", "work.reject") == 1, timeout=60)
    for name, wanted in FAILED_VARIES.items():
        found = outcome(page, name)
        found.pop("failed", None)
        assert found == wanted, name
    assert classes(page, "work.fail") == {
        "ValueError", "KeyError", "Custom", "Nameless", "OSError"}
    assert classes(page, "work.die") == {"WorkerLostError"}
    assert classes(page, "work.too_long") == {"TimeLimitExceeded"}
    assert classes(page, "work.nosuch") == {"NotRegistered"}
    assert "None" not in page.values_of("name")
    assert page.sum("celery_exporter_events_rejected_total") == 0
    assert page.sum("celery_task_retry_exceptions_total",
                    exception="ConnectionError") == 2
    check_labels(page)
    # An ETA is no waiting; a start that overtakes its task-sent is measured.
    assert waits_of_add(page) == waits + 7


def waits_of_add(page):
    return page.sum("celery_task_queue_wait_time_count", name="work.add",
                    hostname="one", queue_name="celery")


def check_labels(page):
    """All tasks ran on the host `one`, the spawned one in queue `other`."""
    for kind in KINDS[1:]:
        hosts = {labels["hostname"] for labels, _
                 in page.select(f"celery_task_{kind}_total")}
        assert hosts <= {"one"}, (kind, hosts)
    assert total(page, "succeeded", "work.add", queue_name="other") == 1
    assert total(page, "succeeded", "work.add", queue_name="celery") == 8


def test_revoked_before_start_and_terminated(celery, run_exporter):
    exporter = run_exporter()
    celery.worker("w1@one").ready()

    waiting, running = celery.send(("work.add", [], {"countdown": 300}),
                                   ("work.sleep", [60]))
    exporter.wait_for(lambda p: total(p, "started", "work.sleep") == 1
                      and total(p, "received", "work.add") == 1, 30)
    celery.revoke(waiting)
    celery.revoke(running, terminate=True)

    page = exporter.wait_for(
        lambda p: p.sum("celery_task_revocations_total",
                        reason="terminated") == 1, 30)
    assert total(page, "revoked", "work.sleep") >= 1
    # The worker drops a revoked task only when its ETA has come.
    expiring = celery.send(("work.add", [], {"countdown": 1, "expires": 0.2}))
    assert expiring
    exporter.wait_for(lambda p: p.sum("celery_task_revocations_total",
                                      reason="expired") == 1, 30)


def test_two_workers_of_one_host_and_two_queues(celery, run_exporter):
    exporter = run_exporter()
    first = celery.worker("a@one", "celery").ready()
    second = celery.worker("b@one", "other").ready()
    exporter.wait_value(1, "celery_worker_up", hostname="one", timeout=15)

    celery.send(("work.sleep", [6], {"queue": "celery"}),
                ("work.sleep", [6], {"queue": "other"}),
                ("work.add", [], {"queue": "other"}))

    exporter.wait_value(2, "celery_worker_tasks_active", hostname="one",
                        timeout=15)
    page = exporter.wait_for(
        lambda p: total(p, "succeeded", "work.sleep") == 2
        and total(p, "succeeded", "work.add", queue_name="other") == 1, 30)
    for queue in ("celery", "other"):
        assert total(page, "succeeded", "work.sleep", queue_name=queue) == 1
    first.stop()
    stays(lambda: exporter.page().value("celery_worker_up",
                                        hostname="one") == 1, 2.5)
    second.stop()
    exporter.wait_value(0, "celery_worker_up", hostname="one")


def test_killed_worker_is_noticed(celery, run_exporter):
    exporter = run_exporter("--worker-timeout", "4")
    worker = celery.worker("w1@one").ready()
    exporter.wait_value(1, "celery_worker_up", hostname="one", timeout=15)
    celery.send(("work.sleep", [60]))
    exporter.wait_for(lambda p: total(p, "started", "work.sleep") == 1, 15)

    worker.kill()

    exporter.wait_value(0, "celery_worker_up", hostname="one", timeout=15)
    exporter.wait_value(1, "celery_worker_lost_total", hostname="one")


def test_broker_restarted_in_the_middle(python, own_broker, make_exporter,
                                        tmp_path):
    exporter = make_exporter(own_broker.url(), *own_broker.arguments)
    celery = Celery(python, own_broker.url(), tmp_path, own_broker.settings)
    try:
        restart_in_the_middle(celery, own_broker, exporter)
    finally:
        celery.stop()


def restart_in_the_middle(celery, broker, exporter):
    celery.worker("w1@one").ready()
    celery.send(("work.add", [], {"times": 5}))
    exporter.wait_for(lambda p: total(p, "succeeded", "work.add") == 5, 15)

    broker.stop()
    exporter.wait_value(0, "celery_exporter_broker_up")
    broker.start()
    exporter.wait_connected()

    # The worker has its own pace of coming back.
    broker.wait_consumed()
    celery.send(("work.add", [], {"times": 5}))
    page = exporter.wait_for(
        lambda p: total(p, "succeeded", "work.add") >= 10, 60)
    assert total(page, "succeeded", "work.add") == 10
    exporter.wait_value(1, "celery_worker_up", hostname="one", timeout=30)


def test_restarted_exporter_knows_workers_and_counts_on(celery, run_exporter):
    first = run_exporter()
    celery.worker("w1@one", concurrency=1).ready()
    first.wait_value(1, "celery_worker_up", hostname="one", timeout=15)
    celery.send(("work.sleep", [6]), ("work.add", [], {"times": 3}))
    first.wait_for(lambda p: total(p, "started", "work.sleep") == 1, 15)
    first.stop()

    second = run_exporter()

    second.wait_value(1, "celery_worker_up", hostname="one", timeout=5)
    celery.send(("work.retry",))
    page = second.wait_for(lambda p: p.sum(
        "celery_task_succeeded_total") == 5, 40)
    assert outcome(page, "work.retry") == OUTCOMES["work.retry"]
    # What began before it came has no name, or the worker told it.
    # Those that never ran are there at 0, as workers say that they know them.
    counted = {labels["name"] for kind in KINDS for labels, value
               in page.select(f"celery_task_{kind}_total") if value}
    assert counted <= {"None", "work.sleep", "work.add", "work.retry"}
    assert page.sum("celery_task_failed_total") == 0


def test_nothing_is_left_on_the_broker(celery, broker, make_exporter):
    worker = celery.worker("w1@one").ready()
    before = broker.left_behind()

    exporter = make_exporter(broker.url(), *broker.arguments)
    exporter.wait_value(1, "celery_worker_up", hostname="one", timeout=15)
    exporter.stop()

    assert broker.left_behind() == before
    assert worker.process.poll() is None
