"""What workers and the broker are asked in the background, against what
Celery's own client and the broker's own tools say at the same moment."""
import json
import subprocess
import time

import pytest

from support.apps import QUESTIONS, both, celery, polled  # noqa: F401
from support.wait import stays, wait_until
from support.workers import SYSTEM_PYTHON, newest_python


def can_import(*modules):
    return subprocess.run([SYSTEM_PYTHON, "-c", f"import {','.join(modules)}"],
                          capture_output=True).returncode == 0


def of_worker(page, name, worker):
    rows = page.select(f"celery_worker_{name}", worker=worker)
    assert len(rows) <= 1, rows
    return rows[0][1] if rows else None


def unnamed(page):
    return {labels.get("name") for sample in page.types
            for labels, _ in page.select(sample + "_total")} & {"None"}


# ---- against Celery's own client ----

POOLS = [("prefork", 3), ("threads", 3), ("solo", 1), ("gevent", 5)]


def queue_figures(answers):
    """{queue: [workers, processes]} of active_queues and stats."""
    found = {}
    for node, queues in answers["active_queues"].items():
        size = answers["stats"][node]["pool"]["max-concurrency"]
        for queue in queues:
            figures = found.setdefault(queue["name"], [0, 0])
            figures[0] += 1
            figures[1] += size
    return found


def shown_queues(page):
    return {labels["queue_name"]: [value, page.value(
        "celery_active_process_count", **labels)] for labels, value
        in page.select("celery_active_worker_count")}


def check_worker(page, answers, node):
    stats = answers["stats"][node]
    assert of_worker(page, "pool_size", node) == (
        stats["pool"]["max-concurrency"])
    assert of_worker(page, "prefetch_limit", node) == stats["prefetch_count"]
    # It only grows, and our answer may be the older one.
    shown = of_worker(page, "resident_memory_max_bytes", node)
    assert 0.8 < shown / (stats["rusage"]["maxrss"] * 1024) <= 1
    started = of_worker(page, "start_time_seconds", node)
    assert abs(time.time() - stats["uptime"] - started) < 5
    assert of_worker(page, "reserved_tasks", node) == (
        len(answers["reserved"][node]))
    assert of_worker(page, "scheduled_tasks", node) == (
        len(answers["scheduled"][node]))


def holds(page, worker, reserved, scheduled):
    return (of_worker(page, "reserved_tasks", worker) == reserved
            and of_worker(page, "scheduled_tasks", worker) == scheduled)


@both
@pytest.mark.parametrize("pool,size", POOLS, ids=[p for p, _ in POOLS])
def test_figures_are_what_celery_says(celery, run_exporter, pool, size):
    if pool == "gevent" and not can_import("gevent"):
        pytest.skip("gevent is not installed")
    app = celery()
    exporter = run_exporter("--poll-interval", "1")
    app.worker("w1@one", "celery,other", pool=pool, concurrency=size).ready()
    app.worker("w2@one", "other", pool="prefork", concurrency=1).ready()
    # A solo worker that is busy says nothing: it gets none to run.
    app.send(("work.add", [], {"countdown": 600, "times": 2}),
             *([] if pool == "solo" else
               [("work.sleep", [60], {"times": size + 1})]))

    nrunning = 0 if pool == "solo" else size
    page = exporter.wait_for(
        lambda p: holds(p, "w1@one", 0 if pool == "solo" else 1, 2)
        and p.value("celery_worker_tasks_active", hostname="one") == nrunning,
        30)
    answers = app.run("ask.py", json.dumps([QUESTIONS, 2]))

    for node in ("w1@one", "w2@one"):
        check_worker(page, answers, node)
    assert shown_queues(page) == queue_figures(answers)
    assert sum(map(len, answers["active"].values())) == nrunning
    implementation = answers["stats"]["w1@one"]["pool"].get(
        "implementation", "")
    info = page.select("celery_worker_info", worker="w1@one")[0][0]
    assert info["pool"] == implementation.split(":")[0].split(".")[-1]
    names = {labels["name"] for labels, _
             in page.select("celery_task_failures_total")}
    assert names == {name.split(" [")[0] for names
                     in answers["registered"].values() for name in names}
    polled(exporter, *QUESTIONS, "queues")


@both
def test_queues_and_unacked_are_what_the_broker_says(celery, run_exporter,
                                                     broker):
    app = celery()
    exporter = run_exporter("--poll-interval", "1")
    app.worker("w1@one", concurrency=1).ready()
    app.send(("work.sleep", [60], {"times": 8}),
             ("work.add", [], {"queue": "other", "times": 3}))

    # One runs, one or two are prefetched.
    page = exporter.wait_for(lambda p: (of_worker(
        p, "reserved_tasks", "w1@one") or 0) > 0 and p.value(
            "celery_queue_length", queue_name="other") == 3, 30)

    if isinstance(broker_unacked(broker), int):
        unacked = broker_unacked(broker)
        assert page.value("celery_broker_unacked_tasks") == unacked > 1
        oldest = page.value("celery_broker_oldest_unacked_timestamp_seconds")
        assert abs(time.time() - oldest) < 30
        assert page.value("celery_queue_length", queue_name="celery") == (
            broker.server.client.llen("celery"))
        polled(exporter, "unacked", "bindings")
    else:
        for name in ("unacked", "bindings"):
            assert page.value("celery_exporter_poll_success",
                              source=name) is None
        lengths = {row["name"]: row["messages_ready"] for row
                   in broker.vhost.queues("name", "messages_ready")}
        for queue in ("celery", "other"):
            assert page.value("celery_queue_length",
                              queue_name=queue) == lengths[queue]


def broker_unacked(broker):
    """None where the broker cannot say."""
    if not hasattr(broker, "server"):
        return None
    return broker.server.client.hlen("unacked")


# ---- names ----

@both
def test_restart_while_tasks_run_and_wait_leaves_no_task_unnamed(
        celery, run_exporter):
    app = celery(task_send_sent_event=False)
    first = run_exporter()
    app.worker("w1@one", concurrency=2).ready()
    app.send(("work.sleep", [5], {"times": 5}),
             ("work.add", [], {"countdown": 6}))
    first.wait_for(lambda p: p.sum("celery_task_started_total",
                                   name="work.sleep") == 2
                   and p.sum("celery_task_received_total",
                             name="work.add") == 1, 30)
    first.stop()

    second = run_exporter()

    page = second.wait_for(lambda p: p.sum("celery_task_succeeded_total",
                                           name="work.sleep") == 5
                           and p.sum("celery_task_succeeded_total",
                                     name="work.add") == 1, 60)
    assert not unnamed(page)
    assert page.values_of("queue_name") == {"celery"}


@both
def test_first_events_of_a_worker_have_its_only_queue(celery, run_exporter):
    """Without task-sent events; the tasks wait when the worker starts."""
    app = celery(task_send_sent_event=False)
    exporter = run_exporter()
    app.send(("work.add", [], {"queue": "slow.q", "times": 4}))

    app.worker("w1@one", "slow.q").ready()

    page = exporter.wait_for(lambda p: p.sum(
        "celery_task_succeeded_total", name="work.add") == 4, 30)
    for kind in ("received", "started", "succeeded"):
        assert page.value(f"celery_task_{kind}_total", hostname="one",
                          name="work.add", queue_name="slow.q") == 4


@both
def test_failures_are_at_0_for_every_task_that_a_worker_knows(celery,
                                                              run_exporter):
    exporter = run_exporter()

    celery().worker("w1@one").ready()

    exporter.wait_value(0, "celery_task_failures_total", name="work.too_long",
                        timeout=20)


# ---- workers of all kinds ----

@both
def test_worker_that_replies_in_msgpack(celery, run_exporter):
    if not can_import("msgpack"):
        pytest.skip("msgpack is not installed")
    app = celery(task_serializer="msgpack", accept_content=["msgpack", "json"])
    exporter = run_exporter("--poll-interval", "1")
    app.worker("w1@one", concurrency=3).ready()
    app.send(("work.add", [], {"countdown": 600}))

    exporter.wait_value(3, "celery_active_process_count", queue_name="celery",
                        timeout=20)
    exporter.wait_for(lambda p: of_worker(p, "scheduled_tasks", "w1@one") == 1)


@both
def test_worker_without_remote_control_costs_nobody_anything(celery,
                                                             run_exporter):
    exporter = run_exporter("--poll-interval", "1")
    celery(worker_enable_remote_control=False).worker("deaf@one").ready()
    exporter.wait_value(1, "celery_worker_up", hostname="one", timeout=15)
    polled(exporter, "stats", success=0)
    assert exporter.page().value("celery_active_worker_count",
                                 queue_name="celery") in (None, 0)

    celery().worker("w1@two", concurrency=2).ready()

    exporter.wait_value(2, "celery_active_process_count", queue_name="celery",
                        timeout=20)
    polled(exporter, *QUESTIONS)
    assert exporter.page().value("celery_worker_up", hostname="one") == 1


@both
def test_busy_solo_worker_keeps_what_it_said(celery, run_exporter):
    app = celery()
    exporter = run_exporter("--poll-interval", "1")
    app.worker("w1@one", pool="solo").ready()
    exporter.wait_value(1, "celery_active_process_count", queue_name="celery",
                        timeout=20)

    app.send(("work.sleep", [6]))
    exporter.wait_for(lambda p: p.sum("celery_task_started_total") == 1, 20)

    def unchanged():
        page = exporter.page()
        return (page.value("celery_active_process_count",
                           queue_name="celery") == 1
                and of_worker(page, "pool_size", "w1@one") == 1
                and page.value("celery_worker_up", hostname="one") == 1)

    polled(exporter, "stats", success=0)
    stays(unchanged, 2)
    exporter.wait_for(lambda p: p.sum("celery_task_succeeded_total") == 1, 20)
    polled(exporter, "stats")
    assert unchanged()


def test_two_workers_of_one_nodename_add_up(celery, run_exporter):
    """On RabbitMQ they share a queue of commands, and only one answers."""
    app = celery()
    exporter = run_exporter("--poll-interval", "1")
    app.worker("w1@one", "celery", concurrency=2).ready()
    app.worker("w1@one", "celery", concurrency=3).ready()

    exporter.wait_value(5, "celery_active_process_count", queue_name="celery",
                        timeout=20)
    exporter.wait_value(2, "celery_active_worker_count", queue_name="celery")


@both
def test_enable_events_mends_a_worker_without_them(celery, run_exporter):
    app = celery()
    exporter = run_exporter("--enable-events")

    worker = app.worker("w1@one", events=False).ready()

    wait_until(lambda: "Enabled the task events of a worker" in exporter.log,
               20, what=lambda: exporter.log + worker.log)
    app.send(("work.add", [], {"times": 3}))
    exporter.wait_for(lambda p: p.sum("celery_task_succeeded_total",
                                      name="work.add") == 3, 20)
    assert exporter.log.count("Enabled the task events of a worker") == 1


@both
def test_enable_events_mends_those_that_are_there_before(celery, run_exporter):
    app = celery()
    app.worker("w1@one", events=False).ready()

    exporter = run_exporter("--enable-events")

    wait_until(lambda: "Enabled the task events of a worker" in exporter.log,
               20, what=lambda: exporter.log)
    app.send(("work.add",))
    exporter.wait_for(lambda p: p.sum("celery_task_succeeded_total") == 1, 20)


def test_worker_that_cannot_enable_events_is_said_once(celery, run_exporter):
    celery().worker("w1@one", "celery", "--without-heartbeat",
                    "--without-gossip", events=False).ready()

    exporter = run_exporter("--enable-events=2s", "--poll-interval", "1")

    refused = "A worker cannot enable its task events"
    wait_until(lambda: refused in exporter.log, 20, what=lambda: exporter.log)
    stays(lambda: exporter.log.count(refused) == 1, 4, "said again")
    # It tells what it does all the same.
    exporter.wait_value(2, "celery_active_process_count", queue_name="celery")


def test_events_stay_off_without_the_option(celery, run_exporter):
    exporter = run_exporter("--poll-interval", "1")
    app = celery()
    app.worker("w1@one", events=False).ready()
    exporter.wait_value(2, "celery_active_process_count", queue_name="celery",
                        timeout=20)

    app.send(("work.add",))

    stays(lambda: exporter.page().sum("celery_task_received_total") == 0, 3)


def test_newest_celery_tells_the_pool(celery, run_exporter):
    python = newest_python()
    if isinstance(python, str):
        pytest.skip(python)
    exporter = run_exporter()

    celery(python=python).worker("w1@one", pool="threads").ready()

    exporter.wait_for(lambda p: p.select("celery_worker_info", worker="w1@one",
                                         pool="thread"), 20)
