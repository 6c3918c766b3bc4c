"""How long nothing could be heard: a broker that hangs was already gone when
the exporter noticed it."""
import signal
import time

import pytest

from support.brokers import WAYS
from support.wait import wait_until

BLIND = "celery_exporter_blind_seconds_total"
UP = "celery_exporter_broker_up"


def hang(broker, number):
    server = getattr(broker, "server", None)
    if server is not None:
        server.process.send_signal(number)
    else:
        broker.vhost.rabbit.send_signal(number)


def quiet(broker):
    """The last byte came at most so many seconds before it hung: an answer to
    a PING, a heartbeat."""
    return 4 if hasattr(broker, "server") else 6


@pytest.mark.parametrize("broker", [w for w in WAYS if "tls" not in w],
                         indirect=True)
def test_silence_counts_from_its_beginning(own_broker, make_exporter):
    exporter = make_exporter(own_broker.url())
    before = exporter.page().value(BLIND)

    start = time.monotonic()
    hang(own_broker, signal.SIGSTOP)
    try:
        page = exporter.wait_for(lambda p: p.value(UP) == 0, 20)
        noticed = time.monotonic() - start
    finally:
        hang(own_broker, signal.SIGCONT)

    # All that was not heard, and no more than the pause before it.
    assert noticed - 0.5 <= page.value(BLIND) - before
    assert page.value(BLIND) - before <= noticed + quiet(own_broker)
    page = exporter.wait_for(lambda p: p.value(UP) == 1, 30)
    took = time.monotonic() - start
    assert noticed <= page.value(BLIND) - before <= took + quiet(own_broker)


def test_server_that_ends_the_connection_was_heard_to_the_last(
        redis_server, make_exporter):
    """It had nothing to say for seconds, but what it says comes in order."""
    exporter = make_exporter(redis_server.url())
    before = exporter.page().value(BLIND)
    heard = exporter.page().value("celery_exporter_broker_connects_total")
    wait_until(lambda: "psubscribe" in [
        c["cmd"].partition("|")[0] for c in redis_server.foreign_clients()
        if int(c["idle"]) >= 2], 10, "never silent")

    redis_server.client.client_kill_filter(_type="pubsub")

    page = exporter.wait_for(lambda p: p.value(
        "celery_exporter_broker_connects_total") == heard + 1)
    assert page.value(BLIND) - before < 1
