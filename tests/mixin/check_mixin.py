"""Checks alerts-mixin/: what is generated is fresh, every alert is documented,
tested and well-formed, and promtool and amtool agree. Speaks TAP.

    check_mixin.py ROOT BINARY

Tools come from PATH. $PROMTOOLS and $JSONNETS name others to be used instead,
separated by colons: of newer Prometheus releases, and Go's jsonnet.
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
          ({"severity": "info", "area": "tasks"}, "celery-news"))

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


def check_groups(groups):
    report("groups are small and named", [
        g["name"] for g in groups if len(g["name"]) > 40 or len(g["rules"]) > 40
        or ("alert" in g["rules"][0] and len(g["rules"]) > 20)])


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
                MIXIN / "prometheus_rules.yaml"))
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
          _config+:: { periodicTasks: { task: { maxAge: '1h' } } } };
        { alerts: m.prometheusAlerts.groups, rules: m.prometheusRules.groups }""")
    alerts = [r for group in mixin["alerts"] for r in group["rules"]]
    records = [r for group in mixin["rules"] for r in group["rules"]]
    check_groups(mixin["alerts"] + mixin["rules"])
    check_rules(alerts, records)
    with tempfile.TemporaryDirectory() as folder:
        check_queries(pathlib.Path(folder))
        check_tests(pathlib.Path(folder), alerts)
    check_alertmanager()
    print(f"1..{done}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
