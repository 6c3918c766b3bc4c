"""What each sequence of events means for the counters. The sequences are those
that real workers send; the comments name what makes them do so."""
import time

import pytest

from support.brokers import WAYS
from support.events import Sender, task_id
from support.wait import stays

pytestmark = pytest.mark.sanitized
# What depends on how messages are carried; the rest is the same behind that.
on_every_broker = pytest.mark.parametrize("broker", WAYS, indirect=True)

KINDS = ("sent", "received", "started", "succeeded", "failed", "rejected",
         "revoked", "retried", "cancelled")
HOST = "host-a"


def counter(page, kind, name="demo.add", hostname=HOST, queue="celery"):
    family = f"celery_task_{kind}_total"
    return page.sum(family, name=name, hostname=hostname, queue_name=queue)


def counts(page, name="demo.add"):
    found = {kind: page.sum(f"celery_task_{kind}_total", name=name)
             for kind in KINDS}
    return {kind: value for kind, value in found.items() if value}


def run(sender, task, *, name="demo.add", client=None, queue="celery"):
    """A task that ran well, from sending to success."""
    sent = [(client or sender).sent(task, name, queue)]
    return sent + [sender.received(task, name), sender.started(task),
                   sender.succeeded(task)]


# One task id each; every event counts, under the name that sent or received
# gave it.
SEQUENCES = {
    "success": "sent received started succeeded",
    "failure": "sent received started failed",
    "retry": "sent received started sent retried received started succeeded",
    "retry whose next run is received first":
        "sent received started sent received retried started succeeded",
    "retries exhausted":
        "sent received started sent retried received started failed",
    "Ignore, or MemoryError": "sent received started",
    "Reject with acks_late": "sent received started rejected",
    "Reject reported as failure too": "sent received started failed rejected",
    "Reject with requeue":
        "sent received started rejected received started succeeded",
    "child process dies, requeued":
        "sent received started rejected received started succeeded",
    "hard time limit, reported twice": "sent received started failed failed",
    "expired on arrival": "sent revoked",
    "revoked before start": "sent received revoked",
    "terminated": "sent received started revoked",
    "terminated, as Celery before 5.1 says it":
        "sent received started revoked revoked",
    "cancelled by a cold shutdown": "sent received started cancelled",
    "events switched off on the worker": "sent",
    "worker killed, redelivered":
        "sent received started received started succeeded",
    "received before sent": "received sent started succeeded",
    "started before sent": "received started sent succeeded",
    "started lost": "sent received succeeded",
    "received lost": "sent started succeeded",
}


def sequence(worker, client, task, words):
    for word in words.split():
        if word == "sent":
            yield client.sent(task, "demo.add")
        elif word == "received":
            yield worker.received(task, "demo.add")
        elif word == "cancelled":
            yield worker.event("task-cancelled", task)
        else:
            yield getattr(worker, word)(task)


def occurrences(words):
    kinds = words.split()
    return {kind: kinds.count(kind) for kind in kinds}


@on_every_broker
@pytest.mark.parametrize("batched", [False, True], ids=["single", "list"])
def test_every_event_of_every_sequence_counts_once(exporter, publisher, batched):
    worker, client = Sender("w1@host-a"), Sender("gen77@client")
    wanted = {}

    for words in SEQUENCES.values():
        events = list(sequence(worker, client, task_id(), words))
        if batched:
            publisher.send_list(events)
        else:
            publisher.send(*events)
        for kind, count in occurrences(words).items():
            wanted[kind] = wanted.get(kind, 0) + count

    exporter.wait_for(lambda page: counts(page) == wanted)


@pytest.mark.parametrize("title", SEQUENCES)
def test_sequence(exporter, publisher, title):
    worker, client = Sender("w1@host-a"), Sender("gen77@client")
    words = SEQUENCES[title]

    publisher.send_list(sequence(worker, client, task_id(), words))

    page = exporter.wait_for(lambda page: counts(page) == occurrences(words))
    assert "None" not in page.values_of("name")
    assert page.values_of("queue_name") <= {"celery"}


def test_unknown_task_fails_without_a_name(exporter, publisher):
    worker = Sender("w1@host-a")

    publisher.send(worker.event("task-failed", task_id(),
                                exception="NotRegistered('demo.nosuch')"))

    exporter.wait_value(1, "celery_task_failed_total", name="None",
                        hostname=HOST, queue_name="celery",
                        exception="NotRegistered")


def test_replaced_task_counts_under_both_names(exporter, publisher):
    worker, task = Sender("w1@host-a"), task_id()

    publisher.send(worker.received(task, "demo.old"), worker.started(task),
                   worker.received(task, "demo.new"), worker.started(task),
                   worker.succeeded(task))

    page = publisher.settle(exporter)
    assert counts(page, "demo.old") == {"received": 1, "started": 1}
    assert counts(page, "demo.new") == {"received": 1, "started": 1,
                                        "succeeded": 1}


def test_shadow_name_is_that_of_the_worker(exporter, publisher):
    worker, client, task = Sender("w1@host-a"), Sender("gen1@client"), task_id()

    publisher.send(client.sent(task, "demo.real"),
                   worker.received(task, "demo.shadow"), worker.started(task))

    page = publisher.settle(exporter)
    assert counts(page, "demo.real") == {"sent": 1}
    assert counts(page, "demo.shadow") == {"received": 1, "started": 1}


def test_custom_task_events_change_no_counter_of_the_task(exporter, publisher):
    worker, task = Sender("w1@host-a"), task_id()

    publisher.send(worker.event("task-progress", task, current=1),
                   worker.received(task, "demo.add"), worker.started(task),
                   worker.event("task-progress", task, current=2))

    page = publisher.settle(exporter)
    assert counts(page) == {"received": 1, "started": 1}
    assert page.value("celery_exporter_events_total", event="other") == 3


@on_every_broker
def test_empty_list_is_a_message_without_events(exporter, publisher):
    before = exporter.page().value("celery_exporter_messages_total")

    publisher.send_list([])

    page = publisher.settle(exporter)
    assert page.value("celery_exporter_messages_total") == before + 2
    assert page.sum("celery_exporter_events_rejected_total") == 0


# Task names and texts.

@on_every_broker
@pytest.mark.parametrize("name", [
    "tâches.été☃", 'weird"quoted\\back{slash}\nnl', "a b,c=d", "💥"])
def test_task_name_of_any_character_survives(exporter, publisher, name):
    worker = Sender("w1@host-a")

    publisher.send(worker.received(task_id(), name))

    page = publisher.settle(exporter)
    assert page.value("celery_task_received_total", name=name, hostname=HOST,
                      queue_name="celery") == 1


@on_every_broker
def test_values_that_python_writes_and_json_forbids_lose_nothing(exporter,
                                                                 publisher):
    worker, task = Sender("w1@host-a"), task_id()
    failed = worker.failed(task, exception="ValueError('lone \ud800 and \0')",
                           progress=float("nan"), limit=float("-inf"),
                           big=2 ** 70)

    publisher.send(worker.received(task, "demo.add"), failed)

    page = publisher.settle(exporter)
    assert counter(page, "failed") == 1
    assert page.sum("celery_exporter_events_rejected_total") == 0


EXCEPTIONS = [
    ("KeyError('x')", "", "KeyError"),
    ("requests.exceptions.HTTPError('x')", "", "HTTPError"),
    ("<AngleReprError code=5>", "", "AngleReprError"),
    ("Ünïcode错误('m')", "", "Ünïcode错误"),
    ("something went wrong (really) [why]",
     "  File \"x\", line 1\n    raise\nmy.errors.FreeText: why\n", "FreeText"),
    ("ExceptionWithTraceback()",
     "\nbilliard.exceptions.WorkerLostError: Worker exited\n",
     "WorkerLostError"),
    ("1 validation error for Order\nfield required",
     "  File \"x\", line 1\n    raise\npydantic.ValidationError: 1 error\n",
     "ValidationError"),
    ("RuntimeError('a(b)c) Foo(bar)')", "", "RuntimeError"),
    ("no class at all", "", "UnknownException"),
]


@pytest.mark.parametrize("text,traceback,wanted", EXCEPTIONS,
                         ids=[row[2] for row in EXCEPTIONS])
def test_exception_class(exporter, publisher, text, traceback, wanted):
    worker, task = Sender("w1@host-a"), task_id()

    publisher.send(worker.received(task, "demo.add"),
                   worker.failed(task, text, traceback=traceback))

    page = publisher.settle(exporter)
    assert page.value("celery_task_failed_total", name="demo.add",
                      hostname=HOST, queue_name="celery", exception=wanted) == 1


def test_first_failure_is_an_increase(exporter, publisher):
    worker, task = Sender("w1@host-a"), task_id()

    publisher.send(worker.received(task, "demo.add"))
    page = publisher.settle(exporter)

    assert page.value("celery_task_failures_total", name="demo.add") == 0
    publisher.send(worker.failed(task))
    exporter.wait_value(1, "celery_task_failures_total", name="demo.add")


# Hosts and queues.

def test_sent_makes_no_worker_counters_for_the_client(exporter, publisher):
    publisher.send(Sender("gen9@client").sent(task_id(), "demo.add"))

    page = publisher.settle(exporter)
    assert counter(page, "sent", hostname="client") == 1
    for kind in KINDS[1:]:
        assert page.select(f"celery_task_{kind}_total", hostname="client") == []


def test_worker_event_makes_the_other_worker_counters_at_zero(exporter,
                                                              publisher):
    publisher.send(Sender("w1@host-a").received(task_id(), "demo.add"))

    page = publisher.settle(exporter)
    labels = {"name": "demo.add", "hostname": HOST, "queue_name": "celery"}
    for kind in ("started", "succeeded", "rejected", "revoked", "retried"):
        assert page.value(f"celery_task_{kind}_total", **labels) == 0
    assert page.value("celery_task_failed_total", exception="", **labels) == 0


def test_each_event_counts_on_the_host_that_sent_it(exporter, publisher):
    task = task_id()
    first, second = Sender("w1@host-a"), Sender("w1@host-b")
    client = Sender("gen5@client")

    publisher.send(first.received(task, "demo.add"),
                   client.sent(task, "demo.add"),
                   first.started(task), second.received(task, "demo.add"),
                   second.started(task), second.succeeded(task))

    page = publisher.settle(exporter)
    assert counter(page, "received", hostname="host-a") == 1
    assert counter(page, "started", hostname="host-a") == 1
    assert counter(page, "succeeded", hostname="host-a") == 0
    assert counter(page, "succeeded", hostname="host-b") == 1
    assert counter(page, "received", hostname="client") == 0


def test_queue_comes_from_the_sent_event(exporter, publisher):
    worker, client = Sender("w1@host-a"), Sender("gen5@client")

    publisher.send(*run(worker, task_id(), client=client, queue="slow.q"))

    page = publisher.settle(exporter)
    for kind in ("received", "started", "succeeded"):
        assert counter(page, kind, queue="slow.q") == 1


def test_routing_key_of_delayed_delivery_is_no_queue(exporter, publisher):
    client = Sender("gen5@client")

    publisher.send(client.sent(task_id(), "demo.add", queue=None,
                               exchange="celery_delayed_27",
                               routing_key="0.0.1.1.celery"))

    page = publisher.settle(exporter)
    assert page.values_of("queue_name") == {"celery"}


def test_default_queue_name_where_none_is_known(run_exporter, publisher):
    exporter = run_exporter("--default-queue-name", "unknown")

    publisher.send(Sender("w1@host-a").received(task_id(), "demo.add"))

    assert counter(publisher.settle(exporter), "received", queue="unknown") == 1


def test_late_queue_is_waited_for_where_the_name_has_sent_events(exporter,
                                                                 publisher):
    worker, client, task = Sender("w1@host-a"), Sender("gen5@client"), task_id()
    publisher.send(client.sent(task_id(), "demo.add", queue="slow.q"))

    publisher.send(worker.received(task, "demo.add"), worker.started(task))
    publisher.send(client.sent(task, "demo.add", queue="slow.q"))

    page = publisher.settle(exporter)
    assert counter(page, "received", queue="slow.q") == 1
    assert counter(page, "started", queue="slow.q") == 1
    assert page.values_of("queue_name") == {"slow.q"}


def test_name_that_comes_late_is_waited_for(exporter, publisher):
    worker, task = Sender("w1@host-a"), task_id()

    publisher.send(worker.started(task))
    page = exporter.wait_for(lambda p: p.sum(
        "celery_exporter_events_total", event="task-started") == 1)
    assert "None" not in page.values_of("name")
    publisher.send(worker.received(task, "demo.add"))

    page = publisher.settle(exporter)
    assert counts(page) == {"received": 1, "started": 1}
    assert "None" not in page.values_of("name")


def test_name_that_never_comes_counts_as_none_after_the_grace(exporter,
                                                              publisher):
    publisher.send(Sender("w1@host-a").started(task_id()))

    exporter.wait_value(1, "celery_task_started_total", name="None",
                        hostname=HOST, queue_name="celery", timeout=5)


def test_without_name_grace_it_counts_at_once(run_exporter, publisher):
    exporter = run_exporter("--name-grace", "0")

    publisher.send(Sender("w1@host-a").started(task_id()))

    assert counter(publisher.settle(exporter), "started", name="None") == 1


# Repeats.

@on_every_broker
def test_exact_repeat_counts_once(exporter, publisher):
    worker, task = Sender("w1@host-a"), task_id()
    received, started = worker.received(task, "demo.add"), worker.started(task)

    publisher.send(received, started)
    publisher.send_list([received, started])

    page = publisher.settle(exporter)
    assert counts(page) == {"received": 1, "started": 1}
    assert page.value("celery_exporter_events_duplicate_total") == 2


def test_second_terminal_event_of_a_run_counts(exporter, publisher):
    worker, task = Sender("w1@host-a"), task_id()

    publisher.send(worker.received(task, "demo.add"), worker.failed(task),
                   worker.failed(task))

    page = publisher.settle(exporter)
    assert counter(page, "failed") == 2
    assert page.value("celery_exporter_events_duplicate_total") == 0


def test_same_clock_of_another_process_is_no_repeat(exporter, publisher):
    task = task_id()
    first, second = Sender("w1@host-a", pid=1), Sender("w1@host-a", pid=2)

    publisher.send(first.received(task, "demo.add"),
                   second.received(task, "demo.add"))

    assert counter(publisher.settle(exporter), "received") == 2


def test_redelivered_task_is_told_from_a_retry(exporter, publisher):
    first, second, task = Sender("w1@host-a"), Sender("w2@host-b"), task_id()

    publisher.send(first.received(task, "demo.add"), first.started(task),
                   second.received(task, "demo.add"), second.started(task))

    page = publisher.settle(exporter)
    assert page.sum("celery_task_redelivered_total", name="demo.add") == 1


def test_retry_and_requeue_are_no_redelivery(exporter, publisher):
    worker, task, other = Sender("w1@host-a"), task_id(), task_id()

    publisher.send(worker.received(task, "demo.add"), worker.started(task),
                   worker.retried(task), worker.received(task, "demo.add"),
                   worker.started(task))
    publisher.send(worker.received(other, "demo.add"), worker.started(other),
                   worker.rejected(other, requeue=True),
                   worker.received(other, "demo.add"), worker.started(other))

    page = publisher.settle(exporter)
    assert page.sum("celery_task_redelivered_total") == 0


# Causes.

def test_revocations_by_reason(exporter, publisher):
    worker = Sender("w1@host-a")
    tasks = [task_id() for _ in range(3)]

    publisher.send(*[worker.received(task, "demo.add") for task in tasks])
    publisher.send(worker.revoked(tasks[0], expired=True),
                   worker.revoked(tasks[1], terminated=True, signum="15"),
                   worker.revoked(tasks[2]))

    page = publisher.settle(exporter)
    for reason in ("expired", "terminated", "revoked"):
        assert page.value("celery_task_revocations_total", name="demo.add",
                          queue_name="celery", reason=reason) == 1


def test_retries_by_exception(exporter, publisher):
    worker, task = Sender("w1@host-a"), task_id()

    publisher.send(worker.received(task, "demo.add"),
                   worker.retried(task, "ConnectionError('away')"))

    page = publisher.settle(exporter)
    assert page.value("celery_task_retry_exceptions_total", name="demo.add",
                      queue_name="celery", exception="ConnectionError") == 1


def test_retry_of_old_celery_takes_the_class_from_the_traceback(exporter,
                                                                publisher):
    worker, task = Sender("w1@host-a"), task_id()
    retried = worker.event(
        "task-retried", task, exception=None, traceback="Traceback:\n  File\n"
        "celery.exceptions.Retry: Retry in 0.3s: ValueError('try 0')\n")
    retried["exception"] = "None"

    publisher.send(worker.received(task, "demo.add"), retried)

    page = publisher.settle(exporter)
    assert page.value("celery_task_retry_exceptions_total", name="demo.add",
                      queue_name="celery", exception="ValueError") == 1


# Times.

def test_runtime_is_observed_for_successes_only(exporter, publisher):
    worker, task, other = Sender("w1@host-a"), task_id(), task_id()

    publisher.send(*run(worker, task)[1:])
    publisher.send(worker.received(other, "demo.add"), worker.failed(other))

    page = publisher.settle(exporter)
    labels = {"name": "demo.add", "hostname": HOST, "queue_name": "celery"}
    assert page.value("celery_task_runtime_count", **labels) == 1
    assert page.value("celery_task_runtime_sum", **labels) == 0.25
    assert page.value("celery_task_runtime_bucket", le="0.1", **labels) == 0
    assert page.value("celery_task_runtime_bucket", le="0.25", **labels) == 1
    assert page.value("celery_task_runtime_bucket", le="+Inf", **labels) == 1


def test_last_success_and_failure_are_remembered(exporter, publisher):
    worker, good, bad = Sender("w1@host-a"), task_id(), task_id()
    now = time.time()

    publisher.send(worker.received(good, "demo.add"), worker.succeeded(good),
                   worker.received(bad, "demo.add"), worker.failed(bad))

    page = publisher.settle(exporter)
    for what in ("success", "failure"):
        value = page.value(f"celery_task_last_{what}_timestamp_seconds",
                           name="demo.add", queue_name="celery")
        assert abs(value - now) < 10


def test_oldest_waiting_task_is_shown_until_it_starts(exporter, publisher):
    worker, client, task = Sender("w1@host-a"), Sender("gen5@client"), task_id()
    then = time.time() - 100

    publisher.send(client.sent(task, "demo.add", timestamp=then))
    page = publisher.settle(exporter)

    family = "celery_queue_oldest_task_timestamp_seconds"
    assert page.value(family, queue_name="celery") == int(then)
    publisher.send(worker.received(task, "demo.add"), worker.started(task))
    exporter.wait_for(lambda p: p.select(family) == [])


def test_task_that_waits_for_its_eta_does_not_age(exporter, publisher):
    client = Sender("gen5@client")

    publisher.send(client.sent(task_id(), "demo.add",
                               eta="2999-01-01T00:00:00+00:00"))

    page = publisher.settle(exporter)
    assert page.select("celery_queue_oldest_task_timestamp_seconds") == []


def test_label_of_a_purged_worker_does_not_take_a_queue_with_it(run_exporter,
                                                                publisher):
    exporter = run_exporter("--worker-timeout", "1",
                            "--purge-offline-worker-metrics", "1")
    worker, client = Sender("w1@host-a"), Sender("gen5@client")

    publisher.send(worker.online(), worker.offline(),
                   client.sent(task_id(), "demo.add", queue="host-a"))
    assert publisher.settle(exporter).select("celery_worker_up")

    exporter.wait_for(lambda p: p.select("celery_worker_up") == [])
    page = exporter.page()
    assert counter(page, "sent", hostname="client", queue="host-a") == 1


@on_every_broker
def test_name_stays_known_while_others_come_and_go(exporter, publisher):
    worker, task = Sender("w1@host-a"), task_id()
    publisher.send(worker.received(task, "demo.slow"))

    for _ in range(40):
        publisher.send_list([event for _ in range(300) for event
                             in run(worker, task_id())[1:]])
    publisher.send(worker.started(task), worker.succeeded(task))

    page = publisher.settle(exporter, timeout=60)
    assert counts(page, "demo.slow") == {"received": 1, "started": 1,
                                         "succeeded": 1}
    assert counter(page, "succeeded") == 12000
    assert "None" not in page.values_of("name")


def test_counting_stops_with_the_events(exporter, publisher):
    worker, task = Sender("w1@host-a"), task_id()
    publisher.send(*run(worker, task)[1:])
    publisher.settle(exporter)

    stays(lambda: counts(exporter.page()) == {"received": 1, "started": 1,
                                              "succeeded": 1}, 2.5)
