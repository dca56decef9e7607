"""`lakeorch run`: builds what is stale and publishes it."""

from __future__ import annotations

import json
import os
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Literal

import click

from lakeorch.cli import options
from lakeorch.cli.output import say
from lakeorch.cli.report import report

if TYPE_CHECKING:
    from lakeorch.observe import Observer

EXIT = {"published": 0, "nothing to do": 0, "failed": 1, "held": 1, "interrupted": 130}


@click.command()
@options.folder
@options.selection
@click.option("--full", is_flag=True, help="Rebuild the selected models whether or not they are stale.")
@click.option("--unpin", is_flag=True, help="Build also tables that a rollback has pinned.")
@click.option("--threads", type=click.IntRange(min=1), metavar="N", help="How many models to build at once.")
@click.option("--fail-fast", is_flag=True, help="Start nothing more once a model has failed.")
@click.option(
    "--publish",
    type=click.Choice(["connected", "passed", "all"]),
    default="connected",
    show_default=True,
    help="What a failure keeps back: all that is connected with it, only its downstream (passed), or everything (all).",
)
@options.surroundings
@options.as_json
def command(
    folder: str | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    full: bool,
    unpin: bool,
    threads: int | None,
    fail_fast: bool,
    publish: Literal["connected", "passed", "all"],
    env: str | None,
    variables: dict[str, str],
    as_json: bool,
) -> int:
    """Build what is stale, check it, publish it at once.

    Writes nothing where nothing has changed. Exit code 1: a model or a check failed, or something was kept back.
    """
    project = options.open_project(folder, env, variables, threads)
    live = not as_json and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    with _observer(live=live) if not as_json else nullcontext() as observer:
        result = project.run(
            select,
            exclude,
            full=full,
            unpin=unpin,
            publish=publish,
            fail_fast=fail_fast,
            observers=[observer] if observer else [],
        )
    if as_json:
        say(json.dumps(result.to_dict(), indent=2))
    else:
        say(report(result, options.folder_or_default(folder), listed=live))
    return EXIT[result.status]


def _observer(*, live: bool) -> AbstractContextManager[Observer]:
    if live:
        from lakeorch.observers.console import Screen

        return Screen()
    from lakeorch.observers.lines import Lines

    return nullcontext(Lines(sys.stdout))
