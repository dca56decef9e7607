"""`lakeorch env`: the environments, and how one is dropped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from lakeorch.cli import options
from lakeorch.cli.output import say
from lakeorch.observers.text import count, size, table

if TYPE_CHECKING:
    from lakeorch.project.environments import Held

COLUMNS = ("environment", "tables", "rows", "size", "last run", "note")


@click.group()
def command() -> None:
    """Show the environments, or drop one.

    An environment holds only the tables that differ from production's: `lakeorch run --env NAME` begins one.
    """


@command.command("list")
@options.project
@options.debug
@options.as_json
def listing(folder: str | None, as_json: bool) -> int:
    """Show the environments with what they hold beyond production."""
    found = options.open_project(folder, None, {}).environments()
    if as_json:
        say(json.dumps({"environments": [each.to_dict() for each in found]}, indent=2))
    elif not found:
        say("no environments; lakeorch run --env NAME begins one")
    else:
        rows = [_row(each) for each in found]
        known = len(COLUMNS) if any(row[-1] for row in rows) else len(COLUMNS) - 1
        say("\n".join(table(COLUMNS[:known], [row[:known] for row in rows], right=frozenset({1, 2, 3}))))
    return 0


@command.command("drop")
@click.argument("name")
@options.project
@options.debug
@options.as_json
def dropping(name: str, folder: str | None, as_json: bool) -> int:
    """Take the tables away that environment NAME has of its own.

    Production is not touched. The files are left to `lakeorch maintain`.
    """
    found = options.open_project(folder, None, {}).drop_environment(name)
    if as_json:
        say(json.dumps(found.to_dict(), indent=2))
    elif found.tables:
        say(f"dropped {count(len(found.tables), 'table')} of {name}: {', '.join(found.tables)}")
        say("their files stay until lakeorch maintain finds that nothing names them")
    else:
        say(f"nothing to do: {name} has no tables of its own")
    return 0


def _row(held: Held) -> tuple[str, ...]:
    if not held.shares:
        return (held.name, "", "", "", "", "a lake of its own: --env " + held.name)
    moved = f"production moved: {', '.join(held.void)}" if held.void else ""
    return (held.name, f"{len(held.tables):,}", f"{held.rows:,}", size(held.bytes), held.last_run, moved)
