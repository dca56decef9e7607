"""`lakeorch maintain`: keeps the lake small."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from lakeorch.cli import options
from lakeorch.cli.output import say
from lakeorch.observers.text import count, size, table

if TYPE_CHECKING:
    from lakeorch.observe import Event
    from lakeorch.project.maintain import Maintained, Upkept

COLUMNS = ("table", "snapshots", "expired", "small files", "manifests", "deleted", "freed")
RIGHT = frozenset(range(1, 7))


@click.command()
@options.selection
@click.option("--dry-run", is_flag=True, help="Only tell what would be done.")
@click.option(
    "--grace",
    default="1d",
    show_default=True,
    metavar="TIME",
    help="Touch nothing that was made, or was current, within this time: what is unfinished or being read.",
)
@options.project
@options.surroundings
@options.as_json
def command(
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    dry_run: bool,
    grace: str,
    folder: str | None,
    env: str | None,
    variables: dict[str, str],
    as_json: bool,
) -> int:
    """Expire old snapshots, rewrite small files, delete waste.

    Kept are the newest 10 versions of a table and whatever it was at in the last 7 days (`keep_snapshots` and
    `keep_for` in lakeorch.yml or a model), tags, and what tables were made from. No row changes, and no plan.
    """
    project = options.open_project(folder, env, variables)
    live = not as_json and sys.stderr.isatty()
    found = project.maintain(select, exclude, dry_run=dry_run, grace=grace, observers=[_Progress()] if live else [])
    say(json.dumps(found.to_dict(), indent=2) if as_json else _text(found))
    return 0


class _Progress:
    """One line on a terminal that says which table it is at."""

    def __call__(self, event: Event) -> None:
        """Takes an event."""
        if event.kind == "maintain_progress":
            what = event.model or "looking for files that nothing needs"
            click.echo(f"\r\033[K{int(100 * (event.fraction or 0)):3} %  {what}", err=True, nl=False)
        elif event.kind == "maintain_finished":
            click.echo("\r\033[K", err=True, nl=False)


def _text(found: Maintained) -> str:
    lines = []
    if found.status == "nothing to do":
        lines.append(click.style("nothing to do: the lake is as small as its policy allows", fg="green"))
    else:
        done, freed = ("would delete", "free") if found.dry_run else ("deleted", "freed")
        head = "dry run" if found.dry_run else "maintained"
        lines.append(
            f"{click.style(head, fg='green', bold=True)}  {count(len(found.tables), 'table')}; "
            f"{done} {count(found.deleted, 'file')}, {freed} {size(found.bytes)}"
        )
        rows = [_row(each) for each in found.tables]
        lines += [f"    {line}" for line in table(COLUMNS, rows, right=RIGHT)] if rows else []
        for each in found.tables:
            lines += [f"    {each.table}: dropped {', '.join(each.branches)}"] if each.branches else []
    if found.unknown:
        listed = ", ".join(found.examples[:3]) + (", …" if found.unknown > 3 else "")
        lines.append(f"left alone, not lakeorch's: {count(found.unknown, 'file')}: {listed}")
    return "\n".join([*lines, *found.notes])


def _row(each: Upkept) -> tuple[str, ...]:
    return (
        each.table,
        f"{each.snapshots:,}",
        f"{each.expired:,}",
        f"{each.packed:,} → {each.files:,}" if each.packed else "",
        f"{each.manifests:,} → 1" if each.manifests else "",
        f"{each.deleted:,}",
        size(each.bytes),
    )
