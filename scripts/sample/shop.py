"""A small shop whose tasks succeed, fail and retry: a sample to look at."""
import os
import random
import time

from celery import Celery

app = Celery("shop", broker=os.environ["SAMPLE_BROKER"])
app.conf.update(
    task_send_sent_event=True,
    task_routes={"shop.build_report": {"queue": "reports"}},
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)


class PaymentRefused(Exception):
    pass


@app.task(name="shop.place_order")
def place_order(number):
    time.sleep(random.uniform(0.01, 0.2))
    return number


@app.task(name="shop.charge_card")
def charge_card(number):
    time.sleep(random.uniform(0.05, 0.3))
    if number % 7 == 0:
        raise PaymentRefused(f"order {number}")


@app.task(name="shop.send_mail", bind=True, max_retries=2)
def send_mail(self, number):
    if self.request.retries == 0 and number % 3 == 0:
        raise self.retry(exc=ConnectionError("mail server is away"), countdown=1)


@app.task(name="shop.build_report")
def build_report(number):
    time.sleep(random.uniform(0.5, 2))
