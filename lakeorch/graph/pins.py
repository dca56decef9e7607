"""Tables that a roll-back has pinned: they are left as they are until their query changes, or they are unpinned.

A pin is the table property `lakeorch.pinned`. It holds as long as the model still has the fingerprint that made the
rows which were rolled back: what made them once would make them again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from lakeorch.brief import Tables
from lakeorch.graph import Graph
from lakeorch.model import Published, Scalar

PINNED = "lakeorch.pinned"


@dataclass(frozen=True, slots=True)
class Pin:
    """Why a table is left as it is.

    Attributes:
        snapshot_id: where it was rolled back to, as text.
        fingerprint: of the query that made what was rolled back.
        since: when it was rolled back, ISO text in UTC.
        run: whose rows the table shows now; empty where another writer made them.
        undone: the run that was rolled back, empty where the way back was to a state; the same as `run` for a table
            that had no earlier state and was left as it was.
    """

    snapshot_id: str
    fingerprint: str
    since: str
    run: str
    undone: str

    @property
    def reason(self) -> str:
        """Why a plan skips the table."""
        if self.run == self.undone:
            return f"pinned as run {self.run} made it, a rollback found nothing before; --unpin or edit the query"
        return f"pinned to {f'run {self.run}' if self.run else 'its state'} by rollback; --unpin or edit the query"

    def to_json(self) -> str:
        """The text of the table property."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Pin:
        """Reads what `to_json` wrote; raises ValueError on anything else."""
        try:
            return cls(**{str(key): str(value) for key, value in json.loads(text).items()})
        except (AttributeError, TypeError) as error:
            raise ValueError(f"not a pin: {text!r}") from error


def pins(graph: Graph, published: Mapping[str, Published], variables: Mapping[str, Scalar]) -> dict[str, Pin]:
    """The pins that hold: model → pin."""
    found = {}
    tables = Tables.of(published)
    for name, head in tables.heads.items():
        text = tables[name].properties.get(PINNED) if head.pinned and name in graph.briefs else None
        if not text:
            continue
        try:
            pin = Pin.from_json(text)
        except ValueError:
            continue  # someone else wrote there: a table is built once more at worst
        if pin.fingerprint == graph.fingerprint(name, variables):
            found[name] = pin
    return found
