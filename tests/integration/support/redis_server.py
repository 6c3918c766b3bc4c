"""A private redis-server: loopback, a folder of its own, default limits.
$REDIS_SERVER names another program, Valkey's for instance."""
import os
import subprocess

import redis

from support.ports import free_port
from support.wait import wait_until

PROGRAM = os.environ.get("REDIS_SERVER", "redis-server")


class RedisServer:
    """config is a dict of redis.conf lines; acl is the text of a users.acl."""

    def __init__(self, folder, config=None, acl=None):
        self.port = free_port()
        self.folder = folder
        self.socket = folder / "redis.sock"
        self.config = {"port": self.port, "bind": "127.0.0.1", "dir": folder,
                       "unixsocket": self.socket, "save": '""',
                       "appendonly": "no", **(config or {})}
        if acl is not None:
            (folder / "users.acl").write_text(acl)
            self.config["aclfile"] = folder / "users.acl"
        self.process = None
        self.password = (config or {}).get("requirepass")
        self._client = None

    def url(self, db=0, auth=""):
        return f"redis://{auth}127.0.0.1:{self.port}/{db}"

    @property
    def client(self):
        """An administrator's connection."""
        if self._client is None:
            self._client = self.connect()
        return self._client

    def connect(self, db=0):
        return redis.Redis("127.0.0.1", self.port, db, self.password,
                           client_name="test")

    def start(self):
        path = self.folder / "redis.conf"
        path.write_text("".join(f"{k} {v}\n" for k, v in self.config.items()))
        log = open(self.folder / "redis.log", "ab")
        self.process = subprocess.Popen([PROGRAM, path], stdout=log,
                                        stderr=log, cwd=self.folder)
        log.close()
        wait_until(self._answers, what="redis-server does not start")
        return self

    def _answers(self):
        assert self.process.poll() is None, (
            self.folder / "redis.log").read_text()[-1000:]
        try:
            with self.connect() as client:
                return client.ping()
        except redis.RedisError:
            return False

    def stop(self):
        self._end(self.process.terminate if self.process else None)

    def kill(self):
        self._end(self.process.kill if self.process else None)

    def _end(self, how):
        if self._client is not None:
            self._client.close()
            self._client = None
        if self.process is not None:
            how()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                # Busy with a script, or stopped.
                self.process.kill()
                self.process.wait()
            self.process = None

    def foreign_clients(self):
        """Connections that are not the tests' own."""
        return [c for c in self.client.client_list() if c["name"] != "test"]

    def subscriptions(self):
        return self.client.pubsub_numpat() + len(self.client.pubsub_channels())
