"""Findings and errors as a reader sees them: place, message, the source line with a caret, what to do."""

from __future__ import annotations

from collections.abc import Iterable

import click

from lakeorch.errors import Finding
from lakeorch.observers.text import one_line, width

ROOM = 100


def render(finding: Finding) -> str:
    """A finding as `file:line:col: message`, the source line, a caret line and the hint.

    Colours are ANSI codes: `click.echo` drops them where the output is not a terminal.
    """
    place = click.style(str(finding.place), bold=True) + ": " if finding.place.file else ""
    lines = [place + finding.message]
    if finding.line.strip():
        lines += _excerpt(finding)
    if finding.hint:
        lines.append("    " + click.style("hint: ", fg="cyan") + finding.hint)
    return "\n".join(lines)


def render_all(findings: Iterable[Finding]) -> str:
    """Findings in the order of their places, parted by an empty line."""
    return "\n\n".join(render(f) for f in sorted(findings, key=lambda f: (f.place, f.message)))


def _excerpt(finding: Finding) -> list[str]:
    """The source line and the caret line; a long line is cut around the caret."""
    number = str(finding.place.line)
    start = finding.place.column - 1
    cut = max(0, start - ROOM // 2) if len(finding.line) > ROOM else 0
    text = finding.line[cut : cut + ROOM]
    before, marked = text[: start - cut], text[start - cut : start - cut + finding.width]
    lead = "…" if cut else ""
    tail = "…" if cut + ROOM < len(finding.line) else ""
    # tabs become one blank so that the caret stands under its name whatever the terminal's tab stops
    shown = lead + _flat(text).rstrip() + tail
    blanks = " " * (width(lead) + width(_flat(before)))
    caret = "^" * max(1, width(_flat(marked)))
    bar = click.style("│", dim=True)
    gutter = " " * len(number)
    return [
        f"    {click.style(number, dim=True)} {bar} {shown}",
        f"    {gutter} {bar} {blanks}{click.style(caret, fg='red', bold=True)}",
    ]


def _flat(text: str) -> str:
    return one_line(text.replace("\t", " "))
