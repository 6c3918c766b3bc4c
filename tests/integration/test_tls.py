"""The broker behind TLS: whom to trust, what is said, and nothing lost."""
import json
import os
import signal
import socket
import subprocess
import time

import pytest

from support.brokers import TlsRedis
from support.certificates import Authority, self_signed
from support.events import Publisher, Sender, task_id
from support.exporter import SANITIZED, Exporter
from support.ports import free_port
from support.proxy import Proxy
from support.rabbit import AmqpPublisher
from support.storm import Blast, Storm, commands, describe
from support.wait import stays, wait_until

pytestmark = pytest.mark.sanitized

UP = "celery_exporter_broker_up"
NOT_AFTER = "celery_exporter_broker_tls_not_after_timestamp_seconds"


@pytest.fixture
def ca(tmp_path):
    return Authority(tmp_path)


@pytest.fixture
def user(ca):
    return ca.issue("user", "DNS:user")


@pytest.fixture
def server(make_redis, ca):
    return TlsRedis(make_redis, ca, ca.issue("server"))


@pytest.fixture
def proxies():
    made = []

    def make(port, **options):
        made.append(Proxy(port, **options))
        return made[-1]

    yield make
    for each in made:
        each.stop()


def count_one(exporter, server):
    before = exporter.page().sum("celery_task_received_total")
    publisher = Publisher(server.redis.connect())
    publisher.send(Sender("w1@host-a").received(task_id(), "demo.add"))
    exporter.wait_for(
        lambda p: p.sum("celery_task_received_total") == before + 1)


def reasons(page, family="connect_errors"):
    return {labels["reason"] for labels, value
            in page.select(f"celery_exporter_broker_{family}_total") if value}


def refusal(exporter, timeout=15):
    """What it says of a broker that it cannot have."""
    page = exporter.wait_for(reasons, timeout)
    assert reasons(page) == {"tls"}, exporter.log
    assert page.value(UP) == 0
    assert exporter.get("/health").status == 500
    return exporter.log


# --- that works ---

@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_events_are_counted_over_tls(make_exporter, server, ca, user, host):
    exporter = make_exporter(server.url(
        host=host, ca_certs=ca.cert, certfile=user.cert, keyfile=user.key))

    count_one(exporter, server)

    assert exporter.get("/health").status == 200
    assert exporter.get("/health").text == (
        f"Connected to the broker rediss://:**@{host}:{server.port}/0")
    assert exporter.page().value(NOT_AFTER) == server.pair.not_after()


@pytest.mark.parametrize("prefix", ["ssl_", ""], ids=["redis", "amqp"])
def test_celery_settings_switch_tls_on(make_exporter, server, ca, user, prefix):
    options = {"ca_certs": ca.cert, "certfile": user.cert,
               "keyfile": user.key, "cert_reqs": "required"}

    exporter = make_exporter(server.url("redis"), env={
        "CE_BROKER_SSL_OPTION": " ".join(
            f"{prefix}{k}={v}" for k, v in options.items())})

    count_one(exporter, server)
    assert "rediss://" in exporter.log


def test_query_of_a_plain_url_switches_tls_on(make_exporter, server, ca, user):
    exporter = make_exporter(server.url(
        "redis", ca_certs=ca.cert, certfile=user.cert, keyfile=user.key))

    count_one(exporter, server)


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_both_versions_work(make_redis, make_exporter, ca, user, version):
    server = TlsRedis(make_redis, ca, ca.issue("server"),
                      **{"tls-protocols": version})

    exporter = make_exporter(server.url(
        ca_certs=ca.cert, certfile=user.cert, keyfile=user.key))

    count_one(exporter, server)


def test_plain_broker_has_no_certificate(run_exporter):
    assert run_exporter().page().value(NOT_AFTER) is None


# --- whom to trust ---

def wrong_certificates(folder, ca):
    stranger = Authority(folder, "stranger")
    return {
        "foreign": (stranger.issue("foreign"), "is not trusted"),
        "expired": (ca.issue("late", days=-1), "has expired"),
        "host": (ca.issue("other", "DNS:other.test"),
                 "is not for localhost, but for other.test"),
        "self": (self_signed(folder), "is self-signed"),
    }


@pytest.mark.parametrize("which", ["foreign", "expired", "host", "self"])
def test_wrong_certificate_is_refused_with_its_reason(
        make_redis, make_exporter, tmp_path, ca, which):
    pair, words = wrong_certificates(tmp_path, ca)[which]
    server = TlsRedis(make_redis, ca, pair, **{"tls-auth-clients": "no"})

    exporter = make_exporter(server.url(ca_certs=ca.cert), connected=False)

    assert words in refusal(exporter)
    # The next attempt may be on its way; it has not said a word.
    assert {c["cmd"] for c in server.redis.foreign_clients()} <= {"NULL"}, (
        "never plain, never half")
    # Its end is known all the same.
    assert exporter.page().value(NOT_AFTER) == pair.not_after()


@pytest.mark.parametrize("which", ["foreign", "expired", "host", "self"])
def test_verification_is_off_only_when_told(make_redis, make_exporter, tmp_path,
                                            ca, which):
    pair, _ = wrong_certificates(tmp_path, ca)[which]
    server = TlsRedis(make_redis, ca, pair, **{"tls-auth-clients": "no"})

    exporter = make_exporter(server.url(cert_reqs="none"))

    count_one(exporter, server)
    assert "level=WARN" in exporter.log
    assert "certificate is not verified" in exporter.log


def test_name_check_alone_can_be_off(make_redis, make_exporter, tmp_path, ca):
    pair, _ = wrong_certificates(tmp_path, ca)["host"]
    server = TlsRedis(make_redis, ca, pair, **{"tls-auth-clients": "no"})

    exporter = make_exporter(server.url(ca_certs=ca.cert,
                                        check_hostname="false"))

    count_one(exporter, server)
    assert "name in the broker's certificate is not verified" in exporter.log


def test_system_cas_count_by_default(make_redis, make_exporter, ca):
    server = TlsRedis(make_redis, ca, ca.issue("server"),
                      **{"tls-auth-clients": "no"})

    trusting = make_exporter(server.url(), env={"SSL_CERT_FILE": str(ca.cert)})
    doubting = make_exporter(server.url(), connected=False)

    count_one(trusting, server)
    assert "its CA is not among ours" in refusal(doubting)


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_missing_client_certificate_is_named(make_redis, make_exporter, ca,
                                             version):
    server = TlsRedis(make_redis, ca, ca.issue("server"),
                      **{"tls-protocols": version})

    exporter = make_exporter(server.url(ca_certs=ca.cert), connected=False)

    assert "client certificate" in refusal(exporter)


def test_client_certificate_of_another_ca_is_named(make_exporter, server, ca,
                                                   tmp_path):
    user = Authority(tmp_path, "stranger").issue("user")

    exporter = make_exporter(server.url(
        ca_certs=ca.cert, certfile=user.cert, keyfile=user.key),
        connected=False)

    assert "client certificate" in refusal(exporter)


# --- peers that speak something else, or nothing ---

def test_plain_port_is_not_taken_for_tls(make_exporter, redis_server):
    exporter = make_exporter(f"rediss://localhost:{redis_server.port}",
                             connected=False)

    assert "speak TLS on this port" in refusal(exporter)


def test_tls_port_is_not_taken_for_plain(make_exporter, server):
    exporter = make_exporter(server.url("redis"), connected=False)

    page = exporter.wait_for(reasons, 15)

    assert reasons(page) <= {"closed", "reset", "protocol"}
    assert "does the port want TLS?" in exporter.log \
        or "the port wants TLS" in exporter.log


def test_silent_server_is_given_up_in_time(make_exporter):
    with socket.create_server(("127.0.0.1", free_port())) as silent:
        start = time.monotonic()
        exporter = make_exporter(
            f"rediss://127.0.0.1:{silent.getsockname()[1]}", connected=False)

        exporter.wait_for(reasons)
        took = time.monotonic() - start

        assert "does not answer the TLS handshake" in refusal(exporter)
        describe(tls_handshake_given_up_s=round(took, 1))
        assert took < 4.5 or SANITIZED
        stays(lambda: exporter.get("/metrics").status == 200, 1)


def test_handshake_that_is_cut_is_named(make_exporter, server, proxies, ca,
                                        user):
    proxy = proxies(server.port)
    proxy.stall()
    exporter = make_exporter(
        f"rediss://127.0.0.1:{proxy.port}/0?ssl_ca_certs={ca.cert}"
        f"&ssl_certfile={user.cert}&ssl_keyfile={user.key}", connected=False)
    wait_until(lambda: proxy.naccepted)

    proxy.cut()

    exporter.wait_for(lambda p: reasons(p) == {"tls"})
    assert "ended the connection during the TLS handshake" in exporter.log
    proxy.flow()
    exporter.wait_connected(timeout=15)
    count_one(exporter, server)


def test_silent_broker_is_noticed_behind_tls(make_exporter, server, ca, user):
    exporter = make_exporter(server.url(
        ca_certs=ca.cert, certfile=user.cert, keyfile=user.key))

    os.kill(server.redis.process.pid, signal.SIGSTOP)
    try:
        page = exporter.wait_for(lambda p: p.value(UP) == 0, 20)
        assert reasons(page, "disconnects") == {"silent"}
        # The next attempts hang in the handshake.
        exporter.wait_for(lambda p: "tls" in reasons(p), 15)
    finally:
        os.kill(server.redis.process.pid, signal.SIGCONT)
    exporter.wait_connected(timeout=25)
    count_one(exporter, server)


def test_refusals_leave_nothing_open(make_redis, make_exporter, tmp_path, ca):
    pair, _ = wrong_certificates(tmp_path, ca)["foreign"]
    server = TlsRedis(make_redis, ca, pair)

    exporter = make_exporter(server.url(ca_certs=ca.cert), connected=False)

    def failures(page):
        return page.value("celery_exporter_broker_connect_errors_total",
                          reason="tls")

    first = exporter.wait_for(lambda p: failures(p) >= 3)
    last = exporter.wait_for(lambda p: failures(p) >= 8, 30)
    assert last.value("process_open_fds") <= (
        first.value("process_open_fds") + 2)
    assert last.value("process_resident_memory_bytes") < (
        first.value("process_resident_memory_bytes")
        + ((64 if SANITIZED else 2) << 20))


# --- renewal ---

def reconnect(exporter, server):
    connects = exporter.page().value("celery_exporter_broker_connects_total")
    server.redis.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    exporter.wait_value(connects + 1, "celery_exporter_broker_connects_total",
                        timeout=15)


def test_renewed_certificates_need_no_restart(make_exporter, server, ca, user,
                                              tmp_path):
    exporter = make_exporter(server.url(
        ca_certs=ca.cert, certfile=user.cert, keyfile=user.key))
    count_one(exporter, server)

    successor = Authority(tmp_path, "successor")
    pair = successor.issue("server", days=10)
    server.redis.client.config_set(
        "tls-cert-file", str(pair.cert), "tls-key-file", str(pair.key),
        "tls-ca-cert-file", str(successor.cert))
    user.replace(successor.issue("user"))
    ca.cert.write_bytes(successor.cert.read_bytes())

    reconnect(exporter, server)
    count_one(exporter, server)
    assert exporter.page().value(NOT_AFTER) == pair.not_after()


def test_certificate_that_vanishes_stops_only_the_next_connect(
        make_exporter, server, ca, user):
    exporter = make_exporter(server.url(
        ca_certs=ca.cert, certfile=user.cert, keyfile=user.key))
    saved = user.key.read_bytes()

    user.key.unlink()
    count_one(exporter, server)
    server.redis.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
    exporter.wait_for(lambda p: reasons(p) == {"tls"})
    assert f"{user.key}: No such file" in exporter.log

    user.key.write_bytes(saved)
    exporter.wait_connected(timeout=15)
    count_one(exporter, server)


# --- bytes ---

def test_fifty_thousand_messages_arrive(make_exporter, server, ca, user):
    nmessages, share = 50_000, 5_000
    exporter = make_exporter(server.url(
        ca_certs=ca.cert, certfile=user.cert, keyfile=user.key))
    storm = Storm()
    start = time.monotonic()

    # In shares, so that Redis does not cut off a reader on a busy machine.
    blast = Blast(server.redis.port)
    for first in range(0, nmessages, share):
        numbers = range(first, first + share)
        blast.write(commands(storm.messages("task-sent", numbers, 1)))
        page = exporter.wait_for(
            lambda p, n=numbers.stop:
            p.sum("celery_exporter_messages_total") >= n, 60)
    blast.close()

    assert blast.taken == nmessages
    assert page.sum("celery_task_sent_total") == nmessages
    assert page.sum("celery_exporter_events_rejected_total") == 0
    assert page.sum("celery_exporter_broker_disconnects_total") == 0
    describe(tls_messages_per_second=round(
        nmessages / (time.monotonic() - start)))


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_bytes_may_be_cut_anywhere(make_exporter, server, proxies, ca, user,
                                   piece):
    proxy = proxies(server.port, slice_bytes=piece)
    exporter = make_exporter(
        f"rediss://localhost:{proxy.port}/0?ssl_ca_certs={ca.cert}"
        f"&ssl_certfile={user.cert}&ssl_keyfile={user.key}")
    publisher = Publisher(server.redis.connect())
    worker = Sender("w1@host-a")

    for _ in range(20):
        publisher.send(worker.received(task_id(), "demo.add"))
    page = publisher.settle(exporter)

    assert page.sum("celery_task_received_total") == 20


@pytest.mark.skipif(SANITIZED, reason="measures memory")
def test_tls_costs_little_memory(make_exporter, server, ca, user):
    exporter = make_exporter(server.url(
        ca_certs=ca.cert, certfile=user.cert, keyfile=user.key))

    resident = exporter.resident_bytes()

    describe(tls_resident_mb=round(resident / 1e6, 1))
    assert resident < 15e6


# --- Sentinels ---

@pytest.fixture
def sentinel(tmp_path, server, ca):
    """One that watches the server by its encrypted port; (plain, TLS) port."""
    folder = tmp_path / "sentinel"
    folder.mkdir()
    pair = ca.issue("sentinel")
    ports = free_port(), free_port()
    (folder / "sentinel.conf").write_text(
        f"port {ports[0]}\ntls-port {ports[1]}\nbind 127.0.0.1\n"
        f"dir {folder}\ntls-cert-file {pair.cert}\n"
        f"tls-key-file {pair.key}\ntls-ca-cert-file {ca.cert}\n"
        "tls-replication yes\n"
        f"sentinel monitor m 127.0.0.1 {server.port} 1\n")
    with open(folder / "log", "ab") as log:
        process = subprocess.Popen(
            ["redis-server", folder / "sentinel.conf", "--sentinel"],
            stdout=log, stderr=log)
    yield ports
    process.terminate()
    process.wait(10)


@pytest.mark.parametrize("encrypted", [False, True])
def test_master_behind_sentinels_is_reached_over_tls(
        make_exporter, server, sentinel, ca, user, encrypted):
    files = {"ssl_ca_certs": str(ca.cert), "ssl_certfile": str(user.cert),
             "ssl_keyfile": str(user.key)}
    kwargs = {"ssl": True, "ssl_cert_reqs": 2, **files} if encrypted else {}

    exporter = make_exporter(
        f"sentinel://localhost:{sentinel[encrypted]}/0",
        "--broker-transport-option", "master_name=m",
        "--broker-transport-option", f"sentinel_kwargs={json.dumps(kwargs)}",
        *(f"--broker-ssl-option={k}={v}" for k, v in files.items()))

    count_one(exporter, server)
    assert exporter.page().value(NOT_AFTER) == server.pair.not_after()


# --- RabbitMQ ---

def test_rabbitmq_events_are_counted_over_tls(make_exporter, rabbit, vhost):
    user = rabbit.ca.issue("user", "DNS:user")
    exporter = make_exporter(vhost.tls_url(), env={
        "CE_BROKER_SSL_OPTION": f"ca_certs={rabbit.ca.cert} "
                                f"certfile={user.cert} keyfile={user.key}"})
    publisher = AmqpPublisher(vhost)
    worker = Sender("w1@host-a")

    for _ in range(2000):
        publisher.send(worker.received(task_id(), "demo.add"))
    page = publisher.settle(exporter)

    assert page.sum("celery_task_received_total") == 2000
    assert page.value(NOT_AFTER) == rabbit.pair.not_after()
    assert exporter.get("/health").status == 200


def test_rabbitmq_refusals_are_named(make_exporter, rabbit, vhost, tmp_path):
    user = rabbit.ca.issue("user", "DNS:user")
    stranger = Authority(tmp_path, "stranger")
    own = {"ssl_certfile": user.cert, "ssl_keyfile": user.key}
    cases = [
        (vhost.tls_url(ssl_ca_certs=rabbit.ca.cert), "client certificate"),
        (vhost.tls_url(ssl_ca_certs=stranger.cert, **own), "is not trusted"),
        (vhost.tls_url(ssl_ca_certs=rabbit.ca.cert,
                       ssl_server_hostname="x.test", **own),
         "is not for x.test"),
        (f"amqps://localhost:{vhost.port}", "not speak TLS on this port"),
    ]
    for url, words in cases:
        exporter = make_exporter(url, connected=False)
        assert words in refusal(exporter)
        exporter.stop()


def external(rabbit, user):
    """Whose certificate is the login."""
    return {"login_method": "EXTERNAL", "ssl_ca_certs": rabbit.ca.cert,
            "ssl_certfile": user.cert, "ssl_keyfile": user.key}


def test_rabbitmq_certificate_is_the_login(make_exporter, rabbit, vhost):
    vhost.account("monitor", "^celeryev.*$", "^celeryev.*$", "^celeryev.*$")
    user = rabbit.ca.issue("monitor", "DNS:monitor")

    exporter = make_exporter(vhost.tls_url(**external(rabbit, user)))

    publisher = AmqpPublisher(vhost)
    publisher.send(Sender("w1@host-a").received(task_id(), "demo.add"))
    page = publisher.settle(exporter)
    assert page.sum("celery_task_received_total") == 1
    assert exporter.get("/health").status == 200
    assert "monitor" in {row["user"] for row in rabbit.listed(
        "list_connections", "user", "vhost") if row["vhost"] == vhost.name}


def test_rabbitmq_certificate_of_no_account_is_no_login(make_exporter, rabbit,
                                                        vhost):
    user = rabbit.ca.issue("stranger", "DNS:stranger")

    exporter = make_exporter(vhost.tls_url(**external(rabbit, user)),
                             connected=False)

    page = exporter.wait_for(reasons)
    assert reasons(page) == {"auth"}
    assert "ACCESS_REFUSED" in exporter.log or "certificate" in exporter.log


# --- at start ---

def run(tmp_path, broker, *args, env=None):
    exporter = Exporter(tmp_path, broker, *args, env=env)
    return subprocess.run(exporter.args, env=exporter.env, timeout=20,
                          capture_output=True, text=True)


@pytest.mark.parametrize("check", [[], ["--config-check"]],
                         ids=["start", "check"])
def test_files_that_cannot_be_used_are_errors_at_start(tmp_path, ca, user,
                                                       check):
    other = ca.issue("other")
    missing = tmp_path / "missing.pem"
    cases = [
        (f"rediss://localhost/0?ssl_ca_certs={missing}", [],
         ["'--broker-url' (CE_BROKER_URL)", "No such file"]),
        ("rediss://localhost", [f"ssl_ca_certs={missing}"],
         ["'--broker-ssl-option' (CE_BROKER_SSL_OPTION)", "No such file"]),
        ("redis://localhost", [f"certfile={user.cert}",
                               f"keyfile={other.key}"],
         ["'--broker-ssl-option'", "mismatch"]),
        ("redis://localhost", ["cert_reqs=perhaps"],
         ["'--broker-ssl-option'", "cert_reqs must be"]),
        ("redis://localhost", ["bogus=1"], ["number 1 is unknown"]),
        ("redis://localhost", [f"ssl_ca_certs={ca.cert}",
                               "ssl_keyfile=/none"], ["without ssl_certfile"]),
        ("redis+socket:///tmp/s", ["ssl_cert_reqs=none"],
         ["'--broker-ssl-option'", "socket"]),
    ]
    for broker, options, words in cases:
        args = [f"--broker-ssl-option={each}" for each in options]

        done = run(tmp_path, broker, *args, *check)

        assert done.returncode == 1, (broker, options, done.stderr)
        for each in words:
            assert each in done.stderr, done.stderr


def test_key_password_is_kept_secret(make_exporter, server, ca, user):
    locked = user.key.with_suffix(".locked")
    subprocess.run(["openssl", "pkey", "-in", user.key, "-aes128", "-passout",
                    "pass:s3cret", "-out", locked], check=True)

    exporter = make_exporter(
        server.url(ca_certs=ca.cert, certfile=user.cert, keyfile=locked),
        env={"CE_BROKER_SSL_OPTION": "ssl_password=s3cret"})

    count_one(exporter, server)
