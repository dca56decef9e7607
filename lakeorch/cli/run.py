"""`lakeorch run`: builds what is stale and publishes it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    with watching(as_json=as_json) as observers:
        result = project.run(
            select,
            exclude,
            full=full,
            unpin=unpin,
            publish=publish,
            fail_fast=fail_fast,
            observers=observers,
        )
    if as_json:
        say(json.dumps(result.to_dict(), indent=2))
    else:
        say(report(result, options.folder_or_default(folder), env, listed=is_live()))
    return EXIT[result.status]


def is_live() -> bool:
    """Whether standard output is a screen on which the run is shown as it goes."""
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


@contextmanager
def watching(*, as_json: bool) -> Iterator[Sequence[Observer]]:
    """What shows a run as it goes: a screen, or a line a step; nothing where one JSON document is wanted."""
    if as_json:
        yield ()
    elif is_live():
        from lakeorch.observers.console import Screen

        with Screen() as screen:
            yield (screen,)
    else:
        from lakeorch.observers.lines import Lines

        yield (Lines(sys.stdout),)
