"""One plain line per finished step, for logs and pipes: stable, without colour. Long steps tell how far they are."""

from __future__ import annotations

from typing import TextIO

from lakeorch.model import Action, Outcome
from lakeorch.observe import Event
from lakeorch.observers.tally import DONE, Row, Tally, why
from lakeorch.observers.text import count, duration, one_line, pad, size

PATIENCE = 30.0  # seconds between two lines about a step that is still at work


class Lines:
    """Prints each step as it ends, and one at work now and then; a run with nothing to do prints nothing.

    Args:
        out: where to print; flushed after each line, so that a log follows the run.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._tally = Tally()
        self._told: dict[str, float] = {}
        self._room = 0

    def __call__(self, event: Event) -> None:
        """Takes an event of the run."""
        self._tally.add(event)
        if event.kind == "run_started" and not self._tally.idle:
            self._room = max(map(len, self._tally.rows), default=0)
            for row in self._tally.rows.values():
                if row.step.action is Action.SKIP:
                    self._print(row.step.model, DONE[Action.SKIP], row.step.reason)
        elif event.kind == "step_finished" and event.outcome and not self._tally.idle:
            planned = self._tally.rows.get(event.model)
            if planned is None or planned.step.action is not Action.SKIP:
                self._print(event.model, DONE[event.outcome.action], _facts(event.outcome))

        elif event.kind == "step_progress":
            self._progress(event)

    def _progress(self, event: Event) -> None:
        row = self._tally.rows.get(event.model)
        if row is not None and event.at - self._told.get(event.model, row.started) >= PATIENCE:
            self._told[event.model] = event.at
            self._print(event.model, "running", _so_far(row, event.at))

    def _print(self, model: str, state: str, facts: str) -> None:
        self._room = max(self._room, len(model))
        print(f"{state:<8} {pad(model, min(self._room, 50))}  {one_line(facts)}".rstrip(), file=self._out, flush=True)


def _so_far(row: Row, now: float) -> str:
    """What is known of a step at work: how long, how much of it, how much more."""
    left = row.left(now)
    facts = [
        duration(now - row.started),
        f"{row.fraction:.0%}" if row.fraction is not None else "",
        count(row.rows, "row") if row.rows else "",
        f"{size(row.bytes)} so far" if row.bytes else "",
        f"about {duration(left)} left" if left is not None else "",
    ]
    return ", ".join(fact for fact in facts if fact)


def _facts(outcome: Outcome) -> str:
    facts = [why(outcome)]
    if outcome.action is Action.BUILD:
        facts = [count(outcome.rows, "row"), size(outcome.bytes), duration(outcome.seconds), *facts]
    return ", ".join(fact for fact in facts if fact)
