"""Sums the results of scripts/test: count_results.py FOLDER [FAILED STAGE...]

FOLDER holds STAGE.pytest.xml, STAGE.ctest.xml (a line a test binary) and STAGE-cases/ (GoogleTest's own lists of cases, one a binary).
A test that was skipped or did not run counts as failed. A stage that failed without naming a failed test counts as one failure.
"""
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path


def outcome(case):
    bad = case.find("failure") is not None or case.find("error") is not None or case.find("skipped") is not None
    left_out = case.get("status") in ("fail", "notrun", "disabled") or case.get("result") in ("skipped", "suppressed")
    return "failed" if bad or left_out else "passed"


def cases(file):
    return list(ElementTree.parse(file).getroot().iter("testcase"))


def tally(file):
    return Counter(outcome(case) for case in cases(file))


def count_binaries(file, details):
    """Cases of every binary that left its list; the binary itself where it did not, or where it failed although its cases did not."""
    total = Counter()
    lists = [tally(each) for each in details.glob("*.xml")] if details.is_dir() else []
    binaries = tally(file)
    for each in lists:
        total += each
    total["failed"] += max(0, binaries["failed"] - sum(1 for each in lists if each["failed"]))
    total["passed"] += max(0, sum(binaries.values()) - len(lists) - max(0, binaries["failed"] - sum(1 for each in lists if each["failed"])))
    return total


def main(folder, failed_stages):
    by_stage = {}
    for file in sorted(folder.glob("*.xml")):
        stage, kind, _ = file.name.split(".")
        counted = tally(file) if kind == "pytest" else count_binaries(file, folder / f"{stage}-cases")
        by_stage[stage] = by_stage.get(stage, Counter()) + counted
    for stage in failed_stages:
        counted = by_stage.setdefault(stage, Counter())
        counted["failed"] = max(counted["failed"], 1)
    for stage, counted in by_stage.items():
        print(f"{stage:14} {counted['passed']:5} passed, {counted['failed']} failed")
    passed, failed = (sum(counted[what] for counted in by_stage.values()) for what in ("passed", "failed"))
    if not passed and not failed:
        failed = 1  # nothing ran: that is no success
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
