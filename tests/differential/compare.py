"""One stream through replay_events and through the oracle."""
import json
import subprocess

from decode import decode
from differences import Exporter
from page import FAMILIES, compare, parse, render
from python_exporter import COUNTERS, RUNTIME, WAIT, PythonExporter

# Of a plain stream these are the same as the Python exporter's, as far as
# they are not 0.
KEPT = (*COUNTERS.values(), RUNTIME, WAIT)


def replay_pages(replay, lines):
    """The pages that the stream asks for."""
    done = subprocess.run([replay, *FAMILIES], input=b"\n".join(lines) + b"\n",
                          stdout=subprocess.PIPE, check=True, timeout=300)
    page = []
    for line in done.stdout.decode().split("\n"):
        if line == "P":
            yield parse(page)
            page = []
        else:
            page.append(line)


def expected_pages(lines):
    exporter = None
    for line in lines:
        letter, _, rest = line.partition(b" ")
        if letter == b"R":
            exporter = Exporter()
            continue
        at, _, rest = rest.partition(b" ")
        exporter.advance(int(at))
        if letter == b"M":
            exporter.message(rest)
        elif letter == b"Q":
            exporter.worker_queue(*rest.decode().split("\t"))
        elif letter == b"L":
            *parts, started = rest.decode().split("\t")
            exporter.learn(*parts, float(started) if started else None)
        elif letter == b"P":
            yield render(exporter.page())


def python_pages(lines):
    """What the Python exporter itself would show, without anything of ours."""
    exporter = PythonExporter()
    for line in lines:
        if line.startswith(b"M "):
            for event, _ in decode(line.split(b" ", 2)[2]):
                exporter.event(event)
        elif line.startswith(b"P "):
            yield kept(render(exporter.numbers))


def kept(page):
    return {name: value for name, value in page.items()
            if value and name.startswith(KEPT)}


def differences_of(lines, plain, shown):
    """shown: the pages of this stream are taken from it."""
    found = []
    for expected in expected_pages(lines):
        page = next(shown)
        found += compare(expected, page)
        if plain:
            plain_page = next(plain)
            found += [f"Python exporter: {text}"
                      for text in compare(plain_page, kept(page))]
    return found


def differing(replay, lines, plain):
    """The samples that differ, a text each; also when it cannot run."""
    try:
        shown = replay_pages(replay, lines)
        return differences_of(lines, python_pages(lines) if plain else None,
                              shown)
    except subprocess.SubprocessError as error:
        return [str(error)]


def check_all(replay, streams):
    """The place of the first (lines, plain) that differs, or None; all of them
    go through one process."""
    try:
        shown = replay_pages(replay, [line for lines, _ in streams
                                      for line in lines])
        for place, (lines, plain) in enumerate(streams):
            if differences_of(lines, python_pages(lines) if plain else None,
                              shown):
                return place
        return None
    except subprocess.SubprocessError:
        return next((place for place, (lines, plain) in enumerate(streams)
                     if differing(replay, lines, plain)), 0)


# ---- making a stream small ----

def without_parts(replay, lines):
    """Without what can be left out, the big parts first."""
    size = len(lines) // 2
    while size > 0:
        at = 1
        while at < len(lines):
            candidate = lines[:at] + lines[at + size:]
            if differing(replay, candidate, False):
                lines = candidate
            else:
                at += size
        size //= 2
    return lines


def without_elements(replay, lines):
    """Shorter lists."""
    for at in range(len(lines)):
        for less in smaller_bodies(lines[at]):
            candidate = lines[:at] + [less] + lines[at + 1:]
            if differing(replay, candidate, False):
                lines = candidate
                break
    return lines


def without_tasks(replay, lines):
    for uuid in uuids_of(lines):
        candidate = without_task(lines, uuid)
        if differing(replay, candidate, True):
            lines = candidate
    return lines


def uuids_of(lines):
    return {event["uuid"] for line in lines if line.startswith(b"M ")
            for event, _ in decode(line.split(b" ", 2)[2])}


def without_task(lines, uuid):
    """Plain streams have tasks only, and in lists all but task-sent."""
    left = []
    for line in lines:
        letter, at, body = (line.split(b" ", 2) + [b"", b""])[:3]
        if letter == b"M":
            value = json.loads(body)
            events = [event for event in
                      (value if isinstance(value, list) else [value])
                      if event["uuid"] != uuid]
            line = b" ".join((letter, at, json.dumps(events).encode()))
            if not events:
                continue
        left.append(line)
    return left


def smaller_bodies(line):
    """The message of a list, with one element alone or one less."""
    letter, at, body = (line.split(b" ", 2) + [b"", b""])[:3]
    if letter != b"M":
        return
    try:
        elements = json.loads(body)
    except ValueError:
        return
    if isinstance(elements, list) and len(elements) > 1:
        lists = [[element] for element in elements] + [
            elements[:i] + elements[i + 1:] for i in range(len(elements))]
        for less in lists:
            yield b" ".join((letter, at, json.dumps(less).encode()))


def shrink(replay, lines, plain):
    """A small part that still differs. With only a part of a task a plain
    stream would not be plain any more."""
    if plain:
        return without_tasks(replay, lines)
    while True:
        less = without_elements(replay, without_parts(replay, lines))
        if less == lines:
            return lines
        lines = less
