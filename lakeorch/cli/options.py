"""Flags that several commands take, and the project that they describe."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from lakeorch.project import Project

F = TypeVar("F", bound=Callable[..., object])
DEFAULT_FOLDER = "sql_models"


def debug(function: F) -> F:
    """`--debug`; read by `debugging`, since an error may come before the flags are parsed."""
    flag = click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an unexpected error.")
    return flag(function)


def debugging(arguments: Sequence[str]) -> bool:
    """True where the user asked for tracebacks, by flag or by LAKEORCH_DEBUG."""
    return "--debug" in arguments or os.environ.get("LAKEORCH_DEBUG", "") not in {"", "0"}


def folder(function: F) -> F:
    """The argument FOLDER of the commands that are about a folder of models."""
    return click.argument("folder", required=False, metavar="[FOLDER]")(function)


def project(function: F) -> F:
    """`-p/--project` of the commands that are about something else."""
    text = f"The folder of models; ./{DEFAULT_FOLDER} where it exists, else the current folder."
    return click.option("-p", "--project", "folder", metavar="FOLDER", help=text)(function)


def selection(function: F) -> F:
    """`--select` and `--exclude`."""
    chosen = "Models to take: name, +name, name+, ns.*, tag:x, path:x, owner:x. May be repeated."
    function = click.option("--exclude", multiple=True, metavar="SELECTOR", help="Models to leave out.")(function)
    return click.option("-s", "--select", multiple=True, metavar="SELECTOR", help=chosen)(function)


def surroundings(function: F) -> F:
    """`--env`, `--var` and `--debug`."""
    function = debug(function)
    text = "An environment, dev say: production's tables, and its own where they differ."
    return click.option("--env", metavar="NAME", help=text)(values(function))


def values(function: F) -> F:
    """`--var`."""
    return click.option(
        "--var",
        "variables",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_variables,
        help="A variable for $NAME in SQL. May be repeated.",
    )(function)


def newest(function: F) -> F:
    """`-n/--limit` of the commands that list the past, newest first."""
    text = "How many to show, newest first; 0 for all."
    kind = click.IntRange(min=0)
    return click.option("-n", "--limit", type=kind, default=20, show_default=True, metavar="N", help=text)(function)


def moment(function: F) -> F:
    """`--at` of the commands that can show the past."""
    text = "All tables as they were then; a time is UTC unless it has an offset."
    return click.option("--at", metavar="RUN|TAG|TIME", help=text)(function)


def as_json(function: F) -> F:
    """`--json`: everything, errors too, is one document on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else.")(function)


def folder_or_default(given: str | None) -> str:
    """The folder of models that a command is about."""
    from pathlib import Path

    return given or (DEFAULT_FOLDER if Path(DEFAULT_FOLDER).is_dir() else ".")


def open_project(given: str | None, env: str | None, variables: dict[str, str], threads: int | None = None) -> Project:
    """The project of a command. Raises UsageError or ProjectError."""
    from lakeorch.project import Project

    return Project(folder_or_default(given), env=env, variables=variables, threads=threads)


def _variables(ctx: click.Context, option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", ctx, option)
        found[name.lower()] = value
    return found
