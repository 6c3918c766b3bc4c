"""The broker goes away and comes back: the exporter serves on, says so, and
counts again."""
import base64
import json
import os
import signal
import socket
import subprocess
import threading

import pytest

from support.events import Publisher, Sender, envelope, task_id
from support.exporter import Exporter
from support.ports import free_port
from support.wait import stays, wait_until

pytestmark = pytest.mark.sanitized

UP = "celery_exporter_broker_up"


def down(page):
    return page.value(UP) == 0


def reasons(page, family):
    return {labels["reason"]: value for labels, value
            in page.select(f"celery_exporter_broker_{family}_total") if value}


def received(page):
    return page.sum("celery_task_received_total")


def test_broker_down_at_start(make_exporter, make_redis):
    server = make_redis()
    server.stop()

    exporter = make_exporter(server.url(), connected=False)

    page = exporter.wait_for(lambda p: reasons(p, "connect_errors"))
    assert page.value(UP) == 0
    assert set(reasons(page, "connect_errors")) == {"refused"}
    assert exporter.get("/-/ready").status == 200
    assert exporter.get("/-/healthy").status == 200
    health = exporter.get("/health")
    assert health.status == 500
    assert health.text == ("Failed to connect to broker: "
                           f"'redis://:**@127.0.0.1:{server.port}/0'")
    server.start()
    exporter.wait_connected()
    assert exporter.get("/health").status == 200


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_broker_restarted(exporter, redis_server, publisher, how):
    worker = Sender("w1@host-a")
    publisher.send(worker.received(task_id(), "demo.add"))
    publisher.settle(exporter)

    getattr(redis_server, how)()
    page = exporter.wait_for(down)
    assert received(page) == 1, "counters are kept"
    assert sum(reasons(page, "disconnects").values()) == 1
    assert exporter.get("/health").status == 500
    redis_server.start()
    exporter.wait_connected()

    publisher = Publisher(redis_server.connect())
    publisher.send(worker.received(task_id(), "demo.add"))
    page = publisher.settle(exporter)
    assert received(page) == 2
    assert page.value("celery_exporter_broker_connects_total") == 2
    assert page.value("celery_exporter_blind_seconds_total") > 0
    assert exporter.get("/health").status == 200


@pytest.mark.parametrize("kind", ["pubsub", "normal"])
def test_connection_killed_by_the_broker(exporter, redis_server, publisher,
                                         kind):
    worker = Sender("w1@host-a")
    connects = exporter.page().value("celery_exporter_broker_connects_total")

    redis_server.client.execute_command("CLIENT", "KILL", "TYPE", kind,
                                        "SKIPME", "yes")

    if kind == "pubsub":
        exporter.wait_value(connects + 1,
                            "celery_exporter_broker_connects_total")
    wait_until(lambda: redis_server.subscriptions() == 1)
    publisher = Publisher(redis_server.connect())
    publisher.send(worker.received(task_id(), "demo.add"))
    assert received(publisher.settle(exporter)) == 1


def test_workers_are_asked_for_a_heartbeat_after_each_connect(
        redis_server, make_exporter):
    listener = redis_server.connect().pubsub()
    listener.psubscribe("/0.celery.pidbox*")
    wait_until(lambda: listener.get_message(timeout=0.1))

    def asked():
        message = listener.get_message(timeout=0.1)
        if not message or message["type"] != "pmessage":
            return False
        body = json.loads(base64.b64decode(
            json.loads(message["data"])["body"]))
        return body["method"] == "heartbeat"

    exporter = make_exporter(redis_server.url())
    wait_until(asked)
    redis_server.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub",
                                        "ADDR", listener_other(redis_server,
                                                               listener))
    wait_until(asked)
    exporter.wait_connected()


def listener_other(server, listener):
    """The address of the subscriber that is not the listener."""
    own = "%s:%d" % listener.connection._sock.getsockname()
    return next(c["addr"] for c in server.client.client_list()
                if c["psub"] != "0" and c["addr"] != own)


def test_silent_broker_is_noticed_while_tcp_stands(exporter, redis_server):
    os.kill(redis_server.process.pid, signal.SIGSTOP)
    try:
        page = exporter.wait_for(down, timeout=20)
        assert set(reasons(page, "disconnects")) == {"silent"}
    finally:
        os.kill(redis_server.process.pid, signal.SIGCONT)
    exporter.wait_connected(timeout=25)


def test_health_fails_soon_while_the_broker_is_silent(exporter, redis_server):
    os.kill(redis_server.process.pid, signal.SIGSTOP)
    try:
        assert exporter.request("GET", "/health", timeout=5).status == 500
        assert exporter.get("/metrics").status == 200
    finally:
        os.kill(redis_server.process.pid, signal.SIGCONT)


def test_metrics_fail_without_broker_where_that_is_asked_for(run_exporter,
                                                             redis_server):
    exporter = run_exporter("--scrape-fails-without-broker")
    assert exporter.get("/metrics").status == 200

    redis_server.stop()

    response = wait_until(lambda: exporter.get("/metrics").status == 500
                          and exporter.get("/metrics"))
    assert response.text.startswith("Failed to scrape metrics: ")
    redis_server.start()
    wait_until(lambda: exporter.get("/metrics").status == 200, 15)


def test_retry_interval_of_zero_ends_the_program(make_redis, tmp_path):
    server = make_redis()
    server.stop()
    exporter = Exporter(tmp_path, server.url(), "--retry-interval", "0")

    done = subprocess.run(exporter.args, env=exporter.env, timeout=20,
                          capture_output=True, text=True)

    assert done.returncode == 1
    assert "127.0.0.1" in done.stderr


def test_retry_interval_of_zero_ends_it_when_the_broker_goes(
        redis_server, tmp_path):
    exporter = Exporter(tmp_path, redis_server.url(), "--retry-interval", "0")
    exporter.start()
    try:
        redis_server.stop()
        assert exporter.wait_exit() == 1
        exporter.check_log()
    finally:
        exporter.kill()


def test_explicit_retry_interval_is_kept(make_redis, make_exporter):
    server = make_redis()
    server.stop()
    exporter = make_exporter(server.url(), "--retry-interval", "1",
                             connected=False)
    exporter.wait_for(lambda p: sum(reasons(p, "connect_errors").values()) >= 2)

    server.start()

    exporter.wait_connected(timeout=3)


def test_second_broker_of_the_list_is_used(make_redis, make_exporter):
    dead, alive = make_redis(), make_redis()
    dead.stop()

    exporter = make_exporter(f"{dead.url()};{alive.url()}")

    publisher = Publisher(alive.connect())
    publisher.send(Sender("w1@host-a").received(task_id(), "demo.add"))
    assert received(publisher.settle(exporter)) == 1


@pytest.fixture
def impostor():
    """A server on a port of its own that says what it is told to say."""
    sockets, threads = [], []

    def serve(reply):
        listener = socket.create_server(("127.0.0.1", free_port()))
        sockets.append(listener)

        def run():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                sockets.append(peer)
                try:
                    peer.recv(4096)
                    peer.sendall(reply)
                except OSError:
                    pass

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()
        return f"redis://127.0.0.1:{listener.getsockname()[1]}/0"

    yield serve
    for each in sockets:
        try:
            each.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        each.close()


@pytest.mark.parametrize("reply,reason", [
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "protocol"),
    (b"*268435456\r\n", "protocol"),
    (b"+" + b"a" * 200_000, "protocol"),
    (b"-NOAUTH Authentication required.\r\n", "auth"),
    (b"-LOADING Redis is loading the dataset in memory\r\n", "loading"),
    (b"-ERR max number of clients reached\r\n", "busy"),
    (b"", "timeout"),
], ids=["http", "huge array", "endless line", "noauth", "loading", "clients",
        "silence"])
def test_broker_that_is_none_is_named_by_reason(make_exporter, impostor, reply,
                                                reason):
    exporter = make_exporter(impostor(reply), connected=False)

    page = exporter.wait_for(lambda p: reasons(p, "connect_errors"), 15)

    assert set(reasons(page, "connect_errors")) <= {reason, "closed", "reset"}
    assert reason in reasons(page, "connect_errors")
    assert page.value(UP) == 0
    assert page.value("process_resident_memory_bytes") < 256 << 20


def test_host_without_an_address(make_exporter):
    exporter = make_exporter("redis://no-such-host.invalid:6379/0",
                             connected=False)

    page = exporter.wait_for(lambda p: reasons(p, "connect_errors"), 20)
    assert set(reasons(page, "connect_errors")) == {"resolve"}


def test_own_pause_takes_no_worker_down(run_exporter, redis_server, publisher):
    exporter = run_exporter("--worker-timeout", "2")
    worker = Sender("w1@host-a")
    publisher.send(worker.heartbeat())
    publisher.settle(exporter)

    os.kill(exporter.process.pid, signal.SIGSTOP)
    try:
        def beat():
            publisher.send(worker.heartbeat())
            return True

        stays(beat, 3)
    finally:
        os.kill(exporter.process.pid, signal.SIGCONT)

    exporter.wait_value(1, "celery_worker_up", hostname="host-a")


def test_two_exporters_on_one_broker_both_see_everything(run_exporter,
                                                         redis_server):
    first, second = run_exporter(), run_exporter()
    client = redis_server.connect()

    event = Sender("w1@host-a").received(task_id(), "demo.add")
    assert client.publish("/0.celeryev/task.received", json.dumps(
        envelope(json.dumps(event).encode()))) == 2

    for exporter in (first, second):
        exporter.wait_value(1, "celery_task_received_total", name="demo.add",
                            hostname="host-a", queue_name="celery")
