"""`lakeorch diff`: two versions of a table, held against each other."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from lakeorch.cli import options
from lakeorch.cli.output import say
from lakeorch.observers.text import clip, count, one_line, table

if TYPE_CHECKING:
    from lakeorch.lake import Version
    from lakeorch.project.compare import Comparison
    from lakeorch.project.diff import Diff

CELL = 32
WIDEST = 120


@click.command()
@click.argument("model")
@click.argument("a", required=False)
@click.argument("b", required=False)
@click.option(
    "--key", metavar="COLUMNS", help="Columns that tell rows apart; '' compares whole rows. Default: the model's."
)
@click.option("--samples", type=click.IntRange(min=0), default=5, show_default=True, help="Rows of each kind to show.")
@options.project
@options.surroundings
@options.as_json
def command(
    model: str,
    a: str | None,
    b: str | None,
    key: str | None,
    samples: int,
    folder: str | None,
    env: str | None,
    variables: dict[str, str],
    as_json: bool,
) -> int:
    """Show how two versions of a table differ: columns and rows.

    A and B are runs, tags, times or snapshot ids. B is what is current, A the version before B, unless they are given.
    """
    columns = None if key is None else [name.strip() for name in key.split(",") if name.strip()]
    found = options.open_project(folder, env, variables).diff(model, a, b, key=columns, samples=samples)
    if as_json:
        say(json.dumps(found.to_dict(), indent=2))
    else:
        say(_text(found, shutil.get_terminal_size().columns if sys.stdout.isatty() else WIDEST))
    return 0


def _text(found: Diff, width: int) -> str:
    rows = found.rows
    lines = [f"{found.model}: {_name(found.before)} → {_name(found.after)}"]
    lines += [f"+ column {name} {type}" for name, type in found.columns_added.items()]
    lines += [f"- column {name} {type}" for name, type in found.columns_removed.items()]
    lines += [f"~ column {name} {was} → {now}" for name, (was, now) in found.columns_changed.items()]
    how = f"by {', '.join(rows.key)}" if rows.key else "as whole rows"
    lines.append(f"{found.rows_before:,} → {count(found.rows_after, 'row')} ({how}): {summary(rows)}")
    if rows.columns:
        told = sorted(rows.columns.items(), key=lambda pair: -pair[1])
        lines.append("changed in: " + ", ".join(f"{name} {number:,}" for name, number in told))
    return "\n".join([*lines, *samples_text(rows, width)])


def summary(rows: Comparison) -> str:
    """`2 added, 1 removed, 40 changed, 957 the same`."""
    numbers = [(rows.added, "added"), (rows.removed, "removed"), (rows.changed, "changed"), (rows.same, "the same")]
    return ", ".join(f"{number:,} {word}" for number, word in numbers if number or word == "the same")


def samples_text(rows: Comparison, width: int, words: tuple[str, str] = ("added", "removed")) -> list[str]:
    """The samples of a comparison as small tables; `words` are what to call rows of one side only."""
    lines: list[str] = []
    for word, sample in ((words[0], rows.added_rows), (words[1], rows.removed_rows)):
        if sample:
            names = [*sample[0]]
            lines += ["", f"{word}:", *_table(names, [[_cell(row[name]) for name in names] for row in sample], width)]
    if rows.changed_rows:
        cells = [
            [*(_cell(row.key[name]) for name in rows.key), column, _cell(row.before[column]), _cell(row.after[column])]
            for row in rows.changed_rows
            for column in row.after
        ]
        lines += ["", "changed:", *_table([*rows.key, "column", "before", "after"], cells, width)]
    return lines


def _table(names: Sequence[str], cells: Sequence[Sequence[str]], width: int) -> list[str]:
    return [f"    {line}" for line in table(names, cells, limit=max(width - 4, 40))]


def _name(version: Version) -> str:
    from lakeorch.project.past import iso

    made = f"run {version.run_id}" if version.run_id else f"snapshot {version.snapshot_id}"
    return f"{made} ({iso(version.at)[:19]})"


def _cell(value: object) -> str:
    from lakeorch.project.diff import plain

    if value is None:
        return "NULL"
    text = plain(value)
    shown = json.dumps(text, ensure_ascii=False) if isinstance(text, Mapping | list) else str(text)
    return clip(one_line(shown), CELL)
