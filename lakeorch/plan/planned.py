"""What a plan is to those who ask for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakeorch.lake.pointers import ATOMIC
from lakeorch.model import Action, Step
from lakeorch.plan.impact import Impact


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do. A notebook shows it as a table.

    Attributes:
        steps: one per selected model, in an order in which they can run.
        departed: published tables whose model left the project; they are kept.
        guarantee: what the catalog promises about the publish.
        impacts: model → what its change means for its table and for its readers; of models that would be built to
            something else than is published. Empty where a plan was made for a run.
        behind: what a run would do to models that the selected ones are made of, if they were selected too: stale ones
            only. Empty where a plan was made for a run.
    """

    steps: tuple[Step, ...]
    departed: tuple[str, ...] = ()
    guarantee: str = ATOMIC
    impacts: Mapping[str, Impact] = field(default_factory=dict)
    behind: tuple[Step, ...] = ()

    def left_out(self) -> list[str]:
        """What `behind` means, for a reader: a line or none."""
        if not self.behind:
            return []
        listed = ", ".join(step.model for step in self.behind[:3])
        more = f" and {len(self.behind) - 3:,} more" if len(self.behind) > 3 else ""
        return [f"stale and not selected: {listed}{more}; a + before the selector takes them along"]

    def _repr_html_(self) -> str:
        """The plan as a table, for notebooks."""
        from lakeorch.observers.html import table

        busy = sum(step.action not in {Action.SKIP, Action.VIEW} for step in self.steps)
        rows = [(step.model, str(step.action), step.reason) for step in self.steps]
        notes = ["\n  ".join([f"{name} changes", *impact.lines()]) for name, impact in self.impacts.items()]
        notes += [f"no longer in the project, kept: {name} (lakeorch drop {name})" for name in self.departed]
        notes += self.left_out()
        return table(f"{busy:,} of {len(rows):,} models to do", ("model", "action", "why"), rows, notes=notes)
