"""A real Alertmanager that notifies the test of every alert, and the rules of
alerts-mixin/ with knobs of the test's own. $ALERTMANAGER names another release's
program."""
import http.server
import json
import os
import re
import shutil
import subprocess
import threading
import urllib.request

from support.exporter import ROOT
from support.ports import free_port
from support.wait import wait_until

MIXIN = ROOT / "alerts-mixin"
PROGRAM = os.environ.get("ALERTMANAGER", "prometheus-alertmanager")
CONFIG = """
route:
  receiver: test
  group_by: ['...']
  group_wait: 0s
  group_interval: 1s
receivers:
- name: test
  webhook_configs:
  - url: http://127.0.0.1:{port}/
{inhibit_rules}
"""


def missing():
    """Why there can be none; None when there can."""
    absent = [p for p in (PROGRAM, "jsonnet") if not shutil.which(p)]
    return f"not installed: {', '.join(absent)}" if absent else None


def rules(config):
    """The text of a rule file with everything, for a _config in jsonnet."""
    made = subprocess.run(
        ["jsonnet", "-J", MIXIN, "-e", f"""
            local m = (import 'mixin.libsonnet') + {{ _config+:: {config} }};
            {{ groups: m.prometheusRules.groups + m.prometheusAlerts.groups }}"""],
        capture_output=True, text=True, timeout=60, check=True)
    return made.stdout


def example_inhibition():
    text = (MIXIN / "examples" / "alertmanager.yml").read_text()
    return re.search(r"^inhibit_rules:\n.*?(?=^\w)", text,
                     re.MULTILINE | re.DOTALL)[0]


class Webhook:
    """What Alertmanager notifies of, in order."""

    def __init__(self):
        self.alerts = []
        self.port = free_port()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                length = int(self.headers["Content-Length"])
                outer.alerts += json.loads(self.rfile.read(length))["alerts"]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def find(self, name, status="firing", **labels):
        wanted = {"alertname": name, **labels}.items()
        return [a for a in list(self.alerts) if a["status"] == status
                and wanted <= a["labels"].items()]

    def wait(self, name, status="firing", timeout=30, **labels):
        """The first such alert."""
        return wait_until(lambda: self.find(name, status, **labels), timeout,
                          what=lambda: f"no {name} {status} {labels}: "
                          f"{self.names()}")[0]

    def names(self):
        return sorted({(a["labels"]["alertname"], a["status"])
                       for a in self.alerts})

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Alertmanager:
    """With the inhibitions of the example."""

    def __init__(self, folder, webhook):
        self.folder = folder
        self.address = f"127.0.0.1:{free_port()}"
        (folder / "alertmanager.yml").write_text(CONFIG.format(
            port=webhook.port, inhibit_rules=example_inhibition()))

    def start(self):
        with open(self.folder / "alertmanager.log", "wb") as log:
            self.process = subprocess.Popen(
                [PROGRAM,
                 f"--config.file={self.folder}/alertmanager.yml",
                 f"--storage.path={self.folder}/alertmanager",
                 f"--web.listen-address={self.address}",
                 "--cluster.listen-address="], stdout=log, stderr=log)
        wait_until(self._answers, 30, "alertmanager does not start")
        return self

    def _answers(self):
        assert self.process.poll() is None, (
            self.folder / "alertmanager.log").read_text()[-2000:]
        try:
            self.request("/-/ready")
            return True
        except OSError:
            return False

    def request(self, path, body=None):
        request = urllib.request.Request(
            f"http://{self.address}{path}",
            json.dumps(body).encode() if body is not None else None,
            {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.read()

    def inhibited(self):
        """Names of the alerts that are held back, because of another."""
        alerts = json.loads(self.request("/api/v2/alerts"))
        return {a["labels"]["alertname"] for a in alerts
                if a["status"]["inhibitedBy"]}

    def active(self):
        alerts = json.loads(self.request("/api/v2/alerts"))
        return {a["labels"]["alertname"] for a in alerts
                if a["status"]["state"] == "active"}

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
