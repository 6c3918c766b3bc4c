"""Memory and the start."""
import time

from brokers import Redis, Storm
from subjects import BenchError
from support.certificates import Authority
from support.ports import free_port
from support.wait import wait_until

MB = 1e6
MOST_SERIES = "--max-series=10000000"


def tls_redis(bench):
    folder = bench.folder / "tls"
    folder.mkdir(exist_ok=True)
    authority = Authority(folder)
    pair, port = authority.issue("server"), free_port()
    return Redis(folder / "redis", config={
        "tls-port": port, "tls-cert-file": pair.cert, "tls-key-file": pair.key,
        "tls-ca-cert-file": authority.cert, "tls-auth-clients": "no"},
        url=f"rediss://localhost:{port}/0?ssl_ca_certs={authority.cert}")


def start(bench, broker, subject, *args):
    running = subject.start(broker, bench.folder, *args)
    try:
        running.wait_page()
        wait_until(broker.subscribed, 60, "nobody subscribes")
    except BaseException:
        running.stop()
        raise
    return running


def start_rows(bench):
    for name, make in (("plain", lambda: Redis(bench.folder / "redis-start")),
                       ("TLS", lambda: tls_redis(bench))):
        broker = make()
        try:
            for _ in bench.rounds():
                for subject in bench.subjects:
                    if name == "plain" or subject.ours:
                        start_once(bench, broker, subject, name)
        finally:
            broker.stop()


def start_once(bench, broker, subject, name):
    began = time.monotonic()
    running = subject.start(broker, bench.folder)
    try:
        running.wait_page()
        took = time.monotonic() - began
        wait_until(broker.subscribed, 60, "nobody subscribes")
        running.wait_idle(0.5)
        bench.add(f"start to first page, {name}", "ms", subject, took * 1e3)
        bench.add(f"resident memory at start, {name}", "MB", subject,
                  running.process.resident() / MB)
    except (BenchError, OSError) as error:
        bench.table.error(f"{subject.name}, start: {error}")
    finally:
        running.stop()


def memory_rows(bench):
    broker = Redis(bench.folder / "redis-memory")
    try:
        for subject in bench.subjects:
            if not subject.ours:
                continue
            ntasks = bench.size(1_000_000, 1_000_000, 1000)
            empty, full = grown(bench, broker, subject, 1, 10, ntasks,
                                "--unfinished")
            bench.add(f"resident memory, {ntasks:,} tasks in flight", "MB",
                      subject, full / MB)
            bench.add("resident memory of a task in flight", "bytes", subject,
                      (full - empty) / ntasks)
            nsets = bench.size(50_000, 50_000, 500)
            _, few = grown(bench, broker, subject, 1, 50, nsets, "--cover",
                           "--sent")
            _, many = grown(bench, broker, subject, nsets // 50, 50, nsets,
                            "--cover", "--sent")
            bench.add("resident memory of a label set", "bytes", subject,
                      (many - few) / (nsets - 50))
    finally:
        broker.stop()


def grown(bench, broker, subject, nnames, nworkers, ntasks, *kind):
    """Resident bytes before and after a storm; no page is made meanwhile."""
    running = start(bench, broker, subject, MOST_SERIES,
                    *bench.arguments(subject))
    try:
        running.wait_idle()
        before = running.process.resident()
        storm = Storm(bench.storm, broker, *kind, tasks=ntasks, names=nnames,
                      workers=nworkers, failed=0, retried=0)
        time.sleep(bench.settle_s)
        storm.begin()
        storm.end()
        running.wait_idle(1.0)
        return before, running.process.resident()
    finally:
        running.stop()
        wait_until(lambda: not broker.subscribed(), 10, "still subscribed")
