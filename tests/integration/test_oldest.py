"""Since when the oldest task of a queue waits, with real workers and queues."""
import time

import pytest

from support.apps import both, celery  # noqa: F401
from support.wait import stays

FAMILY = "celery_queue_oldest_task_timestamp_seconds"


def oldest(page, queue="jobs"):
    return page.value(FAMILY, queue_name=queue)


@both
def test_oldest_task_of_a_backlog_until_it_is_worked_off(celery, run_exporter):
    app = celery()
    exporter = run_exporter("--poll-interval", "1")
    before = int(time.time())
    app.send(("work.sleep", [0.2], {"queue": "jobs", "times": 20}))
    exporter.wait_for(lambda p: p.sum("celery_task_sent_total") == 20, 20)
    first = oldest(exporter.page())
    assert before <= first <= time.time()
    # Polls that find it waiting leave it there.
    stays(lambda: oldest(exporter.page()) == first, 4)

    app.worker("w1@one", "jobs", concurrency=1).ready()

    page = exporter.wait_for(lambda p: p.sum(
        "celery_task_started_total") == 20, 60)
    assert oldest(page) is None


@both
def test_task_that_a_busy_worker_holds_is_the_oldest(celery, run_exporter):
    app = celery()
    exporter = run_exporter("--poll-interval", "1")
    app.worker("w1@one", "jobs", concurrency=1).ready()
    app.send(("work.sleep", [8], {"queue": "jobs"}))
    exporter.wait_for(lambda p: p.sum("celery_task_started_total") == 1, 20)
    assert oldest(exporter.page()) is None
    app.send(("work.add", [], {"queue": "jobs"}))

    page = exporter.wait_for(lambda p: p.sum(
        "celery_task_received_total", name="work.add") == 1, 20)
    held = oldest(page)
    assert held is not None
    # The queue is empty, and the worker says that it has it.
    stays(lambda: oldest(exporter.page()) == held, 4)

    page = exporter.wait_for(lambda p: p.sum(
        "celery_task_started_total", name="work.add") == 1, 20)
    assert oldest(page) is None


@both
def test_task_waits_from_its_eta_until_it_expires(celery, run_exporter):
    app = celery()
    exporter = run_exporter("--poll-interval", "1")
    now = time.time()
    app.send(("work.add", [], {"queue": "jobs", "countdown": 3, "expires": 8}))
    page = exporter.wait_for(lambda p: p.sum("celery_task_sent_total") == 1, 20)
    if time.time() < now + 2.5:
        assert oldest(page) is None

    page = exporter.wait_for(lambda p: oldest(p) is not None, 20)
    assert now + 2 <= oldest(page) <= now + 8
    exporter.wait_for(lambda p: oldest(p) is None, 20)


@both
def test_starts_that_nobody_saw_leave_no_oldest_task(celery, run_exporter):
    """The worker sends no events."""
    app = celery()
    exporter = run_exporter("--poll-interval", "1")
    app.send(("work.add", [], {"queue": "jobs", "times": 5}))
    exporter.wait_for(lambda p: oldest(p) is not None, 20)

    app.worker("w1@one", "jobs", events=False).ready()

    page = exporter.wait_for(lambda p: oldest(p) is None, 30)
    assert page.sum("celery_task_started_total") == 0
