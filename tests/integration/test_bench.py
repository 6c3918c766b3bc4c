"""The benches run, and count what was sent; how fast is not asked here."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

from support.exporter import BINARY, ROOT, environment

BUILD = pathlib.Path(BINARY).parent
BROKERS = ("Redis, lists", "Redis, single", "AMQP, lists", "AMQP, single")


@pytest.fixture
def bench(tmp_path):
    if not (BUILD / "tests" / "bench" / "storm").exists():
        pytest.skip(f"no bench programs in {BUILD}")
    # Servers have their sockets in it, whose paths must be short.
    folder = pathlib.Path(tempfile.mkdtemp())
    running = []

    def run(*args):
        process = subprocess.Popen(
            [sys.executable, ROOT / "tests" / "bench" / "bench.py", "--build",
             BUILD, "--tiny", "--json", tmp_path / "figures", *args],
            env=environment({"TMPDIR": str(folder)}), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True)
        running.append(process)
        out, err = process.communicate(timeout=280)
        assert process.returncode == 0, out + err[-2000:]
        assert list(folder.iterdir()) == []
        return out, json.loads((tmp_path / "figures").read_text())

    yield run
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
    shutil.rmtree(folder)


def test_every_row_is_measured_beside_its_floor(bench):
    out, figures = bench()

    rows = {row["title"]: row for row in figures["rows"]}
    assert figures["errors"] == []
    for title in BROKERS:
        cpu = rows[f"{title}: CPU of an event"]
        assert cpu["values"].keys() == {"exporter", "floor_ingest"}
        assert len(cpu["ratios"]["exporter/floor_ingest"]) == 3
        assert rows[f"{title}: events a second"]["floors"] == ["floor_discard"]
    for title in ("burst, lists", "burst, lists, 256 MiB ahead"):
        lost = rows[f"{title}: events lost of a million"]["values"]
        assert lost["exporter"] == [0]
    assert all(title in out for title in rows)


def test_two_builds_are_compared(bench):
    out, figures = bench("--only", "start", "--compare", str(BUILD), BINARY)

    row = figures["rows"][0]
    assert figures["subjects"] == ["A", "B"]
    assert row["ratios"]["B/A"][0] > 0
    assert "B/A" in out
