"""Runs the bench programs on next to nothing: smoke.py FOLDER

Files that storm writes must be read to the last event. Speed is nobody's
concern here. TAP.
"""
import json
import pathlib
import subprocess
import sys
import tempfile


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout


READERS = ("floor_ingest", "bench_ingest")
RECORDED = pathlib.Path(__file__).with_name("events.resp")
OTHERS = (("bench_decode", RECORDED, "1"),
          ("bench_micro", "0.001"), ("bench_micro", "--json", "0.001"),
          ("bench_scrape", "10"), ("bench_scrape", "10", "--json"),
          ("floor_render", "10"), ("floor_render", "10", "--json"))


def check_readers(home, folder, broker, batch):
    path = f"{broker}:{folder}/{broker}-{batch}"
    truth = json.loads(run(home / "storm", "--tasks", "300", "--in-flight", "20",
                           "--workers", "3", "--batch", str(batch), "--sent",
                           path))
    ncounted = sum(row[-1] for row in truth["counts"])
    assert 1200 < ncounted < truth["events"], truth
    for reader in READERS:
        said = run(home / reader, path)
        assert f"{truth['events']} events" in said, (truth["events"], said)


def check_runs(home, name, *args):
    said = run(home / name, *args)
    if "--json" in args:
        assert json.loads(said)["rows"], said


def main():
    home = pathlib.Path(sys.argv[1])
    failures = number = 0
    with tempfile.TemporaryDirectory() as folder:
        checks = [(check_readers, home, folder, broker, batch)
                  for broker in ("redis", "amqp") for batch in (1, 20)]
        checks += [(check_runs, home, *command) for command in OTHERS]
        for number, (check, *args) in enumerate(checks, 1):
            verdict = "ok"
            try:
                check(*args)
            except AssertionError as error:
                verdict = "not ok"
                failures += 1
                print("#", str(error).replace("\n", "\n# "))
            print(f"{verdict} {number} -", *args[2:] if check is check_readers
                  else args[1:])
    print(f"1..{number}")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
