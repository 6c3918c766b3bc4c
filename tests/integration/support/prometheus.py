"""A real Prometheus that scrapes what a test runs, every second.
$PROMETHEUS names another release's program."""
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from support.ports import free_port
from support.wait import wait_until

PROGRAM = os.environ.get("PROMETHEUS", "prometheus")
CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
- job_name: celery
  static_configs: [{{targets: [{targets}]}}]
"""


def missing():
    """Why there can be none; None when there can."""
    return None if shutil.which(PROGRAM) else "prometheus is not installed"


ALERTING = """
alerting:
  alertmanagers:
  - static_configs: [{{targets: ['{address}']}}]
"""


class Prometheus:
    """rules are texts of rule files; alertmanager is host:port."""

    def __init__(self, folder, ports, rules=(), alertmanager=None):
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        files = []
        for i, text in enumerate(rules):
            files.append(folder / f"rules{i}.yaml")
            files[-1].write_text(text)
        (folder / "prometheus.yml").write_text(CONFIG.format(
            rules=", ".join(map(str, files)),
            targets=", ".join(f"'127.0.0.1:{port}'" for port in ports))
            + (ALERTING.format(address=alertmanager) if alertmanager else ""))

    def start(self):
        with open(self.folder / "prometheus.log", "wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM, f"--config.file={self.folder}/prometheus.yml",
                 f"--storage.tsdb.path={self.folder}/tsdb",
                 f"--web.listen-address={self.url.removeprefix('http://')}"],
                stdout=log, stderr=log)
        wait_until(self._answers, 30, "prometheus does not start")
        return self

    def _answers(self):
        assert self.process.poll() is None, (
            self.folder / "prometheus.log").read_text()[-2000:]
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready"):
                return True
        except OSError:
            return False

    def query(self, expr):
        """The series of an instant query; an error is told with the query."""
        body = urllib.parse.urlencode({"query": expr}).encode()
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/query", body) as r:
                return json.load(r)["data"]["result"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{error.read().decode()} of {expr}") from None

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
