import os

import pytest

from support.events import Publisher
from support import rabbit as rabbitmq
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


@pytest.fixture
def run_exporter(redis_server, make_exporter):
    """Exporters on one fresh broker; they must leave nothing behind on it."""
    started = []

    def run(*args, **options):
        started.append(make_exporter(redis_server.url(), *args, **options))
        return started[-1]

    yield run
    if redis_server.process is None:
        return
    for exporter in started:
        exporter.stop()
    keys = [key for key in redis_server.client.keys("*") if b"reply" in key]
    assert keys == [], "keys left behind"


@pytest.fixture
def exporter(run_exporter):
    return run_exporter()


@pytest.fixture
def publisher(redis_server):
    return Publisher(redis_server.connect())


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
def rabbit(make_rabbit):
    """Shared, and not to be stopped."""
    return make_rabbit()


@pytest.fixture
def vhost(rabbit):
    own = rabbit.vhost()
    yield own
    own.close()
