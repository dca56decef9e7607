"""`lakeorch promote`: what an environment shows becomes production's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from lakeorch.cli import options
from lakeorch.cli.output import say
from lakeorch.cli.report import troubles
from lakeorch.cli.run import watching
from lakeorch.observers.text import count, duration, table

if TYPE_CHECKING:
    from lakeorch.project.promote import Promotion

EXIT = {"promoted": 0, "planned": 0, "nothing to do": 0, "failed": 1, "interrupted": 130}


@click.command()
@click.argument("environment", metavar="ENV")
@click.option("--dry-run", is_flag=True, help="Only show what would be promoted, and what would be built again before.")
@options.project
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="How many models to build at once.")
@options.values
@options.debug
@options.as_json
def command(
    environment: str,
    dry_run: bool,
    folder: str | None,
    threads: int | None,
    variables: dict[str, str],
    as_json: bool,
) -> int:
    """Make what environment ENV shows production's, in one commit.

    With production's settings. What was audited in ENV is not built again; where the code, its settings or its inputs
    are others by now, the plan says so and it is built first. What fails a check stays in ENV with all that is
    connected. `lakeorch rollback` takes a promotion back.
    """
    project = options.open_project(folder, None, variables, threads)
    with watching(as_json=as_json or dry_run) as observers:
        found = project.promote(environment, dry_run=dry_run, observers=observers)
    say(json.dumps(found.to_dict(), indent=2) if as_json else text(found))
    return EXIT[found.status]


def text(found: Promotion) -> str:
    """The promotion for a reader."""
    if found.status == "nothing to do" and not found.kept:
        return click.style(f"nothing to do: {found.environment} shows what production shows", fg="green")
    if found.status == "interrupted":
        return click.style("interrupted", fg="red", bold=True) + ", nothing was promoted"
    blocks = [troubles(found.outcomes), "\n".join(_tables(found)), "\n".join(_kept(found))]
    return "\n\n".join(block for block in blocks if block)


def _tables(found: Promotion) -> list[str]:
    planned = found.status == "planned"
    rows = [(t.model, "" if planned and t.reason else f"{t.rows:,}", t.run_id, t.reason) for t in found.tables]
    cells = [row if any(row[3] for row in rows) else row[:3] for row in rows]
    why = "to be built first" if planned else "built again"
    names = ("table", "rows", "built by run", why)[: len(cells[0]) if cells else 0]
    body = [f"    {line}" for line in table(names, cells, right=frozenset({1}))] if cells else []
    built = f"{count(found.recomputed, 'model')} recomputed"
    if planned:
        return [f"would promote {count(len(found.tables), 'table')} from {found.environment}: {built}", *body]
    if not found.tables:
        return [f"nothing was promoted; {found.environment} is as it was"]
    title = click.style("promoted", fg="green", bold=True)
    what = f"{count(len(found.tables), 'table')} from {found.environment} in one commit, {built}"
    back = f"take it back: lakeorch rollback {found.run_id}"
    return [f"{title}  {what}, in {duration(found.seconds)}", *body, back]


def _kept(found: Promotion) -> list[str]:
    if not found.kept:
        return []
    title = click.style("stays in " + found.environment, fg="yellow", bold=True)
    return [title, *(f"    {name}: {reason}" for name, reason in sorted(found.kept.items()))]
