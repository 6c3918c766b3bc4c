"""Scrapes of large pages, and what waits meanwhile."""
import json
import subprocess
import threading
import time

from brokers import Redis, Storm
from subjects import BenchError
from support.wait import wait_until

NWORKERS = 50
SAMPLES_OF_SET = 20  # three counters and a histogram of 14 bounds
RAISED = ("--max-series=5000000", "--poll-interval=1h")


class Page:
    """A running exporter with many samples, on a Redis of its own."""

    def __init__(self, bench, subject, nsamples):
        self.bench, self.subject = bench, subject
        self.nnames = max(1, nsamples // SAMPLES_OF_SET // NWORKERS)
        self.broker = Redis(bench.folder / f"redis-{nsamples}")
        self.nreceived = 0
        self.seed = 1
        extra = RAISED if subject.ours else ()
        self.running = subject.start(self.broker, bench.folder, *extra,
                                     *bench.arguments(subject))
        try:
            self.running.wait_page()
            wait_until(self.broker.subscribed, 60, "nobody subscribes")
            self.send(self.nnames * NWORKERS)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        self.running.stop()
        self.broker.stop()

    def storm(self, ntasks, rate=0):
        """Tasks of every name on every worker."""
        self.seed += 1
        storm = Storm(self.bench.storm, self.broker, "--cover", tasks=ntasks,
                      names=self.nnames, workers=NWORKERS, failed=0, retried=0,
                      seed=self.seed, rate=rate, start=int(time.time()))
        self.nreceived += ntasks
        time.sleep(self.bench.settle_s)
        return storm

    def send(self, ntasks):
        storm = self.storm(ntasks)
        storm.begin()
        storm.end()
        self.running.wait_idle()

    def scrape(self, gzip):
        """[processor time, time] in milliseconds."""
        cpu, began = self.running.cpu(), time.monotonic()
        status, head, _ = self.running.request(gzip=gzip)
        if status != 200:
            raise BenchError(f"answers {head[:100]}")
        return ((self.running.cpu() - cpu) * 1e3,
                (time.monotonic() - began) * 1e3)

    def lost(self):
        """Tasks that are not on the page; what is large is read quickly."""
        _, _, body = self.running.request()
        got = sum(int(float(line.rpartition(b" ")[2]))
                  for line in body.split(b"\n")
                  if line.startswith(b"celery_task_received_total{"))
        return self.nreceived - got


def scrape_rows(bench):
    for nsamples in bench.size((100_000, 1_000_000), (100_000,), (1000,)):
        for subject in bench.subjects:
            if nsamples > 100_000 and not subject.ours:
                continue
            page = Page(bench, subject, nsamples)
            try:
                for _ in bench.rounds():
                    scrape_page(bench, page, f"scrape of {nsamples:,} samples")
            except (BenchError, OSError) as error:
                bench.table.error(f"{subject.name}, scrape: {error}")
            finally:
                page.stop()


def scrape_page(bench, page, title):
    for gzip in (False, True):
        kind = f"{title}, {'gzip' if gzip else 'plain'}"
        page.send(1)
        # A page that took long is kept for ten times as long.
        time.sleep(bench.size(2.5, 2.5, 0))
        cpu, took = page.scrape(gzip)
        bench.add(f"{kind}: CPU", "ms", page.subject, cpu)
        bench.add(f"{kind}: time", "ms", page.subject, took)
        cpu, _ = page.scrape(gzip)
        bench.add(f"{kind}, again at once: CPU", "ms", page.subject, cpu)
        # Figures of the process change all the time: a page of theirs ages.
        time.sleep(bench.size(1.2, 1.2, 0))
        cpu, _ = page.scrape(gzip)
        bench.add(f"{kind}, a second later: CPU", "ms", page.subject, cpu)


def stall_rows(bench):
    """A million samples scraped again and again, while events come in."""
    nsamples = bench.size(1_000_000, 1_000_000, 1000)
    seconds = bench.size(10, 5, 0.2)
    rate = bench.size(10_000, 10_000, 100)  # messages of about ten events
    for subject in bench.subjects:
        if not subject.ours:
            continue
        page = Page(bench, subject, nsamples)
        try:
            for _ in bench.rounds(bench.size(3, 1, 1)):
                stall(bench, page, int(rate * seconds * 10 / 3), rate, seconds)
        except (BenchError, OSError) as error:
            bench.table.error(f"{subject.name}, stall: {error}")
        finally:
            page.stop()


def stall(bench, page, ntasks, rate, seconds):
    storm = page.storm(ntasks, rate)
    done = threading.Event()
    scrapes = []

    def scrape():
        while not done.is_set():
            scrapes.append(page.scrape(gzip=True)[1])

    scraper = threading.Thread(target=scrape)
    storm.begin()
    scraper.start()
    try:
        probed = json.loads(subprocess.run(
            [bench.programs / "probe", str(page.running.port), "/-/healthy",
             str(seconds)], capture_output=True, check=True).stdout)
    finally:
        done.set()
        scraper.join()
        storm.end()
    page.running.wait_idle()
    title = "a million samples scraped under events"
    add = bench.add
    add(f"{title}: longest wait of others", "ms", page.subject,
        probed["longest_ms"])
    add(f"{title}: 99th percentile of waits", "ms", page.subject,
        probed["p99_ms"])
    add(f"{title}: longest scrape", "ms", page.subject, max(scrapes))
    lost = page.lost()
    add(f"{title}: tasks lost", "", page.subject, lost)
    if lost != 0:
        bench.table.error(f"{page.subject.name}, {title}: {lost} tasks lost")
