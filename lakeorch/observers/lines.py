"""One plain line per finished step, for logs and pipes: stable, without colour."""

from __future__ import annotations

from typing import TextIO

from lakeorch.model import Action, Outcome
from lakeorch.observe import Event
from lakeorch.observers.tally import DONE, Tally, why
from lakeorch.observers.text import count, duration, one_line, pad, size


class Lines:
    """Prints each step as it ends; a run with nothing to do prints nothing.

    Args:
        out: where to print; flushed after each line, so that a log follows the run.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._tally = Tally()

    def __call__(self, event: Event) -> None:
        """Takes an event of the run."""
        self._tally.add(event)
        if event.kind == "run_started" and not self._tally.idle:
            for row in self._tally.rows.values():
                if row.step.action is Action.SKIP:
                    self._print(row.step.model, DONE[Action.SKIP], row.step.reason)
        elif event.kind == "step_finished" and event.outcome and not self._tally.idle:
            planned = self._tally.rows.get(event.model)
            if planned is None or planned.step.action is not Action.SKIP:
                self._print(event.model, DONE[event.outcome.action], _facts(event.outcome))

    def _print(self, model: str, state: str, facts: str) -> None:
        room = min(max([len(model), *map(len, self._tally.rows)]), 50)
        print(f"{state:<8} {pad(model, room)}  {one_line(facts)}".rstrip(), file=self._out, flush=True)


def _facts(outcome: Outcome) -> str:
    facts = [why(outcome)]
    if outcome.action is Action.BUILD:
        facts = [count(outcome.rows, "row"), size(outcome.bytes), duration(outcome.seconds), *facts]
    return ", ".join(fact for fact in facts if fact)
