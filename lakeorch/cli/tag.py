"""`lakeorch tag`: names for states of all tables."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from lakeorch.cli import options
from lakeorch.cli.output import say
from lakeorch.errors import UsageError
from lakeorch.observers.text import count, table

if TYPE_CHECKING:
    from lakeorch.project.tag import Tag, Tagged


@click.command()
@click.argument("name", required=False)
@click.argument("run", required=False, metavar="[RUN|TAG|TIME]")
@click.option("--force", is_flag=True, help="Move a tag that is there already.")
@click.option("--delete", metavar="NAME", help="Take a tag away from every table.")
@click.option("--list", "listed", is_flag=True, help="Show the tags; so does no argument at all.")
@options.project
@options.surroundings
@options.as_json
def command(
    name: str | None,
    run: str | None,
    force: bool,
    delete: str | None,
    listed: bool,
    folder: str | None,
    env: str | None,
    variables: dict[str, str],
    as_json: bool,
) -> int:
    """Call the state of all tables NAME, now or as of RUN.

    An Iceberg tag on every table, set in one commit; other engines see it, `lakeorch maintain` keeps what it names, and
    `--at`, `diff` and `rollback --to` take it.
    """
    if delete is not None and (name or run or listed):
        raise UsageError("--delete goes alone")
    if listed and name:
        raise UsageError("--list goes alone")
    project = options.open_project(folder, env, variables)
    if delete is not None or name is not None:
        done = project.untag(delete) if delete is not None else project.tag(name or "", run, force=force)
        say(json.dumps(done.to_dict(), indent=2) if as_json else _told(done))
        return 0
    found = project.tags()
    say(json.dumps({"tags": [tag.to_dict() for tag in found]}, indent=2) if as_json else _text(found))
    return 0


def _told(done: Tagged) -> str:
    tables = count(len(done.tag.tables), "table")
    if done.status == "nothing to do":
        return f"nothing to do: {done.tag.name} means just that already"
    text = f"{click.style(done.status, fg='green', bold=True)}  {done.tag.name}: {tables}"
    return text + (f"; not there then: {', '.join(done.absent)}" if done.absent else "")


def _text(tags: tuple[Tag, ...]) -> str:
    if not tags:
        return "no tags"
    rows = [(tag.name, tag.at[:19], f"{len(tag.tables):,}") for tag in tags]
    return "\n".join(table(("tag", "published (UTC)", "tables"), rows, right=frozenset({2})))
