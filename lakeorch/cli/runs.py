"""`lakeorch runs`: the runs that the tables' snapshots tell of."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import click

from lakeorch.cli import options
from lakeorch.cli.output import say
from lakeorch.observers.text import count, table

if TYPE_CHECKING:
    from lakeorch.project.past import PastRun

COLUMNS = ("published (UTC)", "run", "state", "tables", "added", "removed", "code", "models")
RIGHT = frozenset({3, 4, 5})
NAMED = 3


@click.command()
@options.project
@options.newest
@options.surroundings
@options.as_json
def command(folder: str | None, limit: int, env: str | None, variables: dict[str, str], as_json: bool) -> int:
    """Show the runs that changed rows, newest first.

    From the tables' snapshots alone: there is no log besides them. A run that found nothing to change left none.
    """
    found = options.open_project(folder, env, variables).runs()
    shown = found[:limit] if limit else found
    if as_json:
        say(json.dumps({"runs": [run.to_dict() for run in shown]}, indent=2))
        return 0
    if not found:
        say("no runs")
        return 0
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    say("\n".join(table(COLUMNS, [_row(run) for run in shown], right=RIGHT, limit=width)))
    if len(shown) < len(found):
        say(f"… and {count(len(found) - len(shown), 'older run')}; -n 0 shows all")
    return 0


def _row(run: PastRun) -> tuple[str, ...]:
    from lakeorch.project.past import iso

    names = [version.table for version in run.versions]
    code, _, dirty = run.versions[0].facts.get("lakeorch.code-version", "").partition("+")
    return (
        iso(run.at)[:19],
        run.run_id,
        f"{run.state} ({run.environment})" if run.environment else run.state,
        f"{len(names):,}",
        f"{sum(version.added for version in run.versions):,}",
        f"{sum(version.removed for version in run.versions):,}",
        code[:8] + ("+" if dirty else ""),
        ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else ""),
    )
