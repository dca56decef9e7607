"""The environments of a project: what each holds beyond production, and how one is dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lakeorch.lake import Environment
from lakeorch.project.past import iso
from lakeorch.project.promote import is_empty, within
from lakeorch.project.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Held:
    """What an environment holds.

    Attributes:
        declared: it stands in `lakeorch.yml`.
        shares: it shows production's tables where it has none of its own; otherwise it is a lake of its own, and
            nothing more is known here.
        tables: its own tables, by name.
        void: those of them that show production's again, because production moved since they were built.
        rows, bytes: in data files of its tables that production's do not have.
        last_run, at: the run that changed it last, and when, milliseconds since 1970 UTC; empty and 0 for none.
    """

    name: str
    declared: bool
    shares: bool
    tables: tuple[str, ...] = ()
    void: tuple[str, ...] = ()
    rows: int = 0
    bytes: int = 0
    last_run: str = ""
    at: int = 0

    def to_dict(self) -> dict[str, object]:
        """An entry of `environments` in the JSON of `lakeorch env list`."""
        return {
            "name": self.name,
            "declared": self.declared,
            "shares": self.shares,
            "tables": [*self.tables],
            "production_moved": [*self.void],
            "rows": self.rows,
            "bytes": self.bytes,
            "last_run": self.last_run or None,
            "last_run_at": iso(self.at) if self.at else None,
        }


@dataclass(frozen=True, slots=True)
class Dropped:
    """A dropped environment: the tables of its own that it had."""

    name: str
    tables: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """The JSON document of `lakeorch env drop`."""
        return {"name": self.name, "status": "dropped" if self.tables else "nothing to do", "tables": [*self.tables]}


def environments(wiring: Wiring) -> tuple[Held, ...]:
    """What `Project.environments` tells, by name."""
    with wiring.lake(create=False) as lake:
        found = lake.environments()
    declared = wiring.config.environments
    return tuple(_held(name, declared, found.get(name)) for name in sorted({*declared, *found}))


def _held(name: str, declared: Mapping[str, bool], found: Environment | None) -> Held:
    shares = declared.get(name, True)
    if found is None or not shares:
        return Held(name, name in declared, shares)
    ids = [(t.committed_at, t.properties.get("lakeorch.run-id", "")) for t in found.tables.values()]
    at, run = max(ids)
    return Held(
        name,
        name in declared,
        True,
        tuple(sorted(found.tables)),
        tuple(sorted(found.void)),
        found.rows,
        found.bytes,
        run,
        at,
    )


def drop(wiring: Wiring, name: str) -> Dropped:
    """Takes an environment's own tables away; see `Project.drop_environment`."""
    overlay = within(wiring, name)
    with overlay.lake(create=False, begins=True) as lake:
        return Dropped(name, () if is_empty(overlay, lake) else lake.drop_environment())
