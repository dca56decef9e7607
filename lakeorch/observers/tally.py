"""What a run's events add up to: the state behind every screen, apart from any terminal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from lakeorch.model import Action, Outcome, Step
from lakeorch.observe import Event
from lakeorch.observers.text import count

# how much must be done before the rest is guessed from it: the beginning of a query says little
TOLD = 0.1
DONE = {
    Action.BUILD: "built",
    Action.VIEW: "view",
    Action.AMEND: "amended",
    Action.SKIP: "skipped",
    Action.FAILED: "failed",
    Action.HELD: "held",
}


@dataclass(slots=True)
class Row:
    """One model in the run: what was decided, how far it is, what became of it."""

    step: Step
    state: Literal["waiting", "running", "done"] = "waiting"
    started: float = 0.0
    fraction: float | None = None
    rows: int = 0
    bytes: int = 0
    expected: float | None = None
    outcome: Outcome | None = None

    @property
    def action(self) -> Action:
        """What became of the model where that is known, else what was decided for it."""
        return self.outcome.action if self.outcome else self.step.action

    def left(self, now: float) -> float | None:
        """How many seconds it will take still; None where nothing tells.

        The engine's own word counts once it has got somewhere; before, and where it has none, what the last build
        took. A step that has taken longer than that already can no longer be told.
        """
        elapsed = now - self.started
        if self.state != "running":
            return None
        if self.fraction is not None and self.fraction >= TOLD:
            return elapsed * (1 / min(self.fraction, 1.0) - 1)
        return self.expected - elapsed if self.expected is not None and self.expected > elapsed else None


@dataclass(slots=True)
class Tally:
    """Adds up events. Rows stand in the plan's order; `finished` holds the built ones in the order they finished."""

    run_id: str = ""
    started: float = 0.0
    publishing: bool = False
    rows: dict[str, Row] = field(default_factory=dict)
    finished: list[Row] = field(default_factory=list)

    def add(self, event: Event) -> None:
        """Takes one event in."""
        if event.kind == "run_started":
            self.run_id, self.started = event.run_id, event.at
            self.rows = {step.model: Row(step) for step in event.steps}
            for row in self.rows.values():
                # a planned skip is done from the start, whether or not the run reports it
                row.state = "done" if row.step.action is Action.SKIP else "waiting"
        elif event.kind == "publish_started":
            self.publishing = True
        elif found := self._row(event):
            self._advance(found, event)

    @property
    def idle(self) -> bool:
        """True when the plan builds nothing; a view is no work, it is inlined."""
        return all(row.step.action in {Action.SKIP, Action.VIEW} for row in self.rows.values())

    def counts(self) -> Counter[str]:
        """How many models wait, run, and ended in each way, by the words of `DONE`."""
        return Counter(DONE[row.action] if row.state == "done" else row.state for row in self.rows.values())

    def written(self) -> tuple[int, int]:
        """Rows and bytes written so far."""
        outcomes = [row.outcome for row in self.finished if row.outcome]
        return sum(o.rows for o in outcomes), sum(o.bytes for o in outcomes)

    def visible(self, room: int) -> list[Row]:
        """The rows for a screen of `room` lines: all where they fit, else running, then lately finished, then next."""
        everything = list(self.rows.values())
        if len(everything) <= room:
            return everything
        running = [row for row in everything if row.state == "running"]
        failed = [row for row in reversed(self.finished) if row.action is Action.FAILED]
        lately = [row for row in reversed(self.finished) if row.action is not Action.FAILED]
        waiting = [row for row in everything if row.state == "waiting"]
        return [*running, *failed, *lately, *waiting][:room]

    def _row(self, event: Event) -> Row | None:
        if event.model and event.model not in self.rows and event.step:
            self.rows[event.model] = Row(event.step)
        return self.rows.get(event.model)

    def _advance(self, row: Row, event: Event) -> None:
        if event.kind == "step_started":
            row.state, row.started = "running", event.at
            row.step = event.step or row.step
        elif event.kind == "step_progress":
            row.fraction, row.expected = event.fraction, event.expected
            row.rows, row.bytes = event.rows, event.bytes
        elif event.kind == "step_finished" and event.outcome:
            row.state, row.outcome = "done", event.outcome
            if row.step.action is not Action.SKIP:
                self.finished.append(row)


def why(outcome: Outcome) -> str:
    """In one line why a model ended as it did: its error, the check that failed, else the reason of its step."""
    if outcome.error:
        return outcome.error.strip().partition("\n")[0]
    broken = [c for c in outcome.checks if not c.passed and c.severity == "error"]
    if outcome.action is Action.FAILED and broken:
        first = f"{broken[0].name}: {count(broken[0].failed_rows, 'row')}"
        return first if len(broken) == 1 else f"{first}, and {count(len(broken) - 1, 'more check')}"
    return outcome.reason
