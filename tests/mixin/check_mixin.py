"""Checks alerts-mixin/: what is generated is fresh, every alert is documented,
tested and well-formed, and promtool and amtool agree. Speaks TAP.

    check_mixin.py ROOT BINARY

Tools come from PATH. $PROMTOOLS and $JSONNETS name others to be used instead,
separated by colons: of newer Prometheus releases, and Go's jsonnet. mixtool and
pint are asked where they are installed. What they want that can be had without
them is checked here, too: names of alerts, groups and records, severities,
summaries without and descriptions with a template, a comparison in each alert,
and nothing recorded from another group's records.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT, BINARY = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
MIXIN = ROOT / "alerts-mixin"
GENERATED = {"alerts.jsonnet": "prometheus_alerts.yaml",
             "rules.jsonnet": "prometheus_rules.yaml",
             "watchdog.jsonnet": "prometheus_watchdog.yaml",
             "prometheusrule.jsonnet": "prometheusrule.yaml"}
FORMAT = ("--test", "-n", "2", "--max-blank-lines", "2", "--string-style", "s",
          "--comment-style", "s")
RUNBOOK = ("## Meaning", "## Impact", "## Diagnosis", "## Mitigation")
# What mixtool's linter wants, and a little more.
ALERT_NAME = re.compile(r"^([A-Z]+[a-z0-9]+)+$")
RECORD_NAME = re.compile(r"^(instance|job(_[a-z]+)*):celery_[a-z0-9_]+:[a-z0-9_]+$")
SUMMARY = re.compile(r"^[A-Z][^{]*\.$")
METRIC = re.compile(r"(?<![\w:])(?:celery|process)_[a-z0-9_]+(?![\w:]*:)")
SAMPLE = re.compile(r"_(bucket|count|sum)$")
BLOCK = re.compile(r"^```promql\n(.*?)^```", re.MULTILINE | re.DOTALL)
TEXT = re.compile(r'"[^"]*"')
RECORDED = re.compile(r"\b(?:instance|job(?:_[a-z]+)*):[a-z0-9_]+:[a-z0-9_]+")
# alerts of which labels go to which receiver of the Alertmanager example
ROUTES = (({"severity": "critical", "area": "tasks"}, "celery-pages"),
          ({"severity": "warning", "area": "queues"}, "celery-warnings"),
          ({"severity": "info", "area": "tasks"}, "celery-news"),
          ({"severity": "info", "alertname": "CeleryUnwatched"}, "nobody"),
          ({"severity": "info", "alertname": "CeleryWatchdog"},
           "dead-mans-switch"),
          ({"severity": "none", "alertname": "Watchdog"}, "dead-mans-switch"))
COMPARISON = re.compile(r"[<>]|[!=]=(?!~)|\bunless\b|\babsent")
# {a knob that cannot be meant: what is said of it}
REFUSED = {
    "periodicTasks: { a: { maxAge: '20d' } }":
        "periodicTasks['a'].maxAge is 20d, and a success is remembered for "
        "periodicTaskMemory, 14d",
    "periodicTasks: { a: { maxAge: '14d' } }": "periodicTasks['a'].maxAge is 14d",
    "periodicTasks: { a: {} }": "periodicTasks['a'] lacks maxAge",
    "periodicTasks: { a: { maxAge: '1y' } }": "\"1y\" is no time like 10m",
    "periodicTasks: { a: { maxAge: 3600 } }": "3600 is no time like 10m",
    "alerts+: { CeleryQueueFull: {} }":
        "alerts.CeleryQueueFull: there is no such alert",
    "alerts+: { CeleryQueueBacklog+: { treshold: 1 } }":
        "alerts.CeleryQueueBacklog.treshold: there is no such knob",
    "taskFailures+: { tasks: { a: { severty: 'info' } } }":
        "taskFailures.tasks['a'].severty: there is no such knob",
    "taskFailures+: { tasks: { a: 3 } }":
        "taskFailures.tasks['a'] has to be an object",
    "taskFailures+: { taskPatterns: [{ threshold: 3 }] }":
        "taskFailures.taskPatterns[0] lacks pattern",
    "slo+: { tasks: { a: { objective: 0.9, windows: [{ long: '1h' }] } } }":
        "slo.tasks['a'].windows[0] lacks short",
    "queues: { a: { length: 3 } }":
        "queues['a'].length: there is no such knob",
}

failed = 0
done = 0


def report(name, problems, skip=None):
    global failed, done
    done += 1
    failed += bool(problems)
    print(f"{'not ok' if problems else 'ok'} {done} - {name}"
          + (f" # SKIP {skip}" if skip else ""))
    for problem in problems:
        for line in str(problem).splitlines():
            print(f"# {line}")


def run(*command, cwd=None):
    """What a command says, if it fails."""
    made = subprocess.run([str(c) for c in command], capture_output=True,
                          text=True, cwd=cwd, timeout=600)
    return [] if made.returncode == 0 else [made.stdout + made.stderr]


def tools(name, variable):
    return os.environ.get(variable, name).split(":")


def jsonnet(path, tool="jsonnet"):
    made = subprocess.run([tool, "-S", path], capture_output=True, text=True,
                          timeout=60)
    return made.stdout if made.returncode == 0 else made.stderr


def sources():
    return sorted(p for p in MIXIN.rglob("*")
                  if p.suffix in (".jsonnet", ".libsonnet"))


def check_sources():
    for tool in tools("jsonnet", "JSONNETS"):
        for source, file in GENERATED.items():
            fresh = jsonnet(MIXIN / "lib" / source, tool)
            same = fresh == (MIXIN / file).read_text()
            report(f"{file} is what {tool} makes of lib/{source}",
                   [] if same else ["run scripts/mixin"])
    report("jsonnetfmt", run("jsonnetfmt", *FORMAT, *sources()))
    package = json.loads((MIXIN / "jsonnetfile.json").read_text())
    outside = [p for p in sources() for target in
               re.findall(r"import '([^']*)'", p.read_text())
               if MIXIN not in (p.parent / target).resolve().parents]
    report("the mixin depends on nothing else", package["dependencies"] + outside)


def check_refusals():
    for knobs, told in REFUSED.items():
        made = subprocess.run(
            ["jsonnet", "-J", MIXIN, "-e", "((import 'mixin.libsonnet') + "
             f"{{ _config+:: {{ {knobs} }} }}).prometheusAlerts"],
            capture_output=True, text=True, timeout=60)
        report(f"refused: {knobs}", [] if made.returncode != 0
               and told in made.stderr else [made.stderr or "it is not"])


def check_queries(folder):
    """Those of the runbooks parse: promtool reads them as rules."""
    rules = {}
    for page in sorted((MIXIN / "runbooks").glob("*.md")):
        for block in BLOCK.findall(page.read_text()):
            for line in filter(None, block.splitlines()):
                rules[f"query:{len(rules)}:of"] = line
    path = folder / "queries.json"
    path.write_text(json.dumps({"groups": [{"name": "runbooks", "rules": [
        {"record": name, "expr": line} for name, line in rules.items()]}]}))
    report(f"the {len(rules)} queries of the runbooks parse",
           run("promtool", "check", "rules", path))


def evaluate(expression):
    """A jsonnet expression within the folder of the mixin, as data."""
    made = subprocess.run(["jsonnet", "-J", MIXIN, "-e", expression],
                          capture_output=True, text=True, timeout=60,
                          check=True)
    return json.loads(made.stdout)


def alert_problems(rule):
    name, notes = rule["alert"], rule["annotations"]
    page = MIXIN / "runbooks" / f"{name}.md"
    if not ALERT_NAME.match(name) or len(name) > 40 or name[:6] != "Celery":
        yield f"{name}: name"
    if rule["labels"].get("severity") not in ("critical", "warning", "info"):
        yield f"{name}: severity"
    if not SUMMARY.match(notes["summary"]):
        yield f"{name}: summary"
    if "{{" not in notes["description"]:
        yield f"{name}: description"
    if not COMPARISON.search(TEXT.sub("", rule["expr"])):
        yield f"{name}: fires whatever the value"
    if not notes["runbook_url"].endswith(f"/{name}.md"):
        yield f"{name}: runbook_url"
    if not page.exists():
        yield f"there is no {page.relative_to(ROOT)}"
    elif any(heading not in page.read_text() for heading in RUNBOOK):
        yield f"{page.relative_to(ROOT)} lacks one of {', '.join(RUNBOOK)}"


def check_rules(alerts, records):
    report("alerts are well-formed and have runbooks",
           [p for rule in alerts for p in alert_problems(rule)])
    names = {rule["alert"] for rule in alerts}
    documented = set(re.findall(r"\bCelery[A-Z]\w+",
                                (ROOT / "docs" / "alerts.md").read_text()))
    report("docs/alerts.md has every alert and no other",
           sorted(names ^ documented))
    report("each runbook has its alert",
           [p.name for p in (MIXIN / "runbooks").glob("Celery*.md")
            if p.stem not in names])
    report("recording rules are named level:metric:operation",
           [r["record"] for r in records if not RECORD_NAME.match(r["record"])])
    known = {r["record"] for r in records}
    report("recorded series that are used are recorded",
           {name for rule in alerts + records
            for name in RECORDED.findall(rule["expr"])} - known)
    listed = subprocess.run([BINARY, "--help-metrics"], capture_output=True,
                            text=True, check=True, timeout=60).stdout
    families = set(re.findall(r"^\| `([a-z0-9_]+)` \|", listed, re.MULTILINE))
    used = {name for rule in alerts + records for name in
            METRIC.findall(RECORDED.sub("", TEXT.sub("", rule["expr"])))}
    report("metrics that are used exist",
           {n for n in used if n not in families
            and SAMPLE.sub("", n) not in families})


def check_python():
    """What docs/alerts.md says works with the Python exporter is tested there."""
    tests = evaluate("""
        local python = import 'tests/python.libsonnet';
        [case.alert for case in python.cases + python.tasks]""")
    page = (ROOT / "docs" / "alerts.md").read_text()
    part = re.search(r"^## With the Python exporter\n(.*?)^## ", page,
                     re.MULTILINE | re.DOTALL)[1]
    told = set(re.findall(r"\bCelery[A-Z]\w+", part))
    report("docs/alerts.md says what works with the Python exporter",
           sorted(told ^ {*tests, "CeleryWatchdog"}))


def check_groups(groups):
    report("groups are small and named", [
        g["name"] for g in groups if len(g["name"]) > 40 or len(g["rules"]) > 40
        or ("alert" in g["rules"][0] and len(g["rules"]) > 20)])
    home = {rule["record"]: group["name"] for group in groups
            for rule in group["rules"] if "record" in rule}
    report("no record is made of what another group records", [
        f"{rule['record']}: {name}" for group in groups
        for rule in group["rules"] if "record" in rule
        for name in RECORDED.findall(rule["expr"])
        if home.get(name) != group["name"]])


def check_linters():
    for name, *arguments in (
            ("mixtool", "lint", MIXIN / "mixin.libsonnet"),
            ("pint", "--offline", "lint", "-n", "info", "--fail-on", "info",
             *(MIXIN / file for file in GENERATED.values()
               if file != "prometheusrule.yaml"))):
        report(name, *([run(name, *arguments)] if shutil.which(name)
                       else [[], "is not installed"]))


def aspects(suites):
    """{alert: what the tests show of it}"""
    shown = {}
    for suite in suites:
        for test in suite["tests"]:
            for each in test.get("alert_rule_test", []):
                kind = "fires" if each["exp_alerts"] else "quiet"
                shown.setdefault(each["alertname"], set()).add(kind)
            for each in test.get("promql_expr_test", []):
                for name in re.findall(r'alertname="(\w+)"', each["expr"]):
                    if each["exp_samples"]:
                        shown.setdefault(name, set()).add("pending")
    return shown


def check_tests(folder, alerts):
    problems = run("jsonnet", "-m", folder, MIXIN / "tests" / "all.jsonnet")
    report("tests are made", problems)
    files = sorted(folder.glob("*-tests.json"))
    shown = aspects(json.loads(f.read_text()) for f in files)
    wanted = {rule["alert"]: {"fires", "quiet"} |
              ({"pending"} if "for" in rule else set()) for rule in alerts}
    report("every alert is tested: fires, pending, quiet",
           [f"{name}: {', '.join(sorted(aspects - shown.get(name, set())))}"
            for name, aspects in wanted.items()
            if aspects - shown.get(name, set())])
    if "PROMTOOLS" not in os.environ:
        report("promtool of newer Debian releases", [],
               "runs with scripts/test --all")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for tool in tools("promtool", "PROMTOOLS"):
            version = subprocess.run([tool, "--version"], capture_output=True,
                                     text=True, check=True)
            says = re.search(r"version (\S+)", version.stdout + version.stderr)[1]
            report(f"promtool {says}: check rules", run(
                tool, "check", "rules", "--lint-fatal",
                MIXIN / "prometheus_alerts.yaml",
                MIXIN / "prometheus_rules.yaml",
                MIXIN / "prometheus_watchdog.yaml"))
            results = pool.map(lambda f, tool=tool: run(
                tool, "test", "rules", f.name, cwd=folder), files)
            for file, result in zip(files, results):
                report(f"promtool {says}: {file.stem}", result)


def check_alertmanager():
    example = MIXIN / "examples" / "alertmanager.yml"
    if not shutil.which("amtool"):
        report("Alertmanager example", [], "amtool is not installed")
        return
    report("amtool check-config", run("amtool", "check-config", example))
    for labels, receiver in ROUTES:
        report(f"Alertmanager example: {labels} goes to {receiver}", run(
            "amtool", "config", "routes", "test", f"--config.file={example}",
            f"--verify.receivers={receiver}",
            *(f"{k}={v}" for k, v in labels.items())))


def main():
    missing = [t for t in ("jsonnet", "jsonnetfmt", "promtool")
               if not shutil.which(t)]
    if missing:
        print(f"1..0 # SKIP not installed: {', '.join(missing)}")
        return 0
    check_sources()
    # With one of everything that is made by configuration only.
    mixin = evaluate("""
        local m = (import 'mixin.libsonnet') {
          _config+:: { periodicTasks: { task: { maxAge: '1h' } },
                       alerts+: { CeleryWatchdog+: { enabled: true } } } };
        { alerts: m.prometheusAlerts.groups, rules: m.prometheusRules.groups }""")
    alerts = [r for group in mixin["alerts"] for r in group["rules"]]
    records = [r for group in mixin["rules"] for r in group["rules"]]
    check_groups(mixin["alerts"] + mixin["rules"])
    check_rules(alerts, records)
    check_python()
    check_refusals()
    check_linters()
    with tempfile.TemporaryDirectory() as folder:
        check_queries(pathlib.Path(folder))
        check_tests(pathlib.Path(folder), alerts)
    check_alertmanager()
    print(f"1..{done}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
