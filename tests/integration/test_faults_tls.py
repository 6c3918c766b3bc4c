"""The faults that only an encrypted connection has, as test_faults has them:
what is noticed how soon, with /metrics answering throughout."""
import time

import pytest

from support.brokers import TlsRedis
from support.certificates import Authority
from support.proxy import Proxy
from support.wait import wait_until
from support.witness import Pump
from test_faults import MOST_PAUSE_S, failed, measured, watch
from test_tls import ca, user

pytestmark = pytest.mark.sanitized
__all__ = ["ca", "measured", "user", "watch"]  # fixtures


class Broker(TlsRedis):
    """With a proxy in front of its encrypted port."""

    def __init__(self, make_redis, ca, pair):
        super().__init__(make_redis, ca, pair)
        self.proxy = Proxy(self.port)
        self.port = self.proxy.port

    def present(self, pair):
        """From the next connection on."""
        self.redis.client.config_set("tls-cert-file", str(pair.cert),
                                     "tls-key-file", str(pair.key))


@pytest.fixture
def broker(make_redis, ca):
    running = Broker(make_redis, ca, ca.issue("server"))
    yield running
    running.proxy.stop()


@pytest.fixture
def encrypted(broker, make_exporter, ca, user):
    return make_exporter(broker.url(ca_certs=ca.cert, certfile=user.cert,
                                    keyfile=user.key))


@pytest.fixture
def pumped(broker):
    with Pump(broker.redis) as running:
        yield running


def test_f33_certificate_expires_under_a_connection(
        broker, encrypted, watch, measured, pumped, ca):
    good, late = ca.issue("again"), ca.issue("late", days=-1)
    witness = watch(encrypted)

    broker.present(late)
    start = time.monotonic()
    broker.proxy.cut()
    measured("F33", "expired certificate refused after", 1,
             witness.until(lambda s: "tls" in s.errors, 10, start))
    assert "has expired" in encrypted.log

    broker.present(good)
    measured("F33", "new certificate, counts again after", MOST_PAUSE_S,
             witness.counts(time.monotonic(), 15))


@pytest.mark.parametrize("names", ["DNS:other.test", None],
                         ids=["wrong host", "foreign"])
def test_f33_certificate_is_exchanged(broker, encrypted, watch, measured,
                                      pumped, tmp_path, ca,
                                      names):
    good = ca.issue("again")
    bad = (ca.issue("bad", names) if names
           else Authority(tmp_path, "stranger").issue("bad"))
    witness = watch(encrypted)

    broker.present(bad)
    start = time.monotonic()
    broker.proxy.cut(reset=True)
    measured("F33", "another certificate refused after", 1,
             witness.until(lambda s: "tls" in s.errors, 10, start))

    broker.present(good)
    measured("F33", "right certificate, counts again after", MOST_PAUSE_S,
             witness.counts(time.monotonic(), 15))
    assert failed(witness) == {"tls"}


def test_f33_handshake_hangs(broker, encrypted, watch, measured,
                             pumped):
    witness = watch(encrypted)

    broker.proxy.cut()
    broker.proxy.stall()
    start = time.monotonic()
    broker.proxy.cut()
    wait_until(lambda: broker.proxy.naccepted > 1)
    measured("F33", "hanging handshake given up after", 4.5,
             witness.until(lambda s: "tls" in s.errors, 15, start))

    broker.proxy.flow()
    measured("F33", "handshakes go through, counts again after",
             MOST_PAUSE_S + 3, witness.counts(time.monotonic(), 20))


def test_f33_connection_is_cut_without_goodbye(broker, encrypted, watch,
                                               measured,
                                               pumped):
    witness = watch(encrypted)

    for reset in (False, True):
        start = time.monotonic()
        broker.proxy.cut(reset)
        measured("F33", f"{'RST' if reset else 'FIN'} noticed after", 0.5,
                 witness.until(lambda s: sum(s.disconnects.values()) > reset,
                               10, start))
        measured("F33", "counts again after", 0.5,
                 witness.counts(time.monotonic(), 15))
