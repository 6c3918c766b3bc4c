"""Lives of workers and tasks: what each sends, and when, before anything
happens to it on its way."""
import datetime
import math

from exceptions import FORMS, traceback_of

WALL_AT_0 = 1.7e9
NAMES = ["tasks.add", "tasks.mail", "app.report", "ünï.cödé", 'q"uo\\te\nd']
EXCLUDED = "secret.task"
QUEUES = ["celery", "mail", "bulk"]
ZONES = [0, 0, -2, 5, -6]  # hours west


class Sender:
    def __init__(self, rng, nodename, pid, zone):
        self.nodename = nodename
        self.pid = pid
        self.zone = zone
        self.clock = rng.choice([0, 0, 1000])
        # Of its clock, in seconds.
        self.skew = rng.choice([0.0, 0.0, 0.0, rng.uniform(-3, 3), -4000.0])

    @property
    def host(self):
        return self.nodename.split("@", 1)[-1]


class Action:
    """What one sender tells at a time; seconds since the start."""

    def __init__(self, at, sender, kind, fields):
        self.at = at
        self.arrives = at
        self.sender = sender
        self.kind = kind
        self.fields = fields
        self.alone = not kind.startswith("task-") or kind == "task-sent"

    def stamp(self, rng):
        sender = self.sender
        sender.clock += rng.choice([1, 1, 1, 3])
        self.event = {
            "type": self.kind, "hostname": sender.nodename, "pid": sender.pid,
            "clock": sender.clock, "utcoffset": sender.zone,
            "timestamp": round(WALL_AT_0 + self.at + sender.skew, 6),
            **self.fields}


class World:
    """Workers, clients and tasks of one stream."""

    def __init__(self, rng, plain):
        self.rng = rng
        self.plain = plain
        self.span = rng.choice([3, 10, 10, 40] if plain
                               else [3, 10, 10, 40, 90, 200, 900])
        self.actions = []
        self.npids = 100
        self.replies = []  # (when, line without the time)
        hosts = [f"host-{i}" for i in range(rng.randint(1, 3))]
        if not plain and rng.random() < 0.1:
            hosts[0] = "a@b"
        self.workers = [self.worker(i, hosts) for i in range(rng.randint(1, 5))]
        self.clients = [self.client(rng.choice(hosts + ["web"]))
                        for _ in range(rng.randint(1, 2))]
        self.tells_sent = rng.random() < 0.7
        self.names = rng.sample(NAMES, rng.randint(1, 3))
        if not plain and rng.random() < 0.1:
            self.names.append(EXCLUDED)
        self.queues = rng.sample(QUEUES, rng.randint(1, 2))
        self.ntasks = 0
        if not plain:
            for worker in self.workers:
                self.live(worker)
        self.asks = not plain and rng.random() < 0.4
        for _ in range(rng.choice([1, 2, 3, 6, 12])):
            self.task()
        if self.asks:
            self.reply_queues()

    # ---- who there is ----

    def sender(self, nodename, pid):
        sender = Sender(self.rng, nodename, pid, self.rng.choice(ZONES))
        if self.plain:
            sender.skew = 0.0
        return sender

    def worker(self, i, hosts):
        twin = not self.plain and i > 0 and self.rng.random() < 0.2
        name = f"w{i - 1 if twin else i}@{self.rng.choice(hosts)}"
        return self.sender(name, self.rng.choice([1, 1, 10 + i]))

    def client(self, host):
        self.npids += 1
        return self.sender(f"gen{self.npids}@{host}", self.npids)

    def act(self, at, sender, kind, **fields):
        self.actions.append(Action(at, sender, kind, fields))

    # ---- the life of workers ----

    def beat(self, at, worker, kind, active=0):
        fields = {"freq": 2.0, "sw_ident": "py-celery", "sw_ver": "5.6.2",
                  "sw_sys": "Linux"}
        if active is not None:
            fields.update(active=active, processed=self.rng.randint(0, 50),
                          loadavg=[0.5, 0.25, 0.125])
        self.act(at, worker, kind, **fields)

    def live(self, worker):
        """Online, heartbeats, and perhaps a death or another start."""
        rng = self.rng
        if rng.random() < 0.2:
            return  # without heartbeats
        at, end = rng.uniform(0, 2), self.span * rng.choice([1, 1, 0.5])
        if rng.random() < 0.9:
            self.beat(at, worker, "worker-online")
        pace = max(2.0, self.span / 8)
        while (at := at + rng.uniform(0.5, 1.5) * pace) < end:
            active = None if rng.random() < 0.1 else rng.choice([0, 0, 1, 4])
            self.beat(at, worker, "worker-heartbeat", active)
        if rng.random() < 0.4:
            self.beat(at, worker, "worker-offline")
        if rng.random() < 0.2:
            again = self.sender(worker.nodename,
                                rng.choice([worker.pid, worker.pid + 1]))
            again.clock = 0
            self.beat(at + rng.uniform(0, 40), again, "worker-online")
            self.workers.append(again)

    def reply_queues(self):
        """What some of the workers consume: one queue, or several."""
        rng = self.rng
        for worker in self.workers:
            times = [action.at for action in self.actions
                     if action.sender is worker]
            if not times or rng.random() < 0.2:
                continue
            at = min(times) + rng.choice([0.1, 1.5, 3, 20])
            queue = rng.choice([*self.queues, "", "solo"])
            for again in range(rng.randint(1, 2)):
                self.replies.append((at + again * 15, b"Q",
                                     f"{worker.nodename}\t{queue}"))

    # ---- the life of tasks ----

    def task(self):
        rng = self.rng
        self.ntasks += 1
        lives = [self.succeeds, self.fails, self.retries, self.revoked,
                 self.expires, self.rejected, self.ignored]
        if not self.plain:
            lives += [self.requeued, self.terminated, self.cancelled,
                      self.redelivered, self.replaced, self.unknown,
                      self.killed_hard, self.sent_again, self.progresses,
                      self.succeeds, self.retries]
        run = Life(self, f"id-{self.ntasks}", rng.uniform(0, self.span))
        rng.choice(lives)(run)

    def succeeds(self, run):
        run.begin().end("task-succeeded")

    def fails(self, run):
        run.begin().end("task-failed")

    def ignored(self, run):
        run.begin()

    def retries(self, run):
        for _ in range(self.rng.randint(1, 3)):
            run.begin()
            if self.plain or self.rng.random() < 0.7:
                run.end("task-retried").retries += 1
            else:  # told only when the next run is under way
                run.retries += 1
                run.send(child=True).end("task-retried", later=2)
            run.eta = self.rng.choice([None, run.at + 3])
            run.is_sent = False
        run.begin().end(self.rng.choice(["task-succeeded", "task-failed"]))

    def revoked(self, run):
        run.receive().end("task-revoked", terminated=False, expired=False)

    def expires(self, run):
        if self.rng.random() < 0.5 or self.plain:
            run.receive()
        else:
            run.send()
        run.end("task-revoked", terminated=False, expired=True)

    def terminated(self, run):
        run.begin()
        for signum in [15, "15"][:self.rng.randint(1, 2)]:
            run.end("task-revoked", terminated=True, expired=False,
                    signum=signum)

    def rejected(self, run):
        run.begin().end("task-rejected", requeue=False)

    def requeued(self, run):
        run.begin().end("task-rejected", requeue=True)
        run.begin().end("task-succeeded")

    def cancelled(self, run):
        run.begin().end("task-cancelled")
        if self.rng.random() < 0.5:
            run.begin().end("task-succeeded")

    def redelivered(self, run):
        run.begin()
        run.at += self.rng.choice([1, 20, 70])
        run.begin().end("task-succeeded")

    def replaced(self, run):
        run.begin()
        run.name, run.is_sent = self.rng.choice([*NAMES, EXCLUDED]), False
        run.begin().end("task-succeeded")

    def unknown(self, run):
        run.failure = FORMS[3]
        run.end("task-failed")

    def killed_hard(self, run):
        run.begin().end("task-failed").end("task-failed")

    def sent_again(self, run):
        run.begin().end("task-succeeded")
        run.at += self.rng.choice([1, 5, 620])
        run.is_sent = False
        run.begin().end("task-failed")

    def progresses(self, run):
        run.begin().end("task-progress", percent=math.nan).end("task-succeeded")


class Life:
    """One task on its way, event by event."""

    def __init__(self, world, uuid, at):
        rng = world.rng
        self.world = world
        self.uuid = uuid
        self.at = at
        self.name = rng.choice(world.names)
        # What the worker shows may be another name than what was sent.
        shadow = not world.plain and rng.random() < 0.1
        self.shown = rng.choice([*NAMES, EXCLUDED]) if shadow else None
        self.queue = rng.choice(world.queues)
        self.client = rng.choice(world.clients)
        self.worker = rng.choice(world.workers)
        self.failure = rng.choice(FORMS[:5] if world.plain else FORMS)
        self.eta = None
        if rng.random() < 0.1:
            self.eta = at + rng.choice([5, 5 if world.plain else 60])
        self.retries = 0
        self.is_sent = False

    def act(self, sender, kind, **fields):
        pause = self.world.rng.choice([0.0001, 0.01, 0.3, 2.0])
        self.at += self.world.rng.uniform(0.1, 1) * pause
        self.world.act(self.at, sender, kind, uuid=self.uuid, **fields)

    def about(self, name):
        eta = None
        if self.eta is not None:
            zone = datetime.timezone(datetime.timedelta(
                hours=self.world.rng.choice([0, 0, 5, -3])))
            eta = datetime.datetime.fromtimestamp(
                WALL_AT_0 + self.eta, zone).isoformat()
        return {"name": name, "args": "()", "kwargs": "{}", "eta": eta,
                "expires": None, "retries": self.retries,
                "root_id": self.uuid, "parent_id": None}

    def send(self, child=False):
        self.is_sent = True
        if not self.world.tells_sent:
            return self
        client = self.world.client(self.worker.host) if child else self.client
        queue = self.queue
        if not self.world.plain and self.world.rng.random() < 0.03:
            queue = None  # delayed by the broker itself
        self.act(client, "task-sent", **self.about(self.name), queue=queue,
                 exchange="", routing_key=queue)
        if not self.world.plain and self.world.rng.random() < 0.3:
            # The stamp is late: the task was out before.
            self.world.actions[-1].at += 0.02
        return self

    def receive(self):
        if not self.is_sent:
            self.send(child=self.retries > 0)
        # A delivery to another host may be told out of order.
        if not self.world.plain:
            self.worker = self.world.rng.choice(self.world.workers)
        self.act(self.worker, "task-received",
                 **self.about(self.shown or self.name))
        return self

    def hold(self, started=""):
        """Its worker may be asked what it holds, and name the task."""
        rng, name = self.world.rng, self.shown or self.name
        if self.world.asks and rng.random() < 0.4 and "\n" not in name:
            queue = rng.choice(["", self.queue])
            self.world.replies.append((
                self.at + rng.choice([0.01, 1, 7]), b"L",
                f"{self.worker.nodename}\t{self.uuid}\t{name}\t{queue}\t"
                f"{started}"))

    def begin(self):
        self.receive()
        self.hold()
        if self.eta is not None:
            self.at = max(self.at, self.eta)
        self.act(self.worker, "task-started")
        self.hold(WALL_AT_0 + self.at + self.worker.skew)
        return self

    def end(self, kind, later=0, **fields):
        if kind == "task-succeeded":
            fields = {"result": "None",
                      "runtime": self.world.rng.uniform(0, 20)}
        elif kind in ("task-failed", "task-retried"):
            exception, last_line, _, _ = self.failure
            fields = {"exception": exception}
            if last_line is not None:
                fields["traceback"] = traceback_of(last_line)
        self.act(self.worker, kind, **fields)
        self.world.actions[-1].arrives += later
        return self
