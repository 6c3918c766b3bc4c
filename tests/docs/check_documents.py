"""Checks the documents against the program and the tree: links lead somewhere;
metrics, options, variables and files that are named exist; what is said to be
not there yet is not; generated parts are fresh. Speaks TAP.

    check_documents.py ROOT BINARY
"""
import os
import pathlib
import re
import subprocess
import sys

ROOT, BINARY = pathlib.Path(sys.argv[1]), sys.argv[2]

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
CODE_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE_SPAN = re.compile(r"`([^`]+)`")
NOT_YET = re.compile(r"<!-- not yet: begin -->.*?<!-- not yet: end -->", re.DOTALL)
METRIC = re.compile(r"\b(?:celery|process)_[a-z0-9_]+[a-z0-9]")
# Made by recording rules of alerts-mixin/, whose own test checks them.
RECORDED = re.compile(r"\b(?:instance|job(?:_[a-z]+)*|LEVEL):[a-zA-Z0-9_]+(?::[a-z0-9_]+)?")
VARIABLE = re.compile(r"\bCE_[A-Z0-9_]+")
OPTION = re.compile(r"^(--[a-z][a-z0-9.-]+|-[A-Z])\b")
PATH = re.compile(r"^(?:src|tests|scripts|docs)/[A-Za-z0-9_./-]+$")
SAMPLE = re.compile(r"_(bucket|count|sum|created)$")
# Ours are checked, Celery's and Redis's own are only named.
FOREIGN = {"celery_exporter", "celery_event"}
FOREIGN_OPTIONS = {"-E", "--read-only", "--task-events", "--without-heartbeat"}
# It is about the options of our scripts.
NO_OPTIONS = {"CONTRIBUTING.md"}
# Written elsewhere, or told by an example.
SKIPPED_PARTS = {"captures", "cases", "corpus", "node_modules"}

failed = 0
done = 0


def check(name, problems):
    global failed, done
    done += 1
    failed += bool(problems)
    print(f"{'not ok' if problems else 'ok'} {done} - {name}")
    for problem in problems:
        print(f"# {problem}")


def output(option):
    return subprocess.run([BINARY, option], capture_output=True, text=True,
                          check=True, timeout=60).stdout


def documents():
    """Skipped folders are not entered: some change while one looks."""
    found = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [f for f in folders if not f.startswith((".", "build"))
                      and f not in SKIPPED_PARTS]
        found += [pathlib.Path(folder) / f for f in files if f.endswith(".md")]
    return sorted(found)


def anchor(heading):
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def anchors(text):
    text = CODE_BLOCK.sub("", text)
    return {anchor(line.lstrip("#")) for line in text.splitlines()
            if line.startswith("#")}


def broken_links(path, text):
    for target in LINK.findall(CODE_BLOCK.sub("", text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, fragment = target.partition("#")
        file = (path.parent / name) if name else path
        if not file.exists():
            yield f"{target} leads nowhere"
        elif fragment and fragment not in anchors(file.read_text()):
            yield f"{target}: there is no such heading"


def unknown_metrics(text, families):
    text = RECORDED.sub("", text)
    for name in sorted(set(METRIC.findall(text)) - FOREIGN):
        if name not in families and SAMPLE.sub("", name) not in families:
            yield f"there is no metric {name}"


def spans(text):
    """What is set as code within the prose."""
    return CODE_SPAN.findall(CODE_BLOCK.sub("", text))


def unknown_options(text, options):
    for span in spans(text):
        found = OPTION.match(span)
        if found and found[0] not in options | FOREIGN_OPTIONS \
                and not span.endswith("..."):
            yield f"there is no option {found[0]}"


def missing_files(text):
    for span in spans(text):
        stands_for_any = re.search(r"[A-Z]{2}", span)  # fuzz_NAME.c
        if PATH.match(span) and not stands_for_any \
                and not (ROOT / span).exists():
            yield f"there is no {span}"


def between(path, name):
    found = re.search(rf"<!-- {name}: begin -->\n(.*?)<!-- {name}: end -->",
                      (ROOT / path).read_text(), re.DOTALL)
    return found[1] if found else None


metrics_page = output("--help-metrics")
families = set(re.findall(r"^\| `([a-z0-9_]+)` \| (?:counter|gauge|histogram) ",
                          metrics_page, re.MULTILINE))
options_page = output("--help-markdown")
options = set(re.findall(r"(--[a-z][a-z0-9.-]+|(?<![a-z-])-[A-Za-z]\b)",
                         options_page))
options |= set("--" + o for o in re.findall(r"--\[no-\]([a-z0-9.-]+)", options_page))
variables = set(VARIABLE.findall(options_page))

check("the program lists its metrics",
      [] if len(families) > 16 else ["--help-metrics lists no families"])
for path in documents():
    name = path.relative_to(ROOT)
    text = path.read_text()
    there = NOT_YET.sub("", text)
    check(f"{name}: links", list(broken_links(path, text)))
    check(f"{name}: files", list(missing_files(text)))
    check(f"{name}: metrics", list(unknown_metrics(there, families)))
    if path.name not in NO_OPTIONS:
        check(f"{name}: options", list(unknown_options(there, options)))
    check(f"{name}: variables", [f"there is no variable {v}" for v in
                                 sorted(set(VARIABLE.findall(there)) - variables)])

for part in NOT_YET.findall((ROOT / "docs/migrating.md").read_text()):
    missing = [line.split("|")[1] for line in part.splitlines()
               if line.startswith("|")]
    text = "\n".join(missing)
    named_options = {m[0] for m in map(OPTION.match, spans(text)) if m}
    check("docs/migrating.md: what is not there yet",
          [f"{m} is there" for m in METRIC.findall(text) if m in families] +
          [f"{o} is there" for o in sorted(named_options & options)])

for path, name, option in (("docs/metrics.md", "metrics", "--help-metrics"),
                           ("README.md", "metrics", "--help-metrics-readme"),
                           ("README.md", "options", "--help-readme")):
    check(f"{path}: {name} are made from the code",
          [] if between(path, name) == output(option)
          else [f"differs from {option}: run scripts/docs"])

listed = set(re.findall(r"^\| `([a-z0-9_]+)` \| (?:counter|gauge|histogram) ",
                        (ROOT / "docs/metrics.md").read_text(), re.MULTILINE))
source = (ROOT / "src/model/families.c").read_text()
rows = re.findall(r'^    \{"([a-z0-9_]+)",(.*)', source, re.MULTILINE)
exported = {n if ".absolute = true" in rest else "celery_" + n
            for n, rest in rows}
check("docs/metrics.md has every family and no other",
      [f"it misses {f}" for f in sorted(exported - listed)] +
      [f"it invents {f}" for f in sorted(listed - exported)])
print(f"1..{done}")
sys.exit(failed > 0)
