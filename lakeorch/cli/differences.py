"""Rows that are not as a case expects them, as text: each beside the row that came in its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import click

from lakeorch.observers.text import clip, count, line, one_line, pad, width, widths

if TYPE_CHECKING:
    from lakeorch.cases.diff import Difference
    from lakeorch.cases.running import CaseResult

MOST = 20
CELL = 40
ROOM = 120
INDENT = "    "


def told(result: CaseResult) -> list[str]:
    """What is to be said about a case that failed, line by line; colours are ANSI codes."""
    head = f"{click.style('failed', fg='red', bold=True)}  {click.style(result.name, bold=True)}"
    lines = [head, f"{INDENT}{result.model}, {click.style(str(result.place), dim=True)}"]
    if result.message:
        lines += [f"{INDENT}{each}" for each in result.message.splitlines()]
    if not result.differences:
        return lines
    kinds: Counter[str] = Counter(difference.kind for difference in result.differences)
    words = {"changed": "not as expected", "missing": "missing", "unexpected": "not expected", "moved": "elsewhere"}
    counts = [f"{count(kinds[kind], 'row')} {word}" for kind, word in words.items() if kinds[kind]]
    lines.append(f"{INDENT}{', '.join(counts)}")
    lines += [f"{INDENT}{each}" for each in _table(result)]
    if len(result.differences) > MOST:
        lines.append(f"{INDENT}… and {len(result.differences) - MOST:,} more")
    return lines


def _table(result: CaseResult) -> list[str]:
    shown = result.differences[:MOST]
    rows = [row for difference in shown for row in _rows(difference)]
    columns = _fitting(result, rows)
    names = ["", *(result.columns[at] for at in columns)]
    cells = [[label, *(values[at] for at in columns)] for label, values, _ in rows]
    sizes = widths(names, cells)
    lines = [line(names, sizes)]
    for (label, _, differing), row in zip(rows, cells, strict=True):
        color = {"missing": "red", "expected": None, "got": None, "unexpected": "yellow"}[label]
        lines.append(click.style(line(row, sizes), fg=color) if color else line(row, sizes))
        if label == "got" and differing:
            marks = ["", *("^" * max(1, width(row[1 + i])) if at in differing else "" for i, at in enumerate(columns))]
            carets = "  ".join(pad(mark, size) for mark, size in zip(marks, sizes, strict=True)).rstrip()
            lines.append(click.style(carets, fg="red", bold=True))
    hidden = len(result.columns) - len(columns)
    return [*lines, f"({count(hidden, 'column')} of equal values not shown)"] if hidden else lines


def _rows(difference: Difference) -> list[tuple[str, list[str], tuple[int, ...]]]:
    """The lines of a difference: a label, the cells, the numbers of the differing ones."""
    expected = [_cell(value) for value in difference.expected or ()]
    actual = [_cell(value) for value in difference.actual or ()]
    if difference.kind == "missing":
        return [("missing", expected, ())]
    if difference.kind == "unexpected":
        return [("unexpected", actual, ())]
    return [("expected", expected, ()), ("got", actual, difference.columns)]


def _fitting(result: CaseResult, rows: Sequence[tuple[str, list[str], tuple[int, ...]]]) -> list[int]:
    """The columns that a line has room for; those in which nothing differs go first."""
    kept = list(range(len(result.columns)))
    if any(difference.kind != "changed" for difference in result.differences):
        return kept
    telling = {at for difference in result.differences for at in difference.columns}
    sizes = [max(width(name), *(width(row[at]) for _, row, _ in rows)) + 2 for at, name in enumerate(result.columns)]
    for at in reversed(range(len(kept))):
        if sum(sizes[each] for each in kept) <= ROOM:
            break
        if at not in telling:
            kept.remove(at)
    return kept


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date):
        return str(value)
    text = one_line(str(value))
    return clip(text, CELL) if text.strip() else repr(text)
