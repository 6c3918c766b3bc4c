"""Checks the dashboards without a server: what is generated is fresh, sources
are formatted, every query can be read, panels do not overlap, links lead to
dashboards that are there, metrics exist, and what Grafana's dashboard linter
asks for holds. Speaks TAP.

    check_dashboards.py BINARY
"""
import json
import re
import shutil
import subprocess
import sys
import tempfile

from reader import FOLDER, ROOT, every, load, panels, substitute, variant

BINARY = sys.argv[1]
FORMAT = ["jsonnetfmt", "--test", "-n", "2", "--max-blank-lines", "2",
          "--string-style", "s", "--comment-style", "s"]
SELECTOR = re.compile(r"\b([a-z_][a-z0-9_:]*)\{([^}]*)\}")
METRIC = re.compile(r"(?<![\w:])((?:celery|acme|process)_[a-z0-9_]+)\b(?!:)")
SAMPLE = re.compile(r"_(bucket|count|sum)$")
RATE = re.compile(r"\b(i?rate)\(.*?\[([^\]]+)\]")
DASHBOARD_LINK = re.compile(r"/d/([a-z0-9-]+)")
RUNBOOK = re.compile(r"runbooks/(Celery[A-Za-z]+)\.md")
VARIABLE = re.compile(r"\$\{?([a-z]\w*)")

# Labels of the scope, and their variables.
SCOPE = {"cluster": "cluster", "namespace": "namespace", "job": "job",
         "instance": "instance"}
# Every knob at something else.
KNOBS = """{
    celerySelector: 'team="shop"', metricPrefix: 'acme_', clusterLabel: '',
    namespaceLabel: 'ns', jobLabel: 'service', instanceLabel: 'pod',
    extraLabels: ['broker'], useRecordingRules: true, rateWindow: '5m',
    runbookURLPattern: '',
}"""
KNOBS_SCOPE = {"ns": "namespace", "broker": "broker", "service": "job",
               "pod": "instance"}

done = failed = 0


def check(name, problems, skipped=None):
    global done, failed
    problems = list(problems)
    done += 1
    failed += bool(problems)
    reason = f" # SKIP {skipped}" if skipped else ""
    print(f"{'not ok' if problems else 'ok'} {done} - {name}{reason}")
    for problem in problems:
        print(f"# {problem}")


def stale():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["jsonnet", "-m", folder, str(FOLDER / "lib/generate.jsonnet")],
                       check=True, stdout=subprocess.DEVNULL)
        for name, dashboard in load().items():
            if json.load(open(f"{folder}/{name}")) != dashboard:
                yield f"{name} differs from its source: scripts/dashboards"


def badly_formatted():
    for path in sorted(FOLDER.rglob("*.*sonnet")):
        if subprocess.run(FORMAT + [str(path)]).returncode != 0:
            yield f"{path.relative_to(ROOT)}: jsonnetfmt"


def names_of_metrics():
    text = subprocess.run([BINARY, "--help-metrics"], capture_output=True,
                          text=True, check=True).stdout
    return set(re.findall(r"^\| `([a-z0-9_]+)` \|", text, re.MULTILINE))


def overlapping(dashboard):
    taken = {}
    for panel in dashboard["panels"]:
        pos = panel["gridPos"]
        if pos["x"] + pos["w"] > 24:
            yield f"{panel['title']} is too wide"
        for x in range(pos["x"], pos["x"] + pos["w"]):
            for y in range(pos["y"], pos["y"] + pos["h"]):
                other = taken.setdefault((x, y), panel["title"])
                if other != panel["title"]:
                    yield f"{panel['title']} covers {other}"
                    return


def badly_queried(dashboard):
    """Every query in a file of rules, for promtool to read."""
    rules = [{"record": "query", "expr": substitute(t["expr"], every(dashboard))}
             for panel in panels(dashboard) for t in panel["targets"]]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump({"groups": [{"name": "queries", "rules": rules}]}, file)
        file.flush()
        run = subprocess.run(["promtool", "check", "rules", file.name],
                             capture_output=True, text=True)
    if run.returncode != 0:
        yield from run.stderr.splitlines()


def unselected(panel, scope, fixed=""):
    """Selectors that lack a variable of the scope, or the knob's matchers. What is
    recorded is of jobs: it has no instance, and the rules' own selector."""
    for target in panel["targets"]:
        expr = target["expr"]
        for name, matchers in SELECTOR.findall(expr):
            recorded = ":" in name
            wanted = [f'{label}=~"${variable}"'
                      for label, variable in scope.items()
                      if not (recorded and variable == "instance")]
            for matcher in wanted + ([] if recorded else [fixed]):
                if matcher not in matchers:
                    yield f"{panel['title']}: {name} without {matcher}"
        for name in METRIC.findall(expr):
            if name + "{" not in expr:
                yield f"{panel['title']}: {name} without a selector"
        for function, window in RATE.findall(expr):
            if window not in ("$__rate_interval", "$__range") and \
                    "histogram_quantile" not in expr:
                yield f"{panel['title']}: {function} over {window}"


def unrecorded(dashboard):
    """Recorded series that the mixin does not record."""
    rules = (ROOT / "alerts-mixin/prometheus_rules.yaml").read_text()
    for panel in panels(dashboard):
        for target in panel["targets"]:
            for name, _ in SELECTOR.findall(target["expr"]):
                if ":" in name and f'"{name}"' not in rules:
                    yield f"{panel['title']}: nothing records {name}"


def unknown(dashboard, metrics):
    for panel in panels(dashboard):
        for target in panel["targets"]:
            for name in METRIC.findall(target["expr"]):
                if name not in metrics and SAMPLE.sub("", name) not in metrics:
                    yield f"{panel['title']}: there is no metric {name}"


def undescribed(panel):
    if not panel.get("title") or len(panel.get("description", "")) < 20:
        yield f"{panel.get('title')}: no title or description"
    if panel["datasource"] != {"type": "prometheus", "uid": "${datasource}"}:
        yield f"{panel['title']}: not the variable's data source"
    if not panel.get("targets"):
        yield f"{panel['title']}: no query"
    defaults = panel.get("fieldConfig", {}).get("defaults", {})
    if panel["type"] in ("stat", "timeseries", "bargauge") and \
            not (defaults.get("unit") or defaults.get("mappings")):
        yield f"{panel['title']}: no unit"


def badly_variable(dashboard):
    variables = {v["name"]: v for v in dashboard["templating"]["list"]}
    if variables["datasource"]["label"] != "Data source":
        yield "the label of datasource"
    # A label that is always there; All of the others fits series without it.
    for v in variables.values():
        always = v["name"] in ("job", "instance")
        if v["type"] == "query" and v["allValue"] != (".+" if always else ".*"):
            yield f"All of {v['name']} is {v['allValue']}"
    for name, label in (("job", "Job"), ("instance", "Instance")):
        v = variables.get(name)
        if v is None or v["label"] != label or not v["multi"]:
            yield f"variable {name}"
    for v in variables.values():
        if v["type"] == "query" and v["refresh"] != 2:
            yield f"variable {v['name']} is not asked again for another time"
    used = set(VARIABLE.findall(json.dumps(dashboard["panels"]) +
                                json.dumps(dashboard["templating"])))
    for name in used - set(variables) - {"value"}:
        yield f"there is no variable {name}"
    for name in set(variables) - used:
        yield f"nothing uses the variable {name}"


def broken_links(dashboard, uids):
    text = json.dumps(dashboard)
    variables = {v["name"] for v in dashboard["templating"]["list"]}
    for url in re.findall(r'"(/d/[^"]*)"', text):
        for name in ("cluster", "namespace", "job", "instance"):
            if name in variables and f"${{{name}:queryparam}}" not in url:
                yield f"{url} loses {name}"
        for part in ("var-datasource=${datasource}", "${__url_time_range}"):
            if part not in url:
                yield f"{url} lacks {part}"
    for uid in DASHBOARD_LINK.findall(text):
        if uid not in uids:
            yield f"there is no dashboard {uid}"
    for alert in RUNBOOK.findall(text):
        if not (ROOT / "alerts-mixin/runbooks" / f"{alert}.md").exists():
            yield f"there is no runbook of {alert}"


def badly_made(dashboard):
    if not 39 <= dashboard["schemaVersion"] <= 41:
        yield "schemaVersion"
    if dashboard["editable"]:
        yield "it may be edited, and the edit would be lost"
    if not 0 < len(dashboard["uid"]) <= 40:
        yield "uid"
    ids = [panel["id"] for panel in dashboard["panels"]]
    if len(set(ids)) != len(ids):
        yield "numbers of panels repeat"


def restated(name, dashboard, scope, fixed=""):
    """What holds whatever the knobs are."""
    check(f"{name}: variables", badly_variable(dashboard))
    check(f"{name}: links", broken_links(dashboard, uids))
    check(f"{name}: selectors and windows",
          (p for panel in panels(dashboard)
           for p in unselected(panel, scope, fixed)))
    check(f"{name}: recorded series", unrecorded(dashboard))
    check(f"{name}: queries", [] if promtool else badly_queried(dashboard),
          promtool)


dashboards = load()
metrics = names_of_metrics()
uids = {d["uid"] for d in dashboards.values()}
jsonnet = None if shutil.which("jsonnet") else "jsonnet is not installed"
promtool = None if shutil.which("promtool") else "promtool is not installed"
check("generated files equal their sources", [] if jsonnet else stale(), jsonnet)
check("sources are formatted", [] if jsonnet else badly_formatted(), jsonnet)
check("each has its own uid",
      [] if len(uids) == len(dashboards) == 5 else ["not five"])
for name, dashboard in dashboards.items():
    check(f"{name}: model", badly_made(dashboard))
    check(f"{name}: places", overlapping(dashboard))
    check(f"{name}: metrics", unknown(dashboard, metrics))
    check(f"{name}: titles, descriptions, units, data sources",
          (p for panel in panels(dashboard) for p in undescribed(panel)))
    restated(name, dashboard, SCOPE)
for name, dashboard in ({} if jsonnet else variant(KNOBS)).items():
    restated(f"{name} with all knobs", dashboard, KNOBS_SCOPE, 'team="shop"')
print(f"1..{done}")
sys.exit(failed > 0)
