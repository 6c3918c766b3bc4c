"""What this exporter must show of a stream: the rules of the Python exporter,
and what is different on purpose. Each override is one such difference."""
import collections
import math

from arrivals import Arrivals
from exceptions import class_of
from python_exporter import DEFAULT_QUEUE, WAIT, host_of, labels_of
from runs import Run, span
from workers import Workers

CANCELLED = "celery_task_cancelled_total"
FAILURES = "celery_task_failures_total"
REDELIVERED = "celery_task_redelivered_total"
REVOCATIONS = "celery_task_revocations_total"
RETRY_EXCEPTIONS = "celery_task_retry_exceptions_total"
LAST_SUCCESS = "celery_task_last_success_timestamp_seconds"
LAST_FAILURE = "celery_task_last_failure_timestamp_seconds"
PREFETCH = "celery_task_prefetch_time_seconds"
FAILURE_RUNTIME = "celery_task_failure_runtime_seconds"
TRACKED = "celery_exporter_tracked_tasks"

WALL_AT_0 = 1.7e9
NAME_GRACE_MS = 2000
TICK_MS = 1000
FINISHED_KEEP_S = 600
START_IN_FLIGHT_S = 5


def is_excluded(name):
    """By --task-exclude: such a task makes no series, nor label values."""
    return name is not None and name.startswith("secret.")


class Exporter(Arrivals):
    def __init__(self):
        super().__init__()
        self.now_ms = 0
        self.workers = Workers(self.numbers)
        self.runs = {}
        self.queued_names = set()  # that had a task-sent with a queue
        self.deadlines = collections.deque()

    # ---- time ----

    def advance(self, now_ms):
        """Lets time pass. Once the first worker has not answered in time,
        nothing waits for the queues of workers any more."""
        given_up_ms = self.workers.first_answer_ms
        if given_up_ms is not None and self.now_ms < given_up_ms <= now_ms:
            self.tick(given_up_ms)
            self.release_ready(lambda event: True)
        self.tick(now_ms)

    def tick(self, now_ms):
        """Second by second."""
        for tick_ms in range(self.now_ms // TICK_MS * TICK_MS + TICK_MS,
                             now_ms + 1, TICK_MS):
            self.expire(tick_ms)
            self.forget_finished(tick_ms // 1000)
            for host in self.workers.tick(tick_ms):
                self.drop_host(host)
        self.expire(now_ms)
        self.now_ms = now_ms

    def drop_host(self, host):
        """Only the series of that hostname go; not those with the host's name
        in another label."""
        for _, run, event in list(self.deadlines):
            if run.waits(event) and host_of(event["hostname"]) == host:
                self.release(run)
        for key in [key for key in self.numbers
                    if ("hostname", host) in key[1]]:
            del self.numbers[key]

    def forget_finished(self, now_s):
        """Names and queues are kept for as many tasks as are under way, and
        for ten minutes after."""
        if now_s <= FINISHED_KEEP_S:
            return
        for uuid in [uuid for uuid, run in self.runs.items()
                     if run.finished_s is not None
                     and run.finished_s < now_s - FINISHED_KEEP_S]:
            del self.runs[uuid]
            self.state.tasks.pop(uuid)

    # ---- tasks ----

    def worker_event(self, event):
        self.workers.event(event, self.now_ms)

    def run_of(self, uuid):
        if uuid not in self.runs:
            self.runs[uuid] = Run(self.state.get_or_create_task(uuid)[0])
        return self.runs[uuid]

    def apply(self, event):
        run = self.run_of(event["uuid"])
        if event["type"] == "task-cancelled":
            return run.task  # the Python exporter does not know of it
        fields = {key: value for key, value in event.items()
                  if key not in ("exception", "traceback")}
        fields.setdefault("clock", 0)
        if is_excluded(event.get("name") or run.task.name):
            fields.pop("queue", None)
        super().apply(fields)
        # A name that the worker told outranks the client's, whichever comes
        # last: what runs is a shadow or a replacement. The State heeds that
        # only for a task-received that comes too late.
        if event["type"] == "task-sent" and run.received_name is not None:
            run.task.name = run.received_name
        return run.task

    def task_event(self, event):
        kind = event["type"]
        run = self.run_of(event["uuid"])
        name_before = run.task.name
        process = None
        if kind != "task-sent":
            process = self.workers.task_event(event, self.now_ms)
        self.apply(event)
        event["process"] = process
        event["came_s"] = WALL_AT_0 + self.now_ms / 1000
        if kind == "task-sent":
            self.sent(event, run)
        elif kind == "task-received":
            self.received(event, run, name_before)
        elif kind == "task-started":
            self.started(event, run, process)
        elif kind == "task-retried":
            run.renewed = True
            # By then another worker may have started the next run.
            if process is run.process:
                run.end()
        elif kind == "task-rejected" and event["requeue"]:
            run.renewed = True
            run.end()
        else:
            self.finished(event, run)
        self.count_or_wait(event, run)
        if kind == "task-sent":
            self.count_late_wait(run)

    def sent(self, event, run):
        if "queue" in event and "name" in event:
            self.queued_names.add(event["name"])
        if self.is_of_last_run(event, run):
            run.overtaken = True
        else:
            run.renewed = True
        run.sent = True

    def is_of_last_run(self, event, run):
        """A client stamps task-sent after it has published the task, and an
        idle worker is quicker: such a start is measured when the task-sent
        comes. It is a new sending when its run is over and counted."""
        if not run.ran or (run.started is None and not run.waiting):
            return False
        if event.get("retries", -1) > 0 and \
                event["retries"] - 1 == run.retries:
            return False  # of the next run, told by a process that is quicker
        if run.sent or event.get("retries", -1) < 0:
            return run.started is not None and \
                event["timestamp"] <= run.started
        return event["retries"] == run.retries

    def received(self, event, run, name_before):
        run.finished_s = None
        if "name" in event:
            run.received_name = event["name"]
            run.renewed |= event["name"] != name_before
        if event.get("retries", -1) >= 0:
            run.renewed |= event["retries"] != run.retries
            run.retries = event["retries"]
        if run.started is None:
            run.received = event["timestamp"]
        elif event["timestamp"] > run.started:
            run.learnt = False  # delivered again

    def started(self, event, run, process):
        run.finished_s = None
        task = run.task
        event["wait"] = span(event["timestamp"], task.sent, task.eta)
        event["prefetch"] = span(event["timestamp"], run.received, task.eta)
        # A start that a reply told may still come as an event.
        is_learnt = run.learnt and run.process in (process, None)
        event["redelivered"] = int(
            run.ran and not run.renewed and not is_learnt)
        run.end()
        run.process, run.started = process, event["timestamp"]
        process.running += 1
        run.ran, run.renewed, run.overtaken = True, False, False
        run.waited = event["wait"] is not None

    def finished(self, event, run):
        if event["type"] == "task-failed":
            event["runtime"] = span(event["timestamp"], run.started)
        run.renewed |= event["type"] == "task-cancelled"
        run.end()
        run.finished_s = self.now_ms // 1000

    # ---- what workers reply ----

    def worker_queue(self, nodename, queue):
        self.workers.consumes(nodename, queue or None, self.now_ms)
        process = self.workers.latest.get(nodename)
        self.release_ready(lambda event: process is not None
                           and event["process"] is process)

    def learn(self, nodename, uuid, name, queue, started):
        """Names survive a restart: what no event told is learnt from workers
        that hold the task; what one did tell stays."""
        is_new = uuid not in self.runs
        run = self.run_of(uuid)
        task = run.task
        if task.name is None and name:
            task.name = run.received_name = name
        if getattr(task, "queue", None) is None and queue and \
                not is_excluded(task.name):
            task.queue = queue
        process = self.workers.latest.get(nodename)
        old_s = WALL_AT_0 + self.now_ms / 1000 - START_IN_FLIGHT_S
        if started is not None and run.finished_s is None and \
                run.started is None and \
                (is_new or (not run.ran and started < old_s)):
            run.process, run.started, run.received = process, started, None
            run.ran = run.learnt = True
            if process is not None:
                process.running += 1
        if run.waiting and not self.lacks_label(run.waiting[-1], run):
            self.release(run)

    # ---- counting ----

    def lacks_label(self, event, run):
        name = event.get("name") or run.task.name
        if name is None:
            return True
        if is_excluded(name):
            return False
        if getattr(run.task, "queue", None) is not None:
            return False
        if not run.sent and name in self.queued_names:
            return True
        process = event["process"]
        return process is not None and \
            self.workers.awaits_queue(process, self.now_ms)

    def count_or_wait(self, event, run):
        """An event waits a moment for a name that is still to come, and for a
        queue where its name has had task-sent events before, or where its
        worker is just being asked."""
        if self.lacks_label(event, run):
            # Under the name of now, even if the task is replaced meanwhile.
            if run.task.name is not None:
                event.setdefault("name", run.task.name)
            run.waiting.append(event)
            self.deadlines.append((self.now_ms + NAME_GRACE_MS, run, event))
        else:
            self.release(run)
            self.count(event, run.task)

    def release(self, run):
        waiting, run.waiting = run.waiting, []
        for event in waiting:
            self.count(event, run.task)

    def release_ready(self, is_wanted):
        for _, run, event in list(self.deadlines):
            if is_wanted(event) and run.waits(event) and \
                    not self.lacks_label(event, run):
                self.release(run)

    def expire(self, now_ms):
        while self.deadlines:
            deadline_ms, run, event = self.deadlines[0]
            if run.waits(event):
                if deadline_ms > now_ms:
                    return
                self.release(run)
            self.deadlines.popleft()

    def count_late_wait(self, run):
        if run.started is None or run.waited or run.waiting or \
                not run.overtaken or \
                run.process is None or run.process.purged:
            return
        wait = span(run.started, run.task.sent, run.task.eta)
        run.waited = wait is not None
        if is_excluded(run.task.name):
            return
        labels = self.labels({"hostname": run.process.nodename,
                              "process": run.process}, run.task)
        self.observe(WAIT, labels_of(**labels), wait)

    def wait(self, event, task):
        if event["wait"] is not None:
            return event["wait"]
        run = self.run_of(event["uuid"])
        if not run.overtaken and not (
                task.sent is not None and task.sent <= event["timestamp"]):
            return None
        run.waited |= run.started == event["timestamp"]
        return span(event["timestamp"], task.sent, task.eta)

    def labels(self, event, task):
        """Each event counts on the host that sent it, under its own name if it
        tells one. Where no queue was told it is the one that the worker
        consumes, if that is only one."""
        queue = getattr(task, "queue", None)
        if queue is None and event["process"] is not None:
            queue = self.workers.queue_of(event["process"])
        return {"name": str(event.get("name") or task.name),
                "hostname": host_of(event["hostname"]),
                "queue_name": queue or DEFAULT_QUEUE}

    def make_zeros(self, kind, labels):
        """A client has no counters of workers. Those of a worker begin all
        together, also by a failure, and so do the failures of a name."""
        if labels["name"] != "None":
            self.add(FAILURES, labels_of(name=labels["name"]), 0)
        if kind != "task-sent":
            super().make_zeros("", labels)

    def exception(self, event):
        """The class is found in more forms than Class(...)."""
        return class_of(event.get("exception"), event.get("traceback"))

    def count(self, event, task):
        if is_excluded(event.get("name") or task.name):
            return
        super().count(event, task)
        labels = self.labels(event, task)
        where = {key: labels[key] for key in ("name", "queue_name")}
        count = {
            "task-started": self.count_started,
            "task-succeeded": self.count_succeeded,
            "task-failed": self.count_failed,
            "task-retried": self.count_retried,
            "task-revoked": self.count_revoked,
        }.get(event["type"])
        if count is not None:
            count(event, where)
        elif event["type"] == "task-cancelled":
            self.add(CANCELLED, labels_of(**labels))

    def count_started(self, event, where):
        self.add(REDELIVERED, labels_of(**where), event["redelivered"])
        self.observe(PREFETCH, labels_of(**where), event["prefetch"])

    def count_succeeded(self, event, where):
        self.set_latest(LAST_SUCCESS, where, event)

    def count_failed(self, event, where):
        self.add(FAILURES, labels_of(name=where["name"]))
        self.observe(FAILURE_RUNTIME, labels_of(**where), event["runtime"])
        self.set_latest(LAST_FAILURE, where, event)

    def count_retried(self, event, where):
        self.add(RETRY_EXCEPTIONS,
                 labels_of(**where, exception=self.exception(event)))

    def count_revoked(self, event, where):
        reason = "expired" if event["expired"] else \
            "terminated" if event["terminated"] else "revoked"
        self.add(REVOCATIONS, labels_of(**where, reason=reason))

    def set_latest(self, family, where, event):
        """When it was last, not which event came last; never ahead of our
        clock."""
        if not math.isnan(event["timestamp"]):
            key = family, labels_of(**where)
            self.numbers[key] = max(self.numbers.get(key, 0), min(
                event["timestamp"], event["came_s"]))

    def page(self):
        return {**self.numbers, (TRACKED, ()): len(self.runs)}
