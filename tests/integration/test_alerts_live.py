"""Alerts as they arrive: real workers, a real Redis, a real Prometheus with the
rules of alerts-mixin/, a real Alertmanager, and this test at the other end. Only
the durations are shorter than in life."""
import json
import urllib.request

import pytest

from support import alertmanager, prometheus
from support.alertmanager import Alertmanager, Webhook
from support.prometheus import Prometheus
from support.wait import stays, wait_until
from support.workers import SYSTEM_PYTHON, Celery

# `alerts` makes a second of every `for` that is longer.
KNOBS = """{
    rateWindow: '10s',
    rulesInterval: '1s',
    ratesInterval: '1s',
    dayTotals: { enabled: true, interval: '1s' },
    taskFailures+: {
        tasks: { 'work.fail': { threshold: 0, severity: 'critical', 'for': '0m' } },
        queues: { other: { threshold: 3 } },
    },
    queues: { other: { backlog: 20, oldestTask: 2, severity: 'critical' } },
    local limits = import 'thresholds.libsonnet',
    alerts: { [name]: limits[name] +
              (if std.objectHas(limits[name], 'for') && limits[name]['for'] != '0m'
               then { 'for': '1s' } else {}) for name in std.objectFields(limits) }
            + { CeleryWatchdog+: { enabled: true } },
}"""


@pytest.fixture
def webhook():
    why = prometheus.missing() or alertmanager.missing()
    if why:
        pytest.skip(why)
    receiver = Webhook()
    yield receiver
    receiver.stop()


@pytest.fixture
def manager(webhook, tmp_path):
    started = Alertmanager(tmp_path, webhook).start()
    yield started
    started.stop()


@pytest.fixture
def exporter(make_exporter, redis_server):
    return make_exporter(redis_server.url(), "--worker-timeout", "5",
                         "--poll-interval", "1s")


@pytest.fixture
def watcher(exporter, manager, tmp_path):
    started = Prometheus(tmp_path, [exporter.port], [alertmanager.rules(KNOBS)],
                         manager.address).start()
    yield started
    started.stop()


@pytest.fixture
def celery(redis_server, tmp_path):
    app = Celery(SYSTEM_PYTHON, redis_server.url(), tmp_path)
    yield app
    app.stop()


def value(watcher, expr):
    found = watcher.query(expr)
    return float(found[0]["value"][1]) if found else None


def broken_rules(watcher):
    with urllib.request.urlopen(f"{watcher.url}/api/v1/rules") as reply:
        groups = json.load(reply)["data"]["groups"]
    return [(rule["name"], rule.get("lastError")) for group in groups
            for rule in group["rules"] if rule["health"] == "err"]


def test_what_breaks_is_told(celery, redis_server, exporter, watcher, manager,
                             webhook):
    first = celery.worker("w1@one").ready()
    second = celery.worker("w2@two").ready()
    celery.send(("work.add", [], {"times": 20}))
    wait_until(lambda: value(
        watcher, 'job_name:celery_task_succeeded:increase1d{name="work.add"}')
        == 20, 30, "a day's total of tasks, some of whose series begin above 0")
    webhook.wait("CeleryWatchdog")
    assert webhook.names() == [("CeleryWatchdog", "firing")]

    one_invoice_fails(celery, webhook)
    a_queue_grows(celery, webhook)
    all_workers_are_killed(first, second, webhook)
    redis_stops(redis_server, manager, webhook)
    redis_comes_back(redis_server, celery, manager, webhook)
    the_exporter_dies(exporter, webhook)
    assert broken_rules(watcher) == []


def one_invoice_fails(celery, webhook):
    celery.send(("work.fail", ["key"]))

    alert = webhook.wait("CeleryTaskFailures")

    assert alert["labels"] == {
        "alertname": "CeleryTaskFailures", "area": "tasks", "job": "celery",
        "name": "work.fail", "scope": "task work.fail",
        "severity": "critical"}
    assert alert["annotations"]["summary"] == "A Celery task fails too often."
    assert alert["annotations"]["description"] == (
        "Celery celery: work.fail failed 1 times in 10m.")
    assert alert["annotations"]["runbook_url"].endswith(
        "/CeleryTaskFailures.md")


def a_queue_grows(celery, webhook):
    celery.send(("work.add", [], {"queue": "other", "times": 30}))

    where = {"queue_name": "other", "severity": "critical"}
    webhook.wait("CeleryQueueBacklog", scope="queue other", **where)
    webhook.wait("CeleryQueueWithoutConsumers", **where)
    webhook.wait("CeleryQueueOldestTask", scope="queue other", **where)


def all_workers_are_killed(first, second, webhook):
    first.kill()
    webhook.wait("CeleryWorkerLost", hostname="one", severity="warning")
    assert webhook.find("CeleryAllWorkersDown") == []

    second.kill()
    webhook.wait("CeleryAllWorkersDown", severity="critical")


def redis_stops(redis_server, manager, webhook):
    redis_server.stop()

    webhook.wait("CeleryBrokerUnreachable", severity="critical")
    wait_until(lambda: {"CeleryTaskFailures", "CeleryQueueBacklog"}
               <= manager.inhibited(), 30,
               lambda: f"not held back: {manager.active()}")
    assert {"CeleryBrokerUnreachable", "CeleryWatchdog"} <= manager.active()


def redis_comes_back(redis_server, celery, manager, webhook):
    redis_server.start()
    webhook.wait("CeleryBrokerUnreachable", "resolved")

    third = celery.worker("w3@three", "celery,other").ready()
    webhook.wait("CeleryAllWorkersDown", "resolved")
    # It stops in good order: no more than that is told.
    known = len(webhook.find("CeleryAllWorkersDown"))
    third.stop()
    stays(lambda: len(webhook.find("CeleryAllWorkersDown")) == known
          and "CeleryAllWorkersDown" not in manager.active(), 3)


def the_exporter_dies(exporter, webhook):
    exporter.stop()
    alert = webhook.wait("CeleryExporterDown", severity="critical")
    assert alert["labels"]["instance"] == f"127.0.0.1:{exporter.port}"
    webhook.wait("CeleryWatchdog", "resolved")


def raised(manager, *alerts):
    """Raises alerts, each (alertname, area, more labels)."""
    manager.request("/api/v2/alerts", [
        {"labels": {"alertname": name, "area": area, "severity": "warning",
                    "job": "celery", **more}} for name, area, more in alerts])


def held_back(manager):
    alerts = json.loads(manager.request("/api/v2/alerts"))
    return sorted((a["labels"]["alertname"], a["labels"]["job"],
                   a["labels"].get("instance", ""))
                  for a in alerts if a["status"]["inhibitedBy"])


def test_one_exporter_of_two_holds_back_nothing_of_the_other(manager):
    tasks = [("CeleryTaskFailures", "tasks", {}),
             ("CeleryTaskFailures", "tasks", {"job": "other"}),
             ("CeleryAllWorkersDown", "workers", {}),
             ("CeleryWatchdog", "watchdog", {}),
             ("CeleryPollFailing", "exporter", {"instance": "a"}),
             ("CeleryPollFailing", "exporter", {"instance": "b"})]

    raised(manager, ("CeleryExporterDown", "exporter", {"instance": "a"}),
           *tasks)

    wait_until(lambda: held_back(manager) == [
        ("CeleryPollFailing", "celery", "a")], 30,
        lambda: held_back(manager))


def test_what_nobody_sees_is_held_back_for_that_celery_only(manager):
    raised(manager,
           ("CeleryUnwatched", "exporter", {}),
           ("CeleryExporterDown", "exporter", {"instance": "a"}),
           ("CeleryBrokerUnreachable", "exporter", {"instance": "b"}),
           ("CeleryTaskFailures", "tasks", {}),
           ("CeleryTaskFailures", "tasks", {"job": "other"}),
           ("CeleryTaskFailures", "tasks", {"cluster": "eu"}),
           ("CeleryQueueBacklog", "queues", {}),
           ("CeleryAllWorkersDown", "workers", {}),
           ("CeleryWatchdog", "watchdog", {}))

    wait_until(lambda: held_back(manager) == [
        ("CeleryAllWorkersDown", "celery", ""),
        ("CeleryQueueBacklog", "celery", ""),
        ("CeleryTaskFailures", "celery", "")], 30,
        lambda: held_back(manager))
