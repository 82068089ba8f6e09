#!/usr/bin/env python3
"""Prints how long each step of the gate took beside its number in the table of docs/measurements.md.

    .ci/steps.py docs/measurements.md TIMES

TIMES has a line for each step that ended: its name, a tab, seconds. A step that took more than half over its own
number is named; so is one that the table lacks, which fails. A loaded machine is slow, so slowness does not fail.
"""

import re
import sys
from pathlib import Path

HEADING = "## The gate, step by step"
# More than half over its own number is worth a look, unless it is seconds.
OVER = 1.5
SECONDS_MIN = 20


def numbers(document: str) -> dict[str, float | None]:
    """Minutes by step; none where none is known yet."""
    section = document.partition(HEADING)[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \|.*\| *([\d.]+|-) \|$", section, re.M)
    return {name: None if minutes == "-" else float(minutes) for name, minutes in rows}


def report(known: dict[str, float | None], times: list[tuple[str, int]]) -> tuple[list[str], bool]:
    lines = ["step                    minutes   its own"]
    complete = True
    for name, seconds in times:
        if name not in known:
            remark, own, complete = "is not in the table", "", False
        else:
            minutes = known[name]
            own = "-" if minutes is None else f"{minutes:.1f}"
            slow = minutes is not None and seconds > max(OVER * minutes * 60, SECONDS_MIN)
            remark = "took more than half over its own" if slow else ""
        lines.append(f"{name:<22}{seconds / 60:>9.1f}{own:>10}   {remark}".rstrip())
    whole = sum(seconds for _, seconds in times) / 60
    own = sum(known.get(name) or 0 for name, _ in times)
    lines.append(f"{'together':<22}{whole:>9.1f}{own:>10.1f}")
    return lines, complete


def main() -> int:
    document, times = (Path(path).read_text() for path in sys.argv[1:])
    rows = [line.split("\t") for line in times.splitlines()]
    lines, complete = report(numbers(document), [(name, int(seconds)) for name, seconds in rows])
    print("\n".join(lines))
    return 0 if complete else 1


sys.exit(main())
