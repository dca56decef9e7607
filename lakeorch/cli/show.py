"""`lakeorch show`: all that is known of one model."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from lakeorch.cli import options
from lakeorch.cli.output import near, say
from lakeorch.observers.text import ago, count, size, table

if TYPE_CHECKING:
    from lakeorch.project.show import Shown


@click.command()
@click.argument("model")
@options.project
@options.surroundings
@options.as_json
def command(model: str, folder: str | None, env: str | None, variables: dict[str, str], as_json: bool) -> int:
    """Show all that is known of a model.

    Its settings, columns with types and descriptions, checks with their last results, what it reads and what reads it,
    its size and files, its query.
    """
    shown = options.open_project(folder, env, variables).show(model)
    say(json.dumps(shown.to_dict(), indent=2, default=str) if as_json else "\n".join(_lines(shown)))
    return 0


def _lines(shown: Shown) -> Iterator[str]:
    listed = shown.listed
    state = "" if listed.state == "view" else f", {listed.status}"
    yield f"{click.style(listed.model, bold=True)}  {listed.materialized}{state}"
    if shown.description:
        yield shown.description
    yield ""
    facts = [(key, value) for key, value in _facts(shown) if value]
    widest = max(len(key) for key, _ in facts)
    yield from (f"{key:<{widest}}  {value}" for key, value in facts)
    yield from _table(("column", "type", "description"), [(c.name, c.type, c.description) for c in shown.columns])
    rows = [(c.name, c.severity, c.result, _line(c.place, shown.file)) for c in shown.checks]
    yield from _table(("check", "severity", "last result", "where"), rows)
    yield ""
    yield shown.sql


def _facts(shown: Shown) -> Iterator[tuple[str, str]]:
    listed, facts = shown.listed, shown.facts
    yield "file", shown.file
    yield "owner", listed.owner
    yield "tags", ", ".join(listed.tags)
    yield "settings", "; ".join(f"{name}: {_setting(value)}" for name, value in shown.settings.items())
    yield "reads", ", ".join(shown.reads)
    yield "read by", ", ".join(shown.read_by)
    if listed.published_at is None or listed.rows is None:
        return
    yield (
        "published",
        f"{ago(time.time() - listed.published_at)} by run {facts.get('lakeorch.run-id', '(another writer)')}",
    )
    made = ", ".join(filter(None, (facts.get("lakeorch.engine"), facts.get("lakeorch.refresh"))))
    yield "made by", f"{made}: {facts.get('lakeorch.reason', '')}" if made else ""
    yield "code", facts.get("lakeorch.code-version", "").replace("none", "")
    yield "snapshot", str(shown.snapshot_id)
    yield "rows", f"{count(listed.rows, 'row')} in {count(len(shown.files), 'file')}, {size(listed.bytes or 0)}"
    yield "location", near(shown.location)


def _table(names: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """A table behind an empty line, without the columns that say nothing; nothing where there are no rows."""
    kept = [i for i in range(len(names)) if any(row[i] for row in rows)]
    if rows:
        yield ""
        yield from table([names[i] for i in kept], [[row[i] for i in kept] for row in rows])


def _setting(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _line(place: str, file: str) -> str:
    """Where a check is written: the line alone in the model's own file."""
    return f"line {place.split(':')[-2]}" if place.startswith(f"{file}:") else place
