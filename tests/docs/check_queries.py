"""Has promtool read every query of the metrics page: those of its tables, and
the blocks that are marked as PromQL in any document. Speaks TAP.

    check_queries.py ROOT BINARY
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT, BINARY = pathlib.Path(sys.argv[1]), sys.argv[2]

QUERY = re.compile(r"^\| `[a-z0-9_]+` \| (?:one|\d+)\b[^|]*\| `([^`]+)` \|$",
                   re.MULTILINE)
BLOCK = re.compile(r"^```promql\n(.*?)^```", re.MULTILINE | re.DOTALL)


def queries():
    page = subprocess.run([BINARY, "--help-metrics"], capture_output=True,
                          text=True, check=True, timeout=60).stdout
    found = QUERY.findall(page)
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for block in BLOCK.findall(path.read_text()):
            found += filter(None, map(str.strip, block.split("\n\n")))
    return found


def complaint(some):
    """What promtool says of these queries, as a file of rules; JSON is YAML."""
    rules = [{"record": f"query:{i}", "expr": query}
             for i, query in enumerate(some)]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        json.dump({"groups": [{"name": "queries", "rules": rules}]}, file)
        file.flush()
        done = subprocess.run(["promtool", "check", "rules", file.name],
                              capture_output=True, text=True, timeout=60)
    return done.stderr if done.returncode else None


if shutil.which("promtool") is None:
    print("1..0 # SKIP promtool is not installed")
    sys.exit(0)
found = queries()
families = len(re.findall(r'^    \{"', (ROOT / "src/model/families.c").read_text(),
                          re.MULTILINE))
wrong = [q for q in found if complaint([q])] if complaint(found) else []
print("1..2")
print(f"{'not ok' if len(found) < families else 'ok'} 1 - a query for each family")
print(f"# {len(found)} queries, {families} families")
print(f"{'not ok' if wrong else 'ok'} 2 - promtool understands every query")
for query in wrong:
    print(f"# {query}")
    print("# " + complaint([query]).strip().replace("\n", "\n# "))
sys.exit(bool(wrong) or len(found) < families)
