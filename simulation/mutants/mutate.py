"""Writes copies of the core's sources in which each mutant can be switched on, and the table of the mutants for the test.

    mutate.py --files                     the files that have an edit, one a line
    mutate.py ROOT OUT                    OUT/<file> for each of them, and OUT/mutant_table.cc
"""
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from mutants import MUTANTS  # noqa: E402

HEADER = "#include \"simulation/mutants/active.h\"\n"


def files():
    return sorted({edit.file for mutant in MUTANTS for edit in mutant.edits})


def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def mutated(root, file):
    text = (root / file).read_text()
    for number, mutant in enumerate(MUTANTS, 1):
        for edit in mutant.edits:
            if edit.file != file:
                continue
            if text.count(edit.old) != 1:
                sys.exit(f"simulation/mutants/mutants.py: {mutant.name}: its text is {text.count(edit.old)} times in {file}: {edit.old}")
            text = text.replace(edit.old, edit.new.replace("BROKEN", f"(::vmha::sim::active_mutant == {number})"))
    return HEADER + text


def table():
    rows = ",\n".join(f"      {{{quoted(m.name)}, {quoted(m.what)}, {{{', '.join(map(quoted, m.profiles))}}}, {m.seeds}, {{{', '.join(map(quoted, m.rules.split()))}}}}}"
                      for m in MUTANTS)
    return ('#include "simulation/mutants/active.h"\n\nnamespace vmha::sim {\n\nthread_local int active_mutant = 0;\n\n'
            f"const std::vector<Mutant>& mutants() {{\n  static const std::vector<Mutant> all = {{\n{rows}}};\n  return all;\n}}\n\n}}  // namespace vmha::sim\n")


def main():
    if sys.argv[1:] == ["--files"]:
        print("\n".join(files()))
        return
    root, out = map(pathlib.Path, sys.argv[1:])
    for file in files():
        (out / file).parent.mkdir(parents=True, exist_ok=True)
        (out / file).write_text(mutated(root, file))
    (out / "mutant_table.cc").write_text(table())


main()
