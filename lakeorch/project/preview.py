"""A plan for people: besides the steps, what they mean for readers, and what is stale and left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lakeorch.errors import LakeorchError
from lakeorch.model import Action, Step
from lakeorch.plan import Plan
from lakeorch.plan.impact import impacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from lakeorch.engines import Engine
    from lakeorch.lake import Lake
    from lakeorch.project.survey import Found
    from lakeorch.project.wiring import Wiring


def preview(wiring: Wiring, select: Sequence[str], exclude: Sequence[str], *, full: bool, unpin: bool) -> Plan:
    """What a run would do; see `Project.plan`.

    Raises:
        ProjectError: with every finding.
        UsageError: a selector means nothing.
    """
    with wiring.lake_if_asked() as lake, wiring.binding() as engine:
        found = wiring.survey(lake, engine, select, exclude, full=full, unpin=unpin)
        plan = found.survey.plan(found.selection)
        behind = _behind(wiring, lake, engine, found)
        return replace(plan, impacts=impacts(found.survey, plan.steps), behind=behind)


def _behind(wiring: Wiring, lake: Callable[[], Lake], engine: Engine, found: Found) -> tuple[Step, ...]:
    """What the selected models are made of, is stale, and not selected."""
    graph = found.survey.graph
    above = graph.behind(found.selection)
    if not above:
        return ()
    try:
        others = wiring.survey(lake, engine, above)
    except LakeorchError:
        return ()  # what is wrong there keeps nobody from building this
    return tuple(step for step in others.survey.plan(others.selection).steps if step.action is Action.BUILD)
