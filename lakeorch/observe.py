"""What happens during a run, as it happens: the run loop emits `Event`s, observers receive them.

An observer is any callable that takes an `Event`; it is called from the run's threads, one call at a time, and an
exception in it never fails a run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lakeorch.model import Outcome, Step

EventKind = Literal[
    "run_started",
    "step_started",
    "step_progress",
    "step_finished",
    "publish_started",
    "run_finished",
    "maintain_started",
    "maintain_progress",
    "maintain_finished",
]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: what happened.
        run_id: the run it belongs to.
        at: seconds since 1970 UTC.
        steps: on `run_started`, the plan, in order.
        model: on `step_*`, the model's name; on `maintain_progress`, the table's, empty while files are swept.
        step: on `step_started`, what was decided for it.
        fraction: on `step_progress` and `maintain_progress`, 0.0 to 1.0 where the engine knows, else None.
        rows: on `step_progress`, rows written so far where the engine knows, else 0.
        bytes: on `step_progress`, what is in its files so far, 0 where that is not seen.
        expected: on `step_progress`, seconds that the model's last build took where it was one of the same kind.
        outcome: on `step_finished`.
        status: on `run_finished`: `published`, `nothing to do`, `failed`, `held` or `interrupted`.
    """

    kind: EventKind
    run_id: str
    at: float
    steps: tuple[Step, ...] = field(default=())
    model: str = ""
    step: Step | None = None
    fraction: float | None = None
    rows: int = 0
    bytes: int = 0
    expected: float | None = None
    outcome: Outcome | None = None
    status: str = ""


Observer = Callable[[Event], None]


def announcer(observers: Sequence[Observer]) -> Observer:
    """One observer for all of them: one call at a time; an observer that breaks is dropped, the run goes on."""
    lock = threading.Lock()
    listening = list(observers)

    def notify(event: Event) -> None:
        with lock:
            for observer in list(listening):
                try:
                    observer(event)
                except Exception:
                    listening.remove(observer)

    return notify
