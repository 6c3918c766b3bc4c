"""What arrives: messages are taken apart, and what came before is left out. The
Python exporter would end, or count it again."""
import collections

from decode import decode
from python_exporter import PythonExporter, labels_of

MESSAGES = "celery_exporter_messages_total"
EVENTS = "celery_exporter_events_total"
REJECTED = "celery_exporter_events_rejected_total"
DUPLICATES = "celery_exporter_events_duplicate_total"
REMEMBERED = 1024  # events of one sender


class Arrivals(PythonExporter):
    def __init__(self):
        super().__init__()
        self.senders = {}
        for family in (MESSAGES, DUPLICATES):
            self.add(family, (), 0)

    def message(self, body):
        """What cannot be read is counted, and changes nothing else."""
        self.add(MESSAGES, ())
        for event, refusals in decode(body):
            for reason in refusals:
                self.add(REJECTED, labels_of(reason=reason))
            if event is not None:
                self.event(event)

    def event(self, event):
        kind = event["type"]
        self.add(EVENTS, labels_of(event=kind))
        repeated = self.is_repeated(event)
        if repeated:
            self.add(DUPLICATES, ())
        if kind.startswith("worker-"):
            self.worker_event(event)
        elif kind.startswith("task-") and not repeated:
            self.task_event(event)

    def is_repeated(self, event):
        """An exact repeat counts once, unless the process began anew."""
        clock = event.get("clock", -1)
        if clock < 0:
            return False
        sender = event.get("hostname", ""), event.get("pid", -1)
        marks = self.senders.setdefault(
            sender, collections.deque(maxlen=REMEMBERED))
        if event["type"] == "worker-online" and \
                clock < max((mark[0] for mark in marks), default=0):
            marks.clear()
        mark = clock, event["type"], event.get("uuid", "")
        if mark in marks:
            return True
        marks.append(mark)
        return False
