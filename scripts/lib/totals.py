"""Adds up what the suites of scripts/test reported.

usage: totals.py FOLDER

FOLDER holds meson's test logs (*.json) and JUnit files (*.xml); a suite that
left no report counts as one failure. Tests of NAME.xml that failed and passed
in NAME.alone.xml, where they had the machine to themselves, count as passed and
are named. Prints the failures and a line a suite;
the totals go to FOLDER/totals.txt too.
"""
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

TAP_LINE = re.compile(r"^(not ok|ok)\b([^#\n]*)(#\s*skip)?",
                      re.MULTILINE | re.IGNORECASE)


class Suite:
    def __init__(self):
        self.passed = self.skipped = 0
        self.failures = []
        self.names = set()  # of those that passed


def from_meson(path):
    """Each TAP line is a test; a program without TAP is one itself."""
    suite = Suite()
    for line in path.read_text().splitlines():
        test = json.loads(line)
        before = len(suite.failures)
        found = TAP_LINE.findall(test.get("stdout", ""))
        for verdict, title, skip in found:
            if skip:
                suite.skipped += 1
            elif verdict.lower() == "ok":
                suite.passed += 1
            else:
                suite.failures.append(f"{test['name']}: {title.strip(' -')}")
        result = test["result"]
        if not found and result in ("OK", "EXPECTEDFAIL"):
            suite.passed += 1
        elif not found and result == "SKIP":
            suite.skipped += 1
        elif result not in ("OK", "SKIP") and len(suite.failures) == before:
            suite.failures.append(f"{test['name']}: {result}")
    return suite


def from_junit(path):
    suite = Suite()
    for case in ElementTree.parse(path).iter("testcase"):
        kinds = {child.tag for child in case}
        name = f"{case.get('classname')}.{case.get('name')}"
        if kinds & {"failure", "error"}:
            suite.failures.append(name)
        elif "skipped" in kinds:
            suite.skipped += 1
        else:
            suite.passed += 1
            suite.names.add(name)
    return suite


def forgive(suite, path):
    """Takes out the failures that a second run alone did not show."""
    if not path.exists():
        return
    alone = from_junit(path)
    for failure in [f for f in suite.failures if f in alone.names]:
        suite.failures.remove(failure)
        suite.passed += 1
        print(f"passed only alone: {failure}")


def read(path):
    try:
        suite = from_meson(path) if path.suffix == ".json" else from_junit(path)
        forgive(suite, path.with_suffix(".alone.xml"))
    except (OSError, ValueError, KeyError, ElementTree.ParseError) as error:
        suite = Suite()
        suite.failures.append(f"no report: {error}")
    if suite.passed + suite.skipped + len(suite.failures) == 0:
        suite.failures.append("reported no tests")
    return suite


def totals_line(passed, failed, skipped):
    line = f"{passed} passed, {failed} failed"
    return line + (f", {skipped} skipped" if skipped else "")


def main():
    folder = pathlib.Path(sys.argv[1])
    suites = {name: read(folder / name)
              for name in (folder / "expected").read_text().split()}
    for name, suite in suites.items():
        for failure in suite.failures:
            print(f"FAILED {pathlib.Path(name).stem}: {failure}")
    for name, suite in suites.items():
        counts = totals_line(suite.passed, len(suite.failures), suite.skipped)
        print(f"{pathlib.Path(name).stem:<24} {counts}")
    failed = sum(len(suite.failures) for suite in suites.values())
    line = totals_line(sum(suite.passed for suite in suites.values()), failed,
                       sum(suite.skipped for suite in suites.values()))
    (folder / "totals.txt").write_text(line + "\n")
    print(line)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
