"""`lakeorch graph`: which model reads which, as a text tree, DOT, a picture, JSON, or a page for the browser."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lakeorch.cli import options
from lakeorch.cli.output import say

FORMATS = ("text", "dot", "svg", "html", "json")
ENDINGS = {".dot": "dot", ".gv": "dot", ".svg": "svg", ".html": "html", ".htm": "html", ".json": "json"}


@click.command()
@options.project
@options.selection
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: by the ending of FILE, else text.")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE instead of standard output.")
@options.surroundings
def command(
    folder: str | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    form: str | None,
    output: str | None,
    env: str | None,
    variables: dict[str, str],
) -> int:
    """Show which model reads which.

    text is a tree of what each final model is made of; dot is for Graphviz; svg is a picture; html is one page that
    opens in a browser without a network: lakeorch graph -o graph.html
    """
    chart = options.open_project(folder, env, variables).graph(select, exclude)
    form = form or ENDINGS.get(Path(output).suffix.lower() if output else "", "text")
    if form == "json":
        text = json.dumps(chart.to_dict(), indent=2)
    else:
        text = {"text": chart.to_text, "dot": chart.to_dot, "svg": chart.to_svg, "html": chart.to_html}[form]()
    if output is None:
        say(text)
        return 0
    Path(output).write_text(text + "\n", encoding="utf-8")
    say(output)
    return 0
