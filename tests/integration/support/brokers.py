"""The four ways to a broker, Redis and RabbitMQ, plain and over TLS, with one
face: for what must be the same on each of them."""
import urllib.parse

import amqp

from support.events import Publisher
from support.ports import free_port
from support.rabbit import AmqpPublisher
from support.wait import wait_until
from support.witness import AmqpPump, Pump

WAYS = ("redis", "redis+tls", "amqp", "amqp+tls")


class Tls:
    """What a client needs to know, under the names that Celery has for it."""

    def __init__(self, ca, user, prefix):
        self.options = {f"{prefix}ca_certs": str(ca.cert),
                        f"{prefix}certfile": str(user.cert),
                        f"{prefix}keyfile": str(user.key)}
        self.settings = {"broker_use_ssl": {**self.options,
                                            f"{prefix}cert_reqs": 2}}


class Way:
    """settings are Celery's, arguments are the exporter's."""

    def __init__(self, url, tls):
        self._url = url
        self.settings = tls.settings if tls else {}
        self.arguments = [f"--broker-ssl-option={key}={value}" for key, value
                          in tls.options.items()] if tls else []

    def url(self):
        return self._url

    @property
    def port(self):
        return urllib.parse.urlsplit(self._url).port


class RedisWay(Way):
    nconnections = 2  # of an exporter

    def __init__(self, server, url=None, tls=None):
        super().__init__(url or server.url(), tls)
        self.server = server

    @property
    def running(self):
        return self.server.process is not None

    def publisher(self):
        return Publisher(self.server.connect())

    def pump(self):
        return Pump(self.server)

    def put(self, queue, nmessages, priority=0):
        key = f"{queue}\x06\x16{priority}" if priority else queue
        self.server.client.lpush(key, *["x"] * nmessages)

    def cut(self):
        """Ends the exporter's connection."""
        self.server.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

    def left_behind(self):
        """What is there, beside what workers and clients wait for."""
        client = self.server.client
        return {name.decode() for name in (
            *client.keys("*"),
            *client.smembers("_kombu.binding.celery.pidbox"))}

    def stop(self):
        self.server.stop()

    def start(self):
        self.server.start()

    def wait_consumed(self):
        wait_until(lambda: self.server.client.smembers("_kombu.binding.celery"),
                   60, "the worker does not come back")


class AmqpWay(Way):
    """On a server that is shared unless stop() is to be called."""

    nconnections = 1

    def __init__(self, vhost, tls=None):
        super().__init__(vhost.tls_url() if tls else vhost.url(), tls)
        self.vhost = vhost
        self.running = True

    def publisher(self):
        return AmqpPublisher(self.vhost)

    def pump(self):
        return AmqpPump(self.vhost)

    def put(self, queue, nmessages, priority=0):
        channel = self.vhost.channel()
        channel.queue_declare(queue, durable=True, auto_delete=False)
        for _ in range(nmessages):
            channel.basic_publish(amqp.Message(b"x", priority=priority),
                                  routing_key=queue)
        wait_until(lambda: channel.queue_declare(
            queue, passive=True).message_count >= nmessages)

    def cut(self):
        self.vhost.close_connections()

    def left_behind(self):
        return {row["name"] for row in self.vhost.queues("name")}

    def stop(self):
        self.vhost.close()
        self.vhost.rabbit.kill()
        self.running = False

    def start(self):
        self.vhost.rabbit.start()
        self.running = True

    def wait_consumed(self):
        wait_until(lambda: {"name": "celery", "consumers": 1}
                   in self.vhost.queues("name", "consumers"), 60,
                   "the worker does not come back")


class TlsRedis:
    """A Redis with an encrypted port beside its plain one."""

    def __init__(self, make_redis, ca, pair, **config):
        self.port = free_port()
        self.pair = pair
        self.redis = make_redis(config={
            "tls-port": self.port, "tls-cert-file": pair.cert,
            "tls-key-file": pair.key, "tls-ca-cert-file": ca.cert, **config})

    def url(self, scheme="rediss", host="localhost", **options):
        query = "&".join(f"ssl_{k}={v}" for k, v in options.items())
        return f"{scheme}://{host}:{self.port}/0" + (query and f"?{query}")
