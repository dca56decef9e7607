"""`lakeorch verify`: whether the published rows follow from what was recorded of them."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import click

from lakeorch.cli import options
from lakeorch.cli.output import say
from lakeorch.observers.text import count, duration

if TYPE_CHECKING:
    from lakeorch.project.verify import Verified

COLORS = {"same": "green", "different": "red", "unknown": "yellow"}
WIDEST = 120


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="MODEL|RUN...")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=1e-9,
    show_default=True,
    help="Floating-point values x and y are the same within this times max(1, |x|, |y|).",
)
@options.project
@options.surroundings
@options.as_json
def command(
    targets: tuple[str, ...],
    tolerance: float,
    folder: str | None,
    env: str | None,
    variables: dict[str, str],
    as_json: bool,
) -> int:
    """Make published rows again, and compare every row.

    The query, the snapshots and raw files it read, variables and time are those of then; what the model's file says
    now does not count. Exit code 1 where a row differs, or where a table cannot be made again; it says why.
    """
    found = options.open_project(folder, env, variables).verify(*targets, tolerance=tolerance)
    if as_json:
        same = all(each.status == "same" for each in found)
        status = "same" if same else "different" if any(each.status == "different" for each in found) else "unknown"
        tables = [each.to_dict() for each in found]
        say(json.dumps({"status": status, "tolerance": tolerance, "tables": tables}, indent=2))
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDEST
        say("\n".join(line for each in found for line in _lines(each, tolerance, width)))
    return 0 if all(each.status == "same" for each in found) else 1


def _lines(found: Verified, tolerance: float, width: int) -> list[str]:
    from lakeorch.cli.diff import samples_text

    version = found.version
    made = f"run {version.run_id}" if version.run_id else f"snapshot {version.snapshot_id}"
    word = click.style(found.status, fg=COLORS[found.status], bold=True)
    lines = [f"{word}  {version.table} ({made}): {_told(found)} ({duration(found.seconds)})"]
    if found.near:
        lines.append(f"    {', '.join(found.near)}: the same within {tolerance:g} × max(1, |x|, |y|)")
    if found.given:
        lines.append(f"    earlier rows were taken as given: {found.given}")
    if found.difference is not None:
        words = ("only when made again", "only published")
        lines += [f"    {line}" if line else "" for line in samples_text(found.difference, width - 4, words)]
    return lines


def _told(found: Verified) -> str:
    difference = found.difference
    if found.status == "unknown":
        return f"cannot be verified: {found.reason}"
    if difference is None:
        return found.reason or f"{count(found.rows, 'row')}, each as made again"
    numbers = [
        (difference.changed, "changed"),
        (difference.removed, "only published"),
        (difference.added, "only when made again"),
    ]
    told = ", ".join(f"{number:,} {word}" for number, word in numbers if number)
    if difference.columns:
        told += f" (in {', '.join(difference.columns)})"
    return f"of {count(found.rows, 'row')}: {told}"
