"""`lakeorch list`: the models and what is published of them."""

from __future__ import annotations

import json
import shutil
import sys
import time
from typing import TYPE_CHECKING

import click

from lakeorch.cli import options
from lakeorch.cli.output import say
from lakeorch.observers.text import ago, size, table

if TYPE_CHECKING:
    from lakeorch.project.result import Listed

COLUMNS = ("model", "kind", "state", "rows", "size", "published", "owner", "why")
RIGHT = frozenset({3, 4})


@click.command()
@options.project
@options.selection
@options.surroundings
@options.as_json
def command(
    folder: str | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    env: str | None,
    variables: dict[str, str],
    as_json: bool,
) -> int:
    """Show the models and what is published of them.

    Fresh or stale and why, how big, when it was published.
    """
    listed = options.open_project(folder, env, variables).list(select, exclude)
    if as_json:
        say(json.dumps({"models": [model.to_dict() for model in listed]}, indent=2))
        return 0
    if not listed:
        say("no models")
        return 0
    now = time.time()
    rows = [_row(model, now) for model in listed]
    # a column that says nothing takes no room
    kept = [i for i in range(len(COLUMNS)) if any(row[i] for row in rows)]
    right = frozenset(at for at, i in enumerate(kept) if i in RIGHT)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    cells = [[row[i] for i in kept] for row in rows]
    say("\n".join(table([COLUMNS[i] for i in kept], cells, right=right, limit=width)))
    return 0


def _row(model: Listed, now: float) -> tuple[str, ...]:
    return (
        model.model,
        model.materialized,
        model.state,
        "" if model.rows is None else f"{model.rows:,}",
        "" if model.bytes is None else size(model.bytes),
        "" if model.published_at is None else ago(now - model.published_at),
        model.owner,
        "" if model.state in {"fresh", "view"} else model.reason,
    )
