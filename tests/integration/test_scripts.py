"""scripts/run shows a whole small system, and takes all of it away again."""
import pathlib
import signal
import subprocess
import time
import urllib.request

import pytest

from support.exporter import ROOT, environment
from support.exposition import Page
from support.ports import free_port
from support.wait import wait_until


def processes_with(text):
    """Ids of the processes that have this text in their environment."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/environ"):
        try:
            if text in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def heed_interrupts():
    """What runs in the background of a shell ignores them otherwise."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_sample_system_runs_and_leaves_nothing(tmp_path, how):
    port, mark = free_port(), f"CE_TEST_MARK={time.monotonic_ns()}"
    env = environment({"TMPDIR": str(tmp_path),
                       **dict([mark.split("=")])})
    script = subprocess.Popen([ROOT / "scripts" / "run", "--port", str(port)],
                              env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True,
                              preexec_fn=heed_interrupts)

    def page():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as r:
                return Page(r.read().decode())
        except OSError:
            assert script.poll() is None, script.stdout.read()
            return Page("")

    try:
        wait_until(lambda: page().sum("celery_task_succeeded_total") > 3, 120)
        assert page().sum("celery_worker_up") == 1
    finally:
        script.send_signal(how)
        said, _ = script.communicate(timeout=60)
    assert f"http://127.0.0.1:{port}/metrics" in said
    assert script.returncode == 128 + how
    wait_until(lambda: processes_with(mark.encode()) == [])
    assert list(tmp_path.glob("celery-exporter-run.*")) == []
