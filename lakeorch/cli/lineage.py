"""`lakeorch lineage`: which columns a column is made of, and which are made of it."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lakeorch.cli import options
from lakeorch.cli.output import say

FORMATS = ("text", "json", "svg", "html")
ENDINGS = {".json": "json", ".svg": "svg", ".html": "html", ".htm": "html"}


@click.command()
@click.argument("target", metavar="MODEL[.COLUMN]")
@options.project
@click.option("--up", is_flag=True, help="Only what it is made of.")
@click.option("--down", is_flag=True, help="Only what is made of it.")
@options.moment
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: by the ending of FILE, else text.")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE instead of standard output.")
@options.surroundings
def command(
    target: str,
    folder: str | None,
    up: bool,
    down: bool,
    at: str | None,
    form: str | None,
    output: str | None,
    env: str | None,
    variables: dict[str, str],
) -> int:
    """Show what a column is made of, and what is made of it.

    Each step says whether the value is copied, derived from others, or only decides which rows there are (filter).
    With --at it is what the published tables said then, whatever has become of the models. svg is a picture of the
    values alone; html is one page that opens in a browser without a network.
    """
    found = options.open_project(folder, env, variables).lineage(target, up=up, down=down, at=at)
    form = form or ENDINGS.get(Path(output).suffix.lower() if output else "", "text")
    text = (
        json.dumps(found.to_dict(), indent=2)
        if form == "json"
        else {"text": found.to_text, "svg": found.to_svg, "html": found.to_html}[form]()
    )
    if output is None:
        say(text)
        return 0
    Path(output).write_text(text + "\n", encoding="utf-8")
    say(output)
    return 0
