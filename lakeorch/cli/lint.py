"""`lakeorch lint`: what is not wrong but risky or untidy."""

from __future__ import annotations

import json
from dataclasses import replace

import click

from lakeorch.cli import options
from lakeorch.cli.output import say
from lakeorch.observers.findings import render_all
from lakeorch.observers.text import count


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
    """Find what is risky or untidy in models that work.

    Rules are switched in lakeorch.yml, for all models under `lint:`, for a folder under `defaults:`. Exit code 1 where
    a rule of level error has something to say.
    """
    remarks = options.open_project(folder, env, variables).lint(select, exclude)
    errors = sum(remark.severity == "error" for remark in remarks)
    if as_json:
        status = "error" if errors else "warn" if remarks else "clean"
        say(json.dumps({"status": status, "findings": [remark.to_dict() for remark in remarks]}, indent=2))
        return int(errors > 0)
    if not remarks:
        say("nothing to remark")
        return 0
    colors = {"error": "red", "warn": "yellow"}
    findings = [
        replace(
            remark.finding,
            message=f"{click.style(remark.rule, fg=colors[remark.severity], bold=True)}: {remark.finding.message}",
        )
        for remark in remarks
    ]
    say(render_all(findings))
    parts = [count(errors, "error")] if errors else []
    parts += [count(len(remarks) - errors, "warning")] if len(remarks) > errors else []
    say(f"\n{', '.join(parts)}")
    return int(errors > 0)
