"""Events through a real broker: processor time, rate, and what is lost."""
import time

from brokers import Amqp, Redis, Storm, compare
from subjects import BenchError, Discard, Floor
from support.wait import wait_until


class Storming:
    """One subject, one storm: figures, checked against the truth."""

    def __init__(self, bench, broker, subject, title, *arguments):
        self.bench, self.broker = bench, broker
        self.subject, self.title = subject, title
        self.arguments = [*bench.arguments(subject), *arguments]

    def measure(self, *args, rate=0, may_lose=False, **options):
        running = self.subject.start(self.broker, self.bench.folder,
                                     *self.arguments)
        try:
            if self.subject.pages:
                running.wait_page()
            wait_until(self.broker.subscribed, 60, "nobody subscribes")
            storm = Storm(self.bench.storm, self.broker, *args, rate=rate,
                          **options)
            # Workers that are new are asked first, and their events wait.
            time.sleep(self.bench.settle_s)
            running.wait_idle()
            return self.run(running, storm, may_lose)
        finally:
            running.stop()
            if isinstance(self.broker, Amqp):
                self.broker.gone()

    def run(self, running, storm, may_lose):
        cpu, began = running.cpu(), time.monotonic()
        storm.begin()
        truth = storm.end()
        ended = self.wait_done(running, cpu)
        cpu = running.cpu() - cpu
        lost = self.check(running, truth, may_lose)
        return {"lost": lost, "events": truth["events"],
                "cpu_us": cpu * 1e6 / truth["events"],
                "peak_mb": running.process.resident("VmHWM") / 1e6,
                "rate": truth["events"] / (ended - began)}

    def wait_done(self, running, used):
        """Until the broker has nothing left for it and it rests."""
        while True:
            since = running.wait_idle(used=used)
            if self.broker.behind() < 65536:
                return since

    def check(self, running, truth, may_lose):
        if not self.subject.pages:
            return 0
        lost, extra = compare(running.samples(), truth)
        if lost > 0:  # or late
            time.sleep(self.bench.settle_s)
            lost, extra = compare(running.samples(), truth)
        if may_lose and lost > 0:
            # Without the events that tell its name a task has another one.
            return max(0, lost - extra)
        if lost > 0 or extra > 0:
            self.bench.table.error(
                f"{self.subject.name}, {self.title}: {lost} of "
                f"{truth['events']} events lost, {extra} counted besides")
        return lost


def floor_ingest(bench):
    return Floor("floor_ingest",
                 f"{bench.programs}/floor_ingest {{target}} {{port}}")


def storms(bench, broker, kinds):
    """kinds: {title: options of the storm}"""
    floors = [floor_ingest(bench), Discard(
        "floor_discard", f"{bench.programs}/floor_discard {{target}}")]
    for title, options in list(kinds.items())[:bench.size(None, None, 2)]:
        for _ in bench.rounds():
            for subject in bench.subjects + floors:
                try:
                    figures = Storming(bench, broker, subject, title).measure(
                        **options)
                except (BenchError, OSError) as error:
                    bench.table.error(f"{subject.name}, {title}: {error}")
                    continue
                if subject.pages:
                    bench.add(f"{title}: CPU of an event", "us", subject,
                              figures["cpu_us"])
                if "rate" not in options and (
                        subject.pages != isinstance(subject, Floor)):
                    bench.add(f"{title}: events a second", "1/s", subject,
                              figures["rate"])


def redis_rows(bench):
    n = bench.size(200_000, 50_000, 300)
    broker = Redis(bench.folder / "redis")
    try:
        storms(bench, broker, {
            "Redis, lists": {"tasks": n, "batch": 20},
            "Redis, single": {"tasks": n // 2, "batch": 1},
            "Redis, lists, 900 messages a second":
                {"tasks": n // 12, "batch": 20, "rate": 900},
            "Redis, single, 4500 messages a second":
                {"tasks": n // 24, "batch": 1, "rate": 4500}})
    finally:
        broker.stop()


def amqp_rows(bench):
    n = bench.size(50_000, 20_000, 300)
    broker = Amqp(bench.folder / "rabbit")
    try:
        storms(bench, broker, {
            "AMQP, lists": {"tasks": n, "batch": 20},
            "AMQP, single": {"tasks": n // 4, "batch": 1},
            "AMQP, lists, 900 messages a second":
                {"tasks": n // 3, "batch": 20, "rate": 900},
            "AMQP, single, 4500 messages a second":
                {"tasks": n // 6, "batch": 1, "rate": 4500}})
    finally:
        broker.stop()


def burst(bench, subject, title, *arguments):
    broker = Redis(bench.folder / "burst", limited=True)
    try:
        figures = Storming(bench, broker, subject, title, *arguments).measure(
            tasks=bench.size(322_000, 322_000, 300), batch=20, may_lose=True)
        bench.add(f"{title}: events lost of a million", "", subject,
                  figures["lost"] * 1e6 / figures["events"])
        bench.add(f"{title}: largest resident memory", "MB", subject,
                  figures["peak_mb"])
    except (BenchError, OSError) as error:
        bench.table.error(f"{subject.name}, {title}: {error}")
    finally:
        broker.stop()


def burst_rows(bench):
    """A million events as fast as Redis takes them, with its own limits on what
    a subscriber may be behind, and two of ours on what we read ahead. The floor
    does not come back once it was cut off: where it loses something, the
    machine has too little time for this."""
    for _ in bench.rounds(bench.size(10, 2, 1)):
        for subject in bench.subjects + [floor_ingest(bench)]:
            burst(bench, subject, "burst, lists")
            if subject.ours:
                burst(bench, subject, "burst, lists, 256 MiB ahead",
                      "--burst-buffer", "256MiB")
