"""Recorded traffic of real workers, published again: the counts must come out
exactly as they were recorded."""
import collections
import gzip
import json
import pathlib

import pytest

from support.events import Publisher
from support.exporter import SANITIZED
from support.wait import wait_until

pytestmark = pytest.mark.sanitized

CAPTURES = pathlib.Path(__file__).resolve().parents[1] / "captures"
NAMES = sorted(path.parent.name for path in CAPTURES.glob("*/expected.json.gz"))
STANDARD = ("c526", "c553", "c562")
REFUSED = ("pickle", "yaml")

OPTIONS = {
    "customfanoutprefix": ["--broker-transport-option",
                           "fanout_prefix=/team{db}."],
    "nofanoutprefix": ["--broker-transport-option", "fanout_prefix=false"],
    "nofanoutpatterns": ["--broker-transport-option", "fanout_patterns=false"],
    "globalprefix": ["--broker-transport-option", "global_keyprefix=pfx:"],
    "eventexchange": ["--event-exchange", "myev"],
}

# self.replace() runs the task id a second time under another name. The table
# gives both starts to the second name; the first one ran under the first.
RENAMED = {
    ("task-started", "proto.add", "capture"): -1,
    ("task-started", "proto.replacer", "capture"): +1,
}
# Sent a second time by Celery, with the same clock.
REPEATED = {
    "msgpack": {("task-received", "proto.progress", "redis-msgpack"): -1,
                ("task-started", "proto.retry.twice", "redis-msgpack"): -1},
}

FAMILIES = {
    kind: "celery_task_%s_total" % kind.partition("-")[2]
    for kind in ("task-sent", "task-received", "task-started", "task-succeeded",
                 "task-failed", "task-rejected", "task-revoked", "task-retried",
                 "task-cancelled")}

EXCEPTIONS = {
    "angle": "AngleReprError", "badrepr": "BadReprError",
    "custom": "CustomError", "empty": "Exception",
    "freetext": "FreeTextReprError", "group": "ExceptionGroup",
    "hardlimit": "TimeLimitExceeded", "http": "OSError", "key": "KeyError",
    "lock": "HoldsLock", "long": "RuntimeError", "lost": "WorkerLostError",
    "nested": "InnerError", "oserror": "FileNotFoundError",
    "parens": "RuntimeError", "reprmodule": "ReprModuleError",
    "softlimit": "SoftTimeLimitExceeded", "surrogate": "ValueError",
    "sysexit": "WorkerLostError", "unicode": "ValueError",
    "unicodeclass": "Ünïcode错误", "unpicklable": "UnpicklableError",
    "value": "ValueError", "zerodiv": "ZeroDivisionError",
}
# What billiard 4.1 of Celery 5.2 says of exceptions that cannot be pickled.
EXCEPTIONS_526 = {"http": "MaybeEncodingError", "lock": "MaybeEncodingError",
                  "unpicklable": "MaybeEncodingError"}
OTHER_FAILURES = {
    "proto.nosuch": "NotRegistered", "proto.retry.auto": "ZeroDivisionError",
    "proto.retry.exhaust": "CustomError",
    "proto.retry.noexc": "MaxRetriesExceededError",
}
# retry() without an exception names none.
RETRIES = {
    ("proto.retry.auto", "ZeroDivisionError"): 1,
    ("proto.retry.elsewhere", "ValueError"): 1,
    ("proto.retry.exhaust", "CustomError"): 1,
    ("proto.retry.noexc", "Retry"): 1,
    ("proto.retry.twice", "ValueError"): 2,
}


class Capture:
    def __init__(self, name):
        self.name = name
        folder = CAPTURES / name
        with gzip.open(folder / "expected.json.gz") as file:
            self.expected = json.load(file)
        with gzip.open(folder / "events.resp.gz") as file:
            replies = list(read_replies(file))
        self.pattern = replies[0][1].decode()
        self.pushes = [(r[2], r[3]) for r in replies if r[0] == b"pmessage"]

    @property
    def db(self):
        """The database is the number in the channel, where there is one."""
        digits = "".join(c for c in self.pattern.split(".")[0] if c.isdigit())
        return int(digits or 9)

    def publisher(self, server):
        return Publisher(server.connect(), self.pattern.removesuffix("/*"),
                         self.pattern.endswith("/*"))

    def table(self):
        """{(type, name, host): count} as our counters must show it."""
        counts = collections.Counter()
        for row in self.expected["events"]:
            if row["type"] in FAMILIES:
                host = row["hostname"].partition("@")[2] or row["hostname"]
                counts[row["type"], row["name"] or "None", host] += row["count"]
        counts.update(RENAMED if self.name in STANDARD else {})
        counts.update(REPEATED.get(self.name, {}))
        return +counts

    def truth(self, signal):
        """{task name: how often the workers recorded this signal}"""
        counts = collections.Counter()
        for row in self.expected["truth"]:
            if row["signal"] == signal:
                counts[row["name"]] += row["count"]
        return counts


def read_replies(file):
    while True:
        line = file.readline()
        if not line.endswith(b"\r\n"):
            return
        yield [read_item(file) for _ in range(int(line[1:]))]


def read_item(file):
    line = file.readline()
    if line[:1] != b"$":
        return line[1:-2]
    return file.read(int(line[1:]) + 2)[:-2]


def counted(page):
    counts = collections.Counter()
    for kind, family in FAMILIES.items():
        for labels, value in page.select(family):
            counts[kind, labels["name"], labels["hostname"]] += int(value)
    return +counts


def by_name(counts, kind):
    found = collections.Counter()
    for (its_kind, name, _), count in counts.items():
        if its_kind == kind:
            found[name] += count
    return found


def differences(found, wanted):
    return {key: (found[key], wanted[key]) for key in found | wanted
            if found[key] != wanted[key]}


@pytest.fixture
def replay(redis_server, make_exporter):
    """Publishes a capture; returns the page once all of it is decoded, and
    the exporter."""
    def run(capture):
        exporter = make_exporter(redis_server.url(capture.db),
                                 *OPTIONS.get(capture.name, []))
        publisher = capture.publisher(redis_server)
        pipeline = publisher.client.pipeline(transaction=False)
        for channel, payload in capture.pushes:
            pipeline.publish(channel, payload)
        assert set(pipeline.execute()) == {1}, "every message has one reader"
        return exporter, publisher.settle(exporter)

    return run


@pytest.mark.parametrize("name", [n for n in NAMES if n not in REFUSED])
def test_counts_are_exactly_those_recorded(replay, name):
    capture = Capture(name)

    exporter, page = replay(capture)

    wanted = capture.table()
    last = []

    def equal():
        last[:] = [counted(exporter.page())]
        return last[0] == wanted

    wait_until(equal, 30 if SANITIZED else 6,
               what=lambda: differences(last[0], wanted))
    page = exporter.wait_for(lambda p: all_arrived(p, capture))
    repeated = -sum(REPEATED.get(name, {}).values())
    assert page.value("celery_exporter_events_duplicate_total") == repeated
    assert page.sum("celery_exporter_events_rejected_total") == 0
    assert_events_by_type(page, capture)
    assert_runtimes(page, capture)


def all_arrived(page, capture):
    """The mark at the end, too: others come before it."""
    return page.sum("celery_exporter_events_total") > sum(
        capture.expected["by_type"].values())


def assert_events_by_type(page, capture):
    wanted = collections.Counter()
    for kind, count in capture.expected["by_type"].items():
        known = kind in FAMILIES or kind.startswith("worker-")
        wanted[kind if known else "other"] += count
    wanted["other"] += 1  # the mark at the end
    found = {labels["event"]: value for labels, value
             in page.select("celery_exporter_events_total") if value}
    assert sum(found.values()) == sum(wanted.values())
    assert found == wanted


def assert_runtimes(page, capture):
    wanted = collections.Counter()
    for row in capture.expected["runtime_sum_by_name_host"]:
        wanted[row["name"] or "None",
               row["hostname"].partition("@")[2]] += row["sum"]
    for (name, host), seconds in wanted.items():
        found = page.sum("celery_task_runtime_sum", name=name, hostname=host)
        assert found == pytest.approx(seconds, rel=1e-9), (name, host)


@pytest.mark.parametrize("name", REFUSED)
def test_serializers_that_run_code_are_refused(replay, name):
    capture = Capture(name)

    _, page = replay(capture)

    assert page.value("celery_exporter_events_rejected_total",
                      reason="content_type") == len(capture.pushes)
    assert page.sum("celery_exporter_events_rejected_total") == len(
        capture.pushes)
    assert counted(page) == {}


@pytest.mark.parametrize("name", STANDARD)
def test_exception_classes_are_found_in_every_form(replay, name):
    capture = Capture(name)
    wanted = collections.Counter(OTHER_FAILURES.items())
    classes = {**EXCEPTIONS, **(EXCEPTIONS_526 if name == "c526" else {})}
    for row in capture.expected["events"]:
        if row["type"] == "task-failed":
            short = row["name"].partition("proto.fail.")[2]
            if short:
                wanted[row["name"], classes[short]] += row["count"]

    exporter, _ = replay(capture)
    page = exporter.wait_for(lambda p: p.sum("celery_task_failed_total")
                             == sum(wanted.values()))

    found = collections.Counter()
    for labels, value in page.select("celery_task_failed_total"):
        found[labels["name"], labels["exception"]] += int(value)
    assert +found == wanted
    retries = collections.Counter()
    for labels, value in page.select("celery_task_retry_exceptions_total"):
        retries[labels["name"], labels["exception"]] += int(value)
    assert +retries == RETRIES


@pytest.mark.parametrize("name", STANDARD + ("burst-prefork",))
def test_counts_agree_with_what_the_workers_say_they_ran(replay, name):
    capture = Capture(name)
    started, succeeded = capture.truth("prerun"), capture.truth("success")
    failed, retried = capture.truth("failure"), capture.truth("retry")
    if name in STANDARD:
        for counts in started, succeeded:
            # Sent with shadow=..., and with send_events=False.
            counts.update({"proto.echo": -1, "shadowed.name": 1,
                           "proto.silent": -2})
        # A MemoryError ends a task without event; an unknown task fails
        # without signal; 5.2 signals what cannot be pickled twice.
        failed.update({"proto.fail.memory": -1, "proto.nosuch": 1})
        if name == "c526":
            failed.subtract("proto.fail." + n for n in EXCEPTIONS_526)

    exporter, _ = replay(capture)
    page = exporter.wait_for(lambda p: p.sum("celery_task_started_total")
                             == sum(started.values()))

    counts = counted(page)
    assert by_name(counts, "task-started") == +started
    assert by_name(counts, "task-succeeded") == +succeeded
    assert by_name(counts, "task-failed") == +failed
    assert by_name(counts, "task-retried") == +retried


def test_revocations_are_told_apart(replay):
    exporter, page = replay(Capture("c562"))

    found = collections.Counter()
    for labels, value in page.select("celery_task_revocations_total"):
        found[labels["reason"]] += int(value)
    assert found == {"revoked": 2, "expired": 2, "terminated": 2}
