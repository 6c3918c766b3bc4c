"""What the Python exporter shows of a stream of events: its rules, over the
real celery.events.State.

Numbers are kept as {(family, labels): value}, labels being a sorted tuple of
pairs; of a histogram, the list of what was observed."""
import re

from celery.events.state import State

DEFAULT_QUEUE = "celery"

# The counter of each event. There is none for other types.
COUNTERS = {
    "task-sent": "celery_task_sent_total",
    "task-received": "celery_task_received_total",
    "task-started": "celery_task_started_total",
    "task-succeeded": "celery_task_succeeded_total",
    "task-failed": "celery_task_failed_total",
    "task-rejected": "celery_task_rejected_total",
    "task-revoked": "celery_task_revoked_total",
    "task-retried": "celery_task_retried_total",
}
RUNTIME = "celery_task_runtime"
WAIT = "celery_task_queue_wait_time"
WORKER_UP = "celery_worker_up"
WORKER_ACTIVE = "celery_worker_tasks_active"


def host_of(nodename):
    """The part behind the first @, or all of it."""
    return nodename.split("@", 1)[-1]


def labels_of(**labels):
    return tuple(sorted(labels.items()))


class PythonExporter:
    def __init__(self):
        self.state = State(max_tasks_in_memory=10000)
        self.numbers = {}

    def event(self, event):
        """One event as it is sent, but for eta, which is Unix seconds or None.
        The shift of timestamps between time zones is left out: this exporter
        takes it back where it knows of it."""
        kind = event["type"]
        if kind in COUNTERS:
            self.count(event, self.apply(event))
        elif kind in ("worker-heartbeat", "worker-online", "worker-offline"):
            self.worker_event(event)

    def apply(self, event):
        """Lets the State have it; its task."""
        (task, _), _ = self.state.event({**event, "local_received": None})
        return task

    # ---- tasks ----

    def labels(self, event, task):
        return {"name": str(task.name), "hostname": host_of(task.hostname),
                "queue_name": getattr(task, "queue", None) or DEFAULT_QUEUE}

    def count(self, event, task):
        kind = event["type"]
        labels = self.labels(event, task)
        own = labels_of(**labels)
        self.make_zeros(kind, labels)
        if kind == "task-failed":
            exception = self.exception(event)
            self.add(COUNTERS[kind], labels_of(**labels, exception=exception))
        elif kind in COUNTERS:
            self.add(COUNTERS[kind], own)
        if kind == "task-succeeded":
            self.observe(RUNTIME, own, event["runtime"])
        if kind == "task-started":
            self.observe(WAIT, own, self.wait(event, task))

    def make_zeros(self, kind, labels):
        """Every event begins all counters of its labels but that of task-sent.
        """
        for other, family in COUNTERS.items():
            if other == "task-failed" != kind:
                self.add(family, labels_of(**labels, exception=""), 0)
            elif other not in ("task-sent", "task-failed"):
                self.add(family, labels_of(**labels), 0)

    def exception(self, event):
        match = re.match(r"^(\w+)\(", event["exception"])
        return match.group(1) if match else "UnknownException"

    def wait(self, event, task):
        """In the queue, in seconds, or None."""
        if task.sent is None:
            return None
        begin = task.sent if task.eta is None else max(task.sent, task.eta)
        return max(0.0, event["timestamp"] - begin)

    # ---- workers ----

    def worker_event(self, event):
        host = labels_of(hostname=host_of(event["hostname"]))
        if event["type"] == "worker-offline":
            if (WORKER_UP, host) in self.numbers:
                self.numbers[WORKER_UP, host] = 0
                self.numbers[WORKER_ACTIVE, host] = 0
            return
        self.numbers[WORKER_UP, host] = 1
        if event["type"] == "worker-heartbeat":
            self.numbers[WORKER_ACTIVE, host] = event.get("active") or 0

    # ---- numbers ----

    def add(self, family, labels, value=1):
        key = family, labels
        self.numbers[key] = self.numbers.get(key, 0) + value

    def observe(self, family, labels, value):
        if value is not None:
            self.numbers.setdefault((family, labels), []).append(value)
