"""`lakeorch init`: the beginning of a project."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import click

from lakeorch.cli import options
from lakeorch.cli.output import say
from lakeorch.errors import UsageError


@click.command()
@click.argument("folder", metavar="DIR")
@click.argument("more", nargs=-1, metavar="")
@click.option(
    "--from", "data", multiple=True, metavar="DATA_FILE…", help="Draft a staging model for each file or glob."
)
@options.debug
@options.as_json
def command(folder: str, more: tuple[str, ...], data: tuple[str, ...], as_json: bool) -> int:
    """Start a project in DIR: a small one that runs at once.

    With --from, a model in staging for each CSV, JSON or Parquet file instead, with the columns and types found in it;
    DIR may then hold a project already. No file is overwritten.
    """
    if more and not data:
        raise UsageError(f"unexpected: {' '.join(more)}", hint="data files follow --from")
    from lakeorch.project.start import init

    written = init(folder, (*data, *more))
    root = Path(folder).absolute()
    names = [path.relative_to(root).as_posix() for path in written]
    if as_json:
        say(json.dumps({"folder": str(root), "files": names}, indent=2))
        return 0
    for number, name in enumerate(names):
        say(f"{'' if number else 'created':<8} {Path(folder, name)}")
    where = "" if root == Path.cwd() else f"cd {shlex.quote(folder)} && "
    say(f"next     {where}lakeorch run")
    return 0
