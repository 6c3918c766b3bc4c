"""A master, two replicas and three Sentinels on loopback."""
import subprocess

import redis

from support.ports import free_port
from support.redis_server import PROGRAM, RedisServer
from support.wait import wait_until

NAME = "mymaster"


class Sentinel:
    def __init__(self, folder, master, password=None, master_password=None,
                 down_after_ms=1000):
        self.port = free_port()
        self.folder = folder
        self.password = password
        lines = [f"port {self.port}", "bind 127.0.0.1", f"dir {folder}",
                 f"sentinel monitor {NAME} 127.0.0.1 {master.port} 2",
                 f"sentinel down-after-milliseconds {NAME} {down_after_ms}",
                 f"sentinel failover-timeout {NAME} 10000"]
        if master_password:
            lines.append(f"sentinel auth-pass {NAME} {master_password}")
        if password:
            lines += [f"requirepass {password}",
                      f"sentinel sentinel-pass {password}"]
        (folder / "sentinel.conf").write_text("\n".join(lines) + "\n")
        self.process = None

    def start(self):
        with open(self.folder / "sentinel.log", "ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, self.folder / "sentinel.conf", "--sentinel"],
                stdout=log, stderr=log, cwd=self.folder)
        wait_until(self._answers, what="redis-sentinel does not start")
        return self

    @property
    def client(self):
        return redis.Redis(port=self.port, password=self.password)

    def _answers(self):
        assert self.process.poll() is None, (
            self.folder / "sentinel.log").read_text()[-1000:]
        try:
            return self.client.ping()
        except redis.RedisError:
            return False

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


class Cluster:
    """Servers and Sentinels that all know each other."""

    def __init__(self, folder, nsentinels=3, sentinel_password=None,
                 password=None, down_after_ms=1000):
        self.servers, self.sentinels = [], []
        config = {"repl-diskless-sync-delay": 0}
        if password:
            config |= {"requirepass": password, "masterauth": password}
        for i in range(3):
            if i > 0:
                config = {**config,
                          "replicaof": f"127.0.0.1 {self.servers[0].port}"}
            self.servers.append(RedisServer(self._folder(folder, f"r{i}"),
                                            config))
        for i in range(nsentinels):
            self.sentinels.append(Sentinel(
                self._folder(folder, f"s{i}"), self.servers[0],
                sentinel_password, password, down_after_ms))

    @staticmethod
    def _folder(folder, name):
        path = folder / name
        path.mkdir()
        return path

    def start(self):
        for each in self.servers + self.sentinels:
            each.start()
        wait_until(self.complete, 30, "the Sentinels do not find each other")
        return self

    def complete(self):
        for sentinel in self.sentinels:
            state = sentinel.client.sentinel_master(NAME)
            if (state["num-slaves"] != 2 or state["flags"] != "master" or
                    state["num-other-sentinels"] != len(self.sentinels) - 1):
                return False
        return all(server.client.info("replication")["master_link_status"]
                   == "up" for server in self.servers[1:])

    def url(self, auth="", db=0):
        return ";".join(f"sentinel://{auth}127.0.0.1:{s.port}/{db}"
                        for s in self.sentinels)

    def port_of_master(self):
        """As the Sentinels have it."""
        for sentinel in self.sentinels:
            if sentinel.process is not None:
                return sentinel.client.sentinel_get_master_addr_by_name(
                    NAME)[1]
        return None

    def master(self):
        port = self.port_of_master()
        return next(s for s in self.servers if s.port == port)

    def agreed(self, but):
        """The new master, once it and the Sentinels agree that it is one;
        None before."""
        server = self.master()
        if server is but:
            return None
        return server if server.client.role()[0] == b"master" else None

    def stop(self):
        for each in self.sentinels + self.servers:
            each.stop()
