import os

import pytest

from support import rabbit as rabbitmq
from support.brokers import AmqpWay, RedisWay, Tls, TlsRedis
from support.certificates import Authority
from support.exporter import BINARY, Exporter
from support.redis_server import RedisServer

SECRETS = ("s3cret", "p%40ss", "p@ss")


def pytest_configure(config):
    if not os.access(BINARY, os.X_OK):
        pytest.exit(f"no exporter at {BINARY}: run scripts/build", returncode=4)


def pytest_collection_modifyitems(items):
    if os.environ.get("CELERY_EXPORTER_TEST_ALL"):
        return
    for item in items:
        if item.get_closest_marker("extended"):
            item.add_marker(pytest.mark.skip(reason="runs with --all only"))


@pytest.fixture
def make_redis(tmp_path):
    servers = []

    def make(**options):
        folder = tmp_path / f"redis-{len(servers)}"
        folder.mkdir()
        servers.append(RedisServer(folder, **options))
        return servers[-1].start()

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def redis_server(make_redis):
    return make_redis()


@pytest.fixture
def make_exporter(tmp_path):
    """Exporters that must, whatever the test did to them, stop with exit code
    0 in time and tell no secret."""
    exporters = []

    def make(broker, *args, connected=True, **options):
        exporters.append(Exporter(tmp_path, broker, *args, **options))
        return exporters[-1].start(connected)

    yield make
    try:
        for exporter in exporters:
            exporter.stop()
            for secret in SECRETS:
                assert secret not in exporter.log
    finally:
        for exporter in exporters:
            exporter.kill()


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """Issues what servers and clients of the whole session show."""
    ca = Authority(tmp_path_factory.mktemp("authority"))
    ca.server = ca.issue("server")
    ca.user = ca.issue("user", "DNS:user")
    return ca


@pytest.fixture
def make_broker(request):
    """make_broker(way): a broker to be reached that way, with nothing on it;
    own, when it may be stopped."""

    def redis_way(_):
        return RedisWay(request.getfixturevalue("redis_server"))

    def redis_tls(_):
        ca = request.getfixturevalue("authority")
        server = TlsRedis(request.getfixturevalue("make_redis"), ca, ca.server)
        return RedisWay(server.redis, server.url(), Tls(ca, ca.user, "ssl_"))

    def vhost(own):
        if not own:
            return request.getfixturevalue("vhost")
        return request.getfixturevalue("own_rabbit").vhost()

    def amqp_way(own):
        return AmqpWay(vhost(own))

    def amqp_tls(own):
        ca = request.getfixturevalue("authority")
        return AmqpWay(vhost(own), Tls(ca, ca.user, ""))

    makers = {"redis": redis_way, "redis+tls": redis_tls, "amqp": amqp_way,
              "amqp+tls": amqp_tls}
    return lambda way, own=False: makers[way](own)


@pytest.fixture
def broker(request, make_broker):
    """A plain Redis, where the test does not choose by
    parametrize("broker", WAYS, indirect=True)."""
    return make_broker(getattr(request, "param", "redis"))


@pytest.fixture
def own_broker(broker, make_broker, request):
    """Of the same kind as `broker`, and may be stopped."""
    way = request.node.callspec.params["broker"]
    return broker if way.startswith("redis") else make_broker(way, own=True)


@pytest.fixture
def run_exporter(broker, make_exporter):
    """Exporters on one fresh broker; they must leave nothing behind on it."""
    started = []

    def run(*args, **options):
        started.append(make_exporter(broker.url(), *broker.arguments, *args,
                                     **options))
        return started[-1]

    yield run
    if not started or not broker.running:
        return
    for exporter in started:
        exporter.stop()
    left = [name for name in broker.left_behind() if "reply" in name]
    assert left == [], "left behind"


@pytest.fixture
def exporter(run_exporter):
    return run_exporter()


@pytest.fixture
def publisher(broker):
    return broker.publisher()


@pytest.fixture(scope="session")
def make_rabbit(tmp_path_factory):
    servers = []

    def make(**options):
        if rabbitmq.missing():
            pytest.skip(rabbitmq.missing())
        servers.append(rabbitmq.Rabbit(tmp_path_factory.mktemp("rabbit"),
                                       **options))
        return servers[-1].start()

    yield make
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def rabbit(make_rabbit, authority):
    """Shared, and not to be stopped."""
    return make_rabbit(tls=(authority, authority.server))


@pytest.fixture(scope="session")
def own_rabbit(make_rabbit, authority):
    """One that may be stopped and killed, and runs after each test."""
    return make_rabbit(tls=(authority, authority.server))


@pytest.fixture
def vhost(rabbit):
    own = rabbit.vhost()
    yield own
    own.close()
