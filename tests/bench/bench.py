"""Measures exporters and the floors beside them; scripts/bench runs it."""
import argparse
import os
import pathlib
import platform
import shutil
import signal
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

# Behind the line that makes them known.
import event_rows  # noqa: E402
import memory_rows  # noqa: E402
import program_rows  # noqa: E402
import scrape_rows  # noqa: E402
from subjects import Subject  # noqa: E402
from table import Table  # noqa: E402

GROUPS = {
    "micro": program_rows.micro_rows,
    "ingest": program_rows.ingest_rows,
    "page": program_rows.page_rows,
    "growth": program_rows.growth_rows,
    "redis": event_rows.redis_rows,
    "amqp": event_rows.amqp_rows,
    "burst": event_rows.burst_rows,
    "scrape": scrape_rows.scrape_rows,
    "stall": scrape_rows.stall_rows,
    "start": memory_rows.start_rows,
    "memory": memory_rows.memory_rows,
}


class Bench:
    """What all rows need to know."""

    def __init__(self, args, subjects, programs, folder):
        self.scale = args.scale
        self.nrounds = args.rounds or self.size(5, 2, 1)
        self.subjects, self.programs, self.folder = subjects, programs, folder
        self.storm = programs / "storm"
        self.settle_s = self.size(2.5, 2.5, 0.0)
        self.table = Table([subject.name for subject in subjects])

    def size(self, full, quick, tiny):
        return {"full": full, "quick": quick, "tiny": tiny}[self.scale]

    def arguments(self, subject):
        """Of an exporter of ours: events wait for nothing where we do not."""
        return ["--name-grace=0"] if subject.ours and not self.settle_s else []

    def rounds(self, n=None):
        return range(n or self.nrounds)

    def add(self, title, unit, subject, value):
        self.add_floor(title, unit, subject.name, value)

    def add_floor(self, title, unit, name, value):
        print(f"{name}: {title}: {value:.6g} {unit}", file=sys.stderr,
              flush=True)
        self.table.add(title, unit, name, value)


def subject_of(name, place):
    """place: a build folder or a binary."""
    path = pathlib.Path(place).resolve()
    binary = path / "celery-exporter" if path.is_dir() else path
    if not os.access(binary, os.X_OK):
        sys.exit(f"bench: no exporter at {binary}")
    return Subject(name, f"{binary} --broker-url {{broker}} --host 127.0.0.1 "
                   "--port {port}", home=binary.parent, ours=True)


def parse():
    parser = argparse.ArgumentParser(prog="scripts/bench", description="""
        Measures build/celery-exporter beside floor programs, which do the least
        that the task takes, and prints a table with the ratios.""")
    parser.add_argument("--compare", nargs=2, metavar="BUILD",
                        help="two build folders, or binaries, instead")
    parser.add_argument("--peer", metavar="COMMAND",
                        help="another exporter with the same metrics, started "
                        "with {broker} and {port} in its command")
    parser.add_argument("--only", metavar="GROUPS",
                        help="some of " + ",".join(GROUPS))
    parser.add_argument("--rounds", type=int, metavar="N")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--quick", action="store_const", dest="scale",
                        const="quick", default="full",
                        help="ten minutes instead of half an hour")
    parser.add_argument("--tiny", action="store_const", dest="scale",
                        const="tiny", help="only to see that everything runs")
    parser.add_argument("--build", default="build", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    args = parse()
    if args.compare:
        subjects = [subject_of(name, place)
                    for name, place in zip("AB", args.compare)]
    else:
        subjects = [subject_of("exporter", args.build)]
    if args.peer:
        subjects.append(Subject("peer", args.peer))
    groups = args.only.split(",") if args.only else list(GROUPS)
    if not GROUPS.keys() >= set(groups):
        sys.exit("bench: groups are " + ", ".join(GROUPS))
    programs = pathlib.Path(args.build).resolve() / "tests" / "bench"
    folder = pathlib.Path(tempfile.mkdtemp(prefix="celery-exporter-bench."))
    bench = Bench(args, subjects, programs, folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        for name in groups:
            GROUPS[name](bench)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{platform.machine()}, {os.cpu_count()} processors, load "
          f"{os.getloadavg()[0]:.1f}, {bench.scale}, {bench.nrounds} rounds")
    print(*bench.table.lines(), sep="\n")
    if args.json:
        bench.table.write_json(args.json)
    return bool(bench.table.errors)


if __name__ == "__main__":
    sys.exit(main())
