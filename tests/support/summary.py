#!/usr/bin/env python3
"""Adds up a run of scripts/test.sh: summary.py RESULTS

RESULTS holds phases.tsv (name, status, seconds) and one JUnit file per ctest run. A test program that counts its own
cases (doctest, unittest, or a line "N passed, N failed") counts by them, any other as one. A phase that failed without
a failed test in it (a build, a download) is one failure. The last line is "N passed, N failed"; status 1 if any failed.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

DOCTEST = re.compile(r"test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed\s*\|\s*(\d+) skipped")
UNITTEST = re.compile(r"^Ran (\d+) tests? in .*?^(?:OK|FAILED)(?: \(([^)]*)\))?", re.M | re.S)
PLAIN = re.compile(r"^(\d+) passed, (\d+) failed", re.M)


def counts(output, failed):
    """Passed and failed cases of one test program; a program that failed counts at least one failure."""
    passed = wrong = 0
    if found := DOCTEST.search(output):
        passed, wrong = int(found[2]), int(found[3])
    elif found := UNITTEST.search(output):
        wrong = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", found[2] or ""))
        passed = int(found[1]) - wrong - sum(int(n) for n in re.findall(r"skipped=(\d+)", found[2] or ""))
    elif found := PLAIN.search(output):
        passed, wrong = int(found[1]), int(found[2])
    elif not failed:
        passed = 1
    return passed, max(wrong, 1) if failed else wrong


def main(results):
    passed = failed = skipped = 0
    failures = []
    failed_runs = set()
    for path in sorted(results.glob("*.xml")):
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            status = case.get("status", "run")
            if status in ("disabled", "notrun") or case.find("skipped") is not None:
                skipped += 1
                continue
            wrong = status == "fail" or case.find("failure") is not None
            good, bad = counts(case.findtext("system-out") or "", wrong)
            passed, failed = passed + good, failed + bad
            if bad:
                failures.append(f"{path.stem}: {case.get('name')} ({bad} failed)")
                failed_runs.add(path.stem)
    runs = {"unit tests": "unit", "tidy": "tidy", "command line": "cli", "real Helm": "helm", "real control plane": "cluster", "sanitizers": "sanitized", "threads": "threads"}
    phases = results / "phases.tsv"
    print()
    for line in phases.read_text().splitlines() if phases.exists() else []:
        name, status, seconds = line.split("\t")
        print(f"{name:<24} {'ok' if status == '0' else 'FAILED':<7} {int(seconds):>5} s")
        if status != "0" and runs.get(name) not in failed_runs:
            failed += 1
            failures.append(f"phase {name}")
        elif status == "0" and name.startswith("benchmarks"):
            passed += 1
    for failure in failures:
        print(f"FAILED: {failure}")
    if skipped:
        print(f"{skipped} not run")
    if not passed:
        failed += 1
        print("FAILED: no test has run")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
