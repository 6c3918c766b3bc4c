"""Celery applications with settings of the test's own, on either broker."""
import pytest

from support.workers import SYSTEM_PYTHON, Celery

both = pytest.mark.parametrize("broker", ("redis", "amqp"), indirect=True)
# What workers are asked, by the names of the sources of polls.
QUESTIONS = ("stats", "active_queues", "active", "reserved", "scheduled",
             "registered")


@pytest.fixture
def celery(broker, tmp_path):
    """celery(settings): the application with these settings."""
    made = []

    def make(python=SYSTEM_PYTHON, **settings):
        made.append(Celery(python, broker.url(), tmp_path,
                           {**broker.settings, **settings}))
        return made[-1]

    yield make
    # They may be in the middle of long tasks.
    for worker in (worker for app in made for worker in app.workers):
        worker.kill()


def polled(exporter, *sources, success=1, timeout=20):
    for source in sources:
        exporter.wait_value(success, "celery_exporter_poll_success",
                            source=source, timeout=timeout)
