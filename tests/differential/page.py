"""Pages as {sample: value}, the sample being its text with the labels."""
import functools

from arrivals import DUPLICATES, EVENTS, MESSAGES, REJECTED
from differences import (CANCELLED, FAILURE_RUNTIME, FAILURES, LAST_FAILURE,
                         LAST_SUCCESS, PREFETCH, REDELIVERED,
                         RETRY_EXCEPTIONS, REVOCATIONS, TRACKED)
from python_exporter import COUNTERS, RUNTIME, WAIT, WORKER_ACTIVE, WORKER_UP
from workers import LOST

RUNTIME_BOUNDS = {"0.1": 0.1, "1.0": 1, "10.0": 10, "+Inf": float("inf")}
WAIT_BOUNDS = {"0.5": 0.5, "5.0": 5, "60.0": 60, "+Inf": float("inf")}
HISTOGRAMS = {RUNTIME: RUNTIME_BOUNDS, FAILURE_RUNTIME: RUNTIME_BOUNDS,
              WAIT: WAIT_BOUNDS, PREFETCH: WAIT_BOUNDS}
FAMILIES = [
    *COUNTERS.values(), *HISTOGRAMS, WORKER_UP, WORKER_ACTIVE, LOST, CANCELLED,
    FAILURES, REDELIVERED, REVOCATIONS, RETRY_EXCEPTIONS, LAST_SUCCESS,
    LAST_FAILURE, MESSAGES, EVENTS, REJECTED, DUPLICATES, TRACKED]
# All there from the start, at 0; the oracle has those that were counted.
FIXED = (EVENTS, REJECTED)


def escape(value):
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r'\"')


@functools.lru_cache(maxsize=100000)
def sample(name, labels):
    text = ",".join(f'{key}="{escape(value)}"' for key, value in labels)
    return f"{name}{{{text}}}" if labels else name


def histogram(family, labels, values):
    for text, bound in HISTOGRAMS[family].items():
        with_bound = tuple(sorted((*labels, ("le", text))))
        yield (sample(family + "_bucket", with_bound),
               sum(value <= bound for value in values))
    yield sample(family + "_count", labels), len(values)
    yield sample(family + "_sum", labels), sum(values)


def render(numbers):
    page = {}
    for (family, labels), value in numbers.items():
        if family in HISTOGRAMS:
            page.update(histogram(family, labels, value))
        else:
            page[sample(family, labels)] = value
    return page


def parse(lines):
    page = {}
    for line in lines:
        name, value = line.rsplit(" ", 1)
        value = float(value)
        if value or not name.startswith(FIXED):
            page[name] = value
    return page


def equal(one, other):
    return abs(one - other) <= 1e-6 * max(1.0, abs(one), abs(other)) \
        if abs(one) < 1e6 else one == other


def compare(expected, shown):
    """The differing samples, a line each."""
    lines = []
    for name in sorted(expected.keys() | shown.keys()):
        one, other = expected.get(name), shown.get(name)
        if one is None or other is None or not equal(one, other):
            lines.append(f"{name}: expected {one}, shown {other}")
    return lines
