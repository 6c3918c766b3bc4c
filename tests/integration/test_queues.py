"""What the brokers say of queues, against what their own tools say, with the
producers and workers of a real Celery."""
import time

import amqp
import pytest

from support.events import Sender, task_id
from support.exporter import ROOT
from support.rabbit import AmqpPublisher
from support.wait import stays, wait_until
from support.workers import SYSTEM_PYTHON, Celery, newest_python

pytestmark = pytest.mark.sanitized

UNACKED = "celery_broker_unacked_tasks"
OLDEST = "celery_broker_oldest_unacked_timestamp_seconds"
SEP = b"\x06\x16"


@pytest.fixture
def make_celery(tmp_path):
    apps = []

    def make(url, python=SYSTEM_PYTHON, **settings):
        apps.append(Celery(python, url, tmp_path, settings))
        return apps[-1]

    yield make
    for app in apps:
        app.stop()


def options(transport_options):
    """The transport options of workers, as arguments of the exporter."""
    args = []
    for key, value in transport_options.items():
        args += ["--broker-transport-option", f"{key}={value}"]
    return args


def lengths(page):
    return {labels["queue_name"]: value for labels, value
            in page.select("celery_queue_length")}


def steps(page, queue):
    return {int(labels["priority"]): value for labels, value in
            page.select("celery_queue_priority_length", queue_name=queue)}


# Redis: lengths


@pytest.mark.parametrize("transport,by_step", [
    ({}, {0: 3, 3: 2, 6: 1, 9: 4}),
    ({"priority_steps": list(range(10)), "sep": ":"},
     {**dict.fromkeys(range(10), 0), 0: 3, 4: 2, 6: 1, 9: 4}),
    ({"priority_steps": [0, 5], "global_keyprefix": "pre fix*:"},
     {0: 5, 5: 5}),
])
def test_length_of_each_priority(redis_server, make_celery, make_exporter,
                                 transport, by_step):
    celery = make_celery(redis_server.url(),
                         broker_transport_options=transport)
    celery.send(*(("work.add", [], {"queue": "jobs", "priority": priority,
                                    "times": times})
                  for priority, times in {0: 3, 4: 2, 6: 1, 9: 4}.items()))
    prefix = transport.get("global_keyprefix", "")
    lists = {key: redis_server.client.llen(key)
             for key in redis_server.client.keys("*jobs*")
             if redis_server.client.type(key) == b"list"}
    assert sum(lists.values()) == 10
    assert redis_server.client.llen(f"{prefix}jobs") == by_step[0]

    exporter = make_exporter(redis_server.url(), "--queues", "jobs",
                             *options(transport))

    exporter.wait_value(10, "celery_queue_length", queue_name="jobs")
    assert steps(exporter.page(), "jobs") == by_step
    assert sorted(lists.values()) == sorted(filter(None, by_step.values()))


# Redis: what is not acknowledged


@pytest.mark.parametrize("transport", [
    {},
    {"global_keyprefix": "pre:", "unacked_key": "held",
     "unacked_index_key": "held since"},
])
def test_unacked_messages_of_a_worker_that_dies(redis_server, make_celery,
                                                make_exporter, transport):
    client = redis_server.client
    prefix = transport.get("global_keyprefix", "")
    table = prefix + transport.get("unacked_key", "unacked")
    index = prefix + transport.get("unacked_index_key", "unacked_index")
    celery = make_celery(redis_server.url(),
                         broker_transport_options=transport,
                         worker_prefetch_multiplier=3)
    worker = celery.worker("w1@one", concurrency=1).ready()
    celery.send(("work.sleep", [600], {"times": 10}))

    # The one that runs was acknowledged, three more are reserved.
    wait_until(lambda: client.hlen(table) == 3 and client.llen(
        f"{prefix}celery") == 6, 20, lambda: client.hlen(table))
    exporter = make_exporter(redis_server.url(), "--poll-interval", "1",
                             *options(transport))

    exporter.wait_value(3, UNACKED)
    [(_, taken)] = client.zrange(index, 0, 0, withscores=True)
    assert exporter.page().value(OLDEST) == pytest.approx(taken, abs=0.001)
    assert 0 < time.time() - taken < 120
    worker.kill()
    stays(lambda: exporter.page().value(UNACKED) == 3, 2.5)
    assert client.hlen(table) == 3
    client.delete(table, index)
    exporter.wait_value(0, UNACKED)
    assert exporter.page().value(OLDEST) is None


def test_unacked_that_cannot_be_read_is_said_once(redis_server, make_exporter):
    redis_server.client.set("unacked", "something else")
    redis_server.client.lpush("jobs", "x")

    exporter = make_exporter(redis_server.url(), "--poll-interval", "1",
                             "--queues", "jobs")

    exporter.wait_value(0, "celery_exporter_poll_success", source="unacked")
    exporter.wait_value(1, "celery_exporter_poll_success", source="queues")
    stays(lambda: exporter.log.count("unacknowledged") == 1, 2.5)
    page = exporter.page()
    assert page.value(UNACKED) is None and page.value(OLDEST) is None
    assert page.value("celery_queue_length", queue_name="jobs") == 1


# Redis: bindings


@pytest.mark.parametrize("transport", [
    {}, {"global_keyprefix": "p[r]e*:", "sep": ":"}])
def test_queue_that_nobody_consumes_is_found(redis_server, make_celery,
                                             make_exporter, transport):
    prefix = transport.get("global_keyprefix", "")
    celery = make_celery(redis_server.url(),
                         broker_transport_options=transport,
                         task_send_sent_event=False)
    celery.send(("work.add", [], {"queue": "idle", "times": 2}),
                ("work.add", [], {"queue": "more", "times": 1}))
    with redis_server.client.pipeline(transaction=False) as pipe:
        for i in range(5000):
            pipe.set(f"celery-task-meta-{i}", "result")
        pipe.sadd("other:_kombu.binding.x", b"k" + SEP + SEP + b"not ours")
        pipe.execute()
    assert redis_server.client.exists(f"{prefix}_kombu.binding.idle")

    exporter = make_exporter(redis_server.url(), *options(transport))

    exporter.wait_for(lambda p: lengths(p) == {"idle": 2, "more": 1})


def test_bindings_of_events_commands_and_broadcasts_are_left_out(
        redis_server, make_celery, make_exporter):
    celery = make_celery(redis_server.url())
    celery.worker("w1@one", "celery,other").ready()
    make_exporter(redis_server.url())
    redis_server.client.sadd("_kombu.binding.news",
                             SEP + SEP + b"bcast.0a6b-77", SEP + SEP + b"read")
    exchanges = {key.decode().rpartition("binding.")[2] for key
                 in redis_server.client.keys("_kombu.binding.*")}
    assert {"celery.pidbox", "celeryev", "celery", "news"} <= exchanges

    exporter = make_exporter(redis_server.url(), "--poll-interval", "1")

    exporter.wait_for(lambda p: set(lengths(p)) >= {"celery", "other", "read"})
    exporter.wait_value(1, "celery_exporter_poll_success", source="bindings")
    assert set(lengths(exporter.page())) == {"celery", "other", "read"}


def test_hostile_bindings_do_no_harm(redis_server, make_exporter):
    client = redis_server.client
    client.set("_kombu.binding.text", "no set")
    client.rpush("_kombu.binding.list", "no set")
    client.sadd("_kombu.binding.numbers", *range(512))
    client.sadd("_kombu.binding.long", b"k" + SEP + SEP + b"q" * 300_000,
                b"x" * 3_000_000, SEP * 1000, b"", b"\0", SEP)
    client.sadd("_kombu.binding." + "x" * 100_000, SEP + SEP + b"too long")
    client.sadd(b"_kombu.binding.nul\0nul", SEP + SEP + b"nul")
    client.sadd("_kombu.binding.odd", SEP + SEP + b'a"b\\c\n\xff\xfe{}')
    client.sadd("_kombu.binding.fine", SEP + SEP + b"fine")
    with client.pipeline(transaction=False) as pipe:
        for i in range(2000):
            pipe.sadd(f"_kombu.binding.{i}", b"k" + SEP + SEP + b"q%d" % i)
        pipe.execute()

    exporter = make_exporter(redis_server.url(), "--poll-interval", "1",
                             "--queues", "mine", "--max-label-values",
                             "queue_name=3000")

    page = exporter.wait_for(lambda p: len(lengths(p)) == 2003, 30)
    exporter.wait_value(1, "celery_exporter_poll_success", source="queues")
    exporter.wait_value(1, "celery_exporter_poll_success", source="bindings")
    assert not [name for name in lengths(page) if len(name) > 300]
    assert "Lost the command connection" not in exporter.log


# RabbitMQ


def declared(channel, name, count, priority=None, **arguments):
    channel.queue_declare(name, durable=True, auto_delete=False,
                          arguments={key.replace("_", "-"): value
                                     for key, value in arguments.items()})
    for i in range(count):
        message = amqp.Message(b"x", delivery_mode=2)
        if priority is not None:
            message.properties["priority"] = i % priority
        channel.basic_publish(message, routing_key=name)


def ready_and_consumers(vhost):
    return {row["name"]: (row["messages_ready"], row["consumers"]) for row
            in vhost.queues("name", "messages_ready", "consumers")
            if not row["name"].startswith("celeryev.")
            and "pidbox" not in row["name"]}


def shown(page, names):
    return {name: (page.value("celery_queue_length", queue_name=name),
                   page.value("celery_active_consumer_count",
                              queue_name=name)) for name in names}


def test_queues_of_every_kind(vhost, make_exporter):
    channel = vhost.channel()
    declared(channel, "classic", 5)
    declared(channel, "quorum", 4, x_queue_type="quorum")
    declared(channel, "stream", 3, x_queue_type="stream")
    declared(channel, "priority", 7, priority=10, x_max_priority=10)
    channel.basic_consume("classic", callback=lambda message: None)
    consumer = vhost.channel()
    consumer.basic_qos(0, 1, False)
    consumer.basic_consume("quorum", callback=lambda message: None)
    names = ["classic", "quorum", "stream", "priority"]
    wait_until(lambda: ready_and_consumers(vhost) == {
        "classic": (0, 1), "quorum": (3, 1), "stream": (3, 0),
        "priority": (7, 0)}, 60, lambda: ready_and_consumers(vhost))

    exporter = make_exporter(vhost.url(), "--poll-interval", "1", "--queues",
                             ",".join([*names, "gone"]))

    exporter.wait_for(lambda p: shown(p, names) == ready_and_consumers(vhost))
    exporter.wait_value(1, "celery_exporter_poll_success", source="queues")
    page = exporter.page()
    assert shown(page, ["gone"]) == {"gone": (0, 0)}
    assert steps(page, "priority") == {}
    assert page.value(UNACKED) is None


# RabbitMQ takes the line feed out of a name that is declared, but not of one
# that is sent to; a NUL of JSON is replaced; the last one is not there.
ODD = ["tâche ☃", "with space", "new\nline", 'quo"te', "back\\slash", "{x}",
       "null\0byte", "\x06\x163", "x" * 255, "amq.of.nobody"]


def test_queues_of_odd_names(vhost, make_exporter):
    channel = vhost.channel()
    for name in ODD[:-1]:
        declared(channel, name, 1)
    exporter = make_exporter(vhost.url(), "--poll-interval", "1",
                             "--queues", "ours", "--label-max-length", "300")
    publisher = AmqpPublisher(vhost)
    sender = Sender("gen1@host-a")

    for name in [*ODD, "x" * 256]:
        publisher.send(sender.event("task-sent", uuid=task_id(), name="t",
                                    queue=name))
    publisher.settle(exporter)

    exporter.wait_for(lambda p: sum(lengths(p).values()) == len(ODD) - 3)
    exporter.wait_value(1, "celery_exporter_poll_success", source="queues")
    page = exporter.page()
    assert page.value("celery_queue_length", queue_name="new\nline") == 0
    assert page.value("celery_queue_length", queue_name="x" * 255) == 1
    assert page.value("celery_exporter_broker_connects_total") == 1


def test_worker_on_a_quorum_queue_with_delayed_delivery(
        vhost, make_celery, make_exporter):
    python = newest_python()
    if isinstance(python, str):
        pytest.skip(python)
    celery = make_celery(vhost.url(), python, task_default_queue_type="quorum",
                         worker_detect_quorum_queues=True,
                         task_default_exchange_type="topic",
                         worker_prefetch_multiplier=1)
    worker = celery.worker("w1@one", concurrency=1).ready()
    celery.send(("work.sleep", [600], {"times": 6}),
                ("work.sleep", [1], {"countdown": 200}))
    # One runs, one is reserved; the delayed one waits elsewhere, for 128 s.
    wait_until(lambda: {"celery": (4, 1), "celery_delayed_7": (1, 0)}.items()
               <= ready_and_consumers(vhost).items(), 60,
               lambda: ready_and_consumers(vhost))

    exporter = make_exporter(vhost.url(), "--poll-interval", "1")

    exporter.wait_for(lambda p: shown(p, ["celery"]) == {"celery": (4, 1)})
    exporter.wait_value(1, "celery_exporter_poll_success", source="queues")
    assert set(lengths(exporter.page())) == {"celery"}
    worker.kill()


# Nobody is there, and nobody can be asked


@pytest.mark.parametrize("verb", ["publish", "sadd", "rpop"])
def test_no_workers_are_not_the_same_as_none_that_may_be_asked(
        redis_server, make_exporter, verb):
    redis_server.client.execute_command(
        "ACL", "SETUSER", "mute", "on", ">s3cret", "~*", "&*", "+@all",
        f"-{verb}")
    free = make_exporter(redis_server.url(), "--poll-interval", "1")
    mute = make_exporter(redis_server.url(auth="mute:s3cret@"),
                         "--poll-interval", "1")

    free.wait_value(1, "celery_exporter_poll_success", source="stats")
    mute.wait_for(lambda p: p.value("celery_exporter_poll_success",
                                    source="queues") == 1)
    wait_until(lambda: "NOPERM" in mute.log)
    mute.wait_value(0, "celery_exporter_poll_success", source="stats")
    redis_server.client.execute_command("ACL", "SETUSER", "mute",
                                               f"+{verb}")
    mute.wait_value(1, "celery_exporter_poll_success", source="stats")


@pytest.mark.parametrize("user,configure,write,log", [
    ("mute", ".*", r"^(celeryev|.*\.reply).*$",
     "Cannot send commands to workers"),
    ("deaf", "^celery.*$", ".*", "Cannot receive replies of workers"),
])
def test_the_same_on_rabbitmq(vhost, make_exporter, user, configure, write,
                              log):
    auth = vhost.account(user, configure, write, ".*")
    free = make_exporter(vhost.url(), "--poll-interval", "1")
    mute = make_exporter(vhost.url(auth), "--poll-interval", "1")

    free.wait_value(1, "celery_exporter_poll_success", source="stats")
    wait_until(lambda: log in mute.log)
    mute.wait_value(0, "celery_exporter_poll_success", source="stats")
    stays(lambda: mute.page().value("celery_exporter_poll_success",
                                    source="stats") == 0, 2.5)
