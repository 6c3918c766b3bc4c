"""A network namespace with a server behind a pair of veth interfaces: a network
of our own, to drop packets in."""
import itertools
import os
import shutil
import subprocess

import redis

from support.ports import free_port
from support.rabbit import Rabbit
from support.redis_server import PROGRAM, RedisServer
from support.wait import wait_until

_numbers = itertools.count()
TOOLS = ("ip", "iptables", "tc")


def missing():
    """Why there can be no namespace, or None."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    for tool in TOOLS:
        if not shutil.which(tool):
            return f"needs {tool}"
    try:
        with Network():
            return None
    except subprocess.CalledProcessError as error:
        return f"no network namespaces here: {error.stderr.strip()}"


class Network:
    """The address of the far side is inside of the namespace."""

    def __init__(self):
        # Its own /30 for each, below 10.213: process and number tell apart.
        number = (os.getpid() * 8 + next(_numbers)) % 16384
        self.name = f"celery-exporter-{number}"
        self.device = f"ce{number}"
        base = number * 4
        self.near = f"10.213.{base >> 8}.{(base & 255) + 1}"
        self.far = f"10.213.{base >> 8}.{(base & 255) + 2}"
        self.spared = []  # ports that are reached whatever is done

    @staticmethod
    def _run(*command):
        subprocess.run(command, check=True, capture_output=True, text=True)

    def run(self, *command):
        """Inside."""
        self._run("ip", "netns", "exec", self.name, *command)

    def iptables(self, *rule):
        """Appends a rule for what comes in."""
        self.run("iptables", "-w", "-A", "INPUT", *rule)

    def drop_both_ways(self):
        for chain in ("INPUT", "OUTPUT"):
            self.run("iptables", "-w", "-A", chain, "-p", "tcp", "-j", "DROP")

    def lose(self, share):
        for chain in ("INPUT", "OUTPUT"):
            self.run("iptables", "-w", "-A", chain, "-p", "tcp", "-m",
                     "statistic", "--mode", "random", "--probability",
                     str(share), "-j", "DROP")

    def narrow(self, rate="1mbit"):
        """What the far side sends, until it is gone."""
        self.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate",
                 rate, "burst", "16kbit", "latency", "400ms")

    def heal(self):
        for chain, which, device in (("INPUT", "--dport", "-i"),
                                     ("OUTPUT", "--sport", "-o")):
            self.run("iptables", "-w", "-F", chain)
            self.run("iptables", "-w", "-A", chain, device, "lo", "-j",
                     "ACCEPT")
            for port in self.spared:
                self.run("iptables", "-w", "-A", chain, "-p", "tcp", which,
                         str(port), "-j", "ACCEPT")

    def __enter__(self):
        self._run("ip", "netns", "add", self.name)
        try:
            self._run("ip", "link", "add", self.device, "type", "veth",
                      "peer", "name", "eth0", "netns", self.name)
            self._run("ip", "addr", "add", f"{self.near}/30", "dev",
                      self.device)
            self._run("ip", "link", "set", self.device, "up")
            self.run("ip", "addr", "add", f"{self.far}/30", "dev", "eth0")
            self.run("ip", "link", "set", "eth0", "up")
            self.run("ip", "link", "set", "lo", "up")
        except subprocess.CalledProcessError:
            self.close()
            raise
        return self

    def close(self):
        subprocess.run(["ip", "link", "del", self.device],
                       capture_output=True, check=False)
        subprocess.run(["ip", "netns", "del", self.name],
                       capture_output=True, check=False)

    def __exit__(self, *exc):
        self.close()


class FarRedis(RedisServer):
    """Inside of the namespace; the tests' own clients use its Unix socket,
    whatever happens to the network."""

    def __init__(self, folder, network):
        super().__init__(folder, {"bind": "0.0.0.0", "protected-mode": "no"})
        self.network = network

    def url(self, db=0, auth=""):
        return f"redis://{auth}{self.network.far}:{self.port}/{db}"

    def connect(self, db=0):
        return redis.Redis(unix_socket_path=str(self.socket), db=db,
                           client_name="test")

    def start(self):
        path = self.folder / "redis.conf"
        path.write_text("".join(f"{k} {v}\n" for k, v in self.config.items()))
        with open(self.folder / "redis.log", "ab") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.network.name, PROGRAM, path],
                stdout=log, stderr=log, cwd=self.folder)
        wait_until(self._answers, what="redis-server does not start")
        return self


class FarRabbit(Rabbit):
    """Inside of the namespace; the tests' own clients and its tools have a port
    that is left alone."""

    def __init__(self, folder, network):
        super().__init__(folder)
        self.host = network.far
        self.prefix = ("ip", "netns", "exec", network.name)
        self.spared_port = free_port()
        self.config.update({"listeners.tcp.1": f"0.0.0.0:{self.port}",
                            "listeners.tcp.2": f"0.0.0.0:{self.spared_port}"})
        network.spared.append(self.spared_port)
        network.heal()

    @property
    def address(self):
        return f"{self.host}:{self.spared_port}"
