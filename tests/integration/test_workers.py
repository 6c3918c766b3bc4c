"""Workers: up or down, what they run, what they say of themselves."""
import pytest

from support.events import Sender, task_id
from support.wait import stays

pytestmark = pytest.mark.sanitized

UP, ACTIVE = "celery_worker_up", "celery_worker_tasks_active"


def test_worker_is_up_after_online_and_down_after_offline(exporter, publisher):
    worker = Sender("w1@host-a")

    publisher.send(worker.online(), worker.heartbeat(active=3))
    page = publisher.settle(exporter)
    assert page.value(UP, hostname="host-a") == 1
    assert page.value(ACTIVE, hostname="host-a") == 3
    publisher.send(worker.offline())

    page = publisher.settle(exporter)
    assert page.value(UP, hostname="host-a") == 0
    assert page.value(ACTIVE, hostname="host-a") == 0


def test_two_workers_of_one_host_are_one_host_and_a_sum(exporter, publisher):
    first, second = Sender("w1@host-a"), Sender("w2@host-a")

    publisher.send(first.heartbeat(active=2), second.heartbeat(active=3))
    page = publisher.settle(exporter)
    assert page.value(ACTIVE, hostname="host-a") == 5
    publisher.send(first.offline())

    page = publisher.settle(exporter)
    assert page.value(UP, hostname="host-a") == 1
    assert page.value(ACTIVE, hostname="host-a") == 3


def test_restarted_worker_is_told_from_its_predecessor(exporter, publisher):
    old, new = Sender("w1@host-a"), Sender("w1@host-a")

    publisher.send(old.heartbeat(active=4, processed=10), new.online(),
                   new.heartbeat(active=1, processed=2), old.offline())

    page = publisher.settle(exporter)
    assert page.value(UP, hostname="host-a") == 1
    assert page.value(ACTIVE, hostname="host-a") == 1


def test_forced_heartbeat_proves_life_and_changes_nothing_else(exporter,
                                                               publisher):
    worker = Sender("w1@host-a")

    publisher.send(worker.heartbeat(active=2, processed=7),
                   worker.forced_heartbeat())

    page = publisher.settle(exporter)
    assert page.value(UP, hostname="host-a") == 1
    assert page.value(ACTIVE, hostname="host-a") == 2
    assert page.value("celery_worker_load1", hostname="host-a",
                      worker="w1@host-a") == 0.5


def test_events_after_offline_do_not_bring_the_worker_back(exporter, publisher):
    worker, task = Sender("w1@host-a"), task_id()

    publisher.send(worker.online(), worker.received(task, "demo.add"),
                   worker.started(task), worker.offline(),
                   worker.succeeded(task))

    # It waits for the worker to say which queue is its only one.
    page = exporter.wait_for(lambda p: p.sum(
        "celery_task_succeeded_total", name="demo.add", hostname="host-a") == 1)
    assert page.value(UP, hostname="host-a") == 0


def test_offline_of_an_unknown_worker_makes_nothing(exporter, publisher):
    publisher.send(Sender("w1@host-a").offline())

    assert publisher.settle(exporter).select(UP) == []


def test_reconnecting_worker_goes_offline_and_online(exporter, publisher):
    worker = Sender("w1@host-a")

    publisher.send(worker.online(), worker.offline(), worker.online(),
                   worker.heartbeat(active=1))

    page = publisher.settle(exporter)
    assert page.value(UP, hostname="host-a") == 1
    assert page.value(ACTIVE, hostname="host-a") == 1


@pytest.mark.parametrize("timestamp", [0, 1e12, -5])
def test_liveness_does_not_believe_the_workers_clock(run_exporter, publisher,
                                                     timestamp):
    exporter = run_exporter("--worker-timeout", "30")

    publisher.send(Sender("w1@host-a").heartbeat(timestamp=timestamp))

    page = publisher.settle(exporter)
    assert page.value(UP, hostname="host-a") == 1


def test_silent_worker_times_out_without_being_scraped(run_exporter, publisher):
    exporter = run_exporter("--worker-timeout", "1")
    worker = Sender("w1@host-a")

    publisher.send(worker.online(), worker.heartbeat(active=2))
    assert publisher.settle(exporter).value(UP, hostname="host-a") == 1

    exporter.wait_value(0, UP, hostname="host-a")
    exporter.wait_value(0, ACTIVE, hostname="host-a")
    exporter.wait_value(1, "celery_worker_lost_total", hostname="host-a")


def test_task_events_keep_a_worker_without_heartbeats_alive(run_exporter,
                                                            publisher):
    exporter = run_exporter("--worker-timeout", "1")
    worker = Sender("w1@host-a")
    publisher.send(worker.online())
    publisher.settle(exporter)

    def busy():
        publisher.send(worker.received(task_id(), "demo.add"))
        return exporter.page().value(UP, hostname="host-a") == 1

    stays(busy, 3)


def test_timeout_of_zero_is_never(run_exporter, publisher):
    exporter = run_exporter("--worker-timeout", "0",
                            "--purge-offline-worker-metrics", "0")

    publisher.send(Sender("w1@host-a").online())
    publisher.settle(exporter)

    stays(lambda: exporter.page().value(UP, hostname="host-a") == 1, 3)


def test_purge_takes_all_series_of_the_worker(run_exporter, publisher):
    exporter = run_exporter("--worker-timeout", "1",
                            "--purge-offline-worker-metrics", "2")
    worker, other, task = Sender("w1@host-a"), Sender("w1@host-b"), task_id()

    publisher.send(worker.online(), worker.sent(task, "demo.add"),
                   worker.received(task, "demo.add"), worker.started(task),
                   worker.succeeded(task))
    publisher.settle(exporter)

    def purged(page):
        publisher.send(other.heartbeat())
        return "host-a" not in page.values_of("hostname")

    page = exporter.wait_for(purged)
    assert page.value(UP, hostname="host-b") == 1


def test_purge_waits_for_a_started_task(run_exporter, publisher):
    exporter = run_exporter("--worker-timeout", "1",
                            "--purge-offline-worker-metrics", "2")
    worker, task = Sender("w1@host-a"), task_id()

    publisher.send(worker.online(), worker.received(task, "demo.slow"),
                   worker.started(task))
    exporter.wait_for(lambda p: p.sum("celery_task_started_total") == 1)
    exporter.wait_value(0, UP, hostname="host-a")

    stays(lambda: exporter.page().sum("celery_task_started_total",
                                      hostname="host-a") == 1, 2.5)
    publisher.send(worker.succeeded(task))
    exporter.wait_for(lambda p: "host-a" not in p.values_of("hostname"))


def test_offline_of_a_purged_worker_does_not_bring_it_back(run_exporter,
                                                           publisher):
    exporter = run_exporter("--worker-timeout", "1",
                            "--purge-offline-worker-metrics", "1")
    worker = Sender("w1@host-a")
    publisher.send(worker.online())
    publisher.settle(exporter)
    exporter.wait_for(lambda p: p.select(UP) == [])

    publisher.send(worker.offline())

    assert publisher.settle(exporter).select(UP) == []


def test_worker_says_what_it_is(exporter, publisher):
    worker = Sender("w1@host-a")

    publisher.send(worker.heartbeat(processed=5, loadavg=[1.5, 2.5, 3.5]))

    page = publisher.settle(exporter)
    rows = page.select("celery_worker_info", worker="w1@host-a")
    assert len(rows) == 1 and rows[0][1] == 1
    assert rows[0][0]["sw_ident"] == "py-celery"
    assert rows[0][0]["sw_ver"] == "5.6.2"
    labels = {"hostname": "host-a", "worker": "w1@host-a"}
    assert page.value("celery_worker_load1", **labels) == 1.5
    assert page.value("celery_worker_load5", **labels) == 2.5
    assert page.value("celery_worker_load15", **labels) == 3.5


def test_processed_is_a_sum_of_increases_over_restarts(exporter, publisher):
    old, new = Sender("w1@host-a"), Sender("w1@host-a")
    labels = {"hostname": "host-a", "worker": "w1@host-a"}

    publisher.send(old.online(), old.heartbeat(processed=5), old.offline())
    publisher.send(new.online(), new.heartbeat(processed=2))

    page = publisher.settle(exporter)
    assert page.value("celery_worker_processed_total", **labels) == 7


def heartbeats(publisher, worker, **fields):
    """For wait_for: judgements come one heartbeat late."""
    def beat_until(condition):
        def beat(page):
            publisher.send(worker.heartbeat(**fields))
            return condition(page)
        return beat
    return beat_until


def test_starts_that_were_never_seen_are_missed(exporter, publisher):
    worker, tasks = Sender("w1@host-a"), [task_id() for _ in range(3)]
    labels = {"hostname": "host-a", "worker": "w1@host-a"}

    publisher.send(worker.online(processed=0))
    for task in tasks:
        publisher.send(worker.received(task, "demo.add"), worker.started(task),
                       worker.succeeded(task))
    publisher.send(worker.heartbeat(processed=5))

    page = exporter.wait_for(
        lambda p: p.sum("celery_task_started_total", hostname="host-a") == 3)
    assert page.value("celery_worker_processed_total", **labels) == 5
    # This worker answers no questions, which are waited for.
    exporter.wait_for(heartbeats(publisher, worker, processed=5)(
        lambda p: p.value("celery_exporter_missed_tasks_total", **labels) == 2))


def test_nothing_is_missed_where_every_start_was_seen(exporter, publisher):
    worker = Sender("w1@host-a")

    publisher.send(worker.online(processed=0))
    for number in range(1, 6):
        task = task_id()
        publisher.send(worker.received(task, "demo.add"), worker.started(task),
                       worker.succeeded(task),
                       worker.heartbeat(processed=number))
    publisher.settle(exporter)

    def nothing_missed():
        publisher.send(worker.heartbeat(processed=5))
        return exporter.page().value(
            "celery_exporter_missed_tasks_total", hostname="host-a",
            worker="w1@host-a") == 0

    stays(nothing_missed, 7)


def test_worker_with_events_off_is_shown_as_such(exporter, publisher):
    worker = Sender("w1@host-a")

    publisher.send(worker.online(processed=0), worker.heartbeat(processed=3),
                   worker.heartbeat(processed=6))

    exporter.wait_for(heartbeats(publisher, worker, processed=9)(
        lambda p: p.value("celery_worker_task_events_enabled",
                          hostname="host-a", worker="w1@host-a") == 0))
    assert exporter.page().sum("celery_exporter_missed_tasks_total") == 0


@pytest.mark.parametrize("nodename,host", [
    ("w1@host-a", "host-a"), ("a@b@c", "b@c"), ("no-at-sign", "no-at-sign")])
def test_host_is_what_follows_the_first_at(exporter, publisher, nodename, host):
    publisher.send(Sender(nodename).online())

    assert publisher.settle(exporter).value(UP, hostname=host) == 1
