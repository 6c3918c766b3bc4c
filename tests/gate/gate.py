"""Instructions an event and a sample, against those recorded in figures.json.

usage: gate.py [--update] GATE BUILD

GATE is the program of gate.c, BUILD the compiler and the options it was built
with. Callgrind counts what GATE does for the streams of stream.py, part by part;
TAP tells which part takes over 5 % more than recorded. Counts are exact, and the
same under load; they are comparable only between machines that agree in what
environment() tells, so each of these has figures of its own, and one without is
skipped. --update records those of this machine.
"""
import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tempfile

import stream

FIGURES = pathlib.Path(__file__).with_name("figures.json")
MOST = 1.05
COUNTED = ("gate_ingest", "gate_page")
LINE = re.compile(r"^ *([\d,]+) \([ \d.]+%\) +\S*:(\w+) \[")
ADVICE = ("If it is worth it: `ninja -C build gate-update`, and commit "
          "tests/gate/figures.json with the reason.")


def first_line(*command):
    return subprocess.run(command, capture_output=True, text=True,
                          check=True).stdout.splitlines()[0]


def processor():
    """Valgrind shows programs one of a few processors, by what the real one has."""
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    flags = cpuinfo.read_text().split() if cpuinfo.exists() else []
    kinds = [kind for kind in ("avx2", "avx", "sse4_2") if kind in flags]
    return " ".join([platform.machine()] + kinds[:1])


def environment(build):
    return ", ".join((build, processor(), "-".join(platform.libc_ver()),
                      first_line("valgrind", "--version")))


def inclusive(profile):
    """{function: instructions in it and what it called}"""
    lines = subprocess.run(
        ["callgrind_annotate", "--inclusive=yes", "--threshold=100", profile],
        capture_output=True, text=True, check=True).stdout.splitlines()
    found = [LINE.match(line) for line in lines]
    return {m[2]: int(m[1].replace(",", "")) for m in found if m}


def run(gate, kind, content, folder):
    """What callgrind counts: events, samples, {function: instructions}."""
    source = os.path.join(folder, "stream")
    profile = os.path.join(folder, "profile")
    pathlib.Path(source).write_bytes(content)
    # What is in the environment moves the stack.
    out = subprocess.run(
        ["valgrind", "--quiet", "--tool=callgrind", "--callgrind-out-file=" + profile,
         *("--toggle-collect=" + name for name in COUNTED), gate, kind, source],
        env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)
    if out.returncode != 0:
        sys.exit(f"{gate} {kind}: {out.stdout}{out.stderr}")
    nevents, nsamples = (int(n) for n in re.findall(r"\d+", out.stdout))
    return nevents, nsamples, inclusive(profile)


def redis_parts(cost):
    rest = cost["gate_envelope"] + cost["gate_message"]
    return {"everything": cost["gate_ingest"],
            "framing": cost["gate_ingest"] - rest,
            "envelope": cost["gate_envelope"],
            "event_decode": cost["gate_message"] - cost["gate_event"],
            "metrics_event": cost["gate_event"]}


def amqp_parts(cost):
    """Behind the frames all is as with Redis."""
    return {"everything": cost["gate_ingest"],
            "framing": cost["gate_ingest"] - cost["gate_message"]}


def measure(gate):
    """{part: instructions an event, or a sample}"""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for in_lists in (False, True):
            events = stream.Stream(in_lists)
            for kind, content, parts in (
                    ("amqp", stream.amqp(events), amqp_parts),
                    ("redis", stream.redis(events), redis_parts)):
                nevents, nsamples, cost = run(gate, kind, content, folder)
                title = f"{kind}, {'lists' if in_lists else 'single'}"
                for name, n in parts(cost).items():
                    figures[f"{title}: {name}"] = round(n / nevents, 1)
                figures["page: a sample"] = round(cost["gate_page"] / nsamples, 1)
    return figures


def compare(figures, recorded):
    """TAP; how many parts grew."""
    failures = savings = 0
    for number, name in enumerate(sorted(figures.keys() | recorded.keys()), 1):
        new, old = figures.get(name), recorded.get(name)
        if new is None or old is None:
            verdict, text = "not ok", "not measured" if new is None else "not recorded"
        else:
            verdict = "not ok" if new > old * MOST else "ok"
            savings += new * MOST < old
            text = f"{new} instructions, {old} recorded, {100 * (new / old - 1):+.1f} %"
        failures += verdict != "ok"
        print(f"{verdict} {number} - {name}: {text}")
    print(f"1..{len(figures.keys() | recorded.keys())}")
    if failures:
        print(f"{failures} parts take over 5 % more instructions an event than "
              f"{FIGURES.name} has. {ADVICE}", file=sys.stderr)
    if savings:
        print(f"# {savings} parts take less than recorded, and may grow by as much "
              "unseen: `ninja -C build gate-update`.")
    return failures


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("gate")
    parser.add_argument("build")
    args = parser.parse_args()
    if not shutil.which("valgrind"):
        print("1..0 # SKIP there is no valgrind")
        return 0
    here = environment(args.build)
    recorded = json.loads(FIGURES.read_text())
    if args.update:
        recorded[here] = measure(args.gate)
        FIGURES.write_text(json.dumps(recorded, indent=2, sort_keys=True) + "\n")
        return 0
    if here not in recorded:
        print(f"1..0 # SKIP no figures were recorded with {here}")
        return 0
    return compare(measure(args.gate), recorded[here]) > 0


if __name__ == "__main__":
    sys.exit(main())
