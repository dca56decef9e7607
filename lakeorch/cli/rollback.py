"""`lakeorch rollback`: takes a run back, or returns all tables to an earlier state."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from lakeorch.cli import options
from lakeorch.cli.output import say
from lakeorch.observers.text import count, table

if TYPE_CHECKING:
    from lakeorch.project.rollback import Rollback


@click.command()
@click.argument("run", required=False)
@click.option(
    "--to", metavar="RUN|TAG|TIME", help="Return every table to what it was then, instead of taking a run back."
)
@options.project
@options.surroundings
@options.as_json
def command(
    run: str | None, to: str | None, folder: str | None, env: str | None, variables: dict[str, str], as_json: bool
) -> int:
    """Take back RUN: its tables become what they were before it.

    Refused where later runs built on those tables; --to RUN returns all tables to what they were at a run.

    The tables are pinned then: runs leave them as they are until their query changes, or `lakeorch run --unpin`. A
    table that did not exist before stays as it is, pinned too. No row is lost: `lakeorch rollback --to` the same run
    brings it back.
    """
    found = options.open_project(folder, env, variables).rollback(run, to=to)
    say(json.dumps(found.to_dict(), indent=2) if as_json else _text(found))
    return 0


def _text(found: Rollback) -> str:
    if found.status == "nothing to do":
        return f"nothing to do: every table is what it was at {found.to}"
    moved = [each for each in found.tables if each.action == "returned"]
    goal = f"to {found.to}" if found.to else f"to before run {found.undone}"
    rows = [
        (
            each.model,
            each.action if each.action == "returned" else "kept: there was nothing before",
            each.run_id or "(another writer)",
            "" if each.rows is None else f"{each.rows:,}",
        )
        for each in found.tables
    ]
    lines = [f"{click.style('rolled back', fg='green', bold=True)}  {count(len(moved), 'table')} {goal}"]
    lines += [f"    {line}" for line in table(("table", "", "shows run", "rows"), rows, right=frozenset({3}))]
    lines.append("pinned: runs leave these tables as they are until their query changes; lakeorch run --unpin lets go")
    return "\n".join(lines)
