"""What the bench programs of a build say of its functions, without servers."""
import json
import re
import subprocess

from subjects import BenchError


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True,
                          text=True)
    if done.returncode != 0:
        raise BenchError(f"{command[0]}: {done.stderr}")
    return done.stdout


def homes(bench):
    """Subjects whose build folder has bench programs, and their folder."""
    for subject in bench.subjects:
        if subject.home and (subject.home / "tests" / "bench").is_dir():
            yield subject, subject.home / "tests" / "bench"


def each(bench, name, *args):
    """Rows of NAME --json, of every build in turn: (subject, row)."""
    for _ in bench.rounds():
        for subject, home in homes(bench):
            if (home / name).exists():
                rows = json.loads(run(home / name, *args, "--json"))["rows"]
                for row in rows:
                    yield subject, row


def micro_rows(bench):
    for _ in bench.rounds():
        for subject, home in homes(bench):
            out = run(home / "bench_micro", "--json", bench.size(50, 20, 0.001))
            for row in json.loads(out)["rows"]:
                bench.add(row["name"], row["unit"], subject, row["value"])


def growth_rows(bench):
    if bench.scale != "tiny":
        for subject, row in each(bench, "bench_growth"):
            bench.add(f"growth: {row['name']}", row["unit"], subject,
                      row["value"])


def page_rows(bench):
    """The registry alone: 100,000 and 1,000,000 samples."""
    for nsamples in bench.size((100_000, 1_000_000), (100_000,), (420,)):
        title = f"page of {nsamples:,} samples"
        for subject, row in each(bench, "bench_scrape", nsamples // 42):
            if row["name"] in ("render", "compress", "memory of a label set",
                               "count and observe"):
                bench.add(f"{title}: {row['name']}", row["unit"], subject,
                          row["value"])
        for _ in bench.rounds():
            out = run(bench.programs / "floor_render", nsamples, "--json")
            for row in json.loads(out)["rows"]:
                if row["name"] != "copy":
                    bench.add_floor(f"{title}: {row['name']}", row["unit"],
                                    "floor_render", row["value"])


def ingest_rows(bench):
    """From the bytes that a broker sends to the counters."""
    for broker in ("redis", "amqp"):
        for kind, batch in (("lists", 20), ("single", 1)):
            path = bench.folder / f"{broker}-{kind}"
            run(bench.storm, "--tasks", bench.size(20_000, 20_000, 300),
                "--batch", batch, f"{broker}:{path}")
            title = f"ingest, {broker}, {kind}: CPU of an event"
            for _ in bench.rounds():
                for subject, home in homes(bench):
                    bench.add(title, "ns", subject, ns_of_event(
                        home / "bench_ingest", f"{broker}:{path}"))
                bench.add_floor(title, "ns", "floor_ingest", ns_of_event(
                    bench.programs / "floor_ingest", f"{broker}:{path}"))
            path.unlink()


def ns_of_event(program, stream):
    return float(re.search(r"([\d.]+) ns CPU an event",
                           run(program, stream))[1])
