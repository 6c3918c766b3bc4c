"""Sends a few of the shop's tasks every second, until it is stopped."""
import itertools
import random
import time

from shop import build_report, charge_card, place_order, send_mail

for number in itertools.count(1):
    place_order.delay(number)
    charge_card.delay(number)
    send_mail.delay(number)
    if number % 5 == 0:
        build_report.delay(number)
    time.sleep(random.uniform(0.3, 1.2))
