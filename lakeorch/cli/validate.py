"""`lakeorch validate`: every mistake in the project, before any data is touched."""

from __future__ import annotations

import json

import click

from lakeorch.cli import failures, options
from lakeorch.cli.output import say
from lakeorch.errors import ProjectError


@click.command()
@options.folder
@options.selection
@options.surroundings
@options.as_json
def command(
    folder: str | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    env: str | None,
    variables: dict[str, str],
    as_json: bool,
) -> int:
    """Find every mistake before any data is touched.

    Syntax, unknown tables and columns, types, cycles, contracts, settings. Exit code 2 where there is one.
    """
    try:
        findings = options.open_project(folder, env, variables).validate(select, exclude)
    except ProjectError as error:
        # mistakes in lakeorch.yml: no project to look further in
        findings = error.findings
    if as_json:
        status = "error" if findings else "valid"
        say(json.dumps(failures.document(status, findings), indent=2))
    elif findings:
        failures.tell(findings)
    else:
        say("no mistakes found")
    return 2 if findings else 0
