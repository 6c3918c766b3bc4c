"""Pictures of the dashboards, as Grafana's own components draw them, from the
data of a Prometheus that scrapes an exporter. Wants Chromium, Node.js and the
packages of package.json (npm install --ignore-scripts --legacy-peer-deps).

    render.py PROMETHEUS_URL OUT_FOLDER [SECONDS] [name=value ...]

SECONDS is the time shown, 900; name=value sets a variable, else All.
"""
import html
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from reader import every, load, substitute  # noqa: E402

CHROMIUM = ["chromium", "--headless", "--no-sandbox", "--disable-gpu",
            "--disable-quic", "--no-first-run", "--disable-component-update",
            "--disable-background-networking", "--disable-sync",
            "--hide-scrollbars", "--allow-file-access-from-files",
            "--virtual-time-budget=8000"]
WIDTH, GRID = 1576, 38


class Prometheus:
    def __init__(self, url, seconds):
        self.url, self.end = url, math.floor(time.time())
        self.start = self.end - seconds
        self.step = max(5, seconds // 300)

    def ask(self, expr, instant):
        at = {"time": self.end} if instant else {
            "start": self.start, "end": self.end, "step": self.step}
        path = "query" if instant else "query_range"
        body = urllib.parse.urlencode({"query": expr, **at}).encode()
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}", body) as answer:
            return json.load(answer)["data"]["result"]


def answers(prometheus, dashboard, values):
    return {panel["id"]: [
        prometheus.ask(substitute(target["expr"], values), target["instant"])
        for target in panel["targets"]]
        for panel in dashboard["panels"] if panel["type"] != "row"}


def draw(folder, name, page, height):
    (folder / "page.html").write_text(page)
    url = (folder / "page.html").as_uri()
    chromium = CHROMIUM + [f"--user-data-dir={folder}/profile"]
    dom = subprocess.run(chromium + ["--dump-dom", url], capture_output=True,
                         text=True, check=True).stdout
    subprocess.run(chromium + [f"--window-size={WIDTH},{height}",
                               f"--screenshot={name}", url],
                   capture_output=True, check=True)
    found = re.search(r'<pre id="problems".*?>(.*?)</pre>', dom, re.DOTALL)
    return json.loads(html.unescape(found[1])) if found else ["the page was not drawn"]


def main(url, out, *rest):
    seconds = int(rest[0]) if rest and rest[0].isdigit() else 900
    chosen = dict(pair.split("=", 1) for pair in rest if "=" in pair)
    subprocess.run(["node", "build.mjs"], cwd=HERE, check=True)
    failed = False
    for file, dashboard in load().items():
        prometheus = Prometheus(url, seconds)
        values = {**every(dashboard), "__range": f"{seconds}s", **chosen}
        given = {"dashboard": dashboard, "from": prometheus.start * 1000,
                 "to": prometheus.end * 1000, "step": prometheus.step,
                 "data": answers(prometheus, dashboard, values)}
        height = 100 + GRID * max(p["gridPos"]["y"] + p["gridPos"]["h"]
                                  for p in dashboard["panels"])
        page = ('<!doctype html><meta charset="utf-8">'
                f'<link rel="stylesheet" href="{(HERE / "out.css").as_uri()}">'
                f'<body><div id="root"></div><script>window.input = '
                f'{json.dumps(given).replace("</", "<" + chr(92) + "/")};</script>'
                f'<script src="{(HERE / "out.js").as_uri()}"></script>')
        with tempfile.TemporaryDirectory() as folder:
            problems = draw(pathlib.Path(folder),
                            pathlib.Path(out).resolve() / file.replace(".json", ".png"),
                            page, height)
        for problem in problems:
            print(f"{file}: {problem}")
            failed = True
    sys.exit(failed)


if __name__ == "__main__":
    main(*sys.argv[1:])
