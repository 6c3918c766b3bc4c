"""Many tasks in flight, and storms of events."""
import os
import signal
import time

import pytest

from support.events import Publisher
from support.rabbit import AmqpPublisher
from support.storm import Blast, Storm, commands, describe
from support.wait import wait_until

FINISHED = ("task-received", "task-started", "task-succeeded")


def processed(page):
    return page.sum("celery_exporter_events_total")


def publish(server, exporter, messages, nevents, timeout):
    """Writes the messages at the exporter's pace, and waits until all their
    events are decoded."""
    page = exporter.page()
    target = processed(page) + nevents
    before = page.value("celery_exporter_messages_total")
    blast = Blast(server.port)
    for number, piece in enumerate(commands(messages), 1):
        blast.write([piece])
        if number % 32 == 0:
            wait_messages(exporter, before + blast.answered, timeout)
    blast.close()
    wait_until(lambda: processed(exporter.page()) >= target, timeout,
               what=lambda: f"{processed(exporter.page())} of {target}; "
               f"{exporter.log[-2000:]}")
    assert blast.taken == blast.answered, "a message without subscriber"


def wait_messages(exporter, taken, timeout):
    """Until the exporter is close behind what Redis took."""
    def close_behind():
        page = exporter.page()
        assert page.sum("celery_exporter_broker_disconnects_total") == 0
        return page.value("celery_exporter_messages_total") >= taken - 5000

    wait_until(close_behind, timeout)


def run_through(server, exporter, ntasks, timeout):
    """All tasks are sent before the first is received."""
    storm = Storm()
    numbers = range(ntasks)
    publish(server, exporter, storm.messages("task-sent", numbers, 1), ntasks,
            timeout)
    in_flight = exporter.page()
    for kind in FINISHED:
        publish(server, exporter, storm.messages(kind, numbers, 20), ntasks,
                timeout)
    return in_flight, exporter.page()


def check_complete(page, ntasks):
    assert "None" not in page.values_of("name")
    for kind in ("sent", "received", "started", "succeeded"):
        family = f"celery_task_{kind}_total"
        assert page.sum(family, queue_name="jobs") == ntasks, family
        assert page.sum(family) == ntasks, family
    assert page.sum("celery_task_queue_wait_time_count") == ntasks
    assert page.sum("celery_exporter_broker_disconnects_total") == 0
    assert page.sum("celery_exporter_events_rejected_total") == 0


def test_fifteen_thousand_tasks_keep_name_and_queue(run_exporter, redis_server):
    exporter = run_exporter()

    _, page = run_through(redis_server, exporter, 15_000, 60)

    check_complete(page, 15_000)


def test_a_million_tasks_keep_name_and_queue(run_exporter, redis_server):
    exporter = run_exporter()
    idle = exporter.resident_bytes()

    in_flight, page = run_through(redis_server, exporter, 1_000_000, 300)

    check_complete(page, 1_000_000)
    assert page.value("celery_exporter_evicted_tasks_total") == 0
    full = in_flight.value("process_resident_memory_bytes")
    describe(rss_at_start_mb=round(idle / 1e6, 1),
             rss_with_a_million_tasks_mb=round(full / 1e6, 1),
             bytes_per_task=round((full - idle) / 1e6))
    assert full < 512e6


def default_limits(server):
    limits = server.client.config_get("client-output-buffer-limit")
    return limits["client-output-buffer-limit"].endswith(
        "pubsub 33554432 8388608 60")


# A worker sends lists. Single events are three times the bytes: 400,000 of
# them in a second are all that Redis itself can do.
@pytest.mark.parametrize("batch,seconds", [(20, 1.0), (1, 2.0)],
                         ids=["lists", "single events"])
def test_storm_loses_nothing(run_exporter, redis_server, batch, seconds):
    exporter = run_exporter()
    assert default_limits(redis_server)
    nevents, ntasks = 400_000, 100_000
    storm = Storm()
    pieces = list(commands(
        message for kind in ("task-sent",) + FINISHED
        for message in storm.messages(kind, range(ntasks), batch)))

    cpu = exporter.page().value("process_cpu_seconds_total")
    blast = Blast(redis_server.port)
    start = time.monotonic()
    blast.write(pieces, seconds)
    blast.close()
    wrote = time.monotonic() - start
    wait_until(lambda: processed(exporter.page()) >= nevents, 60,
               what=lambda: f"{processed(exporter.page())} of {nevents}; "
               f"{exporter.log[-2000:]}")
    read = time.monotonic() - start

    page = exporter.page()
    check_complete(page, ntasks)
    cpu = page.value("process_cpu_seconds_total") - cpu
    describe(events=nevents, batch=batch, written_in_s=round(wrote, 2),
             counted_after_s=round(read, 2),
             cpu_us_per_event=round(cpu / nevents * 1e6, 2),
             rss_mb=round(exporter.resident_bytes() / 1e6, 1))
def test_storm_on_rabbitmq_loses_nothing(vhost, make_exporter):
    """20,000 events a second."""
    seconds = 60 if os.environ.get("CELERY_EXPORTER_TEST_ALL") else 5
    exporter = make_exporter(vhost.url())
    publisher, storm = AmqpPublisher(vhost), Storm()
    cpu = exporter.page().value("process_cpu_seconds_total")

    start = time.monotonic()
    for second in range(seconds):
        tasks = range(second * 5000, second * 5000 + 5000)
        for kind in ("task-sent",) + FINISHED:
            for body in storm.bodies(kind, tasks, 20):
                publisher.body(body)
        time.sleep(max(0.0, start + second + 1 - time.monotonic()))
    wrote = time.monotonic() - start

    nevents = seconds * 20_000
    page = exporter.wait_for(lambda p: processed(p) >= nevents, 60)
    check_complete(page, seconds * 5000)
    cpu = page.value("process_cpu_seconds_total") - cpu
    describe(rabbitmq_events=nevents, published_in_s=round(wrote, 2),
             cpu_us_per_event=round(cpu / nevents * 1e6, 2))


def test_storm_that_redis_cuts_off_is_told_and_survived(run_exporter,
                                                        redis_server):
    exporter = run_exporter()
    storm = Storm()
    pieces = list(commands(storm.messages("task-received", range(400_000), 20)))
    redis_server.client.config_set("client-output-buffer-limit",
                                   "pubsub 1048576 0 0")

    exporter.process.send_signal(signal.SIGSTOP)
    blast = Blast(redis_server.port)
    blast.write(pieces)
    blast.close()
    exporter.process.send_signal(signal.SIGCONT)

    page = exporter.wait_for(lambda p: p.sum(
        "celery_exporter_broker_disconnects_total") == 1)
    exporter.wait_connected()
    publisher = Publisher(redis_server.connect())
    publisher.settle(exporter)
    assert page.value("celery_exporter_blind_seconds_total") > 0
    assert page.sum("celery_exporter_events_rejected_total") == 0


def test_scrapes_are_answered_during_a_storm(run_exporter, redis_server):
    exporter = run_exporter()
    storm = Storm()
    pieces = list(commands(storm.messages("task-received", range(200_000), 20)))
    blast = Blast(redis_server.port)
    slowest = 0.0

    for at in range(0, len(pieces), 4):
        blast.write(pieces[at:at + 4])
        start = time.monotonic()
        assert exporter.get("/-/healthy").status == 200
        slowest = max(slowest, time.monotonic() - start)
    blast.close()

    wait_until(lambda: processed(exporter.page()) == 200_000, 60)
    describe(slowest_answer_ms=round(slowest * 1000, 1))
    assert slowest < 1
