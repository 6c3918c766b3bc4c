"""Tasks that end in every way a task can end."""
import json
import os
import time

from celery import Celery
from celery.exceptions import Ignore, Reject

app = Celery("workload", broker=os.environ["WORKLOAD_BROKER"])
app.conf.update(
    task_send_sent_event=True,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=2,
    # A worker whose broker restarts must not wait long for it.
    broker_connection_max_retries=None,
    broker_transport_options={"visibility_timeout": 7200})
app.conf.update(json.loads(os.environ.get("WORKLOAD_SETTINGS", "{}")))


class Custom(Exception):
    pass


class Nameless(Exception):
    def __repr__(self):
        return "no class in here"


FAILURES = {"value": ValueError("bad"), "key": KeyError("gone"),
            "custom": Custom("why", 3), "nameless": Nameless("why"),
            "unicode": OSError("ünï ☃ \ud800 \0")}


@app.task(name="work.add")
def add(x=1, y=1):
    return x + y


@app.task(name="work.silent", send_events=False)
def silent():
    pass


@app.task(name="work.sleep")
def sleep(seconds):
    time.sleep(seconds)


@app.task(name="work.fail")
def fail(kind):
    raise FAILURES[kind]


@app.task(name="work.die")
def die():
    os._exit(7)


@app.task(name="work.too_long", time_limit=1)
def too_long():
    time.sleep(30)


@app.task(name="work.retry", bind=True, max_retries=3)
def retry(self):
    if self.request.retries < 2:
        raise self.retry(exc=ConnectionError("away"), countdown=0.1)


@app.task(name="work.reject", acks_late=True)
def reject():
    raise Reject("no", requeue=False)


@app.task(name="work.ignore")
def ignore():
    raise Ignore()


@app.task(name="work.spawn")
def spawn():
    add.apply_async(queue="other")


@app.task(name="work.succeed")
def succeed():
    pass


class HTTPError(Exception):
    pass


@app.task(name="work.http_error")
def http_error():
    raise HTTPError("404")
