"""What the checks of dashboards share: the files, their panels and queries,
and a query as Prometheus would get it."""
import json
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "dashboards"

# What Grafana would put in place of its own variables.
BUILT_IN = {"__rate_interval": "1m", "__range": "1h", "__interval": "30s"}


def load():
    return {path.name: json.loads(path.read_text())
            for path in sorted((FOLDER / "out").glob("*.json"))}


def variant(config):
    """The dashboards as jsonnet makes them with a _config of one's own."""
    made = subprocess.run(["jsonnet", "-e", f"""
        ((import '{FOLDER}/dashboards.libsonnet') +
         {{ _config+:: {config} }}).grafanaDashboards"""],
                          capture_output=True, text=True, check=True)
    return json.loads(made.stdout)


def panels(dashboard):
    """Panels that show data, rows left out, but not what is in them."""
    found = []
    for panel in dashboard["panels"]:
        found += [panel] if panel["type"] != "row" else panel.get("panels", [])
    return found


def substitute(expr, values):
    """`values` are those of the dashboard's variables, for =~ matchers."""
    for name, value in sorted({**BUILT_IN, **values}.items(),
                              key=lambda item: -len(item[0])):
        expr = expr.replace("${%s}" % name, value).replace("$" + name, value)
    return expr


def every(dashboard):
    """All variables at All."""
    return {v["name"]: v["allValue"] for v in dashboard["templating"]["list"]
            if v["type"] == "query"}
