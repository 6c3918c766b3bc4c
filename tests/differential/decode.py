"""Bodies of messages as events and refusals.

A field that is not of its type counts as absent, and so does an empty name;
the Python exporter would show the text of whatever it is, or end."""
import datetime
import json
import math
import re

TASK_EVENTS = {"task-sent", "task-received", "task-started", "task-succeeded",
               "task-failed", "task-rejected", "task-revoked", "task-retried",
               "task-cancelled"}
WORKER_EVENTS = {"worker-online", "worker-heartbeat", "worker-offline"}
TEXTS = ("type", "hostname", "uuid", "name", "queue", "exception", "traceback")
INTEGERS = ("pid", "clock", "retries", "active")
FLAGS = ("terminated", "expired", "requeue")
YEAR_2100 = 4102444800
THIRTY_YEARS = 1e9

# What cannot stand in a text of UTF-8, or ends one in C.
UNFIT = re.compile("[\0\ud800-\udfff]")


def elements_of(body):
    """(what could be read of the body, whether all of it could): of a list
    that breaks off, the elements before."""
    text = body.decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except ValueError:
        return list(elements_before_break(text)), False
    return (value if isinstance(value, list) else [value]), True


def elements_before_break(text):
    decoder = json.JSONDecoder()
    at = 1 if text.startswith("[") else len(text)
    while at < len(text):
        while at < len(text) and text[at] in ", ":
            at += 1
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError:
            return
        yield value


def number_of(value):
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)


def within(value, limit):
    value = number_of(value)
    return value if value is not None and 0 <= value <= limit else None


def eta_of(text):
    """ISO 8601 as Unix seconds; None for anything else."""
    try:
        time = datetime.datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=datetime.timezone.utc)
    return time.timestamp()


def fields_of(element):
    """The fields that are used, where they are of their types."""
    event = {}
    for key in TEXTS:
        if isinstance(element.get(key), str):
            event[key] = UNFIT.sub("\ufffd", element[key])
    for key in INTEGERS:
        value = element.get(key)
        if isinstance(value, int) and not isinstance(value, bool) \
                and -2**63 <= value < 2**63:
            event[key] = value
    for key in FLAGS:
        event[key] = element.get(key) is True
    for key in ("name", "queue"):
        if event.get(key) == "":
            del event[key]
    return event


def event_of(element):
    """(event or None, [reasons of refusal])."""
    if not isinstance(element, dict) or not element:
        return None, ["shape"]
    event = fields_of(element)
    kind = event.get("type")
    if kind is None:
        return None, ["type"]
    if kind not in TASK_EVENTS | WORKER_EVENTS:
        return {**event, "type": "other"}, timestamp_refusals(element)
    if "hostname" not in event:
        return None, ["hostname"]
    if kind in TASK_EVENTS and "uuid" not in event:
        return None, ["uuid"]
    refusals = timestamp_refusals(element)
    event["timestamp"] = within(element.get("timestamp"), YEAR_2100)
    if event["timestamp"] is None:
        event["timestamp"] = math.nan
    if kind == "task-succeeded":
        event["runtime"] = within(element.get("runtime"), THIRTY_YEARS)
        if event["runtime"] is None:
            refusals.append("runtime")
    # Celery always tells the ETA, so one that is absent is none.
    if kind in ("task-sent", "task-received"):
        event["eta"] = eta_of(element.get("eta"))
    return event, refusals


def timestamp_refusals(element):
    timestamp = within(element.get("timestamp"), YEAR_2100)
    return ["timestamp"] if timestamp is None else []


def decode(body):
    """Yields (event or None, [reasons]) for each element, and for a break."""
    elements, whole = elements_of(body)
    for element in elements:
        yield event_of(element)
    if not whole:
        yield None, ["json"]
