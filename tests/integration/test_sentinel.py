"""The broker behind Redis Sentinels: found, followed, left when demoted."""
import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from support.events import Publisher, Sender, task_id
from support.exporter import Exporter
from support.redis_server import RedisServer
from support.sentinels import NAME, Cluster
from support.wait import wait_until
from test_faults import measured, watch

__all__ = ["measured", "watch"]  # fixtures

CONNECTS = "celery_exporter_broker_connects_total"


@pytest.fixture
def make_cluster(tmp_path):
    clusters = []

    def make(**options):
        clusters.append(Cluster(tmp_path, **options))
        return clusters[-1].start()

    yield make
    for cluster in clusters:
        for server in cluster.servers:
            if server.process is not None:
                os.kill(server.process.pid, signal.SIGCONT)
        cluster.stop()


@pytest.fixture
def cluster(make_cluster):
    return make_cluster()


def options(*more):
    return ["--broker-transport-option", f"master_name={NAME}", *more]


def reasons(page, family):
    return {labels["reason"] for labels, value
            in page.select(f"celery_exporter_broker_{family}_total") if value}


def count_one(exporter, server, prefix="/0.celeryev"):
    """One event through that server."""
    before = exporter.page().sum("celery_task_received_total")
    publisher = Publisher(server.connect(), prefix)
    publisher.send(Sender("w1@host-a").received(task_id(), "demo.add"))
    exporter.wait_for(
        lambda p: p.sum("celery_task_received_total") == before + 1)


def subscribers(server):
    return [c for c in server.client.client_list() if int(c["psub"])]


@pytest.mark.sanitized
def test_master_is_found_through_sentinels(cluster, make_exporter):
    exporter = make_exporter(cluster.url(db=3), *options())

    count_one(exporter, cluster.servers[0], "/3.celeryev")
    # kombu before 5.4 leaves the braces as they stand
    count_one(exporter, cluster.servers[0], "/{db}.celeryev")
    assert exporter.get("/health").status == 200
    assert "redis://:**@127.0.0.1:%d/3" % cluster.servers[0].port in exporter.log
    for replica in cluster.servers[1:]:
        assert subscribers(replica) == []


def test_commands_go_to_both_forms_of_the_channel(cluster, make_exporter):
    listener = cluster.servers[0].connect().pubsub()
    listener.subscribe("/0.celery.pidbox", "/{db}.celery.pidbox")
    wait_until(lambda: listener.get_message(timeout=0.1))
    wait_until(lambda: listener.get_message(timeout=0.1))
    heard = set()

    make_exporter(cluster.url(), *options())

    def both():
        message = listener.get_message(timeout=0.1)
        if message:
            heard.add(message["channel"])
        return len(heard) == 2

    wait_until(both)


@pytest.mark.sanitized
@pytest.mark.parametrize("how", ["failover", "kill", "stop"])
def test_f11_master_moves(cluster, make_exporter, watch, measured, how):
    exporter = make_exporter(cluster.url(), *options())
    old = cluster.servers[0]
    count_one(exporter, old)
    watch(exporter)

    if how == "failover":
        cluster.sentinels[0].client.sentinel_failover(NAME)
    elif how == "kill":
        old.kill()
    else:
        os.kill(old.process.pid, signal.SIGSTOP)
    new = wait_until(lambda: cluster.agreed(old), 30)
    failed_over = time.monotonic()
    wait_until(lambda: subscribers(new), 30, lambda: exporter.log[-3000:])
    took = time.monotonic() - failed_over

    exporter.wait_connected()
    count_one(exporter, new)
    assert exporter.page().sum("celery_task_received_total") == 2
    measured("F11", f"fail-over ({how}): subscribed anew after", 2, took)


def test_f12_demoted_master_is_left(cluster, make_exporter, watch, measured):
    exporter = make_exporter(cluster.url(), *options())
    old = cluster.servers[0]
    connects = exporter.page().value(CONNECTS)
    witness = watch(exporter)
    # The Sentinels do not see it, and nobody cuts the connections.
    for sentinel in cluster.sentinels:
        os.kill(sentinel.process.pid, signal.SIGSTOP)
    try:
        start = time.monotonic()
        old.client.replicaof("127.0.0.1", cluster.servers[1].port)
        took = witness.down(start, 15)
        assert set(witness.last.disconnects) == {"master"}
        assert "no master any more" in exporter.log
        measured("F12", "demoted master: left after", 10, took)
    finally:
        for sentinel in cluster.sentinels:
            os.kill(sentinel.process.pid, signal.SIGCONT)
    exporter.wait_for(lambda p: reasons(p, "connect_errors") == {"master"})
    old.client.replicaof("NO", "ONE")
    exporter.wait_value(connects + 1, CONNECTS)


@pytest.mark.sanitized
def test_sentinel_that_is_gone_costs_nothing(cluster, make_exporter):
    url = cluster.url()
    cluster.sentinels[0].stop()
    os.kill(cluster.sentinels[1].process.pid, signal.SIGSTOP)
    try:
        exporter = make_exporter(url, *options())
    finally:
        os.kill(cluster.sentinels[1].process.pid, signal.SIGCONT)
    count_one(exporter, cluster.servers[0])


@pytest.mark.sanitized
def test_sentinels_with_a_password_of_their_own(make_cluster, make_exporter,
                                                tmp_path):
    cluster = make_cluster(sentinel_password="s3cret-of-them",
                           password="s3cret-of-redis")
    kwargs = json.dumps({"password": "s3cret-of-them"})
    url = cluster.url(auth=":s3cret-of-redis@")

    exporter = make_exporter(url, *options("--broker-transport-option",
                                           f"sentinel_kwargs={kwargs}"))
    count_one(exporter, cluster.servers[0])

    exporter = make_exporter(url, *options(), connected=False)
    page = exporter.wait_for(lambda p: reasons(p, "connect_errors"))
    assert reasons(page, "connect_errors") == {"auth"}
    assert "it wants a password (sentinel_kwargs" in exporter.log
    assert exporter.get("/health").status == 500


@pytest.mark.sanitized
def test_what_is_wrong_with_sentinels_is_said(make_exporter, make_cluster):
    cluster = make_cluster(nsentinels=2)

    def errors(url, *args):
        exporter = make_exporter(url, *args, connected=False)
        page = exporter.wait_for(lambda p: reasons(p, "connect_errors"), 15)
        return reasons(page, "connect_errors"), exporter.log

    found, log = errors(cluster.url(), "--broker-transport-option",
                        "master_name=nobody")
    assert found == {"master"}
    assert 'it knows no master \\"nobody\\" (master_name' in log

    found, log = errors(cluster.url(), *options(
        "--broker-transport-option", "min_other_sentinels=2"))
    assert found == {"master"}
    assert "min_other_sentinels" in log

    found, log = errors(cluster.url(), *options(
        "--broker-transport-option", 'master_hosts=["10.0.0.1"]'))
    assert found == {"master"}
    assert "it names 127.0.0.1, which is none of master_hosts" in log

    found, log = errors(f"sentinel://127.0.0.1:{cluster.servers[0].port}",
                        *options())
    assert found == {"protocol"}
    assert "it is a Redis server, no Sentinel" in log

    found, log = errors("sentinel://127.0.0.1:1;sentinel://127.0.0.1:2",
                        *options())
    assert found == {"sentinel"}
    assert "no Sentinel answers; Sentinel 127.0.0.1:2: nobody listens" in log

    make_exporter(cluster.url(), *options(
        "--broker-transport-option", "min_other_sentinels=1",
        "--broker-transport-option", "master_hosts=127.0.0.1"))


class Thief:
    """Listens, and remembers what it is told: by the Sentinel, too."""

    def __init__(self, host, port):
        self.heard = b""
        self._listener = socket.create_server((host, port))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(0.5)
                try:
                    self.heard += peer.recv(4096)
                except OSError:
                    pass

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.mark.sanitized
def test_s11_only_servers_that_were_named_get_the_password(
        make_cluster, make_exporter):
    cluster = make_cluster(nsentinels=1, password="s3cret-of-redis")
    evil, port = cluster.sentinels[0].client, cluster.servers[0].port
    thief = Thief("127.0.0.2", port)
    try:
        evil.sentinel_remove(NAME)
        evil.sentinel_monitor(NAME, "127.0.0.2", port, 1)
        url = cluster.url(auth=":s3cret-of-redis@")

        careful = make_exporter(url, *options(
            "--broker-transport-option", "master_hosts=127.0.0.1"),
            connected=False)
        careful.wait_for(lambda p: p.value(
            "celery_exporter_broker_connect_errors_total",
            reason="master") >= 3)
        careful.stop()
        assert b"s3cret" not in thief.heard

        make_exporter(url, *options(), connected=False)
        wait_until(lambda: b"s3cret" in thief.heard, 10, "nothing to steal")
    finally:
        thief.close()


@pytest.mark.parametrize("args", [[], ["--broker-transport-option",
                                       "master_name="],
                                  ["--broker-transport-option",
                                   "master_name=7"]])
def test_missing_name_of_the_master_ends_the_program(tmp_path, args):
    exporter = Exporter(tmp_path, "sentinel://127.0.0.1", *args)

    done = subprocess.run(exporter.args, env=exporter.env, timeout=20,
                          capture_output=True, text=True)

    assert done.returncode == 1
    assert "master_name" in done.stderr
    assert "broker-transport-option" in done.stderr


def test_sentinel_that_names_a_replica(make_redis, make_exporter, tmp_path):
    """A Sentinel with an old view, or an evil one."""
    master = make_redis()
    replica = make_redis(config={"replicaof": f"127.0.0.1 {master.port}"})
    folder = tmp_path / "sentinel"
    folder.mkdir()
    liar = RedisServer(folder, {"rename-command": "GET SENTINEL"})
    liar.start()
    try:
        # A Redis whose GET is called SENTINEL refuses three arguments.
        exporter = make_exporter(f"sentinel://127.0.0.1:{liar.port}",
                                 *options(), connected=False)
        page = exporter.wait_for(lambda p: reasons(p, "connect_errors"))
        assert reasons(page, "connect_errors") == {"master"}
    finally:
        liar.stop()
    assert subscribers(replica) == []
