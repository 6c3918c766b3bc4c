"""What becomes a series, and under which labels: caps, hosts, patterns, queues
that leave. And the check from outside, which asks about the same workers."""
import time
import urllib.parse

import pytest

from support.events import Sender, task_id
from support.exposition import Page
from support.storm import Blast, as_body, commands, describe, enveloped
from support.wait import stays, wait_until
from support.workers import SYSTEM_PYTHON, Celery

CAPS = {"name": 5000, "hostname": 2000, "queue_name": 1000, "exception": 1000,
        "worker": 2000, "software": 1000}
TABLES = {"workers": 10_000, "senders": 4096, "waiting_events": 100_000,
          "queues": 10_000}
VALUES, ENTRIES = ("celery_exporter_label_values",
                   "celery_exporter_table_entries")


@pytest.fixture
def celery(broker, tmp_path):
    app = Celery(SYSTEM_PYTHON, broker.url(), tmp_path, broker.settings)
    yield app
    app.stop()


def settled(exporter, publisher):
    """Events of a worker that nobody answers for wait for --name-grace."""
    publisher.settle(exporter)
    return exporter.wait_for(
        lambda page: page.value(ENTRIES, table="waiting_events") == 0)


# ---- caps ----

EVENT = ('{"type": "%s", "hostname": "%s", "pid": 9, "clock": %d, "utcoffset": '
         '0, "timestamp": %.3f, "uuid": "%032x", %s}')
LISTED = 200  # events of a message


class Flood:
    """A task of its own name, on a worker and from a client of their own, that
    fails with a class of its own."""

    clock = 0

    def event(self, kind, hostname, number, fields):
        self.clock += 1
        return EVENT % (kind, hostname, self.clock, time.time(), number, fields)

    def task(self, i):
        worker = f"w@worker-{i}"
        yield self.event("task-sent", f"gen1@client-{i}", i,
                         f'"name": "flood.{i}", "queue": "queue-{i}"')
        yield self.event("task-received", worker, i, f'"name": "flood.{i}"')
        yield self.event("task-failed", worker, i,
                         f'"exception": "Flood{i}(\'x\')", "traceback": ""')

    def messages(self, ntasks):
        waiting = []
        for i in range(ntasks):
            waiting += self.task(i)
            if len(waiting) >= LISTED:
                yield enveloped(as_body(waiting))
                waiting = []
        yield enveloped(as_body(waiting))


def figure(exporter, family):
    """Of a page with this family alone: the whole one takes a while."""
    return Page(exporter.get(f"/metrics?name[]={family}").text).sum(family)


def publish(server, exporter, messages, nevents):
    """At the exporter's pace, until all are decoded."""
    blast = Blast(server.port)
    for piece in commands(messages):
        blast.write([piece])
        wait_until(lambda: figure(exporter, "celery_exporter_messages_total")
                   > blast.answered - 2000, 60)
    blast.close()
    wait_until(lambda: figure(exporter, "celery_exporter_events_total")
               >= nevents, 60)


def limits_are_told(page):
    for label, cap in CAPS.items():
        assert page.value("celery_exporter_label_values_limit",
                          label=label) == cap, label
    for table, cap in TABLES.items():
        assert page.value("celery_exporter_table_entries_limit",
                          table=table) == cap, table


def test_a_million_names_hosts_and_exceptions_end_at_the_caps(run_exporter,
                                                              redis_server):
    series, ntasks = 50_000, 1_000_000
    exporter = run_exporter("--max-series", series)

    publish(redis_server, exporter, Flood().messages(ntasks), 3 * ntasks)

    page = exporter.page()
    # Nothing is lost, only told apart no more.
    for family in ("sent_total", "received_total", "failed_total"):
        assert page.sum(f"celery_task_{family}") == ntasks, family
    limits_are_told(page)
    assert page.value("celery_exporter_series_overflow_total", label="all") > 0
    for label in ("name", "hostname", "queue_name", "exception", "worker"):
        assert page.value(VALUES, label=label) <= CAPS[label], label
        assert page.value("celery_exporter_series_overflow_total",
                          label=label) > 0, label
    for table, cap in TABLES.items():
        assert page.value(ENTRIES, table=table) <= cap, table
    assert page.value("celery_exporter_table_entries", table="workers") == 10_000
    assert page.value("celery_exporter_series") <= 1.1 * series
    # SECURITY.md, with label texts of fewer than 100 bytes: tasks, series,
    # pages, and the fixed parts.
    memory = page.value("process_resident_memory_bytes")
    ceiling = 80 * ntasks + 500 * series + 6 * 200 * series + 200e6
    describe(tasks=ntasks, rss_mb=round(memory / 1e6, 1),
             ceiling_mb=round(ceiling / 1e6, 1),
             page_mb=round(len(page.text) / 1e6, 1),
             samples=page.value("celery_exporter_series"),
             cpu_seconds=page.value("process_cpu_seconds_total"))
    assert memory < ceiling
    assert len(page.text) < 200 * series


@pytest.mark.sanitized
def test_use_of_the_caps_is_told(run_exporter, publisher):
    exporter = run_exporter("--max-label-values", "name=3,exception=2")
    page = exporter.page()
    assert page.value(VALUES, label="name") == 1  # None
    assert page.value("celery_exporter_label_values_limit", label="name") == 3
    before = page.value(VALUES, label="exception")
    worker = Sender("w1@host-a")

    for i in range(5):
        task = task_id()
        publisher.send(worker.received(task, f"demo.{i}"), worker.failed(task))

    page = settled(exporter, publisher)
    assert page.value(VALUES, label="name") == 3
    assert page.value("celery_exporter_series_overflow_total", label="name") > 0
    assert page.value(VALUES, label="exception") == before + 1
    assert page.value(VALUES, label="worker") == 1
    assert page.value(ENTRIES, table="workers") == 1
    assert page.sum("celery_task_failed_total", name="__other__") == 3


# ---- tasks ----

@pytest.mark.sanitized
def test_only_chosen_tasks_make_series(run_exporter, publisher):
    exporter = run_exporter("--task-include", "billing.*",
                            "--task-include", "mail.?",
                            "--task-exclude", "*.debug")
    worker, client = Sender("w1@host-a"), Sender("gen1@web")
    names = ["billing.run", "billing.debug", "mail.a", "mail.ab", "other"]

    for name in names:
        task = task_id()
        publisher.send(client.sent(task, name), worker.received(task, name),
                       worker.started(task), worker.succeeded(task))
    publisher.send(worker.heartbeat(active=2, processed=5))

    page = settled(exporter, publisher)
    assert page.values_of("name") == {"billing.run", "mail.a"}
    assert page.sum("celery_task_succeeded_total") == 2
    assert page.value(VALUES, label="name") <= 3
    # They are work all the same.
    assert page.value("celery_worker_tasks_active", hostname="host-a") == 2
    assert page.value("celery_exporter_events_total",
                      event="task-succeeded") == 5


@pytest.mark.sanitized
def test_patterns_come_from_the_environment_too(run_exporter, publisher):
    exporter = run_exporter(env={"CE_TASK_EXCLUDE": "a.* b.*"})
    worker = Sender("w1@host-a")

    publisher.send(*(worker.received(task_id(), name)
                     for name in ("a.x", "b.x", "c.x")))

    assert settled(exporter, publisher).values_of("name") == {"c.x"}


# ---- hosts ----

@pytest.mark.sanitized
def test_hosts_that_are_rewritten_to_one_add_up(run_exporter, publisher):
    exporter = run_exporter("--hostname-rewrite",
                            r"^(web|mail)-[0-9a-f]+-[0-9a-z]{5}$=\1")
    workers = [Sender("w@web-5d7f8c-x2x9k"), Sender("w@web-5d7f8c-k8k7l"),
               Sender("w@mail-77f-abcde"), Sender("w@web-odd")]

    for worker in workers:
        task = task_id()
        publisher.send(worker.heartbeat(active=2), worker.received(task, "t"),
                       worker.started(task), worker.succeeded(task))
    publisher.send(Sender("gen1@web-aaa-bbbbb").sent(task_id(), "t"),
                   workers[0].offline())

    page = settled(exporter, publisher)
    assert page.values_of("hostname") == {"web", "mail", "web-odd"}
    assert page.value("celery_worker_up", hostname="web") == 1
    assert page.value("celery_worker_tasks_active", hostname="web") == 2
    assert page.sum("celery_task_succeeded_total", hostname="web") == 2
    assert page.sum("celery_task_sent_total", hostname="web") == 1
    assert {labels["worker"] for labels, _ in page.select(
        "celery_worker_last_heartbeat_timestamp_seconds", hostname="web")} == {
            "w@web-5d7f8c-x2x9k", "w@web-5d7f8c-k8k7l"}

    publisher.send(workers[1].offline())
    exporter.wait_value(0, "celery_worker_up", hostname="web")


def test_nodename_as_hostname_tells_workers_of_a_host_apart(celery,
                                                            run_exporter):
    exporter = run_exporter("--hostname-label", "worker")
    celery.worker("one@shared", "celery").ready()
    second = celery.worker("two@shared", "other").ready()

    celery.send(("work.add", [1, 2], {"times": 3}),
                ("work.add", [1, 2], {"times": 2, "queue": "other"}))

    page = exporter.wait_for(lambda p: p.sum(
        "celery_task_succeeded_total") == 5, 30)
    assert page.sum("celery_task_succeeded_total", hostname="one@shared") == 3
    assert page.sum("celery_task_succeeded_total", hostname="two@shared") == 2
    # Clients stay hosts, or there would be one for each process.
    sent = {labels["hostname"] for labels, _
            in page.select("celery_task_sent_total")}
    assert all("@" not in hostname for hostname in sent)
    assert page.value("celery_worker_up", hostname="one@shared") == 1
    second.stop()
    exporter.wait_value(0, "celery_worker_up", hostname="two@shared")
    assert exporter.page().value("celery_worker_up", hostname="one@shared") == 1


@pytest.mark.sanitized
def test_clients_leave_after_their_time(run_exporter, publisher):
    exporter = run_exporter("--purge-client-metrics", "1")

    publisher.send(Sender("gen1@web").sent(task_id(), "t"),
                   Sender("w1@host-a").heartbeat())
    page = settled(exporter, publisher)
    assert page.sum("celery_task_sent_total", hostname="web") == 1

    page = exporter.wait_for(lambda p: "web" not in p.values_of("hostname"))
    assert page.value("celery_worker_up", hostname="host-a") == 1
    assert page.value(VALUES, label="hostname") == 1


# ---- queues ----

@pytest.mark.parametrize("broker", ["redis", "amqp"], indirect=True)
def test_queue_that_nobody_mentions_leaves_and_comes_back(run_exporter,
                                                          publisher):
    exporter = run_exporter("-Q", "kept", "--poll-interval", "1",
                            "--purge-offline-worker-metrics", "2")
    client = Sender("gen1@web")

    for _ in range(2):
        publisher.send(client.sent(task_id(), "t", queue="once"))
        exporter.wait_value(0, "celery_queue_length", queue_name="once")
        page = exporter.wait_for(lambda p: not p.select(
            "celery_queue_length", queue_name="once"), 15)
        assert page.value("celery_queue_length", queue_name="kept") == 0
        assert page.value(ENTRIES, table="queues") == 1
    # Of tasks it stays.
    assert exporter.page().sum("celery_task_sent_total", queue_name="once") == 2


@pytest.mark.parametrize("broker", ["redis", "amqp"], indirect=True)
def test_queue_with_messages_stays(run_exporter, publisher, broker):
    exporter = run_exporter("--poll-interval", "1",
                            "--purge-offline-worker-metrics", "1")
    publisher.send(Sender("gen1@web").sent(task_id(), "t", queue="full"))
    broker.put("full", 3)

    exporter.wait_value(3, "celery_queue_length", queue_name="full")

    stays(lambda: exporter.page().value("celery_queue_length",
                                        queue_name="full") == 3, 4)


# ---- the check from outside ----

def asked(exporter, query="", method="GET"):
    response = exporter.request(method, "/-/workers" + query)
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.text.count("\n") == (method == "GET")
    return response.status, response.text.strip()


@pytest.mark.parametrize("broker", ["redis", "amqp"], indirect=True)
def test_check_counts_live_workers_and_those_of_a_queue(celery, run_exporter):
    exporter = run_exporter("--poll-interval", "1")
    assert asked(exporter) == (503, "no worker is alive")
    assert asked(exporter, "?queue=celery")[0] == 503

    first = celery.worker("w1@one", "celery,a b").ready()
    celery.worker("w2@two", "celery").ready()
    wait_until(lambda: asked(exporter) == (200, "2 workers are alive"), 20,
               what=lambda: asked(exporter))
    both = (200, "2 workers consume queue 'celery'")
    wait_until(lambda: asked(exporter, "?queue=celery") == both, 20,
               what=lambda: asked(exporter, "?queue=celery"))

    assert asked(exporter, "?min=2")[0] == 200
    assert asked(exporter, "?min=3") == (503, "2 workers are alive, 3 wanted")
    for quoted in ("a+b", "a%20b"):
        assert asked(exporter, f"?queue={quoted}") == (
            200, "1 worker consumes queue 'a b'")
    assert asked(exporter, "?min=2&queue=a+b") == (
        503, "1 worker consumes queue 'a b', 2 wanted")
    assert asked(exporter, "?queue=none") == (
        503, "queue 'none' is not known: no worker consumes it, or workers "
        "cannot be asked")
    assert asked(exporter, method="HEAD") == (200, "")

    first.stop()
    wait_until(lambda: asked(exporter, "?queue=a+b") == (
        503, "no worker consumes queue 'a b'"), 20)
    assert asked(exporter) == (200, "1 worker is alive")


@pytest.mark.sanitized
def test_check_refuses_what_it_does_not_understand(exporter):
    for query, why in (
            ("?min=0", "min is '0' and not a number from 1 to 1000000"),
            ("?min=two", "min is 'two' and not a number from 1 to 1000000"),
            ("?min=1&min=2", "min is given twice"),
            ("?queue=", "queue is empty"),
            ("?queu=x", "there is no parameter 'queu', only min and queue")):
        assert asked(exporter, query) == (400, why), query
    nasty = urllib.parse.quote("x\r\nSet-Cookie: a=b\x1b[2J<script>")
    status, line = asked(exporter, f"?queue={nasty}")
    assert status == 503
    assert "\x1b" not in line and "\r" not in line

    for code, n in (("400", 5), ("503", 1), ("200", 0)):
        exporter.wait_value(n, "celery_exporter_http_requests_total", code=code,
                            handler="workers")


@pytest.mark.sanitized
def test_check_answers_from_memory_while_the_broker_is_away(
        run_exporter, publisher, redis_server):
    exporter = run_exporter()
    publisher.send(Sender("w1@host-a").heartbeat())
    publisher.settle(exporter)
    assert asked(exporter) == (200, "1 worker is alive")

    redis_server.stop()

    wait_until(lambda: asked(exporter)[1].startswith(
        "1 worker is alive; the broker has been away for "))
    status, line = asked(exporter)
    assert status == 200
    assert line.endswith(" s, this is what was known before")


def test_index_page_leads_to_the_check(exporter):
    assert 'href="/-/workers"' in exporter.get("/").text
