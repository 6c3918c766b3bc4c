"""A private RabbitMQ: loopback, ports, node name and folder of its own. It takes
seconds to start, so tests share one, each with a virtual host of its own.
$RABBITMQ_BIN names a folder with another release's commands."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import uuid

import amqp

from support.events import after_first_answer
from support.ports import free_port
from support.wait import wait_until

# What the package installs; the ones on the PATH change the user.
BIN = os.environ.get("RABBITMQ_BIN", "/usr/lib/rabbitmq/bin")


def missing():
    """Why there can be no RabbitMQ here, or None."""
    if not os.path.exists(f"{BIN}/rabbitmq-server"):
        return "rabbitmq-server is not installed"
    return None


VHOSTS_AT_ONCE = 10
MAKE_VHOSTS = """[begin
    rabbit_vhost:add(Name, <<"guest">>),
    rabbit_auth_backend_internal:set_permissions(
        <<"guest">>, Name, <<".*">>, <<".*">>, <<".*">>, <<"guest">>)
end || Name <- [%s]], ok."""


class Rabbit:
    """tls: the CA of its clients, and its own certificate with the key; then it
    has an encrypted port too, which wants client certificates."""

    host = "127.0.0.1"
    prefix = ()  # of its commands

    def __init__(self, folder, config=None, tls=None):
        self.folder = folder
        self.port = free_port()
        self.epmd_port = free_port()
        self.process = None
        self.node = f"rabbit-{self.port}@localhost"
        self.config = {"listeners.tcp.1": f"127.0.0.1:{self.port}",
                       "loopback_users": "none", "log.console": "false",
                       # What it was before RabbitMQ 4.
                       "max_message_size": "134217728",
                       "log.file.level": "warning"}
        plugins = []
        if tls is not None:
            self.tls_port = free_port()
            self.ca, self.pair = tls
            self.config.update(self._encrypted())
            plugins.append("rabbitmq_auth_mechanism_ssl")
        self.config.update(config or {})
        dirs = {name: folder / name for name in ("mnesia", "log", "home")}
        for path in dirs.values():
            path.mkdir(exist_ok=True)
        (folder / "plugins").write_text(f"[{','.join(plugins)}].\n")
        self._vhosts = []
        self.env = {
            **os.environ, "HOME": str(dirs["home"]),
            "RABBITMQ_NODENAME": self.node,
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(dirs["mnesia"]),
            "RABBITMQ_LOG_BASE": str(dirs["log"]),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null"}

    def _encrypted(self):
        """Whoever shows a certificate may log in as the name in it."""
        return {
            "listeners.ssl.1": f"127.0.0.1:{self.tls_port}",
            "ssl_options.cacertfile": self.ca.cert,
            "ssl_options.certfile": self.pair.cert,
            "ssl_options.keyfile": self.pair.key,
            "ssl_options.verify": "verify_peer",
            "ssl_options.fail_if_no_peer_cert": "true",
            "auth_mechanisms.1": "PLAIN", "auth_mechanisms.2": "AMQPLAIN",
            "auth_mechanisms.3": "EXTERNAL",
            "ssl_cert_login_from": "common_name"}

    def start(self):
        (self.folder / "rabbitmq.conf").write_text(
            "".join(f"{k} = {v}\n" for k, v in self.config.items()))
        with open(self.folder / "console.log", "ab") as log:
            # A session of its own: the shell script starts the real server.
            self.process = subprocess.Popen(
                [*self.prefix, f"{BIN}/rabbitmq-server"], env=self.env,
                stdout=log, stderr=log, cwd=self.folder,
                start_new_session=True)
        wait_until(self._answers, 90, what=self._log)
        return self

    @property
    def address(self):
        """Of the tests' own clients."""
        return f"{self.host}:{self.port}"

    def _log(self):
        return (self.folder / "console.log").read_text()[-2000:]

    def _answers(self):
        assert self.process.poll() is None, self._log()
        try:
            with amqp.Connection(self.address, connect_timeout=1):
                return True
        except (OSError, amqp.AMQPError):
            return False

    def ctl(self, *args):
        done = subprocess.run([*self.prefix, f"{BIN}/rabbitmqctl", "-q", "-n",
                               self.node, *map(str, args)], env=self.env,
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def listed(self, *args):
        return json.loads(self.ctl(*args, "--formatter", "json"))

    def pids(self):
        """All of its processes: script, server and helpers."""
        found = subprocess.run(["pgrep", "-s", str(self.process.pid)],
                               capture_output=True, text=True)
        return [int(pid) for pid in found.stdout.split()]

    def send_signal(self, number):
        for pid in self.pids():
            os.kill(pid, number)

    def kill(self):
        """As if the power had failed."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(20)
            self.process = None

    def stop(self):
        """The server, and the name server that Erlang leaves behind."""
        self.kill()
        for pid in self._name_servers():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder / "mnesia", ignore_errors=True)

    def _name_servers(self):
        """Ours by the port in its environment: it has left our session."""
        ours = f"ERL_EPMD_PORT={self.epmd_port}".encode()
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if (folder / "comm").read_text() == "epmd\n" and ours in (
                        folder / "environ").read_bytes().split(b"\0"):
                    yield int(folder.name)
            except OSError:
                continue

    def vhost(self):
        """The tool takes a third of a second, so it makes some at a time."""
        if not self._vhosts:
            names = [f"t-{uuid.uuid4()}" for _ in range(VHOSTS_AT_ONCE)]
            self.ctl("eval", MAKE_VHOSTS % ",".join(
                f'<<"{name}">>' for name in names))
            self._vhosts = names
        return VirtualHost(self, self._vhosts.pop())


class VirtualHost:
    """A broker of one's own, as far as tests can tell."""

    def __init__(self, rabbit, name):
        self.rabbit = rabbit
        self.name = name
        self._connection = None

    @property
    def port(self):
        return self.rabbit.port

    def url(self, auth="", query=""):
        return f"amqp://{auth}{self.rabbit.host}:{self.port}/{self.name}{query}"

    def tls_url(self, auth="", **options):
        query = "&".join(f"{key}={value}" for key, value in options.items())
        return (f"amqps://{auth}localhost:{self.rabbit.tls_port}/{self.name}"
                + (query and f"?{query}"))

    def connect(self):
        return amqp.Connection(self.rabbit.address,
                               virtual_host=self.name).__enter__()

    def channel(self):
        """A fresh channel of the test's own connection."""
        if self._connection is None:
            self._connection = self.connect()
        return self._connection.channel()

    def account(self, name, configure, write, read):
        """An account with just these permissions; returns its URL's part."""
        self.rabbit.ctl("add_user", name, "secret")
        self.rabbit.ctl("set_permissions", "-p", self.name, name, configure,
                        write, read)
        return f"{name}:secret@"

    def queues(self, *columns):
        return self.rabbit.listed("list_queues", "-p", self.name, *columns)

    def connections(self):
        return [row for row in self.rabbit.listed(
            "list_connections", "pid", "vhost", "client_properties")
            if row["vhost"] == self.name
            and "celery-exporter" in str(row["client_properties"])]

    def close_connections(self):
        self.rabbit.ctl("close_all_connections", "--vhost", self.name, "test")

    def close(self):
        """Our connection; the virtual host goes with the server. Also after the
        server was away: the next channel() makes a fresh connection."""
        if self._connection is not None:
            try:
                self._connection.close()
            except (OSError, amqp.AMQPError):
                pass
            self._connection = None


class AmqpPublisher:
    """Publishes events the way kombu does on RabbitMQ."""

    def __init__(self, vhost, exchange="celeryev"):
        self.channel = vhost.channel()
        self.exchange = exchange
        self.marks = 0
        self.channel.exchange_declare(exchange, "topic", durable=True,
                                      auto_delete=False)

    def body(self, body, routing_key="task.multi", **properties):
        message = amqp.Message(body, **{
            "content_type": "application/json", "content_encoding": "utf-8",
            "application_headers": {"hostname": "worker@host-a"},
            "delivery_mode": 1, "priority": 0, **properties})
        self.channel.basic_publish(message, self.exchange, routing_key)

    def send(self, *events):
        """Each event as a message of its own."""
        for event in events:
            self.body(json.dumps(event).encode(),
                      event["type"].replace("-", "."))

    def send_list(self, events):
        self.body(json.dumps(list(events)).encode())

    def settle(self, exporter, timeout=20):
        """Waits until all that was published before has been decoded, and
        returns the page: messages of one channel stay in order."""
        before = exporter.page().value("celery_exporter_events_total",
                                       event="other")
        self.send({"type": "mark-end", "hostname": "gen1@mark", "pid": 1,
                   "clock": self.marks, "timestamp": 1.0})
        self.marks += 1
        return after_first_answer(exporter, exporter.wait_for(
            lambda page: page.value("celery_exporter_events_total",
                                    event="other") > before, timeout))
