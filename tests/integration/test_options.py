"""The command line and the environment as a user meets them: exit codes,
messages, and that every way to a broker works."""
import json
import signal
import subprocess

import pytest

from support.events import Publisher, Sender, task_id
from support.exporter import BINARY, Exporter, environment
from support.ports import free_port
from support.wait import wait_until

pytestmark = pytest.mark.sanitized

BROKER = "redis://127.0.0.1:1/0"


def run(*args, env=None):
    return subprocess.run([BINARY, *args], env=environment(env), timeout=20,
                          capture_output=True, text=True)


# Wrong usage is 2, a value that cannot work is 1; the message names the option.
@pytest.mark.parametrize("args,env,code,named", [
    ([], {}, 2, "--broker-url"),
    ([], {"CE_BROKER_URL": ""}, 2, "--broker-url"),
    (["--no-such-option"], {}, 2, "--no-such-option"),
    (["--broker-url"], {}, 2, "--broker-url"),
    (["--broker-url", BROKER, "--port", "many"], {}, 2, "--port"),
    (["--broker-url", BROKER, "--port", "99999"], {}, 2, "--port"),
    (["--broker-url", BROKER, "stray"], {}, 2, "stray"),
    (["--broker-url", BROKER], {"CE_PORT": "many"}, 2, "CE_PORT"),
    (["--broker-url", BROKER],
     {"CE_GENERIC_HOSTNAME_TASK_SENT_METRIC": "perhaps"}, 2,
     "CE_GENERIC_HOSTNAME_TASK_SENT_METRIC"),
    (["--broker-url", "memory://"], {}, 2, "redis"),
    (["--broker-url", "sqs://"], {}, 2, "redis"),
    (["--broker-url", "redis://h/abc"], {}, None, "--broker-url"),
    (["--broker-url", BROKER, "--buckets", "3,1"], {}, 1, "--buckets"),
    (["--broker-url", BROKER, "--static-label", "x"], {}, 1, "--static-label"),
    (["--broker-url", BROKER, "--static-label", "a=b=c"], {}, 1,
     "--static-label"),
    (["--broker-url", BROKER, "--static-label", "name=x"], {}, 1,
     "--static-label"),
    (["--broker-url", BROKER, "--broker-transport-option", "x"], {}, 1,
     "--broker-transport-option"),
    (["--broker-url", BROKER, "--log-level", "loud"], {}, 1, "--log-level"),
    (["--broker-url", BROKER, "--collect", "no_such_family"], {}, None,
     "no_such_family"),
])
def test_wrong_values_end_it_at_once(args, env, code, named):
    done = run(*args, env=env)

    assert done.returncode in ((code,) if code else (1, 2)), done.stderr
    assert named in done.stderr
    assert done.stdout == ""
    assert "Sanitizer" not in done.stderr


def test_all_problems_are_told_at_once():
    done = run("--broker-url", BROKER, "--port", "many", "--buckets", "3,1",
               env={"CE_WORKER_TIMEOUT": "soon"})

    assert done.returncode in (1, 2)
    for named in ("--port", "--buckets", "CE_WORKER_TIMEOUT"):
        assert named in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 8


def test_help_and_version_go_to_stdout():
    for option in ("--help", "--version"):
        done = run(option)
        assert done.returncode == 0 and done.stderr == ""
    assert "--broker-url" in run("--help").stdout
    assert run("--version").stdout.startswith("celery")


def test_config_check_needs_no_broker():
    assert run("--config-check", "--broker-url", BROKER).returncode == 0
    assert run("--config-check", "--broker-url", BROKER, "--buckets",
               "2,1").returncode == 1


def test_taken_port_ends_it(redis_server):
    done = run("--broker-url", redis_server.url(), "--host", "127.0.0.1",
               "--port", str(redis_server.port))

    assert done.returncode == 1
    assert str(redis_server.port) in done.stderr


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("connected", [True, False])
def test_stops_cleanly_on_a_signal(make_exporter, redis_server, how, connected):
    exporter = make_exporter(redis_server.url() if connected else BROKER,
                             connected=connected)

    exporter.stop(how)  # asserts exit code 0 within 3 s

    wait_until(lambda: redis_server.foreign_clients() == [])
    assert redis_server.client.keys("*") == []


def test_stops_while_events_pour_in(run_exporter, publisher):
    exporter = run_exporter()
    worker = Sender("w1@host-a")
    for _ in range(50):
        publisher.send_list([worker.received(task_id(), "demo.add")
                             for _ in range(200)])

    exporter.stop()


def test_stops_while_the_broker_is_silent(run_exporter, redis_server):
    exporter = run_exporter()

    redis_server.process.send_signal(signal.SIGSTOP)
    try:
        exporter.stop()
    finally:
        redis_server.process.send_signal(signal.SIGCONT)


def test_hangup_and_broken_pipe_do_not_end_it(exporter):
    for number in (signal.SIGHUP, signal.SIGPIPE):
        exporter.process.send_signal(number)

    assert exporter.get("/metrics").status == 200


def counts_an_event(exporter, publisher, **labels):
    publisher.send(Sender("w1@host-a").received(task_id(), "demo.add"))
    page = publisher.settle(exporter)
    assert page.sum("celery_task_received_total", **labels) == 1
    return page


def test_environment_configures_everything(redis_server, make_exporter):
    exporter = make_exporter(None, env={
        "CE_BROKER_URL": redis_server.url(),
        "CE_STATIC_LABEL": "env=prod team=a", "CE_METRIC_PREFIX": "cel_",
        "CE_DEFAULT_QUEUE_NAME": "main", "CE_BUCKETS": "",
        "CE_GENERIC_HOSTNAME_WORKER_TASK_METRIC": "yes",
        "CE_RETRY_INTERVAL": "5", "CE_LOG_LEVEL": "debug"})
    publisher = Publisher(redis_server.connect())

    publisher.send(Sender("w1@host-a").received(task_id(), "demo.add"))

    exporter.wait_value(1, "cel_task_received_total", name="demo.add",
                        hostname="generic", queue_name="main", env="prod",
                        team="a")


def test_command_line_beats_environment(redis_server, make_exporter):
    exporter = make_exporter(redis_server.url(), "--default-queue-name", "cli",
                             env={"CE_DEFAULT_QUEUE_NAME": "env",
                                  "CE_BROKER_URL": BROKER})

    counts_an_event(exporter, Publisher(redis_server.connect()),
                    queue_name="cli")


def test_celery_broker_url_is_a_fallback(redis_server, make_exporter):
    make_exporter(None, env={"CELERY_BROKER_URL": redis_server.url()})


def test_broker_url_from_a_file(redis_server, make_exporter, tmp_path):
    (tmp_path / "broker").write_text(redis_server.url() + "\n")

    make_exporter(None, "--broker-url-file", tmp_path / "broker")


def test_listen_address_replaces_host_and_port(redis_server, tmp_path):
    port = free_port()

    exporter = Exporter(tmp_path, redis_server.url(),
                        "--web.listen-address", f"127.0.0.1:{port}",
                        "--web.telemetry-path", "/numbers")
    exporter.port = port
    try:
        exporter.start(connected=False)
        assert exporter.get("/numbers").status == 200
        assert exporter.get("/metrics").status == 404
        exporter.stop()
    finally:
        exporter.kill()


# Ways to a broker.

def test_password(make_redis, make_exporter):
    server = make_redis(config={"requirepass": "s3cret"})

    exporter = make_exporter(server.url(auth=":s3cret@"))

    page = counts_an_event(exporter, Publisher(server.connect()))
    assert "s3cret" not in page.text
    health = exporter.get("/health").text
    assert health == ("Connected to the broker "
                      f"redis://:**@127.0.0.1:{server.port}/0")


def test_wrong_password_is_told_without_telling_it(make_redis, make_exporter):
    server = make_redis(config={"requirepass": "right"})

    exporter = make_exporter(server.url(auth=":s3cret@"), "--log-level",
                             "debug", connected=False)

    exporter.wait_for(lambda p: p.value(
        "celery_exporter_broker_connect_errors_total", reason="auth"))
    assert "s3cret" not in exporter.get("/health").text
    assert "s3cret" not in exporter.log


def test_missing_password(make_redis, make_exporter):
    server = make_redis(config={"requirepass": "right"})

    exporter = make_exporter(server.url(), connected=False)

    exporter.wait_for(lambda p: p.value(
        "celery_exporter_broker_connect_errors_total", reason="auth"))


ACL = """user default on nopass ~* &* +@all
user watcher on >p@ss {rules}
"""
# What reading events alone takes; anything about queues and replies is more.
SMALL = "+ping +select +psubscribe +punsubscribe resetchannels &/0.celeryev/*"


def test_acl_user_that_may_only_read_events(make_redis, make_exporter):
    server = make_redis(acl=ACL.format(rules=SMALL))

    exporter = make_exporter(server.url(auth="watcher:p%40ss@"))

    page = counts_an_event(exporter, Publisher(server.connect()))
    assert page.value("celery_exporter_broker_up") == 1


def test_acl_user_without_the_channel(make_redis, make_exporter):
    server = make_redis(acl=ACL.format(rules="+@all ~* resetchannels"))

    exporter = make_exporter(server.url(auth="watcher:p%40ss@"),
                             connected=False)

    exporter.wait_for(lambda p: p.value(
        "celery_exporter_broker_connect_errors_total", reason="permission"))


def test_unix_socket(redis_server, make_exporter):
    exporter = make_exporter(f"redis+socket://{redis_server.socket}")

    counts_an_event(exporter, Publisher(redis_server.connect()))


def test_unix_socket_with_database_and_user(make_redis, make_exporter):
    server = make_redis(acl=ACL.format(rules="+@all ~* &*"))

    exporter = make_exporter(f"redis+socket://watcher:p%40ss@{server.socket}"
                             "?virtual_host=4")

    counts_an_event(exporter, Publisher(server.connect(), "/4.celeryev"))


@pytest.mark.parametrize("path,db", [("/3", 3), ("//3", 3), ("/", 0), ("", 0)])
def test_database_of_the_url(redis_server, make_exporter, path, db):
    exporter = make_exporter(f"redis://127.0.0.1:{redis_server.port}{path}")

    counts_an_event(exporter,
                    Publisher(redis_server.connect(), f"/{db}.celeryev"))


FANOUT = [
    ("fanout_prefix=false", "celeryev", True),
    ("fanout_prefix=true", "/0.celeryev", True),
    ("fanout_prefix=/team{db}.", "/team0.celeryev", True),
    ("fanout_prefix=odd[?*]", "odd[?*]celeryev", True),
    ("fanout_patterns=false", "/0.celeryev", False),
    ("global_keyprefix=pfx:", "pfx:/0.celeryev", True),
    ("visibility_timeout=7200", "/0.celeryev", True),
]


@pytest.mark.parametrize("option,prefix,patterns", FANOUT,
                         ids=[row[0] for row in FANOUT])
def test_fanout_variants(redis_server, make_exporter, option, prefix, patterns):
    exporter = make_exporter(redis_server.url(), "--broker-transport-option",
                             option)

    counts_an_event(exporter, Publisher(redis_server.connect(), prefix,
                                        patterns))


def test_custom_event_exchange(redis_server, make_exporter):
    exporter = make_exporter(redis_server.url(), "--event-exchange", "my[ev]")

    counts_an_event(exporter,
                    Publisher(redis_server.connect(), "/0.my[ev]"))


# Metrics options.

def test_static_labels_are_on_every_series_in_order(run_exporter, publisher):
    exporter = run_exporter("--static-label", "zone_name=z",
                            "--static-label", "alpha=a")

    page = counts_an_event(exporter, publisher, alpha="a", zone_name="z")

    for name, pairs in page.samples:
        if name.startswith("celery_task_"):
            assert {("alpha", "a"), ("zone_name", "z")} <= pairs, name


def test_families_can_be_switched(run_exporter, publisher):
    exporter = run_exporter("--collect", "task_prefetch_time",
                            "--no-collect", "worker_info")
    worker, task = Sender("w1@host-a"), task_id()

    publisher.send(worker.online(), worker.received(task, "demo.add"),
                   worker.started(task))

    page = publisher.settle(exporter)
    assert page.value("celery_task_prefetch_time_seconds_count",
                      name="demo.add", queue_name="celery") == 1
    assert "celery_worker_info" not in page.types
    assert "celery_worker_up" in page.types


def test_log_as_json(run_exporter):
    exporter = run_exporter("--log.format", "json", "--log.level", "debug")
    exporter.stop()

    lines = exporter.log.splitlines()
    assert lines
    for line in lines:
        assert {"time", "level", "msg"} <= json.loads(line).keys()


def test_log_as_logfmt(run_exporter, redis_server):
    exporter = run_exporter()
    exporter.stop()

    lines = exporter.log.splitlines()
    assert any("msg=" in line and "level=" in line for line in lines)
    assert any(str(exporter.port) in line for line in lines)


def test_log_repeats_are_held_back(make_exporter, make_redis):
    server = make_redis()
    server.stop()

    exporter = make_exporter(server.url(), connected=False)
    exporter.wait_for(lambda p: p.value(
        "celery_exporter_broker_connect_errors_total", reason="refused") >= 5,
        timeout=30)

    assert len(exporter.log.splitlines()) < 12


def test_tracked_tasks_are_bounded(run_exporter, publisher):
    exporter = run_exporter("--max-tracked-tasks", "1000")
    worker = Sender("w1@host-a")

    for _ in range(10):
        publisher.send_list([worker.received(task_id(), "demo.add")
                             for _ in range(500)])

    page = publisher.settle(exporter)
    assert page.value("celery_exporter_tracked_tasks_limit") == 1000
    assert page.value("celery_exporter_tracked_tasks") <= 1000
    assert page.value("celery_exporter_evicted_tasks_total") >= 4000
    assert page.sum("celery_task_received_total") == 5000
