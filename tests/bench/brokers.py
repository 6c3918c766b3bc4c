"""Private brokers on free loopback ports, and the storm of events."""
import json
import subprocess

from subjects import BenchError
from support.rabbit import Rabbit
from support.redis_server import RedisServer
from support.wait import wait_until

UNLIMITED = {"client-output-buffer-limit": "pubsub 0 0 0"}


class Redis:
    """Without limits on what a slow subscriber is behind, unless limited."""

    def __init__(self, folder, limited=False, config=None, url=None):
        folder.mkdir(parents=True, exist_ok=True)
        limits = {} if limited else UNLIMITED
        self.server = RedisServer(folder, {**limits, **(config or {})}).start()
        self.url = url or self.server.url()
        self.target = f"redis:{self.server.port}"
        self.stop = self.server.stop

    def subscribed(self):
        return self.server.subscriptions() > 0

    def behind(self):
        """Bytes that are to be sent to subscribers."""
        return sum(int(c["omem"]) for c in self.server.client.client_list()
                   if int(c["psub"]) + int(c["sub"]) > 0)


class Amqp:
    """RabbitMQ."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.rabbit = Rabbit(folder).start()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.rabbit.port}//"
        self.target = f"amqp:{self.rabbit.port}"
        self.stop = self.rabbit.stop

    def subscribed(self):
        bindings = self.rabbit.ctl("list_bindings", "source_name",
                                   "destination_name")
        return any(line.startswith("celeryev\t")
                   for line in bindings.splitlines())

    def gone(self):
        """The queue of whoever was measured before."""
        wait_until(lambda: not self.subscribed(), 30, "a queue stays")

    def behind(self):
        return 0


class Storm:
    """Events that are made and wait to be sent."""

    def __init__(self, program, broker, *args, **options):
        words = [f"--{key.replace('_', '-')}={value}"
                 for key, value in options.items()]
        self.process = subprocess.Popen(
            [program, "--wait", *words, *args, broker.target],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise BenchError("the storm does not begin")

    def begin(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def end(self):
        """The truth."""
        out, _ = self.process.communicate()
        if self.process.returncode != 0:
            raise BenchError("the storm has ended early")
        return json.loads(out)


def counted(samples):
    """Events by (family, name, host, exception), as in the truth."""
    found = {}
    for (family, labels), value in samples.items():
        labels = dict(labels)
        if (family.startswith("celery_task_") and family.endswith("_total")
                and {"name", "hostname"} <= labels.keys() and value):
            key = (family, labels["name"], labels["hostname"],
                   labels.get("exception", ""))
            found[key] = found.get(key, 0) + value
    return found


def compare(samples, truth):
    """(lost, wrong): events that are not there, and what is there besides."""
    found = counted(samples)
    wanted = {tuple(row[:4]): row[4] for row in truth["counts"]}
    lost = sum(max(0, n - found.get(key, 0)) for key, n in wanted.items())
    extra = sum(max(0, n - wanted.get(key, 0)) for key, n in found.items()
                if key[0] in {row[0] for row in truth["counts"]})
    runs = sum(value for (family, _), value in samples.items()
               if family == "celery_task_runtime_count")
    total = sum(value for (family, _), value in samples.items()
                if family == "celery_task_runtime_sum")
    if lost == 0 and (runs != truth["runtimes"] or abs(
            total - truth["runtime_s"]) > 1e-6 * truth["runtime_s"] + 1e-6):
        extra += 1
    return int(lost), int(extra)
