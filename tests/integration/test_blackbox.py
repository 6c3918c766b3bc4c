"""What users of the Python exporter rely on, seen from outside: the same
questions that its own tests ask, put to this program, on every broker."""
import socket
import time

import pytest

from support.brokers import WAYS
from support.events import Sender, task_id
from support.wait import stays, wait_until
from support.workers import Celery

pytestmark = pytest.mark.parametrize("broker", WAYS, indirect=True)

HERE = socket.gethostname()
PYTHON = "/usr/bin/python3"
LIKE_ITS_TESTS = ["--worker-timeout", "1", "--purge-offline-worker-metrics",
                  "10", "--retry-interval", "5", "--broker-transport-option",
                  "visibility_timeout=7200", "--queues",
                  "queue_from_command_line", "--poll-interval", "1"]
QUEUE_FAMILIES = ("celery_queue_length", "celery_active_worker_count",
                  "celery_active_process_count")


@pytest.fixture
def celery(broker, tmp_path):
    app = Celery(PYTHON, broker.url(), tmp_path, broker.settings)
    yield app
    app.stop()


def queue_values(page, queue, **static):
    return [page.value(family, queue_name=queue, **static)
            for family in QUEUE_FAMILIES]


STATIC = {"test_label_1": "test_value",
          "test_label_2_long_named": "test_value_2_long_named"}


@pytest.mark.parametrize("static", [{}, STATIC], ids=["plain", "static labels"])
def test_integration(celery, run_exporter, static):
    options = [word for key, value in static.items()
               for word in ("--static-label", f"{key}={value}")]
    exporter = run_exporter(*LIKE_ITS_TESTS, *options)

    page = exporter.wait_for(lambda p: queue_values(
        p, "queue_from_command_line", **static) == [0, 0, 0])
    assert queue_values(page, "celery", **static) == [None] * 3

    worker = celery.worker("celery@%h", pool="solo").ready()
    exporter.wait_for(lambda p: queue_values(p, "celery", **static)
                      == [0, 1, 1], 15)
    worker.stop()
    celery.send(("work.succeed", [], {"times": 2}), ("work.http_error",))
    exporter.wait_for(lambda p: queue_values(p, "celery", **static)
                      == [3, 0, 0], 15)

    worker = celery.worker("celery@%h", pool="solo").ready()
    page = exporter.wait_for(lambda p: p.sum(
        "celery_task_succeeded_total") == 2 and p.sum(
        "celery_task_failed_total") == 1 and queue_values(
        p, "celery", **static)[0] == 0, 30)
    # A worker that stops now may not have told RabbitMQ that it has them all.
    worker.stop()
    check_counts(page, static)
    exporter.wait_for(lambda p: queue_values(p, "celery", **static)[1:]
                      == [0, 0])


def check_counts(page, static):
    def at(host, name):
        return {"hostname": host, "name": name, "queue_name": "celery",
                **static}

    good, bad = at(HERE, "work.succeed"), at(HERE, "work.http_error")
    for kind in ("sent", "received", "started"):
        family = f"celery_task_{kind}_total"
        assert page.value(family, **good) == 2, family
        assert page.value(family, **bad) == 1, family
    assert page.value("celery_task_succeeded_total", **good) == 2
    assert page.value("celery_task_failed_total", exception="HTTPError",
                      **bad) == 1
    assert page.value("celery_task_runtime_count", **good) == 2
    assert page.value("celery_task_queue_wait_time_count", **good) == 2


def test_active_tasks_of_a_worker(celery, run_exporter):
    exporter = run_exporter()
    celery.worker("celery@%h", concurrency=1).ready()

    celery.send(("work.sleep", [5]))

    exporter.wait_value(1, "celery_worker_tasks_active", hostname=HERE,
                        timeout=15)
    exporter.wait_value(0, "celery_worker_tasks_active", hostname=HERE,
                        timeout=15)


def test_worker_status(celery, run_exporter):
    exporter = run_exporter()
    worker = celery.worker("celery@%h").ready()
    exporter.wait_value(1, "celery_worker_up", hostname=HERE)

    worker.stop()

    exporter.wait_value(0, "celery_worker_up", hostname=HERE, timeout=3)


@pytest.mark.parametrize("utcoffset", [None, 0, 7])
def test_worker_timeout_in_any_time_zone(run_exporter, publisher, utcoffset):
    exporter = run_exporter(*LIKE_ITS_TESTS)

    publisher.send(Sender("w1@host-a").online(utcoffset=utcoffset))

    page = publisher.settle(exporter)
    assert page.value("celery_worker_up", hostname="host-a") == 1
    exporter.wait_value(0, "celery_worker_up", hostname="host-a", timeout=5)


OF_A_WORKER = ("celery_worker_up", "celery_worker_tasks_active",
               "celery_task_runtime_count",
               "celery_task_queue_wait_time_count", "celery_task_sent_total")


def test_metrics_of_an_offline_worker_are_purged(run_exporter, publisher):
    exporter = run_exporter("--worker-timeout", "1",
                            "--purge-offline-worker-metrics", "3")
    worker, task = Sender("w1@host-a"), task_id()

    publisher.send(worker.online(), worker.heartbeat(active=1),
                   worker.sent(task, "demo.add"),
                   worker.received(task, "demo.add"), worker.started(task),
                   worker.succeeded(task))

    page = publisher.settle(exporter)
    for family in OF_A_WORKER:
        assert page.sum(family, hostname="host-a") == 1, family
    page = exporter.wait_for(lambda p: not any(
        p.select(family, hostname="host-a") for family in OF_A_WORKER), 10)
    publisher.send(worker.offline())
    assert publisher.settle(exporter).select("celery_worker_up") == []


@pytest.mark.parametrize("timeout,purge,up", [
    ("0", "1", 1), ("1", "0", 0), ("0", "0", 1)])
def test_timeout_and_purge_can_be_switched_off(run_exporter, publisher, timeout,
                                               purge, up):
    exporter = run_exporter("--worker-timeout", timeout,
                            "--purge-offline-worker-metrics", purge)

    publisher.send(Sender("w1@host-a").online())
    publisher.settle(exporter)

    if up == 0:
        exporter.wait_value(0, "celery_worker_up", hostname="host-a")
    if purge == "0":
        stays(lambda: exporter.page().value(
            "celery_worker_up", hostname="host-a") == up, 2.5)


def test_generic_hostname_of_sent_tasks(celery, run_exporter):
    exporter = run_exporter("--generic-hostname-task-sent-metric")
    celery.worker("celery@%h").ready()

    celery.send(("work.succeed",))

    page = exporter.wait_for(lambda p: p.sum(
        "celery_task_succeeded_total", hostname=HERE) == 1, 15)
    assert page.value("celery_task_sent_total", hostname="generic",
                      name="work.succeed", queue_name="celery") == 1
    assert page.select("celery_task_sent_total", hostname=HERE) == []


def test_generic_hostname_of_worker_events(celery, run_exporter):
    exporter = run_exporter("--generic-hostname-worker-task-metric")
    celery.worker("celery@%h").ready()

    celery.send(("work.succeed",))

    page = exporter.wait_for(lambda p: p.sum(
        "celery_task_succeeded_total", hostname="generic") == 1, 15)
    page = exporter.wait_for(lambda p: p.sum("celery_task_sent_total",
                                             hostname=HERE) == 1)
    assert page.sum("celery_task_runtime_count", hostname="generic") == 1
    assert page.select("celery_task_runtime_count", hostname=HERE) == []
    assert page.value("celery_worker_up", hostname=HERE) == 1
    assert page.select("celery_worker_up", hostname="generic") == []


def iso(epoch, offset_hours=0):
    text = time.strftime("%Y-%m-%dT%H:%M:%S",
                         time.gmtime(epoch + offset_hours * 3600))
    sign = "-" if offset_hours < 0 else "+"
    return f"{text}{sign}{abs(offset_hours):02d}:00"


WAITS = {
    "plain task": (None, 5, 5),
    "future ETA is no waiting": (120, 123, 3),
    "past ETA is ignored": (-60, 5, 5),
    "clock skew gives no negative wait": (None, -2, 0),
}


@pytest.mark.parametrize("title", WAITS)
def test_queue_wait_time(run_exporter, publisher, title):
    exporter = run_exporter()
    eta, start, wait = WAITS[title]
    worker, client, task = Sender("w1@host-a"), Sender("gen1@client"), task_id()
    then = int(time.time())

    publisher.send(
        client.sent(task, "demo.add", timestamp=then,
                    eta=None if eta is None else iso(then + eta)),
        worker.started(task, timestamp=then + start))

    check_wait(publisher.settle(exporter), 1, wait)


def check_wait(page, count, total):
    labels = {"name": "demo.add", "hostname": "host-a", "queue_name": "celery"}
    family = "celery_task_queue_wait_time"
    assert page.value(family + "_count", **labels) == count
    assert page.value(family + "_sum", **labels) == pytest.approx(total)


def test_each_delivery_of_a_retry_is_measured_without_its_backoff(run_exporter,
                                                                  publisher):
    exporter = run_exporter()
    worker, client, task = Sender("w1@host-a"), Sender("gen1@client"), task_id()
    then = int(time.time())

    publisher.send(
        client.sent(task, "demo.add", timestamp=then),
        worker.started(task, timestamp=then + 1),
        worker.retried(task, timestamp=then + 2),
        client.sent(task, "demo.add", timestamp=then + 2, eta=iso(then + 32)),
        worker.started(task, timestamp=then + 35))

    check_wait(publisher.settle(exporter), 2, 4)


def test_no_wait_is_observed_where_the_sent_event_was_missed(run_exporter,
                                                             publisher):
    exporter = run_exporter("--name-grace", "0")

    publisher.send(Sender("w1@host-a").started(task_id()))

    page = publisher.settle(exporter)
    assert page.sum("celery_task_queue_wait_time_count") == 0


@pytest.mark.parametrize("offset", [4, -7])
def test_wait_compares_epochs_whatever_the_time_zones(run_exporter, publisher,
                                                      offset):
    exporter = run_exporter()
    worker, client, task = Sender("w1@host-a"), Sender("gen1@client"), task_id()
    then = int(time.time())

    publisher.send(
        client.sent(task, "demo.add", timestamp=then, utcoffset=offset,
                    eta=iso(then + 120, offset)),
        worker.started(task, timestamp=then + 123, utcoffset=offset))

    check_wait(publisher.settle(exporter), 1, 3)


def test_buckets_of_the_two_histograms_are_independent(run_exporter, publisher):
    exporter = run_exporter("--buckets", "1,5", "--queue-wait-buckets", "2,4")
    worker, task = Sender("w1@host-a"), task_id()

    publisher.send(worker.sent(task, "demo.add"), worker.started(task),
                   worker.succeeded(task))

    page = publisher.settle(exporter)

    def bounds(family):
        return {labels["le"] for labels, _ in page.select(family + "_bucket")}

    assert bounds("celery_task_runtime") == {"1.0", "5.0", "+Inf"}
    assert bounds("celery_task_queue_wait_time") == {"2.0", "4.0", "+Inf"}


def test_health_follows_the_broker(own_broker, make_exporter):
    exporter = make_exporter(
        own_broker.url(), *own_broker.arguments,
        "--scrape-fails-without-broker", "--retry-interval", "1")
    assert exporter.get("/health").status == 200

    own_broker.stop()
    wait_until(lambda: exporter.get("/health").status == 500)
    wait_until(lambda: exporter.get("/metrics").status == 500)

    own_broker.start()
    wait_until(lambda: exporter.get("/health").status == 200)
    wait_until(lambda: exporter.get("/metrics").status == 200)


def test_lengths_of_queues_with_priorities(run_exporter, broker):
    exporter = run_exporter("-Q", "jobs, more", "--poll-interval", "1")

    for priority, count in ((0, 2), (3, 3), (9, 4)):
        broker.put("jobs", count, priority)

    exporter.wait_value(9, "celery_queue_length", queue_name="jobs")
    exporter.wait_value(0, "celery_queue_length", queue_name="more")


def test_queue_that_only_clients_name_is_shown(run_exporter, broker,
                                               publisher):
    exporter = run_exporter("--poll-interval", "1")
    broker.put("lonely", 2)

    exporter.wait_connected()
    publisher.send(
        Sender("gen1@web").sent(task_id(), "demo.add", queue="lonely"))

    exporter.wait_value(2, "celery_queue_length", queue_name="lonely")
    exporter.wait_value(0, "celery_active_worker_count", queue_name="lonely")
    exporter.wait_value(1, "celery_exporter_poll_success", source="queues")


def test_polls_fail_while_a_live_worker_does_not_answer(run_exporter,
                                                        publisher):
    exporter = run_exporter("--poll-interval", "1")
    exporter.wait_value(1, "celery_exporter_poll_success", source="stats")

    publisher.send(Sender("w1@silent").heartbeat(active=0))

    for source in ("stats", "active_queues"):
        exporter.wait_value(0, "celery_exporter_poll_success", source=source)
    exporter.wait_value(1, "celery_exporter_poll_success", source="queues")
