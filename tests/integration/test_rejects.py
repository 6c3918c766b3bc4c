"""Messages and fields that cannot be used: refused by reason, and nothing
valid is lost with them."""
import json
import zlib

import pytest

from support.events import Sender, envelope, task_id
from support.exporter import SANITIZED

pytestmark = pytest.mark.sanitized

REJECTED = "celery_exporter_events_rejected_total"


def refused(page):
    return {labels["reason"]: value for labels, value
            in page.select(REJECTED) if value}


def good():
    return Sender("w1@host-a").received(task_id(), "demo.add")


def wrapped(body, **changes):
    return json.dumps(envelope(body, **changes)).encode()


def with_properties(body, **properties):
    message = envelope(body)
    message["properties"].update(properties)
    return json.dumps(message).encode()


GOOD = json.dumps(good()).encode()
PAYLOADS = {
    "no json": (b"not json", "envelope"),
    "empty": (b"", "envelope"),
    "a list": (b"[]", "envelope"),
    "no body": (b"{}", "envelope"),
    "cut short": (wrapped(GOOD)[:-200], "envelope"),
    "binary": (bytes(range(256)), "envelope"),
    "base64 garbage": (json.dumps({**envelope(GOOD), "body": "%%%%"}).encode(),
                       "encoding"),
    "base64 without its end": (
        json.dumps({**envelope(GOOD), "body": envelope(GOOD)["body"][:-3]}
                   ).encode(), "encoding"),
    "unknown body encoding": (with_properties(GOOD, body_encoding="rot13"),
                              "encoding"),
    "utf-16": (wrapped(GOOD, **{"content-encoding": "utf-16"}), "encoding"),
    "compressed": (wrapped(zlib.compress(GOOD), headers={
        "hostname": "w1@host-a", "compression": "application/x-gzip"}),
        "compression"),
    "pickle": (wrapped(b"\x80\x04.", **{
        "content-type": "application/x-python-serialize",
        "content-encoding": "binary"}), "content_type"),
    "yaml": (wrapped(b"type: task-sent\n",
                     **{"content-type": "application/x-yaml"}),
             "content_type"),
    "body no json": (wrapped(b"{type}"), "json"),
    "body cut short": (wrapped(GOOD[:-20]), "json"),
    "empty body": (wrapped(b""), "json"),
    "broken msgpack": (wrapped(b"\x82\xa4type", **{
        "content-type": "application/x-msgpack",
        "content-encoding": "binary"}), "msgpack"),
    "a number": (wrapped(b"3"), "shape"),
    "a string": (wrapped(b'"task-sent"'), "shape"),
    "an empty event": (wrapped(b"{}"), "shape"),
}


@pytest.mark.parametrize("title", PAYLOADS)
def test_message_is_refused_and_its_neighbours_count(exporter, publisher,
                                                     title):
    payload, reason = PAYLOADS[title]

    publisher.send(good())
    publisher.payload(payload)
    publisher.send(good())

    page = publisher.settle(exporter)
    assert refused(page) == {reason: 1}
    assert page.sum("celery_task_received_total") == 2
    assert page.value("celery_exporter_broker_up") == 1


def without(event, field):
    return {k: v for k, v in event.items() if k != field}


EVENTS = {
    "no type": (without(good(), "type"), "type"),
    "type null": ({**good(), "type": None}, "type"),
    "no hostname": (without(good(), "hostname"), "hostname"),
    "hostname a number": ({**good(), "hostname": 7}, "hostname"),
    "no uuid": (without(good(), "uuid"), "uuid"),
    "a scalar": (17, "shape"),
    "a list in the list": ([], "shape"),
}


@pytest.mark.parametrize("title", EVENTS)
def test_event_is_refused_and_the_rest_of_its_list_counts(exporter, publisher,
                                                          title):
    event, reason = EVENTS[title]

    publisher.send_list([good(), event, good()])

    page = publisher.settle(exporter)
    assert refused(page) == {reason: 1}
    assert page.sum("celery_task_received_total") == 2


RUNTIMES = [-5, "1", True, None, [], 1e10, float("nan"), float("inf")]


@pytest.mark.parametrize("runtime", RUNTIMES, ids=str)
def test_runtime_that_is_none_is_left_out_of_the_histogram(exporter, publisher,
                                                           runtime):
    worker, task = Sender("w1@host-a"), task_id()

    publisher.send(worker.received(task, "demo.add"),
                   worker.succeeded(task, runtime=runtime))

    page = publisher.settle(exporter)
    assert page.sum("celery_task_succeeded_total") == 1
    assert page.sum("celery_task_runtime_count") == 0
    assert refused(page) == {"runtime": 1}


@pytest.mark.parametrize("timestamp", ["soon", None, float("nan"), {}], ids=str)
def test_timestamp_that_is_none_does_not_lose_the_event(exporter, publisher,
                                                        timestamp):
    event = {**good(), "timestamp": timestamp}

    publisher.send(event)

    page = publisher.settle(exporter)
    assert page.sum("celery_task_received_total") == 1
    assert refused(page) == {"timestamp": 1}


def test_message_over_the_limit_is_skipped(run_exporter, publisher):
    exporter = run_exporter("--event-max-bytes", "8192")

    publisher.send(good())
    publisher.send({**good(), "type": "task-failed", "exception": "E('x')",
                    "traceback": "x" * 100_000})
    publisher.send(good())

    page = publisher.settle(exporter)
    assert refused(page) == {"size": 1}
    assert page.sum("celery_task_received_total") == 2


@pytest.mark.skipif(SANITIZED, reason="measures memory")
def test_message_of_sixteen_megabytes_costs_no_lasting_memory(exporter,
                                                              publisher):
    before = exporter.resident_bytes()

    for _ in range(4):
        publisher.payload(b"x" * (16 << 20))
        publisher.send(good())
        page = publisher.settle(exporter)
        # At most what the socket gave in one go, and that is bounded.
        grown = page.value("process_resident_memory_bytes") - before
        assert grown < 32 << 20, grown

    assert refused(page) == {"size": 4}
    exporter.wait_for(lambda p: p.value("process_resident_memory_bytes")
                      < before + (8 << 20))


def test_reasons_are_all_there_from_the_start(exporter):
    reasons = {labels["reason"] for labels, value
               in exporter.page().select(REJECTED) if value == 0}

    assert reasons == {"size", "envelope", "encoding", "compression",
                       "content_type", "json", "msgpack", "shape", "type",
                       "hostname", "uuid", "runtime", "timestamp"}


def test_deep_nesting_is_skipped_and_the_event_counts(exporter, publisher):
    deep = json.dumps(good())[:-1] + ', "extra": ' + "[" * 50000 + "]" * 50000

    publisher.body(deep.encode() + b"}")

    page = publisher.settle(exporter)
    assert page.sum("celery_task_received_total") == 1


@pytest.mark.parametrize("raw", [
    b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xe2\x82", b"\x00\x1b[31m"],
    ids=repr)
def test_label_of_broken_text_keeps_the_page_readable(exporter, publisher, raw):
    body = json.dumps(good()).encode().replace(b"demo.add", b"demo." + raw)

    publisher.body(body)

    page = publisher.settle(exporter)
    names = page.values_of("name")
    assert len(names) <= 1
    for name in names:
        assert not any(ord(c) < 32 or ord(c) == 127 for c in name)
    assert page.sum("celery_task_received_total") + sum(
        refused(page).values()) == 1


def test_long_names_are_cut_and_stay_apart(exporter, publisher):
    worker = Sender("w1@host-a")

    publisher.send(worker.received(task_id(), "é" * 4000 + "1"),
                   worker.received(task_id(), "é" * 4000 + "2"))

    names = publisher.settle(exporter).values_of("name")
    assert len(names) == 2
    assert all(len(name.encode()) <= 256 for name in names)


def test_names_beyond_the_cap_share_the_overflow_series(run_exporter,
                                                        publisher):
    exporter = run_exporter("--max-label-values", "name=10")
    worker = Sender("w1@host-a")

    publisher.send_list(worker.received(task_id(), f"demo.{number}")
                        for number in range(200))

    page = publisher.settle(exporter)
    assert page.sum("celery_task_received_total") == 200
    assert len(page.values_of("name")) <= 12
    assert page.sum("celery_task_received_total", name="__other__") >= 188
    assert page.value("celery_exporter_series_overflow_total", label="name") > 0


def test_many_of_everything_leaves_a_page_within_its_limit(run_exporter,
                                                           publisher):
    exporter = run_exporter("--max-series", "3000")

    for host in range(50):
        worker = Sender(f"w@host-{host}")
        publisher.send_list(worker.received(task_id(), f"demo.{number}")
                            for number in range(100))

    page = publisher.settle(exporter, timeout=60)
    assert page.sum("celery_task_received_total") == 5000
    assert len(page.samples) < 3600
