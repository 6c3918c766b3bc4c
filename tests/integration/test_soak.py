"""What takes a while: faults again and again, and growth that must end."""
import os
import random
import signal
import time

import pytest

from support.events import Publisher, Sender, task_id
from support.exporter import SANITIZED
from support.storm import Storm, describe
from support.wait import stays, wait_until

pytestmark = [pytest.mark.extended, pytest.mark.sanitized]


def descriptors(exporter):
    return len(os.listdir(f"/proc/{exporter.process.pid}/fd"))


@pytest.mark.skipif(SANITIZED, reason="measures memory")
def test_flapping_broker_costs_nothing_lasting(run_exporter, redis_server):
    exporter = run_exporter("--retry-interval", "1")
    before, memory = descriptors(exporter), exporter.resident_bytes()

    for _ in range(15):
        redis_server.kill()
        exporter.wait_value(0, "celery_exporter_broker_up")
        redis_server.start()
        exporter.wait_connected()

    wait_until(lambda: descriptors(exporter) <= before + 2)
    assert exporter.resident_bytes() < memory + (16 << 20)
    publisher = Publisher(redis_server.connect())
    publisher.send(Sender("w1@host-a").received(task_id(), "demo.add"))
    publisher.settle(exporter)
    assert exporter.page().value("celery_exporter_broker_connects_total") == 16


def test_a_million_names_end_at_the_cap(run_exporter, publisher):
    exporter = run_exporter()
    worker = Sender("w1@host-a")
    total = 1_000_000

    for first in range(0, total, 500):
        publisher.send_list(worker.received(task_id(), f"flood.{number}")
                            for number in range(first, first + 500))
        if first % 50_000 == 0:
            publisher.settle(exporter, timeout=120)

    page = publisher.settle(exporter, timeout=120)
    assert page.sum("celery_task_received_total") == total
    assert len(page.values_of("name")) <= 5002
    memory = page.value("process_resident_memory_bytes")
    describe(names=total, rss_mb=round(memory / 1e6, 1),
             page_mb=round(len(page.text) / 1e6, 1))
    assert memory < 512e6


@pytest.mark.skipif(SANITIZED, reason="measures memory")
def test_memory_is_flat_while_tasks_come_and_go(run_exporter, redis_server):
    exporter = run_exporter("--max-tracked-tasks", "50000")
    storm = Storm()
    client = redis_server.connect()
    sizes = []

    for round_ in range(12):
        first = round_ * 50_000
        pipeline = client.pipeline(transaction=False)
        for kind in ("task-sent", "task-received", "task-started",
                     "task-succeeded"):
            for message in storm.messages(kind, range(first, first + 50_000),
                                          20):
                pipeline.publish("/0.celeryev/task.multi", message)
            pipeline.execute()
        Publisher(client).settle(exporter, timeout=120)
        sizes.append(exporter.resident_bytes())

    describe(rss_mb=[round(size / 1e6, 1) for size in sizes])
    assert max(sizes[6:]) < max(sizes[:6]) * 1.1


def test_stops_well_at_any_moment(make_exporter, make_redis):
    server = make_redis()
    rng = random.Random(1)
    worker, client = Sender("w1@host-a"), server.connect()

    for _ in range(1000):
        exporter = make_exporter(server.url(), connected=False)
        until = time.monotonic() + rng.uniform(0, 0.15)
        while time.monotonic() < until:
            Publisher(client).send_list_unread(
                [worker.received(task_id(), "demo.add")] * 50)
        exporter.stop(rng.choice([signal.SIGTERM, signal.SIGINT]))

    assert server.client.keys("*") == []


def test_idle_exporter_is_idle(run_exporter):
    exporter = run_exporter()
    cpu = "process_cpu_seconds_total"
    before = exporter.page().value(cpu)

    stays(lambda: exporter.running(), 10)

    used = exporter.page().value(cpu) - before
    describe(idle_cpu_percent=round(used * 10, 2))
    assert used < 0.2
