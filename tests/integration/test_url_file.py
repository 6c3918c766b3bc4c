"""--broker-url-file is read at each connect: passwords and brokers may change
under a running exporter."""
import pytest

from support.events import Publisher, Sender, task_id
from support.wait import wait_until

pytestmark = pytest.mark.sanitized

CONNECTS = "celery_exporter_broker_connects_total"


@pytest.fixture
def url_file(tmp_path):
    return tmp_path / "broker-url"


@pytest.fixture
def run(url_file, make_exporter):
    def start(url, **options):
        url_file.write_text(f"{url}\n")
        return make_exporter(None, "--broker-url-file", url_file, **options)

    return start


def count_one(exporter, server):
    before = exporter.page().sum("celery_task_received_total")
    Publisher(server.connect()).send(
        Sender("w1@host-a").received(task_id(), "demo.add"))
    exporter.wait_for(
        lambda p: p.sum("celery_task_received_total") == before + 1)


def cut(server):
    server.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")


def test_rotated_password_is_used_from_the_next_connect_on(run, make_redis,
                                                           url_file):
    server = make_redis(config={"requirepass": "s3cret-1"})
    exporter = run(server.url(auth=":s3cret-1@"))
    count_one(exporter, server)

    server.client.config_set("requirepass", "s3cret-2")
    server.password = "s3cret-2"
    url_file.write_text(server.url(auth=":s3cret-2@"))
    cut(server)

    exporter.wait_value(2, CONNECTS)
    assert exporter.get("/health").status == 200
    count_one(exporter, server)
    # Commands go over a connection of their own, which must follow.
    wait_until(lambda: len(server.foreign_clients()) == 2)
    server.client.execute_command("CLIENT", "KILL", "TYPE", "normal",
                                  "SKIPME", "yes")
    wait_until(lambda: len(server.foreign_clients()) == 2)


def test_exporter_follows_to_another_broker(run, make_redis, url_file):
    first, second = make_redis(), make_redis()
    exporter = run(first.url())
    count_one(exporter, first)

    url_file.write_text(f"redis://127.0.0.1:1;{second.url()}")
    cut(first)

    exporter.wait_value(2, CONNECTS, timeout=15)
    count_one(exporter, second)
    wait_until(lambda: first.foreign_clients() == [])
    assert str(second.port) in exporter.log
    # What /health names is the first URL of the list there is now.
    assert "127.0.0.1:1/0" in exporter.get("/health").text


@pytest.mark.parametrize("text,said", [
    (None, "No such file"), ("", "it is empty"), ("redis://:s3cret@h/x", ""),
    ("amqp://guest:s3cret@127.0.0.1//", "of another kind"),
], ids=["gone", "empty", "wrong", "other kind"])
def test_file_that_cannot_be_used_leaves_the_last_url(run, redis_server,
                                                      url_file, text, said):
    exporter = run(redis_server.url())

    if text is None:
        url_file.unlink()
    else:
        url_file.write_text(text)
    cut(redis_server)

    exporter.wait_value(2, CONNECTS)
    count_one(exporter, redis_server)
    assert "The broker URL cannot be used" in exporter.log
    assert said.replace("it is ", "is ") in exporter.log
    assert exporter.get("/health").status == 200
