"""`lakeorch test`: models on a few rows, in memory."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import click

from lakeorch.cli import differences, failures, options
from lakeorch.cli.output import say
from lakeorch.observers.text import count, duration

if TYPE_CHECKING:
    from lakeorch.project import Project
    from lakeorch.project.craft import Tested


@click.command()
@options.folder
@options.selection
@click.option("--create", metavar="MODEL", help="Write a case for a model from rows that are published.")
@click.option("--where", metavar="CONDITION", help="Which rows: a condition on the result's columns, or an input's.")
@options.surroundings
@options.as_json
def command(
    folder: str | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    create: str | None,
    where: str | None,
    env: str | None,
    variables: dict[str, str],
    as_json: bool,
) -> int:
    """Run the cases of FOLDER/tests: given rows in, expected rows out.

    No data is read or written. Exit code 1 where a case fails, 2 where one is wrong.
    """
    if (create is None) != (where is None):
        raise click.UsageError("--create and --where go together")
    project = options.open_project(folder, env, variables)
    if create is not None and where is not None:
        return _create(project, create, where, as_json)
    tested = project.test(select, exclude)
    code = 2 if tested.findings else int(bool(tested.failed))
    if as_json:
        document = {
            "status": "error" if tested.findings else "failed" if tested.failed else "passed",
            "seconds": round(tested.seconds, 3),
            "cases": [result.to_dict() for result in tested.results],
            "findings": [finding.to_dict() for finding in tested.findings],
        }
        say(json.dumps(document, indent=2))
        return code
    for result in tested.failed:
        say("\n".join(differences.told(result)) + "\n")
    if tested.findings:
        failures.tell(tested.findings)
    say(_summary(tested))
    return code


def _summary(tested: Tested) -> str:
    if not tested.results and not tested.findings:
        return "no cases: write some in tests/*.yml, or lakeorch test --create MODEL --where CONDITION"
    failed = len(tested.failed)
    passed = click.style(f"{len(tested.results) - failed:,} passed", fg="green")
    parts = [passed, click.style(f"{failed:,} failed", fg="red", bold=True)] if failed else [passed]
    return f"{', '.join(parts)} in {duration(tested.seconds)}"


def _create(project: Project, model: str, where: str, as_json: bool) -> int:
    created = project.create_test(model, where)
    if as_json:
        document = {
            "status": "created",
            "file": str(created.path),
            "given": created.given,
            "expected": created.expected,
        }
        say(json.dumps(document, indent=2))
        return 0
    given = ", ".join(f"{count(rows, 'row')} of {name}" for name, rows in created.given.items() if rows)
    told = f"{os.path.relpath(created.path)}: {given or 'no rows given'}; {count(created.expected, 'row')} expected"
    say(f"{click.style('written', fg='green')}  {told}")
    return 0
