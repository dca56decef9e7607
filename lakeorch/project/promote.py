"""Promotion: what an environment shows becomes what production shows, in one commit.

It is a run in the environment with production's settings, which finds nothing to do where code and inputs are what was
audited there, and otherwise builds first what it must. Then production's pointers move to the very snapshots that the
environment has, and the environment has no tables of its own any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal

from lakeorch.errors import MovedError, UsageError
from lakeorch.graph import Graph
from lakeorch.lake import Lake
from lakeorch.model import Action, Outcome, Published, Step
from lakeorch.observe import Observer
from lakeorch.plan import Plan
from lakeorch.project.config import require_name
from lakeorch.project.result import Result, outcome_dict, step_dict
from lakeorch.project.running import Running
from lakeorch.project.wiring import Wiring, require_environment
from lakeorch.publish import decide
from lakeorch.run import Run

DEPARTED = "no longer in the project: it stays in the environment"


@dataclass(frozen=True, slots=True)
class Promoted:
    """A table of an environment that became production's, or would.

    Attributes:
        snapshot_id, rows, run_id: its rows, and the run that made them; none yet where they are only planned.
        reason: why it was built again before, or would be; empty where it is what was audited.
    """

    model: str
    snapshot_id: int | None
    rows: int
    run_id: str
    reason: str = ""

    def to_dict(self) -> dict[str, object]:
        """An entry of `promoted` in the JSON of `lakeorch promote`."""
        snapshot = None if self.snapshot_id is None else str(self.snapshot_id)
        return {
            "model": self.model,
            "snapshot_id": snapshot,
            "rows": self.rows,
            "run_id": self.run_id,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Promotion:
    """A finished promotion, or with `planned` what one would do.

    Attributes:
        run_id: its own; `lakeorch rollback` takes it. Empty where it is only planned, or there was nothing to do.
        status: `failed` where something was kept back.
        tables: those that became production's in one commit, by name.
        kept: table → why it stays in the environment.
        steps: with `planned`, what would be built first.
        outcomes: what became of the models of the run that went before; those that were up to date are not in it.
        seconds: wall time.
    """

    environment: str
    run_id: str
    status: Literal["promoted", "planned", "nothing to do", "failed", "interrupted"]
    tables: tuple[Promoted, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    seconds: float = 0.0

    @property
    def recomputed(self) -> int:
        """How many models were built before, or would be."""
        actions = [*(step.action for step in self.steps), *(outcome.action for outcome in self.outcomes)]
        return actions.count(Action.BUILD)

    def to_dict(self) -> dict[str, object]:
        """The JSON document of `lakeorch promote`."""
        return {
            "environment": self.environment,
            "run_id": self.run_id or None,
            "status": self.status,
            "seconds": round(self.seconds, 3),
            "promoted": [table.to_dict() for table in self.tables],
            "kept": dict(self.kept),
            "recomputed": self.recomputed,
            "steps": [*map(step_dict, self.steps), *map(outcome_dict, self.outcomes)],
            "findings": [],
        }


def promote(production: Wiring, environment: str, observer: Observer) -> Promotion:
    """Runs in the environment and promotes what may be; see `Project.promote`."""
    wiring = within(production, environment)
    with wiring.lake(create=False, begins=True) as lake:
        if is_empty(wiring, lake):
            return Promotion(environment, "", "nothing to do")
    ending = _Ending()
    with wiring.engine() as engine:
        running = Running(
            wiring.config,
            wiring.site(remember=True),
            wiring.lake,
            engine,
            wiring.threads,
            observer,
            ending,
        )
        result = running.run(((), ()), full=False, unpin=False, policy="connected", fail_fast=False)
    busy = tuple(outcome for outcome in ending.outcomes(result) if outcome.action not in {Action.SKIP, Action.VIEW})
    status: Literal["promoted", "nothing to do", "failed", "interrupted"]
    if result.status == "interrupted":
        status = "interrupted"
    elif result.status == "failed" or any(reason != DEPARTED for reason in ending.kept.values()):
        status = "failed"
    else:
        status = "promoted" if ending.tables else "nothing to do"
    return Promotion(
        environment, result.run_id, status, ending.tables, ending.kept, outcomes=busy, seconds=result.seconds
    )


def plan_promotion(production: Wiring, environment: str) -> Promotion:
    """What a promotion would do; writes nothing."""
    wiring = within(production, environment)
    with wiring.lake(create=False, begins=True) as lake, wiring.engine() as engine:
        own = lake.own()
        if is_empty(wiring, lake):
            return Promotion(environment, "", "nothing to do")
        found = wiring.survey(lake, engine)
        plan = found.survey.plan(found.selection)
        return _planned(environment, plan, found.survey.graph, own)


def _planned(environment: str, plan: Plan, graph: Graph, own: Mapping[str, Published]) -> Promotion:
    actions = {step.model: step.action for step in plan.steps}
    busy = {step.model: step for step in plan.steps if step.action not in {Action.SKIP, Action.VIEW}}
    # what is built first is the environment's own by then, also where it shows production's now
    theirs = own.keys() | {name for name, step in busy.items() if step.action in {Action.BUILD, Action.AMEND}}
    kept = _kept(graph, actions, theirs, ())
    kept |= {name: busy[name].reason for name in kept if actions.get(name) is Action.FAILED}
    tables = tuple(
        _promoted(name, own.get(name), busy[name].reason if name in busy else "")
        for name in sorted(theirs - kept.keys())
    )
    return Promotion(environment, "", "planned", tables, kept, steps=tuple(busy.values()))


def within(production: Wiring, environment: str) -> Wiring:
    """Production's settings over the environment's tables."""
    config = production.config
    require_name(environment)
    if config.environment:
        raise UsageError("a promotion goes to production: leave --env out", hint=f"lakeorch promote {environment}")
    if not config.environments.get(environment, True):
        raise UsageError(
            f"environment {environment} is a lake of its own: production shares nothing with it",
            hint="run production on the same models, or leave out its catalog and warehouse in lakeorch.yml",
        )
    return production.within(environment)


def is_empty(wiring: Wiring, lake: Lake) -> bool:
    """Whether an environment has no tables of its own.

    Raises:
        UsageError: there is no such environment, and there was none that was promoted.
    """
    if lake.is_begun():
        return False
    lines = lake.timelines().values()
    if not any(version.environment == lake.environment for line in lines for version in line.versions):
        require_environment(wiring.config, lake)
    return True


class _Ending:
    """What follows the run: production's pointers move. Remembers what became of it."""

    def __init__(self) -> None:
        self.tables: tuple[Promoted, ...] = ()
        self.kept: dict[str, str] = {}
        self._built: dict[str, Outcome] = {}

    def __call__(self, run: Run, result: Result) -> None:
        """Promotes what may be. Raises MovedError where something moved: all is planned again."""
        # an attempt that was planned again has built what this one finds done
        self._built |= {o.model: o for o in result.outcomes if o.action in {Action.BUILD, Action.AMEND}}
        own = run.lake.own()
        actions = {outcome.model: outcome.action for outcome in result.outcomes}
        self.kept = _kept(run.graph, actions, own.keys(), run.links())
        chosen = sorted(own.keys() - self.kept.keys())
        for outcome in result.outcomes:
            if outcome.model in chosen:
                _require_audited(run, outcome, own[outcome.model])
        if chosen:
            behind = {up for name in chosen for up in run.graph.tables_behind(name)} - set(chosen)
            heads = run.survey.heads()
            tables = {name: own[name].location for name in chosen}
            run.lake.promote(tables, result.run_id, unmoved={up: heads.get(up) for up in behind})
        reasons = {name: outcome.reason for name, outcome in self._built.items()}
        self.tables = tuple(_promoted(name, own[name], reasons.get(name, "")) for name in chosen)

    def outcomes(self, result: Result) -> Sequence[Outcome]:
        """What became of every model, over all attempts."""
        return [self._built.get(o.model, o) if o.action is Action.SKIP else o for o in result.outcomes]


def _kept(
    graph: Graph, actions: Mapping[str, Action], own: Set[str], links: Iterable[tuple[str, str]]
) -> dict[str, str]:
    """Tables of the environment that are not promoted, each with the reason.

    Args:
        graph: the project.
        actions: what became of each model, or would.
        own: the tables.
        links: pairs of models that a check looks at together.
    """
    kept = {name: DEPARTED for name in own if name not in actions}
    staged = own - kept.keys()
    reads = {
        name: f"it reads {up}, which stays in the environment"
        for name in staged
        for up in graph.tables_behind(name)
        if up in kept
    }
    failed = {name for name, action in actions.items() if action is Action.FAILED}
    unbuilt = [name for name, action in actions.items() if action is Action.HELD]
    decision = decide(graph, staged, failed | reads.keys(), unbuilt, "connected", links)
    for name in sorted(staged - decision.publish):
        kept[name] = reads.get(name) or ("it failed" if name in failed else decision.held[name])
    return kept


def _require_audited(run: Run, outcome: Outcome, now: Published) -> None:
    """Raises MovedError where the environment's table is not what this run has found or made."""
    then = run.survey.published.get(outcome.model)
    if then is not None and then.location == now.location:
        return
    made = outcome.action in {Action.BUILD, Action.AMEND}
    fingerprint = run.survey.fingerprint(outcome.model)
    same = now.snapshot_id == outcome.snapshot_id and now.properties.get("lakeorch.fingerprint") == fingerprint
    if not (made and same):
        raise MovedError(outcome.model, "another run changed it in the environment meanwhile")


def _promoted(name: str, table: Published | None, reason: str) -> Promoted:
    if table is None:
        return Promoted(name, None, 0, "", reason)
    run = table.properties.get("lakeorch.run-id", "")
    return Promoted(name, table.snapshot_id, table.rows, run, reason)
