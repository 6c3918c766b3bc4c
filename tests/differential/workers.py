"""Who is alive. The Python exporter knows one worker a host, and asks the
worker's clock; here every process is known by nodename and pid, hosts show what
theirs add up to, and silence is measured on the exporter's clock."""
from python_exporter import WORKER_ACTIVE, WORKER_UP, host_of, labels_of

LOST = "celery_worker_lost_total"
TIMEOUT_MS = 30_000
PURGE_MS = 60_000
# A process that is silent while another of its nodename came online later was
# restarted; it is lost without waiting for the timeout.
SUPERSEDED_MS = 15_000


class Process:
    def __init__(self, nodename):
        self.nodename = nodename
        self.host = host_of(nodename)
        self.up = self.goodbye = self.purged = False
        self.active = self.running = 0
        self.seen_ms = 0


class Workers:
    """numbers is that of the page."""

    def __init__(self, numbers):
        self.numbers = numbers
        self.processes = {}  # by nodename and pid
        self.online_ms = {}  # by nodename: when one of it came online

    def event(self, event, now_ms):
        key = event["hostname"], event.get("pid", -1)
        if event["type"] == "worker-offline":
            if key in self.processes:
                process = self.processes[key]
                process.goodbye, process.seen_ms = True, now_ms
                self.set(process, False, 0)
            return
        process = self.get(key)
        if event["type"] == "worker-online":
            self.online_ms[process.nodename] = now_ms
        process.goodbye, process.seen_ms = False, now_ms
        # A heartbeat that another monitor forced has no figures: it proves
        # life and changes nothing else.
        active = event.get("active", -1)
        self.set(process, True, active if active >= 0 else process.active)

    def task_event(self, event, now_ms):
        """Any event of a worker proves its life, unless it said goodbye."""
        process = self.get((event["hostname"], event.get("pid", -1)))
        process.seen_ms = now_ms
        if not process.up and not process.goodbye:
            self.set(process, True, process.active)
        return process

    def get(self, key):
        if key not in self.processes:
            self.processes[key] = Process(key[0])
        return self.processes[key]

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
        left = self.processes.values()
        nodenames = {process.nodename for process in left}
        for nodename in set(self.online_ms) - nodenames:
            del self.online_ms[nodename]
        return gone - {process.host for process in left}
