"""`lakeorch query`: SQL over the published tables, all of them as of one moment."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from lakeorch.cli import options
from lakeorch.cli.output import silence
from lakeorch.errors import UsageError

FORMATS = ("table", "csv", "json", "arrow", "parquet")
BINARY = frozenset({"arrow", "parquet"})


@click.command()
@click.argument("sql")
@options.project
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: by the ending of FILE, else table.")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE instead of standard output.")
@options.moment
@options.surroundings
def command(
    sql: str,
    folder: str | None,
    form: str | None,
    output: str | None,
    at: str | None,
    env: str | None,
    variables: dict[str, str],
) -> int:
    """Run a SELECT over the published tables.

    SQL is read from standard input where it is `-`. All tables are seen as of one moment. csv, json, arrow (IPC
    stream) and parquet stream results of any size.
    """
    text = sys.stdin.read() if sql == "-" else sql
    ending = Path(output).suffix[1:].lower() if output else ""
    form = form or (ending if ending in FORMATS else "table")
    if form in BINARY and not output and sys.stdout.isatty():
        raise UsageError(f"{form} is binary and not for a terminal", hint=f"add `-o FILE.{form}`, or pipe it")
    from lakeorch.cli import rows

    project = options.open_project(folder, env, variables)
    reader = project.query(text, at=at)
    with _sink(output) as sink:
        if form == "table":
            screen = 0 if output or not sys.stdout.isatty() else shutil.get_terminal_size().columns
            rows.write_table(reader, sink, screen=screen)
        else:
            rows.WRITERS[form](reader, sink)
    return 0


@contextmanager
def _sink(output: str | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that appears whole or not at all."""
    if output is None:
        try:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            silence()
        return
    path = Path(output)
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        # a device or a named pipe cannot be replaced
        with path.open("wb") as device:
            yield device
        return
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent}")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
