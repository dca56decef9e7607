"""Finished steps that wait for the next run: which of them are still of use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lakeorch.lake.drafting import revived
from lakeorch.lake.port import Catalog
from lakeorch.lake.records import Record, from_json
from lakeorch.lake.storage import Storage, Stored
from lakeorch.lake.upkeep import sweep
from lakeorch.lake.upkeep.policy import Clock

_FOLDER = "staged"


@dataclass
class Kept:
    """What besides the catalog's pointers needs files.

    Attributes:
        records: finished steps that the next run may take up.
        aged: those that still fit their table, but are too old to be kept.
        gone: names of the records that are of no more use.
        staged: ids of snapshots that the next run may publish.
    """

    records: list[Record] = field(default_factory=list)
    aged: list[Record] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    staged: set[int] = field(default_factory=set)
    digests: set[str] = field(default_factory=set)


def told_apart(
    catalog: Catalog, storage: Storage, warehouse: str, files: Iterable[Stored], clock: Clock, seconds: float
) -> Kept:
    """Finished steps: those to keep, and those that fit their table no more or are older than a time.

    Args:
        catalog: of the tables.
        storage: where the records are.
        warehouse: its place.
        files: of the warehouse.
        clock: the time.
        seconds: how long a step that still fits is kept.
    """
    found = Kept()
    modified = {file.path: file.modified for file in files}
    for name in storage.names(_FOLDER):
        text = storage.read(name)
        if text is None:
            continue
        at = modified.get(f"{warehouse}/{sweep.OWN}/{name}", clock.now)
        record = from_json(text, lambda kept: revived(catalog, kept))
        fits = record is not None or at >= clock.horizon
        if not fits or at < clock.cutoff(seconds):
            found.gone.append(name)
            found.aged += [record] if record is not None else []
            continue
        found.digests |= sweep.digests_in(text)
        if record is not None:
            found.records.append(record)
            if record.staged is not None and record.staged.snapshot_id is not None:
                found.staged.add(record.staged.snapshot_id)
    return found
