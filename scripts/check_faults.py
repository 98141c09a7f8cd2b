#!/usr/bin/python3
"""Every test that docs/faults.md names exists, and every profile and every broken variant of the simulator is named there.

    check_faults.py        prints what is wrong; exit code 1 if anything is
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "simulation" / "mutants"))
from mutants import MUTANTS  # noqa: E402


def unit_tests():
    rooms = ["api", "base", "cli", "clients", "controller", "engine", "reconcilers", "simulation"]
    found = set()
    for room in rooms:
        for path in (ROOT / room).rglob("*_test.cc"):
            found.update(f"{suite}.{name}" for suite, name in re.findall(r"^TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", path.read_text(), re.M))
    return found


def lab_tests():
    paths = [path for folder in ("tests", "faults") for path in (ROOT / "e2e" / folder).glob("test_*.py")]
    return {f"{path.name}::{name}" for path in paths for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)}


def profiles():
    text = (ROOT / "simulation" / "profiles.cc").read_text()
    names = re.search(r"kNames = \{(.*?)\};", text, re.S).group(1)
    return {f"sim:{name}" for name in re.findall(r'"([\w-]+)"', names)}


def main():
    document = (ROOT / "docs" / "faults.md").read_text()
    lines = [line for line in document.splitlines() if line.startswith("| ") and not line.startswith("| fault") and not line.startswith("| case")]
    mutants = {f"mutant:{mutant.name}" for mutant in MUTANTS}
    known = unit_tests() | lab_tests() | profiles() | mutants
    wrong = []
    named = set()
    for line in lines:
        names = re.findall(r"`([^`]+)`", line.split("|")[2])
        named.update(names)
        if not names:
            wrong.append(f"nothing shows: {line}")
        wrong += [f"there is no {name}: {line}" for name in names if name not in known]
    wrong += [f"{name} is in no line" for name in sorted(profiles() - named)]
    if len(lines) < 80:
        wrong.append(f"only {len(lines)} lines were read")
    print("\n".join(wrong) if wrong else f"{len(lines)} lines name {len(named)} tests, profiles and variants; all of them exist")
    sys.exit(bool(wrong))


main()
