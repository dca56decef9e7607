"""`lakeorch format`: one layout for all queries."""

from __future__ import annotations

import json

import click

from lakeorch.cli import failures, options
from lakeorch.cli.output import say
from lakeorch.observers.text import count


@click.command()
@options.folder
@options.selection
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 where a file would change.")
@options.debug
@options.as_json
def command(folder: str | None, select: tuple[str, ...], exclude: tuple[str, ...], check: bool, as_json: bool) -> int:
    """Lay out the queries of models and checks.

    Comments and settings stay, and so does what a model computes: no fingerprint moves, nothing is built again.
    """
    layout = options.open_project(folder, None, {}).format(select, exclude, check=check)
    status = "error" if layout.findings else "unformatted" if check and layout.changed else "formatted"
    code = 2 if layout.findings else int(check and bool(layout.changed))
    if as_json:
        findings = [finding.to_dict() for finding in layout.findings]
        document = {"status": status, "changed": layout.changed, "kept": layout.kept, "findings": findings}
        say(json.dumps(document, indent=2))
        return code
    for file in layout.changed:
        say(f"{click.style('would change' if check else 'changed', fg='yellow')}  {file}")
    if layout.findings:
        failures.tell(layout.findings)
    changed = (
        f"{count(len(layout.changed), 'file')} {'would change' if check else 'changed'}, " if layout.changed else ""
    )
    say(f"{changed}{count(layout.kept, 'file')} already laid out")
    return code
