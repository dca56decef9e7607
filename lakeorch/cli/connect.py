"""`lakeorch connect`: how another engine reads the published tables."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from lakeorch.cli import options
from lakeorch.cli.output import say
from lakeorch.observers.text import table as lines


@click.command()
@click.argument("engine", required=False, metavar="[ENGINE]")
@options.project
@click.option("-t", "--table", metavar="TABLE", help="The table to read; one at the end of the graph by default.")
@options.surroundings
@options.as_json
def command(
    engine: str | None, folder: str | None, table: str | None, env: str | None, variables: dict[str, str], as_json: bool
) -> int:
    """Print a snippet that reads the tables with ENGINE.

    Without ENGINE: which there are. Secrets are read from the environment, never printed.
    """
    from lakeorch.project.connect import engines

    project = options.open_project(folder, env, variables)
    if engine is None:
        found = [project.connect(name, table) for name in engines()]
        if as_json:
            say(json.dumps({"snippets": [asdict(each) for each in found]}, indent=2))
            return 0
        rows = [(each.engine, " ".join(each.packages), "yes" if each.executed else "no") for each in found]
        say(
            "\n".join(
                [*lines(("engine", "pip install", "tested"), rows), "", "lakeorch connect ENGINE prints a snippet"]
            )
        )
        return 0
    snippet = project.connect(engine, table)
    if as_json:
        say(json.dumps(asdict(snippet), indent=2))
        return 0
    # what is not code is a comment, so that the whole output can be piped into an interpreter
    mark = "#" if snippet.language == "python" else "--"
    if snippet.packages:
        say(f"{mark} pip install {' '.join(map(_quoted, snippet.packages))}")
    if snippet.note:
        say(f"{mark} {snippet.note}")
    say(snippet.code.rstrip("\n"))
    return 0


def _quoted(package: str) -> str:
    """A requirement as a shell takes it literally."""
    return f"'{package}'" if set(package) & set("[]*<>!") else package
