"""The accounts of docs/accounts.md, as they stand there: each allows what it
promises, and what it lacks is said once and costs only that."""
import json
import re
import shlex

import amqp
import pytest

from support.events import Publisher, Sender, task_id
from support.exporter import ROOT
from support.rabbit import AmqpPublisher
from support.sentinels import NAME, Cluster
from support.wait import stays, wait_until
from support.workers import Celery

PASSWORD = "s3cret"
DOC = (ROOT / "docs" / "accounts.md").read_text()
COMMANDS, REPLIES, LENGTHS, UNACKED, BINDINGS, ROLE, FORM, DATABASE = (
    "Cannot send commands to workers", "Cannot receive replies of workers",
    "Cannot read queue lengths", "Cannot read unacknowledged messages",
    "Cannot look for queues",
    "Cannot ask the server whether it is the master",
    "The account may subscribe to one form of the channel only",
    "The account may not SELECT the database")

# Without any queue to ask the length of.
EVENTS_ALONE = {COMMANDS: 1, REPLIES: 1, UNACKED: 1, BINDINGS: 1}


def account(name):
    """The words of a command of the page."""
    match = re.search(rf"<!-- account: {name} -->\n```\n(.*?)\n```", DOC)
    assert match, name
    return shlex.split(match.group(1).replace("PASSWORD", PASSWORD))


def without(words, *gone):
    assert set(gone) <= set(words)
    return [word for word in words if word not in gone]


def said(exporter):
    """The refusals that the log has, each with how often."""
    texts = (COMMANDS, REPLIES, LENGTHS, UNACKED, BINDINGS, ROLE, FORM,
             DATABASE)
    return {text: exporter.log.count(text) for text in texts
            if text in exporter.log}


@pytest.fixture
def server(make_redis):
    return make_redis()


@pytest.fixture
def run(server, make_exporter, tmp_path):
    """run(words, *args): an exporter under that account, with one Celery
    worker on the same server."""
    celery = Celery("/usr/bin/python3", server.url(), tmp_path)

    def begin(words, *args, db=0):
        server.client.execute_command(*words)
        celery.worker("w1@one", "celery").ready()
        server.client.lpush("other", "x")
        server.client.lpush("other\x06\x169", "x")
        exporter = make_exporter(
            server.url(db, f"exporter:{PASSWORD}@"), "--poll-interval", "1",
            "--queues", "celery,other", *args)
        count_one(exporter, Publisher(server.connect(), f"/{db}.celeryev"))
        return exporter

    yield begin
    celery.stop()


def count_one(exporter, publisher):
    event = Sender("w9@host-z").received(task_id(), "demo.add")
    publisher.body(json.dumps(event).encode(), "task.received")
    exporter.wait_for(lambda p: p.sum("celery_task_received_total",
                                      hostname="host-z") == 1)


def knows_lengths(page):
    return page.value("celery_queue_length", queue_name="other") == 2


def knows_workers(page):
    return page.value("celery_active_process_count", queue_name="celery") == 2


WORKER_FAMILIES = ("celery_active_worker_count",
                   "celery_active_process_count")


def shows_none(exporter, *families):
    page = exporter.page()
    assert not [family for family in families if page.select(family)]


def knows_no_more(exporter, *conditions):
    page = exporter.page()
    assert not [c.__name__ for c in conditions if c(page)]


def polled(exporter, source, success):
    exporter.wait_value(success, "celery_exporter_poll_success", timeout=30,
                        source=source)


def test_redis_events_alone(run):
    exporter = run(account("redis events"))

    for source in ("stats", "queues", "unacked", "bindings"):
        polled(exporter, source, 0)
    wait_until(lambda: said(exporter) == {**EVENTS_ALONE, LENGTHS: 1},
               what=lambda: exporter.log)
    stays(lambda: set(said(exporter).values()) == {1}, 2.5, "said again")
    shows_none(exporter, "celery_queue_length", *WORKER_FAMILIES)
    assert exporter.get("/-/workers?queue=celery").status == 503
    assert exporter.page().value("celery_exporter_broker_up") == 1


def test_redis_with_queue_lengths(run):
    exporter = run(account("redis lengths"))

    exporter.wait_for(knows_lengths)
    for source in ("queues", "unacked", "bindings"):
        polled(exporter, source, 1)
    wait_until(lambda: said(exporter) == {COMMANDS: 1, REPLIES: 1},
               what=lambda: exporter.log)
    shows_none(exporter, *WORKER_FAMILIES)


def test_redis_with_remote_control(run):
    exporter = run(account("redis control"))

    exporter.wait_for(knows_lengths)
    exporter.wait_for(knows_workers, 30)
    exporter.wait_value(1, "celery_worker_up", hostname="one")
    for source in ("stats", "active", "registered", "queues", "unacked",
                   "bindings"):
        polled(exporter, source, 1)
    assert not said(exporter)
    assert "NOPERM" not in exporter.log


@pytest.mark.parametrize("gone,refusal,kept", [
    ("+llen", {LENGTHS: 1}, knows_workers),
    ("%R~other*", {LENGTHS: 1}, knows_workers),
    ("+hlen", {UNACKED: 1}, knows_workers),
    ("%R~unacked_index", {UNACKED: 1}, knows_workers),
    ("+scan", {BINDINGS: 1}, knows_workers),
    ("%R~_kombu.binding.*", {BINDINGS: 1}, knows_workers),
    ("+publish", {COMMANDS: 1}, knows_lengths),
    ("&/0.celery.pidbox", {COMMANDS: 1}, knows_lengths),
    ("+sadd", {REPLIES: 1}, knows_lengths),
    ("+rpop", {REPLIES: 1}, knows_lengths),
    ("~*.reply.celery.pidbox", {REPLIES: 1}, knows_lengths),
    ("+ping", {}, knows_lengths),
    ("+select", {}, knows_workers),
])
def test_redis_what_is_missing_costs_only_that(run, gone, refusal, kept):
    exporter = run(without(account("redis control"), gone))

    exporter.wait_for(kept, 30)
    wait_until(lambda: said(exporter) == refusal, what=lambda: exporter.log)
    stays(lambda: said(exporter) == refusal, 1.5, "said again")


@pytest.mark.parametrize("gone", ["+publish", "+sadd", "+rpop"])
def test_redis_polls_fail_where_nobody_can_be_asked(make_redis, make_exporter,
                                                    gone):
    """Also while there is no worker that could stay away."""
    server = make_redis()
    server.client.execute_command(*without(account("redis control"), gone))
    exporter = make_exporter(server.url(auth=f"exporter:{PASSWORD}@"),
                             "--poll-interval", "1")

    polled(exporter, "queues", 1)
    stays(lambda: exporter.page().value(
        "celery_exporter_poll_success", source="stats") == 0, 3)
    server.client.execute_command("ACL", "SETUSER", "exporter", gone)
    polled(exporter, "stats", 1)


def test_redis_without_one_queue(run):
    exporter = run(without(account("redis control"), "%R~other*"))

    exporter.wait_for(knows_workers, 30)
    exporter.wait_value(0, "celery_active_worker_count", queue_name="other")
    exporter.wait_value(0, "celery_queue_length", queue_name="celery")
    stays(lambda: not exporter.page().select("celery_queue_length",
                                             queue_name="other"), 2)


def test_redis_length_goes_when_it_is_refused_later(run, server):
    exporter = run(account("redis control"))
    exporter.wait_for(knows_lengths)

    server.client.execute_command("ACL", "SETUSER", "exporter", "-llen")
    exporter.wait_for(lambda p: not p.select("celery_queue_length"))
    server.client.execute_command(*account("redis control"))
    exporter.wait_for(knows_lengths)


def test_redis_without_select_in_another_database(run):
    words = [word.replace("/0.", "/3.") for word in account("redis control")]
    exporter = run(without(words, "+select"), db=3)

    stays(lambda: said(exporter) == {DATABASE: 1}, 1.5)
    knows_no_more(exporter, knows_lengths)


@pytest.mark.parametrize("gone", ["+psubscribe", "&/0.celeryev/*"])
def test_redis_without_the_channel(make_redis, make_exporter, gone):
    server = make_redis()
    server.client.execute_command(*without(account("redis events"), gone))

    exporter = make_exporter(server.url(auth=f"exporter:{PASSWORD}@"),
                             connected=False)

    exporter.wait_for(lambda p: p.value(
        "celery_exporter_broker_connect_errors_total",
        reason="permission"))
    assert "NOPERM" in exporter.log


@pytest.fixture
def cluster(tmp_path):
    running = Cluster(tmp_path, nsentinels=2)
    try:
        yield running.start()
    finally:
        running.stop()


def behind_sentinels(cluster, make_exporter, words):
    for server in cluster.servers:
        server.client.execute_command(*words)
    for sentinel in cluster.sentinels:
        sentinel.client.execute_command(*account("sentinel"))
    kwargs = json.dumps({"username": "exporter", "password": PASSWORD})
    exporter = make_exporter(
        cluster.url(auth=f"exporter:{PASSWORD}@"),
        "--broker-transport-option", f"master_name={NAME}",
        "--broker-transport-option", f"sentinel_kwargs={kwargs}")
    return exporter


def test_redis_behind_sentinels(cluster, make_exporter):
    exporter = behind_sentinels(cluster, make_exporter,
                                account("redis sentinel"))

    for prefix in ("/0.celeryev", "/{db}.celeryev"):
        publisher = Publisher(cluster.servers[0].connect(), prefix)
        publisher.send(Sender("w9@host-z").received(task_id(), "demo.add"))
    exporter.wait_for(lambda p: p.sum("celery_task_received_total") == 2)
    wait_until(lambda: said(exporter) == EVENTS_ALONE,
               what=lambda: exporter.log)


@pytest.mark.parametrize("gone,refusal,prefix", [
    ("+role", ROLE, "/0.celeryev"),
    ("&/{db}.celeryev/*", FORM, "/0.celeryev"),
    ("&/0.celeryev/*", FORM, "/{db}.celeryev"),
])
def test_redis_behind_sentinels_with_less(cluster, make_exporter, gone,
                                          refusal, prefix):
    exporter = behind_sentinels(cluster, make_exporter,
                                without(account("redis sentinel"), gone))

    count_one(exporter, Publisher(cluster.servers[0].connect(), prefix))
    wait_until(lambda: said(exporter) == {**EVENTS_ALONE, refusal: 1},
               what=lambda: exporter.log)


# RabbitMQ

@pytest.fixture
def rabbit_account(vhost):
    def make(name):
        words = account(f"rabbitmq {name}")
        assert words[:5] == ["rabbitmqctl", "set_permissions", "-p", "VHOST",
                             "exporter"]
        configure, write, read = words[5:]
        with amqp.Connection(f"127.0.0.1:{vhost.port}",
                             virtual_host=vhost.name) as connection:
            version = connection.server_properties["version"].split(".")
        if [int(number) for number in version[:2]] >= [4, 3]:
            # For lengths, as the document says.
            write += "|^(celery|other)$"
        return vhost.url(vhost.account(f"exporter-{vhost.name}", configure,
                                       write, read))

    return make


@pytest.fixture
def rabbit_worker(vhost, tmp_path):
    celery = Celery("/usr/bin/python3", vhost.url(), tmp_path)
    celery.worker("w1@one", "celery").ready()
    yield celery
    celery.stop()


def test_rabbitmq_events_alone(vhost, rabbit_account, rabbit_worker,
                               make_exporter):
    vhost.channel().queue_declare("other", durable=True, auto_delete=False)
    exporter = make_exporter(rabbit_account("events"), "--poll-interval", "1",
                             "--queues", "other")

    count_one(exporter, AmqpPublisher(vhost))
    exporter.wait_value(0, "celery_queue_length", queue_name="other")
    wait_until(lambda: said(exporter) == {COMMANDS: 1, REPLIES: 1},
               what=lambda: exporter.log)
    stays(lambda: set(said(exporter).values()) == {1}, 2.5, "said again")
    assert exporter.page().value("celery_exporter_broker_up") == 1


def test_rabbitmq_with_remote_control(vhost, rabbit_account, rabbit_worker,
                                      make_exporter):
    exporter = make_exporter(rabbit_account("control"))

    exporter.wait_for(knows_workers, 60)
    assert not said(exporter)
    assert "ACCESS_REFUSED" not in exporter.log
