"""Real Celery workers and clients, of Debian's release and of the newest.
$CELERY_PYTHON names another interpreter for the former."""
import fcntl
import functools
import json
import os
import pathlib
import signal
import subprocess

from support.exporter import ROOT
from support.wait import wait_until

APP = pathlib.Path(__file__).resolve().parents[1] / "workload"
SYSTEM_PYTHON = os.environ.get("CELERY_PYTHON", "/usr/bin/python3")
VENV = ROOT / ".cache" / "celery-newest"


@functools.lru_cache(None)
def newest_python():
    """An interpreter with the newest Celery, kept in .cache/ for the next
    run; the reason, as a text, when there is none."""
    python, done = VENV / "bin" / "python", VENV / "installed"
    with locked(VENV.with_suffix(".lock")):
        if done.exists():
            return python
        for command in (["/usr/bin/python3", "-m", "venv", "--clear", VENV],
                        [python, "-m", "pip", "install", "-q",
                         "--disable-pip-version-check", "celery[redis]"]):
            made = subprocess.run(command, capture_output=True, text=True,
                                  timeout=300)
            if made.returncode != 0:
                return (f"newest Celery cannot be installed: "
                        f"{made.stderr.strip()[-300:]}")
        done.touch()
    return python


class locked:
    """Parallel test processes make the environment once."""

    def __init__(self, path):
        path.parent.mkdir(exist_ok=True)
        self.file = open(path, "w")

    def __enter__(self):
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        self.file.close()


class Celery:
    """The workload application on one broker, under one interpreter."""

    def __init__(self, python, broker, folder, settings=None):
        self.python = str(python)
        self.folder = folder
        self.env = {**os.environ, "WORKLOAD_BROKER": broker,
                    "WORKLOAD_SETTINGS": json.dumps(settings or {}),
                    "PYTHONPATH": str(APP), "PYTHONDONTWRITEBYTECODE": "1"}
        self.workers = []

    def worker(self, name, queues="celery", *args, pool="prefork",
               concurrency=2, events=True):
        worker = Worker(self, name, queues, ["-P", pool, "-c", str(concurrency),
                                             *(["-E"] if events else []),
                                             *args])
        self.workers.append(worker)
        return worker

    def run(self, script, *args):
        done = subprocess.run([self.python, str(APP / script), *args],
                              env=self.env, capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def send(self, *calls):
        """Each call is (task, arguments, options), the last two optional and
        `times` among the options; returns the task ids."""
        full = [(*call, *([], {})[len(call) - 1:]) for call in calls]
        return self.run("send.py", json.dumps(full))

    def revoke(self, task, **options):
        self.run("revoke.py", json.dumps([task, options]))

    def stop(self):
        for worker in self.workers:
            worker.stop()


class Worker:
    def __init__(self, celery, name, queues, args):
        self.log_path = celery.folder / f"worker-{name}-{id(self)}.log"
        with open(self.log_path, "wb") as log:
            # A session of its own: its children can be ended with it.
            self.process = subprocess.Popen(
                [celery.python, "-m", "celery", "-A", "tasks", "worker",
                 "-n", name, "-Q", queues, "-l", "info", *args],
                env=celery.env, stdout=log, stderr=log, cwd=celery.folder,
                start_new_session=True)

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def ready(self):
        def says_so():
            assert self.process.poll() is None, self.log[-3000:]
            return " ready." in self.log

        wait_until(says_so, 60, what=lambda: self.log[-3000:])
        return self

    def stop(self, how=signal.SIGTERM, timeout=30):
        """Warm shutdown; what is left of it after that is killed."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
