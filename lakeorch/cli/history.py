"""`lakeorch history`: the versions of one table."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import click

from lakeorch.cli import options
from lakeorch.cli.output import say
from lakeorch.observers.text import count, size, table

if TYPE_CHECKING:
    from lakeorch.lake import Version

COLUMNS = ("published (UTC)", "run", "state", "rows", "added", "removed", "size", "refresh", "why")
RIGHT = frozenset({3, 4, 5, 6})


@click.command()
@click.argument("model")
@options.project
@options.newest
@options.surroundings
@options.as_json
def command(
    model: str, folder: str | None, limit: int, env: str | None, variables: dict[str, str], as_json: bool
) -> int:
    """Show the versions of a table, newest first.

    From its snapshots alone. `undone` was rolled back, `rejected` was never published: its rows did not pass a check.
    A name behind it is the environment that the version was made in.
    """
    from lakeorch.project.past import version_dict

    found = options.open_project(folder, env, variables).history(model)
    shown = found[:limit] if limit else found
    if as_json:
        name = found[0].table if found else model
        say(json.dumps({"model": name, "versions": [version_dict(version) for version in shown]}, indent=2))
        return 0
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    say("\n".join(table(COLUMNS, [_row(version) for version in shown], right=RIGHT, limit=width)))
    if len(shown) < len(found):
        say(f"… and {count(len(found) - len(shown), 'older version')}; -n 0 shows all")
    return 0


def _row(version: Version) -> tuple[str, ...]:
    from lakeorch.project.past import iso

    facts = version.facts
    return (
        iso(version.at)[:19],
        version.run_id or ("(another writer)" if version.changes_rows else "(compaction)"),
        f"{version.state} ({version.environment})" if version.environment else version.state,
        "" if version.rows is None else f"{version.rows:,}",
        f"{version.added:,}",
        f"{version.removed:,}",
        "" if version.bytes is None else size(version.bytes),
        facts.get("lakeorch.refresh", version.operation),
        facts.get("lakeorch.reason", ""),
    )
