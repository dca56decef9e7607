"""Writing to streams whose reader may have left, `lakeorch list | head` say: that is no error."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click


def say(text: str, *, err: bool = False) -> None:
    """Prints a text with a line end on standard output or error; in colour only on a terminal."""
    try:
        click.echo(text, err=err)
    except BrokenPipeError:
        silence(err=err)


def silence(*, err: bool = False) -> None:
    """Sends what is still written to a stream whose reader left to nowhere: Python flushes once more as it exits."""
    stream = sys.stderr if err else sys.stdout
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def near(path: str) -> str:
    """A path as the user sees it from the current folder, where it lies below."""
    here = f"{Path.cwd()}{os.sep}"
    return f".{os.sep}{path.removeprefix(here)}" if path.startswith(here) else path
