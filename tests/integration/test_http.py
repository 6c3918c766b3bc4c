"""The HTTP side: pages, status codes, formats, and real scrapers."""
import concurrent.futures
import gzip
import http.client
import json
import socket
import subprocess
import urllib.parse
import urllib.request

import pytest
from prometheus_client.openmetrics import parser as openmetrics

from support.events import Sender, task_id
from support.exposition import Page
from support.ports import free_port
from support.wait import wait_until

pytestmark = pytest.mark.sanitized

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
PROMETHEUS_2 = ("application/openmetrics-text;version=1.0.0,"
                "application/openmetrics-text;version=0.0.1;q=0.75,"
                "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
PROMETHEUS_3 = ("application/openmetrics-text;version=1.0.0;"
                "escaping=allow-utf-8;q=0.6,"
                "application/openmetrics-text;version=0.0.1;q=0.5,"
                "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                "text/plain;version=0.0.4;q=0.3,*/*;q=0.2")
# promtool finds fault with these names of the Python exporter, which are kept.
KEPT_NAMES = ("celery_active_consumer_count", "celery_active_process_count",
              "celery_active_worker_count")


@pytest.fixture
def populated(exporter, publisher):
    """An exporter that has seen a bit of everything."""
    worker, client = Sender("w1@host-a"), Sender("gen5@client")
    publisher.send(worker.online(), worker.heartbeat(active=2, processed=4))
    for name in ("demo.add", 'odd"name\\with\nall'):
        good, bad, gone = task_id(), task_id(), task_id()
        publisher.send(client.sent(good, name), worker.received(good, name),
                       worker.started(good), worker.succeeded(good),
                       worker.received(bad, name), worker.retried(bad),
                       worker.failed(bad), worker.received(gone, name),
                       worker.revoked(gone), client.sent(task_id(), name))
    publisher.payload(b"no json")
    publisher.settle(exporter)
    return exporter


def test_index_links_to_the_metrics(exporter):
    response = exporter.get("/")

    assert response.status == 200
    assert response.headers["Content-Type"].lower() == "text/html; charset=utf-8"
    assert 'href="/metrics"' in response.text


def test_health_names_the_broker_without_its_password(exporter, redis_server):
    response = exporter.get("/health")

    assert response.status == 200
    assert response.text == (
        f"Connected to the broker redis://:**@127.0.0.1:{redis_server.port}/0")
    assert response.headers["Content-Type"].startswith("text/html")


def test_process_health_and_readiness(exporter):
    for path in ("/-/healthy", "/-/ready"):
        assert exporter.get(path).status == 200, path


@pytest.mark.parametrize("path", [
    "/metrics/", "/health/", "/nothing", "/-/reload", "/-/quit", "//metrics",
    "/METRICS"])
def test_unknown_path_is_404(exporter, path):
    assert exporter.get(path).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS",
                                    "TRACE", "BREW"])
def test_other_methods_are_405(exporter, method):
    response = exporter.request(method, "/metrics")

    assert response.status == 405
    assert "GET" in response.headers["Allow"]
    assert "HEAD" in response.headers["Allow"]


@pytest.mark.parametrize("path", ["/", "/metrics", "/health", "/-/ready"])
def test_head_has_the_headers_and_no_body(exporter, path):
    get, head = exporter.get(path), exporter.request("HEAD", path)

    assert head.status == get.status
    assert head.body == b""
    assert head.headers["Content-Type"] == get.headers["Content-Type"]
    assert abs(int(head.headers["Content-Length"]) - len(get.body)) < 500


def media_type(value):
    """Type and parameters without `escaping`, which only repeats the ask."""
    parts = [part.strip() for part in value.split(";")]
    return "; ".join(p for p in parts if not p.startswith("escaping="))


@pytest.mark.parametrize("accept,wanted", [
    (None, TEXT), ("*/*", TEXT), ("", TEXT), ("image/png", TEXT),
    ("text/html,application/xhtml+xml,*/*;q=0.8", TEXT),
    ("text/plain;version=0.0.4", TEXT), ("text/plain", TEXT),
    (PROMETHEUS_2, OPENMETRICS), (PROMETHEUS_3, OPENMETRICS),
    ("application/openmetrics-text", OPENMETRICS),
    ("application/openmetrics-text;q=0.1,text/plain;q=0.9", TEXT),
    ("application/openmetrics-text;q=0,*/*", TEXT),
    ("application/openmetrics-text;version=9.0.0,text/plain;q=0.2", TEXT),
    ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
     "encoding=text;q=0.7,text/plain;version=0.0.4;q=0.3", TEXT),
    (";;;,,q=,\"", TEXT),
])
def test_format_is_negotiated(populated, accept, wanted):
    headers = {} if accept is None else {"Accept": accept}

    response = populated.get("/metrics", headers)

    assert response.status == 200
    assert media_type(response.headers["Content-Type"]) == wanted
    assert response.text.endswith("# EOF\n") == (wanted == OPENMETRICS)
    assert "Accept" in response.headers["Vary"]


def test_escaping_that_was_asked_for_is_repeated(exporter):
    response = exporter.get("/metrics", {"Accept": PROMETHEUS_3})

    assert "escaping=allow-utf-8" in response.headers["Content-Type"]


@pytest.mark.parametrize("encoding,compressed", [
    ("gzip", True), ("deflate, gzip;q=0.5", True), ("*", True), ("", False),
    ("identity", False), ("gzip;q=0", False), ("zstd", False), ("br", False)])
def test_gzip_is_negotiated(populated, encoding, compressed):
    response = populated.get("/metrics", {"Accept-Encoding": encoding})

    assert (response.headers.get("Content-Encoding") == "gzip") == compressed
    body = gzip.decompress(response.body) if compressed else response.body
    assert Page(body.decode()).value("celery_worker_up", hostname="host-a") == 1


def test_families_can_be_chosen_by_name(populated):
    query = urllib.parse.urlencode([("name[]", "celery_worker_up"),
                                    ("name[]", "celery_task_runtime"),
                                    ("name[]", "no_such_family")])

    page = Page(populated.get(f"/metrics?{query}").text)

    assert set(page.types) == {"celery_worker_up", "celery_task_runtime"}


def test_unknown_family_gives_an_empty_page(populated):
    response = populated.get("/metrics?name[]=nothing")

    assert response.status == 200 and response.body == b""


def test_every_family_has_help_and_type_before_any_event(exporter):
    page = exporter.page()

    kept = ["task_sent_total", "task_received_total", "task_started_total",
            "task_succeeded_total", "task_failed_total", "task_rejected_total",
            "task_revoked_total", "task_retried_total", "worker_up",
            "worker_tasks_active", "task_runtime", "task_queue_wait_time",
            "queue_length", "active_consumer_count", "active_worker_count",
            "active_process_count"]
    assert list(page.types)[:16] == ["celery_" + name for name in kept]
    assert all(page.helps.values())


def test_default_buckets(populated):
    page = populated.page()

    def bounds(family):
        return sorted({float(labels["le"]) for labels, _
                       in page.select(family + "_bucket")})

    inf = float("inf")
    assert bounds("celery_task_runtime") == [
        .005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, inf]
    assert bounds("celery_task_queue_wait_time") == [
        .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, inf]
    assert 'le="1.0"' in page.text and 'le="1"' not in page.text


def test_created_series_only_where_asked_for(populated, run_exporter,
                                             publisher):
    assert "_created" not in populated.page().text
    populated.stop()

    exporter = run_exporter("--created-series")
    publisher.send(Sender("w1@host-a").received(task_id(), "demo.add"))
    page = publisher.settle(exporter)

    assert page.types["celery_task_received_created"] == "gauge"
    assert page.sum("celery_task_received_created") > 1e9


def test_openmetrics_page_is_accepted_by_the_reference_parser(populated):
    text = populated.get("/metrics", {"Accept": PROMETHEUS_2}).text

    families = {f.name: f for f
                in openmetrics.text_string_to_metric_families(text)}

    received = families["celery_task_received"]
    assert received.type == "counter"
    assert {s.name for s in received.samples} == {"celery_task_received_total"}
    assert {s.labels["name"] for s in received.samples} == {
        "demo.add", 'odd"name\\with\nall'}
    assert families["celery_task_runtime"].type == "histogram"


def test_promtool_finds_no_fault_but_the_kept_names(populated):
    text = populated.get("/metrics").text

    done = subprocess.run(["promtool", "check", "metrics"], input=text,
                          capture_output=True, text=True)

    complaints = (done.stdout + done.stderr).splitlines()
    others = [line for line in complaints if not line.startswith(KEPT_NAMES)]
    assert others == []


def wait_scraped(url):
    def target():
        try:
            with urllib.request.urlopen(f"{url}/api/v1/targets") as reply:
                found = json.load(reply)["data"]["activeTargets"]
        except OSError:
            return None
        return found[0] if found and found[0]["health"] != "unknown" else None

    return wait_until(target, 30)


def query(url, expression):
    arguments = urllib.parse.urlencode({"query": expression})
    with urllib.request.urlopen(f"{url}/api/v1/query?{arguments}") as reply:
        result = json.load(reply)["data"]["result"]
    return float(result[0]["value"][1]) if result else None


def test_real_prometheus_takes_every_sample(populated, tmp_path):
    port = free_port()
    (tmp_path / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
- job_name: celery
  static_configs: [{{targets: ['127.0.0.1:{populated.port}']}}]
""")
    log = open(tmp_path / "prometheus.log", "wb")
    prometheus = subprocess.Popen(
        ["prometheus", f"--config.file={tmp_path}/prometheus.yml",
         f"--storage.tsdb.path={tmp_path}/tsdb",
         f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        target = wait_scraped(url)
        assert target["health"] == "up" and target["lastError"] == ""
        wanted = len(populated.page().samples)
        wait_until(lambda: query(url, "scrape_samples_scraped") == wanted)
        assert query(url, "up") == 1
        assert query(url, "scrape_samples_post_metric_relabeling") == wanted
        assert query(url, "sum(celery_task_received_total)") == 6
    finally:
        prometheus.terminate()
        prometheus.wait(20)
        log.close()


def test_scrapes_in_parallel_are_all_answered(populated):
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        replies = list(pool.map(lambda _: populated.get("/metrics"),
                                range(320)))

    assert {reply.status for reply in replies} <= {200, 503}
    good = [reply for reply in replies if reply.status == 200]
    assert len(good) >= 32
    assert all(Page(reply.text).samples for reply in good)


def test_connection_is_kept_open_between_scrapes(exporter):
    connection = http.client.HTTPConnection("127.0.0.1", exporter.port)
    connection.connect()
    socket_before = connection.sock

    for _ in range(20):
        connection.request("GET", "/metrics")
        assert connection.getresponse().read()

    assert connection.sock is socket_before
    connection.close()


def raw(exporter, request):
    with socket.create_connection(("127.0.0.1", exporter.port), 15) as sock:
        received = b""
        sock.sendall(request)
        while chunk := sock.recv(65536):
            received += chunk
    return received


BAD_REQUESTS = [
    ("long path", b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
     (b"414", b"431", b"404", b"400")),
    ("long header", b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40000
     + b"\r\n\r\n", (b"431", b"400", b"413")),
    ("body on a GET", b"GET /metrics HTTP/1.1\r\nHost: x\r\n"
     b"Content-Length: 4\r\n\r\nabcd", (b"400",)),
    ("two lengths", b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
     b"Content-Length: 37\r\n\r\n", (b"400",)),
    ("chunked", b"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
     b"chunked\r\n\r\n0\r\n\r\n", (b"400",)),
    ("no host", b"GET /metrics HTTP/1.1\r\n\r\n", (b"400",)),
    ("NUL in the path", b"GET /metrics%00 HTTP/1.1\r\nHost: x\r\n\r\n",
     (b"400", b"404")),
    ("TLS hello", bytes.fromhex("16030100a5010000a10303") + b"\0" * 100,
     (b"400", b"")),
    ("garbage", b"\0\1\2\3\r\n\r\n", (b"400", b"")),
]


@pytest.mark.parametrize("title,request_bytes,statuses", BAD_REQUESTS,
                         ids=[row[0] for row in BAD_REQUESTS])
def test_bad_request_is_refused_and_the_next_one_served(exporter, title,
                                                        request_bytes,
                                                        statuses):
    try:
        reply = raw(exporter, request_bytes)
    except OSError:
        reply = b""

    status = reply.split(b" ", 2)[1] if reply.startswith(b"HTTP/") else b""
    assert status in statuses or status == b"", (title, reply[:200])
    assert exporter.get("/metrics").status == 200


def test_idle_connections_do_not_keep_a_scraper_out(exporter):
    idle = [socket.create_connection(("127.0.0.1", exporter.port))
            for _ in range(600)]
    try:
        response = wait_until(lambda: exporter.get("/metrics"), 5)
        assert response.status == 200
    finally:
        for connection in idle:
            connection.close()


def test_request_that_drips_in_is_ended(exporter):
    with socket.create_connection(("127.0.0.1", exporter.port), 5) as sock:
        sock.settimeout(0.2)
        sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nA: ")

        def ended():
            try:
                sock.sendall(b"a")
                return sock.recv(4096) == b"" or True
            except socket.timeout:
                return False
            except OSError:
                return True

        wait_until(ended, 13)
    assert exporter.get("/metrics").status == 200


def test_requests_are_counted_by_fixed_names(exporter):
    exporter.get("/metrics")
    exporter.get("/secret/path/of/a/stranger")

    family = "celery_exporter_http_requests_total"
    page = exporter.wait_for(lambda p: p.sum(family, code="404") == 1)
    assert page.sum(family, code="200") >= 1
    assert "stranger" not in page.text


def test_refused_requests_are_counted(exporter):
    refused = {
        "400": b"GET / HTTP/1.1\r\n\r\n",
        "405": b"POST / HTTP/1.1\r\nHost: x\r\n\r\n",
        "414": b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        "431": b"GET / HTTP/1.1\r\nA: " + b"a" * 40000 + b"\r\n\r\n",
        "505": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    }
    family = "celery_exporter_http_requests_total"
    assert all(exporter.page().value(family, code=code, handler="other") == 0
               for code in refused)

    for code, request in refused.items():
        assert raw(exporter, request).split(b" ", 2)[1] == code.encode()

    exporter.wait_for(lambda p: all(
        p.value(family, code=code, handler="other") == 1 for code in refused))


def test_exporter_describes_itself(exporter):
    page = exporter.page()

    rows = page.select("celery_exporter_build_info")
    assert len(rows) == 1 and rows[0][1] == 1 and rows[0][0]["version"]
    assert 0 < page.value("process_resident_memory_bytes") < 1 << 30
    assert page.value("process_cpu_seconds_total") >= 0
    assert page.value("process_open_fds") > 3
    assert page.value("process_max_fds") > 100
    assert page.value("process_start_time_seconds") > 1.6e9
    assert page.value("process_threads") >= 1
