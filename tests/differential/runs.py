"""What is known of a task beside the State."""

THIRTY_YEARS = 1e9


def span(end, begin, eta=None):
    """Seconds from begin, or from the ETA if that is later; None when a clock
    was not told, or stands at 1970."""
    if begin is None:
        return None
    seconds = end - (begin if eta is None else max(begin, eta))
    return max(0.0, seconds) if seconds <= THIRTY_YEARS else None


class Run:
    def __init__(self, task):
        self.task = task
        self.sent = False       # by a client that tells
        self.received_name = None
        self.retries = 0
        self.received = None    # when, until it is started
        self.process = None     # that runs it
        self.started = None     # when, while it runs
        self.learnt = False     # the start: by a reply, not by an event
        self.ran = False
        self.renewed = False    # another start is right
        self.waited = False     # the wait of the last start was measured
        self.overtaken = False  # its task-sent came later
        self.waiting = []       # events that are not counted yet
        self.finished_s = None

    def waits(self, event):
        return any(event is other for other in self.waiting)

    def end(self):
        if self.process is not None:
            self.process.running -= 1
        self.process = self.started = self.received = None
        self.learnt = False
