"""What the front door hands back: the result of a run, the list of models."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from lakeorch.errors import Finding
from lakeorch.model import Action, CheckResult, Outcome, Step

if TYPE_CHECKING:
    from lakeorch.plan import Plan, Survey

Status = Literal["published", "nothing to do", "failed", "interrupted"]


@dataclass(frozen=True, slots=True)
class Result:
    """A finished run.

    Attributes:
        status: `published`; `nothing to do` when nothing was stale; `failed` when a model or check failed or
            something was kept back; `interrupted`.
        outcomes: one per selected model, in order.
        seconds: wall time.
        warehouse: where the tables lie.
        departed: published tables whose model left the project.
        notes: what else happened: maintenance that was due.
        environment: that it ran in; empty for production.
    """

    run_id: str
    status: Status
    outcomes: tuple[Outcome, ...]
    findings: tuple[Finding, ...]
    seconds: float
    warehouse: str
    departed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    environment: str = ""

    def steps(self) -> tuple[Step, ...]:
        """The steps behind the outcomes, for a result that is known without a run."""
        return tuple(Step(outcome.model, outcome.action, outcome.reason) for outcome in self.outcomes)

    def _repr_html_(self) -> str:
        """The run as a table, for notebooks."""
        from lakeorch.observers.html import table
        from lakeorch.observers.text import count, duration

        columns = ("model", "action", "rows", "seconds", "why")
        rows = [(o.model, str(o.action), f"{o.rows:,}", f"{o.seconds:.2f}", o.error or o.reason) for o in self.outcomes]
        failed = [(o.model, check) for o in self.outcomes for check in o.checks if not check.passed]
        notes = [f"{model}: {check.name} failed, {count(check.failed_rows, 'row')}" for model, check in failed]
        notes += [f"{finding.place}: {finding.message}" for finding in self.findings]
        headline = f"{self.status}: {count(len(rows), 'model')} in {duration(self.seconds)}"
        return table(headline, columns, rows, right=frozenset({2, 3}), notes=notes)

    def to_dict(self) -> dict[str, object]:
        """The JSON document of `lakeorch run --json`."""
        return {
            "run_id": self.run_id,
            "status": self.status,
            "seconds": round(self.seconds, 3),
            "warehouse": self.warehouse,
            "environment": self.environment,
            "steps": [outcome_dict(outcome) for outcome in self.outcomes],
            "departed": list(self.departed),
            "notes": list(self.notes),
            "findings": [finding.to_dict() for finding in self.findings],
        }


def outcome_dict(outcome: Outcome) -> dict[str, object]:
    """One entry of `steps` in the JSON of a run. Snapshot ids are text: they do not fit a JSON reader's float."""
    return {
        "model": outcome.model,
        "action": str(outcome.action),
        "reason": outcome.reason,
        "rows": outcome.rows,
        "bytes": outcome.bytes,
        "seconds": round(outcome.seconds, 3),
        "snapshot_id": None if outcome.snapshot_id is None else str(outcome.snapshot_id),
        "checks": [check_dict(check) for check in outcome.checks],
        "kept_at": outcome.kept_at,
        "error": outcome.error,
    }


def step_dict(step: Step) -> dict[str, object]:
    """One entry of `steps` in the JSON of a plan: the keys of a run's, with what is not known yet empty."""
    return outcome_dict(Outcome(step.model, step.action, step.reason)) | {"refresh": step.refresh}


def check_dict(check: CheckResult) -> dict[str, object]:
    """A check's result as JSON: `sample` holds up to five failing rows as objects of text."""
    doc = asdict(check)
    doc["sample"] = [dict(zip(check.columns, row, strict=False)) for row in check.sample]
    doc["place"] = str(check.place) if check.place.file else ""
    del doc["columns"]
    return doc


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of `lakeorch list`.

    Attributes:
        state: `fresh`, `stale`, `pinned` by a roll-back, `never built`, `view`, or `departed` for a table whose model
            left the project.
        reason: why it is stale or pinned; empty otherwise.
        rows, bytes: of the published table, None where there is none.
        published_at: seconds since 1970 UTC, None where there is none.
    """

    model: str
    materialized: str
    owner: str
    tags: tuple[str, ...]
    state: Literal["fresh", "stale", "pinned", "never built", "view", "departed"]
    reason: str
    rows: int | None
    bytes: int | None
    published_at: float | None

    def to_dict(self) -> dict[str, object]:
        """An entry of `models` in the JSON of `lakeorch list`; the time is ISO text in UTC."""
        at = self.published_at
        when = None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
        return asdict(self) | {"published_at": when}

    @property
    def status(self) -> str:
        """State and reason in a few words: `stale: query changed`, `pinned to run …`."""
        if not self.reason or self.state == "view":
            return self.state
        return self.reason if self.reason.startswith(self.state) else f"{self.state}: {self.reason}"

    @staticmethod
    def of(survey: Survey, plan: Plan) -> tuple[Listed, ...]:
        """One line per step of the plan, then one per departed table."""
        lines = []
        for step in plan.steps:
            settings = survey.graph.models[step.model].settings
            state = _state(step)
            reason = step.reason if state in {"stale", "pinned"} else ""
            lines.append(
                Listed(
                    step.model,
                    settings.materialized,
                    settings.owner,
                    settings.tags,
                    state,
                    reason,
                    *_size(survey, step.model),
                )
            )
        for name in plan.departed:
            reason = "no longer in the project: kept"
            owner = survey.published[name].properties.get("owner", "")
            lines.append(Listed(name, "table", owner, (), "departed", reason, *_size(survey, name)))
        return tuple(lines)


def _state(step: Step) -> Literal["fresh", "stale", "pinned", "never built", "view"]:
    if step.action is Action.VIEW:
        return "view"
    if step.action is Action.SKIP:
        return "pinned" if step.reason.startswith("pinned") else "fresh"
    return "never built" if step.reason == "never built" else "stale"


def _size(survey: Survey, name: str) -> tuple[int | None, int | None, float | None]:
    table = survey.published.get(name)
    if table is None or table.snapshot_id is None:
        return None, None, None
    return table.rows, table.bytes, table.committed_at / 1000
