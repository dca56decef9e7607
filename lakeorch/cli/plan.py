"""`lakeorch plan`: what a run would do, and why; writes nothing."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import click

from lakeorch.cli import options
from lakeorch.cli.output import say
from lakeorch.model import Action, Step
from lakeorch.observers.text import count, nothing_to_do, table

if TYPE_CHECKING:
    from lakeorch.plan import Plan

MANY = 20


@click.command()
@options.folder
@options.selection
@click.option("--full", is_flag=True, help="As for run: rebuild whether or not it is stale.")
@click.option("--unpin", is_flag=True, help="As for run: build also tables that a rollback has pinned.")
@options.surroundings
@options.as_json
def command(
    folder: str | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    full: bool,
    unpin: bool,
    env: str | None,
    variables: dict[str, str],
    as_json: bool,
) -> int:
    """Show what a run of FOLDER would do and why. Writes nothing."""
    plan = options.open_project(folder, env, variables).plan(select, exclude, full=full, unpin=unpin)
    if as_json:
        say(json.dumps(document(plan), indent=2))
    else:
        say(text(plan, shutil.get_terminal_size().columns if sys.stdout.isatty() else 0))
    return 0


def document(plan: Plan) -> dict[str, object]:
    """The plan as JSON, with the keys of a run's document."""
    from lakeorch.project.result import step_dict

    return {
        "run_id": None,
        "status": "planned" if _busy(plan) else "nothing to do",
        "steps": [step_dict(step) | _impact(plan, step) for step in plan.steps],
        "findings": [],
        "departed": [*plan.departed],
        "guarantee": plan.guarantee,
        "behind": [step_dict(step) for step in plan.behind],
    }


def text(plan: Plan, width: int) -> str:
    """The plan for a reader; `width` is that of the screen, 0 for none."""
    busy, pinned = _busy(plan), [step for step in plan.steps if step.reason.startswith("pinned")]
    if not busy:
        lines = [nothing_to_do(len(plan.steps), len(pinned))]
        lines += [f"{step.model}: {step.reason}" for step in pinned]
    else:
        few = len(plan.steps) - len(busy) <= MANY
        told = {step.model for step in (*busy, *pinned)}
        shown = [step for step in plan.steps if few or step.model in told]
        rows = [(step.model, _word(step), step.reason) for step in shown]
        lines = table(("model", "action", "why"), rows, limit=width)
        hidden = len(plan.steps) - len(shown)
        lines += [f"… and {count(hidden, 'model')} up to date"] if hidden else []
        lines += ["", f"{len(busy):,} of {count(len(plan.steps), 'model')} to do; publish: {plan.guarantee}"]
    for name, impact in plan.impacts.items():
        lines += ["", f"{name} changes", *(f"  {told}" for told in impact.lines())]
    lines += [f"no longer in the project, kept: {name} (lakeorch drop {name})" for name in plan.departed]
    lines += plan.left_out()
    return "\n".join(lines)


def _impact(plan: Plan, step: Step) -> dict[str, object]:
    impact = plan.impacts.get(step.model)
    return {"impact": None if impact is None else impact.to_dict()}


def _busy(plan: Plan) -> list[Step]:
    """What a run would work on; a view is no work, it is inlined."""
    return [step for step in plan.steps if step.action not in {Action.SKIP, Action.VIEW}]


def _word(step: Step) -> str:
    if step.action is Action.BUILD and step.refresh == "incremental":
        return "build (incremental)"
    return step.action.value
