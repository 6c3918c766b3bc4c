"""Random streams through our aggregation and through celery.events.State.

usage: run.py REPLAY_EVENTS [CASES]

With a folder of cases, files of replay_events lines, just those. Else
DIFFERENTIAL_STREAMS streams (10000) from DIFFERENTIAL_SEED (another one each
time), or only the one that DIFFERENTIAL_ONLY numbers. Of the first stream
that differs the smallest part that still does is printed. Speaks TAP."""
import multiprocessing
import os
import pathlib
import random
import sys

try:
    import celery.events.state  # noqa: F401
except ImportError:
    print("1..0 # SKIP there is no python3-celery")
    sys.exit(0)

from compare import check_all, differing, shrink
from streams import stream

SHARE = 250   # streams that one process replays together
PLAIN = 5     # every fifth one must be shown just as the Python exporter does


def is_plain(number):
    return number % PLAIN == 0


def check_share(job):
    """(number, lines that differ) of the first stream that does, or None."""
    replay, seed, first, last = job
    numbers = range(first, last)
    found = check_all(replay, [
        (stream(seed, number, is_plain(number)), is_plain(number))
        for number in numbers])
    return None if found is None else numbers[found]


def tell_smallest(replay, lines, plain):
    small = shrink(replay, lines, plain)
    print("# the smallest part that differs:")
    for line in small:
        print("#  ", line.decode("utf-8", "backslashreplace"))
    for text in differing(replay, small, plain):
        print("#", text)


def run_cases(replay, folder):
    paths = sorted(pathlib.Path(folder).glob("*.txt"))
    failed = 0
    print(f"1..{len(paths)}")
    for number, path in enumerate(paths, 1):
        lines = [line for line in path.read_bytes().split(b"\n")
                 if line and not line.startswith(b"#")]
        found = differing(replay, lines, False)
        print("not ok" if found else "ok", number, "-", path.stem)
        for text in found:
            print("#", text)
        failed += bool(found)
    return failed


def run_streams(replay, seed, first, last):
    jobs = [(replay, seed, at, min(at + SHARE, last))
            for at in range(first, last, SHARE)]
    failed = 0
    print(f"1..{len(jobs)}")
    print(f"# DIFFERENTIAL_SEED={seed}", flush=True)
    with multiprocessing.Pool(min(len(jobs), os.cpu_count() or 1)) as pool:
        for index, found in enumerate(pool.imap(check_share, jobs), 1):
            _, _, at, end = jobs[index - 1]
            print("ok" if found is None else "not ok", index,
                  f"- streams {at} to {end - 1}", flush=True)
            if found is not None:
                failed += 1
                print(f"# stream {found}; again with DIFFERENTIAL_SEED={seed} "
                      f"DIFFERENTIAL_ONLY={found}")
                # One that is small is enough to begin with.
                if failed == 1:
                    tell_smallest(replay,
                                  stream(seed, found, is_plain(found)),
                                  is_plain(found))
    return failed


def main():
    replay = sys.argv[1]
    if len(sys.argv) > 2:
        return run_cases(replay, sys.argv[2]) > 0
    seed = os.environ.get("DIFFERENTIAL_SEED") or \
        str(random.SystemRandom().randrange(10**9))
    only = os.environ.get("DIFFERENTIAL_ONLY")
    first = int(only) if only else 0
    last = first + 1 if only else \
        int(os.environ.get("DIFFERENTIAL_STREAMS") or 10000)
    return run_streams(replay, seed, first, last) > 0


if __name__ == "__main__":
    sys.exit(main())
