"""The exporter as a process."""
import http.client
import os
import pathlib
import signal
import subprocess
import time

from support.exposition import Page
from support.ports import free_port
from support.wait import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("CELERY_EXPORTER_BINARY",
                        str(ROOT / "build" / "celery-exporter"))
SANITIZED = "asan" in BINARY
SANITIZER_SAYS = ("AddressSanitizer", "LeakSanitizer", "runtime error:")


class Response:
    def __init__(self, reply):
        self.status = reply.status
        self.headers = reply.headers
        self.body = reply.read()

    @property
    def text(self):
        return self.body.decode()


def environment(extra=None):
    """Ours without anything that configures an exporter."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("CE_", "CELERY_BROKER"))}
    env.update(extra or {})
    return env


class Exporter:
    """broker: a URL, or None to leave the option out."""

    def __init__(self, folder, broker, *args, env=None):
        self.port = free_port()
        self.log_path = folder / f"exporter-{self.port}.log"
        self.args = [BINARY, "--host", "127.0.0.1", "--port", str(self.port)]
        if broker is not None:
            self.args += ["--broker-url", broker]
        self.args += [str(a) for a in args]
        self.env = environment(env)
        self.process = None

    def start(self, connected=True):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.args, env=self.env, stdout=log,
                                            stderr=log)
        wait_until(self.ready, what=lambda: f"not ready: {self.log}")
        if connected:
            self.wait_connected()
        return self

    def ready(self):
        assert self.process.poll() is None, (
            f"exit {self.process.returncode}: {self.log}")
        try:
            return self.get("/-/ready").status == 200
        except OSError:
            return False

    def wait_connected(self, timeout=15):
        def connected():
            response = self.get("/metrics")
            return response.status == 200 and Page(response.text).sum(
                "celery_exporter_broker_up") == 1

        wait_until(connected, timeout, what=lambda: f"no broker: {self.log}")

    def request(self, method, path, headers=None, timeout=10):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout)
        try:
            connection.request(method, path, headers=headers or {})
            return Response(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, headers=None):
        return self.request("GET", path, headers)

    def page(self):
        response = self.get("/metrics")
        assert response.status == 200, response.text
        return Page(response.text)

    def wait_for(self, condition, timeout=10):
        """Scrapes until condition(page); returns that page."""
        last = []

        def holds():
            last[:] = [self.page()]
            return condition(last[0])

        wait_until(holds, timeout, what=lambda: self._shown(last))
        return last[0]

    def wait_value(self, expected, name, /, timeout=10, **labels):
        def shown():
            return (f"{name}{labels} == {expected}: "
                    f"{self.page().select(name)}; log: {self.log[-2000:]}")

        wait_until(lambda: self.page().value(name, **labels) == expected,
                   timeout, what=shown)

    def _shown(self, last):
        text = last[0].text if last else ""
        counts = [line for line in text.splitlines()
                  if line.startswith("celery_") and not line.endswith(" 0")
                  and "_bucket" not in line]
        return "\n".join(counts[:80] + [self.log[-2000:]])

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def resident_bytes(self):
        return self.page().value("process_resident_memory_bytes")

    def running(self):
        return self.process is not None and self.process.poll() is None

    def wait_exit(self, timeout=10):
        return self.process.wait(timeout)

    def stop(self, how=signal.SIGTERM):
        """Ends it; whatever it was doing, it must end well and soon."""
        if self.process is None:
            return
        if self.process.poll() is None:
            start = time.monotonic()
            self.process.send_signal(how)
            try:
                code = self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"does not stop: {self.log[-3000:]}")
            took = time.monotonic() - start
            assert code == 0, f"exit {code}: {self.log[-5000:]}"
            assert took < 3 or SANITIZED, f"stopped only after {took:.1f} s"
        self.check_log()
        self.process = None

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def check_log(self):
        for words in SANITIZER_SAYS:
            assert words not in self.log, self.log[-8000:]
