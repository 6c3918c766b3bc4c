"""Who is alive. The Python exporter knows one worker a host, and asks the
worker's clock; here every process is known by nodename and pid, hosts show what
theirs add up to, and silence is measured on the exporter's clock."""
from python_exporter import WORKER_ACTIVE, WORKER_UP, host_of, labels_of

LOST = "celery_worker_lost_total"
TIMEOUT_MS = 30_000
PURGE_MS = 60_000
QUEUE_GRACE_MS = 2000
# Until somebody has answered, only the first worker that is seen is awaited.
FIRST_ANSWER_MS = 1000
# A process that is silent while another of its nodename came online later was
# restarted; it is lost without waiting for the timeout.
SUPERSEDED_MS = 15_000


class Process:
    def __init__(self, nodename, now_ms):
        self.nodename = nodename
        self.first_ms = now_ms
        self.host = host_of(nodename)
        self.up = self.goodbye = self.purged = False
        self.active = self.running = 0
        self.seen_ms = 0


class Workers:
    """numbers is that of the page."""

    def __init__(self, numbers):
        self.numbers = numbers
        self.processes = {}  # by nodename and pid
        # By nodename:
        self.online_ms = {}  # when one of it came online
        self.latest = {}     # the one that was heard last
        self.queues = {}     # what it replied: its only queue, or None
        self.answered = False  # anyone of them, ever
        self.first_answer_ms = None

    def event(self, event, now_ms):
        key = event["hostname"], event.get("pid", -1)
        if event["type"] == "worker-offline":
            if key in self.processes:
                process = self.processes[key]
                process.goodbye = True
                self.hear(process, now_ms)
                self.set(process, False, 0)
            return
        process = self.get(key, now_ms)
        if event["type"] == "worker-online":
            self.online_ms[process.nodename] = now_ms
            if self.may_answer(now_ms) and not self.answered:
                self.first_answer_ms = now_ms + QUEUE_GRACE_MS
        process.goodbye = False
        self.hear(process, now_ms)
        # A heartbeat that another monitor forced has no figures: it proves
        # life and changes nothing else.
        active = event.get("active", -1)
        self.set(process, True, active if active >= 0 else process.active)

    def task_event(self, event, now_ms):
        """Any event of a worker proves its life, unless it said goodbye."""
        process = self.get((event["hostname"], event.get("pid", -1)), now_ms)
        self.hear_of_life(process, now_ms)
        return process

    def replied(self, nodename, now_ms):
        """So does a reply, of the process that was heard last."""
        self.answered = True
        self.first_answer_ms = None
        process = self.latest.get(nodename)
        if process is not None and not process.purged and not process.goodbye:
            self.hear_of_life(process, now_ms)

    def consumes(self, nodename, queue, now_ms):
        self.replied(nodename, now_ms)
        if nodename in self.latest:
            self.queues[nodename] = queue

    def awaits_queue(self, process, now_ms):
        """A worker is asked for its queues as soon as it is first seen. Where
        no worker ever answers nothing waits for it."""
        return self.may_answer(now_ms) and not process.purged and \
            process.nodename not in self.queues and \
            now_ms - process.first_ms < QUEUE_GRACE_MS

    def may_answer(self, now_ms):
        return self.answered or (self.first_answer_ms is not None and
                                 now_ms < self.first_answer_ms)

    def queue_of(self, process):
        return None if process.purged else self.queues.get(process.nodename)

    def get(self, key, now_ms):
        if key not in self.processes:
            self.processes[key] = Process(key[0], now_ms)
            if not self.answered and self.first_answer_ms is None:
                self.first_answer_ms = now_ms + FIRST_ANSWER_MS
        return self.processes[key]

    def hear(self, process, now_ms):
        process.seen_ms = now_ms
        self.latest[process.nodename] = process

    def hear_of_life(self, process, now_ms):
        self.hear(process, now_ms)
        if not process.up and not process.goodbye:
            self.set(process, True, process.active)

    def set(self, process, up, active):
        process.up, process.active = up, active
        labels = labels_of(hostname=process.host)
        others = [p for p in self.processes.values() if p.host == process.host]
        self.numbers[WORKER_UP, labels] = int(any(p.up for p in others))
        self.numbers[WORKER_ACTIVE, labels] = sum(p.active for p in others)
        self.numbers.setdefault((LOST, labels), 0)

    def is_lost(self, process, silent_ms):
        online_ms = self.online_ms.get(process.nodename, 0)
        return silent_ms > TIMEOUT_MS or (
            silent_ms > SUPERSEDED_MS and online_ms > process.seen_ms)

    def tick(self, now_ms):
        """The hosts that have no process any more."""
        gone = set()
        for key, process in list(self.processes.items()):
            silent_ms = now_ms - process.seen_ms
            # A task that is started and not finished puts the purge off.
            purge = silent_ms > PURGE_MS and process.running == 0
            if process.up and (purge or self.is_lost(process, silent_ms)):
                self.set(process, False, 0)
                self.numbers[LOST, labels_of(hostname=process.host)] += 1
            if purge:
                process.purged = True
                del self.processes[key]
                gone.add(process.host)
        return self.forget(gone) if gone else gone

    def forget(self, gone):
        """Of these hosts, those without any process."""
        left = self.processes.values()
        nodenames = {process.nodename for process in left}
        for known in (self.online_ms, self.latest, self.queues):
            for nodename in set(known) - nodenames:
                del known[nodename]
        return gone - {process.host for process in left}
