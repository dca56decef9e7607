"""`lakeorch drop`: takes tables out of the catalog whose model left the project."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from lakeorch.cli import options
from lakeorch.cli.output import near, say
from lakeorch.observers.text import count

if TYPE_CHECKING:
    from lakeorch.project.drop import Drop


@click.command()
@click.argument("models", nargs=-1, metavar="TABLE...")
@click.option("--departed", is_flag=True, help="Take every table whose model left the project.")
@options.project
@options.surroundings
@options.as_json
def command(
    models: tuple[str, ...],
    departed: bool,
    folder: str | None,
    env: str | None,
    variables: dict[str, str],
    as_json: bool,
) -> int:
    """Take tables out of the catalog.

    Only such whose model left the project, and that no model reads. The files stay for a day, so that it can be undone;
    after that `lakeorch maintain` deletes them.
    """
    done = options.open_project(folder, env, variables).drop(*models, departed=departed)
    say(json.dumps(done.to_dict(), indent=2) if as_json else _text(done))
    return 0


def _text(done: Drop) -> str:
    if not done.tables:
        return "nothing to do: no table has lost its model"
    lines = [f"{click.style('dropped', fg='green', bold=True)}  {count(len(done.tables), 'table')}"]
    for each in done.tables:
        lines += [f"    {each.table}", f"        {near(each.location)}"]
    if done.tags:
        lines.append(f"tagged, and lost with the files: {', '.join(done.tags)}")
    lines.append("to bring one back within a day, register that metadata file under its name in the catalog, with any")
    lines.append("Iceberg client (pyiceberg: catalog.register_table); after that lakeorch maintain deletes the files")
    return "\n".join(lines)
