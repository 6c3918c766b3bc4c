"""Runs each bench on a few events: smoke.py STORM READER...

Files that STORM writes must be read by each READER to the last event. Speed is
nobody's concern here. TAP.
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


def check_readers(storm, folder, broker, batch, readers):
    path = pathlib.Path(folder) / f"{broker}-{batch}"
    truth = json.loads(run(storm, "--tasks", "300", "--in-flight", "20",
                           "--workers", "3", "--batch", str(batch), "--sent",
                           f"{broker}:{path}"))
    ncounted = sum(row[-1] for row in truth["counts"])
    assert 1200 < ncounted < truth["events"], truth
    for reader in readers:
        said = run(*reader, f"{broker}:{path}")
        assert f"{truth['events']} events" in said, (truth["events"], said)


def main():
    storm, *readers = sys.argv[1:]
    failures = number = 0
    with tempfile.TemporaryDirectory() as folder:
        for broker in ("redis", "amqp"):
            for batch in (1, 20):
                number += 1
                verdict = "ok"
                try:
                    check_readers(storm, folder, broker, batch,
                                  [reader.split() for reader in readers])
                except AssertionError as error:
                    verdict = "not ok"
                    failures += 1
                    print("#", *str(error).splitlines(), sep="\n# ")
                print(f"{verdict} {number} - {broker}, messages of up to {batch}")
    print(f"1..{number}")
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
