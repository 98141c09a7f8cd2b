"""Figures of repeated measurements: their spread, and tables for docs/performance.md."""
import json
import statistics
from pathlib import Path


def spread(values):
    """{"min", "median", "max", "runs"} of what was measured; None values (it never came) are counted apart."""
    known = [value for value in values if value is not None]
    out = {"runs": len(values), "missing": len(values) - len(known)}
    if known:
        out.update(min=min(known), median=statistics.median(known), max=max(known))
    return out


def table(head, rows):
    """A markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join("---" if i == 0 else "---:" for i in range(len(head))) + "|"]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def write(path, document):
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(json.dumps(document, indent=2) + "\n")
