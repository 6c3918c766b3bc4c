"""Random streams of what workers and clients of one broker send, as lines for
replay_events. A stream depends on its seed and number only."""
import json
import math
import random

from lives import Action, World

ODD = [None, 0, -1, 2**70, 1.5, True, [], {}, math.inf, math.nan, -3e9, 1e12]
ODD_TEXT = ["", "x", "tomorrow"]
JUNK = [None, "text", [], {}, True, {"hostname": "w0@host-0"},
        {"type": 5}, {"type": "worker-elect", "hostname": "w0@host-0"},
        {"type": "task-received", "hostname": "w0@host-0", "uuid": 7},
        {"type": "custom-thing", "value": math.inf}]
MUTABLE = ("hostname", "uuid", "name", "queue", "retries", "eta", "timestamp",
           "clock", "pid", "runtime", "exception", "traceback", "terminated",
           "expired", "requeue", "active", "type")


class Way:
    """From the senders to us: what it does to a stream."""

    def __init__(self, rng):
        self.delays = rng.choice([None, None, 0.05, 1, 4, 30])
        self.share = rng.choice([0.05, 0.3])
        self.repeat = rng.choice([0, 0, 0.05])
        self.again = rng.choice([0, 0, 0.05])
        self.drop = rng.choice([0, 0, 0.1])
        self.odd = rng.choice([0, 0, 0, 0.05])
        self.missing = rng.choice([0, 0, 0, 0.05])
        self.junk = rng.choice([0, 0, 0.05])
        self.cut = rng.choice([0, 0, 0.05])


def travel(rng, way, actions):
    """Actions as they arrive, some of them not and others twice."""
    arriving = []
    for action in actions:
        if rng.random() < way.drop:
            continue
        if way.delays and rng.random() < way.share:
            action.arrives += rng.uniform(0, way.delays)
        spoil(rng, way, action.event)
        arriving.append((action.arrives, action))
        late = action.arrives + rng.choice([0.0, 0.1, 3.0])
        if rng.random() < way.repeat:
            arriving.append((late, action))
        if rng.random() < way.again:
            other = Action(action.at, action.sender, action.kind,
                           action.fields)
            other.stamp(rng)
            arriving.append((late, other))
    arriving.sort(key=lambda pair: pair[0])
    return arriving


def spoil(rng, way, event):
    if rng.random() < way.missing:
        event.pop(rng.choice(MUTABLE), None)
    key = rng.choice(MUTABLE)
    if rng.random() < way.odd and key in event:
        # Any text would do for an exception.
        event[key] = rng.choice(ODD if key in ("exception", "traceback")
                                else ODD + ODD_TEXT)


def batches(rng, arriving, plain):
    """(when, [events]) or (when, event): a worker sends its task events as
    lists, and what it has at one time together. What others send in between
    is overtaken so, unless the stream is plain."""
    waiting, lists = {}, []
    for at, action in arriving:
        if action.alone or rng.random() < 0.2:
            lists.append((at, action.event))
            continue
        key = id(action.sender)
        if key in waiting and at - waiting[key][0] < 0.05 \
                and (waiting[key] is lists[-1] or not plain) \
                and rng.random() < 0.7:
            waiting[key][1].append(action.event)
        else:
            waiting[key] = (at, [action.event])
            lists.append(waiting[key])
    return lists


def body_of(rng, way, element):
    if isinstance(element, list) and rng.random() < way.junk:
        element.insert(rng.randint(0, len(element)), rng.choice(JUNK))
    body = json.dumps(element).encode()
    if rng.random() < way.cut:
        body = body[:rng.randint(0, len(body))]
    return body


def stream(seed, number, plain=False):
    """The lines of a stream. A plain one has nothing in it that is shown
    differently from the Python exporter."""
    rng = random.Random(f"{seed}/{number}")
    world = World(rng, plain)
    actions = sorted(world.actions, key=lambda action: action.at)
    for action in actions:
        action.stamp(rng)
    way = Way(rng)
    if plain:
        arriving = [(action.at, action) for action in actions]
        way.junk = way.cut = 0
    else:
        arriving = travel(rng, way, actions)
    arriving = [(at, b"M", body_of(rng, way, element))
                for at, element in batches(rng, arriving, plain)]
    arriving += [(at, b"M", json.dumps(rng.choice(JUNK)).encode())
                 for at, _, _ in arriving if rng.random() < way.junk]
    arriving += [(at, letter, text.encode())
                 for at, letter, text in world.replies]
    arriving.sort(key=lambda line: line[0])
    lines, last_ms = [b"R"], 0
    for at, letter, text in arriving:
        last_ms = max(last_ms, int(at * 1000))
        lines.append(b"%s %d %s" % (letter, last_ms, text))
        if not plain and rng.random() < 0.03:
            lines.append(b"P %d" % last_ms)
    pause_ms = 3000 if plain else rng.choice([3000, 3000, 40_000, 90_000])
    lines.append(b"P %d" % (last_ms + pause_ms))
    return lines
