"""Adds up what the suites of scripts/test reported.

usage: totals.py FOLDER

FOLDER holds meson's test logs (*.json) and JUnit files (*.xml); a suite that
left no report counts as one failure. Prints the failures and a line a suite;
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
        if kinds & {"failure", "error"}:
            suite.failures.append(f"{case.get('classname')}.{case.get('name')}")
        elif "skipped" in kinds:
            suite.skipped += 1
        else:
            suite.passed += 1
    return suite


def read(path):
    try:
        suite = from_meson(path) if path.suffix == ".json" else from_junit(path)
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
