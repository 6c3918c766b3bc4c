"""Every query of every panel of every dashboard, asked of a Prometheus that
scrapes an exporter beside real workers, while all that the panels are about
happens: good work, and each of the faults that some are empty without. Prometheus knows the exporter as two jobs: one whose
targets have no labels of their own, and one with cluster and namespace."""
import json
import math
import os
import pathlib
import sys
import time

import pytest

from support import alertmanager
from support import prometheus as prom
from support.brokers import Tls, TlsRedis
from support.events import Publisher, Sender, task_id
from support.exporter import ROOT
from support.prometheus import Prometheus
from support.wait import wait_until
from support.workers import SYSTEM_PYTHON, Celery

sys.path.insert(0, str(ROOT / "tests" / "dashboards"))

from reader import every, load, panels, substitute, variant  # noqa: E402

pytestmark = pytest.mark.skipif(prom.missing() is not None,
                                reason=str(prom.missing()))

# Of our own, for the panel that lists alerts: the mixin has tests of its own.
ALERT = """
groups:
- name: celery
  rules:
  - alert: CeleryTest
    expr: celery_exporter_broker_up == 1
    labels: {severity: info, name: work.add, queue_name: celery}
"""
# A second name for the same exporter.
LABELLED = """
- job_name: acme-workers
  static_configs:
  - targets: ['127.0.0.1:{port}']
    labels: {{cluster: east, namespace: shop}}
"""
# The mixin's rules, and dashboards that ask them.
RULES = """{
    rateWindow: '10s', rulesInterval: '1s', ratesInterval: '1s',
    dayTotals: { enabled: true, interval: '1s' },
}"""
RECORDED = "{ useRecordingRules: true, rateWindow: '10s' }"
WINDOWS = {"__rate_interval": "15s", "__range": "10m"}
# How the variables may stand: All is what it is.
BARE = {"job": "celery"}
SCOPED = {"cluster": "east", "namespace": "shop", "job": "acme-workers"}


class Faults:
    """What a well-run Celery does not do, told by events of our own."""

    def __init__(self, redis):
        self.redis = redis
        self.publisher = Publisher(redis.connect())
        self.worker = Sender("odd@host-b")
        self.silent = Sender("mute@host-c")
        self.processed = 0

    def happen(self):
        lost = Sender(f"lost{self.processed}@host-d")
        again = task_id()
        self.processed += 3
        self.publisher.send_list_unread([
            # Killed: heard once and never again.
            lost.online(),
            # Delivered twice, and one that ends in every odd way.
            self.worker.received(again, "work.odd"),
            self.worker.started(again),
            self.worker.started(again),
            *(event for kind in ("revoked", "rejected", "cancelled")
              for event in self.odd_end(kind)),
            # Three tasks started by its count, one start seen.
            self.worker.heartbeat(processed=self.processed),
            # Processes, and sends no task events.
            self.silent.heartbeat(processed=self.processed),
        ])
        self.publisher.body(b"[{not json")

    def odd_end(self, kind):
        task = task_id()
        yield self.worker.received(task, "work.odd")
        if kind == "revoked":
            yield self.worker.revoked(task, expired=True)
        elif kind == "rejected":
            yield self.worker.rejected(task)
        else:
            yield self.worker.event("task-cancelled", task)

    def outage(self, exporter):
        self.redis.stop()
        exporter.wait_for(lambda page: page.sum(
            "celery_exporter_broker_connect_errors_total") > 0)
        self.redis.start()
        exporter.wait_connected()


@pytest.fixture
def world(make_redis, authority, make_exporter, tmp_path):
    """(Prometheus, a function that lets things happen once more, and one that
    takes the broker away for a moment)."""
    tls = Tls(authority, authority.user, "ssl_")
    server = TlsRedis(make_redis, authority, authority.server)
    exporter = make_exporter(
        server.url(), "--worker-timeout", 3, "--poll-interval", 1, "-Q", "idle",
        *[f"--broker-ssl-option={k}={v}" for k, v in tls.options.items()])
    celery = Celery(SYSTEM_PYTHON, server.redis.url(), tmp_path,
                    {"task_acks_late": True})
    celery.worker("w1@%h", "celery,other").ready()
    prometheus = Prometheus(tmp_path, [exporter.port],
                            [ALERT, alertmanager.rules(RULES)])
    with open(tmp_path / "prometheus.yml", "a") as config:
        config.write(LABELLED.format(port=exporter.port))
    prometheus.start()
    faults = Faults(server.redis)

    def happen():
        celery.send(("work.add", [], {"times": 5}),
                    ("work.fail", ["value"]), ("work.retry",),
                    ("work.sleep", [1.5], {"times": 2}),
                    ("work.add", [], {"countdown": 600}),
                    ("work.add", [], {"queue": "idle", "priority": 9}),
                    ("work.add", [], {"queue": "idle"}))
        faults.happen()

    yield prometheus, happen, lambda: faults.outage(exporter)
    prometheus.stop()
    celery.stop()


def targets(dashboards, case, chosen):
    """(where it stands, the query) of all dashboards."""
    for file, dashboard in dashboards.items():
        for panel in panels(dashboard):
            for target in panel["targets"]:
                yield (f"{file} {case}: {panel['title']} {target['refId']}",
                       substitute(target["expr"], {
                           **every(dashboard), **WINDOWS, **chosen}))


# ---- what the dashboards of the Python exporter ask, in our words ----

def foreign(scope):
    """(what, query) in the ways in which its two dashboards, and an older one, add
    up each family; `scope` are matchers."""
    def by(labels, window, name):
        return (f"sum by ({labels}) (round(increase("
                f"celery_task_{name}_total{{{scope}}}[{window}]))) > 0")

    for state in ("sent", "received", "succeeded", "failed", "retried",
                  "revoked", "rejected"):
        for labels, window in (("name", "1w"), ("job", "1h"), ("", "6h"),
                               ("name", "15s"), ("name", "10m")):
            yield f"{state} [{window}]", by(labels, window, state)
    for labels in ("name, exception", "job, exception", "job, name"):
        yield f"failed by {labels}", by(labels, "1w", "failed")
    for label in ("queue_name", "name"):
        yield f"received by {label}", (
            f"topk(10, sum by ({label}) "
            f"(rate(celery_task_received_total{{{scope}}}[6h]))) > 0")
    for labels in ("", "name"):
        yield f"mean runtime by {labels}", " / ".join(
            f"sum by ({labels}) (rate(celery_task_runtime_{part}{{{scope}}}[1w]))"
            for part in ("sum", "count")) + " > 0"
    for quantile in (0.5, 0.95, 0.99):
        yield f"runtime {quantile}", (
            f"histogram_quantile({quantile}, sum by (name, job, le) (irate("
            f"celery_task_runtime_bucket{{{scope}}}[15s]))) > 0")
    yield "workers", f"count(celery_worker_up{{{scope}}} == 1)"
    yield "active", f"sum(celery_worker_tasks_active{{{scope}}}) > 0"
    yield "queues", f"sum by (job, queue_name) (celery_queue_length{{{scope}}})"


FOREIGN = [
    *((f"by cluster: {what}", query) for what, query in foreign(
        'cluster="east",namespace="shop",job=~"acme-workers",queue_name!~"None"')),
    *((f"by job: {what}", query) for what, query in foreign(
        'job=~"celery|celery-exporter"')),
]


def foreign_files():
    """The same of dashboards as they stand, from the files of a folder."""
    folder = os.environ.get("FOREIGN_DASHBOARDS")
    for path in sorted(pathlib.Path(folder).glob("*.json")) if folder else ():
        for panel in panels(json.loads(path.read_text())):
            for i, target in enumerate(panel["targets"]):
                yield (f"{path.name}: {panel['title']} {i}",
                       substitute(target["expr"], {
                           **WINDOWS, **SCOPED, "queue_name": ".*", "task": ".*"}))


def test_every_query_of_every_panel_has_data(world):
    prometheus, happen, outage = world
    ours = load()
    left = dict(targets(ours, "at All", {}))
    assert len(left) > 100
    left.update(targets(ours, "without labels", BARE))
    left.update(targets(ours, "with labels", SCOPED))
    left.update(targets(variant(RECORDED), "recorded", SCOPED))
    left.update(FOREIGN)
    left.update(foreign_files())
    began = time.monotonic()
    happened = 0
    was_out = False

    def all_had_data():
        nonlocal happened, was_out
        if time.monotonic() - happened > 3:
            happen()
            happened = time.monotonic()
        for where, expr in list(left.items()):
            if any(not math.isnan(float(series["value"][1]))
                   for series in prometheus.query(expr)):
                del left[where]
        # It comes last: Celery's workers need a while to be back, if they do. By
        # then a full minute has passed under load, which recorded rates are added
        # up by.
        if not was_out and len(left) < 20 and time.monotonic() - began > 75:
            outage()
            was_out = True
        return not left

    wait_until(all_had_data, 180, lambda: "no data: " + "; ".join(
        f"{where}: {expr}" for where, expr in left.items()))


def test_every_variable_has_values(world):
    prometheus, happen, _ = world
    happen()
    for file, dashboard in load().items():
        for variable in dashboard["templating"]["list"]:
            if variable["type"] != "query":
                continue
            metric, label = variable["query"]["query"].removeprefix(
                "label_values(").removesuffix(")").rsplit(", ", 1)
            expr = f"group by ({label}) ({substitute(metric, every(dashboard))})"
            wait_until(lambda: any(s["metric"].get(label) for s in
                                   prometheus.query(expr)), 30,
                       f"{file}: {variable['name']} has no values")
