"""Tables back to an earlier state of theirs: `main` is moved, no snapshot is made, nothing is lost.

What goes back with the rows is what the table said of them: columns, partitions, order, and its `lakeorch.*`
properties, comment and owner, out of the metadata file that was the table's at that time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pyiceberg.partitioning import PartitionSpec
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.sorting import SortOrder
from pyiceberg.table.update import SetSnapshotRefUpdate

from lakeorch.errors import CatalogError, MovedError
from lakeorch.lake.change import Change
from lakeorch.lake.commit import at_one_time, patiently
from lakeorch.lake.port import Catalog, CommitMissedError, TableCommit
from lakeorch.lake.standing import UPKEEP, stand_in

_KEPT = ("comment", "owner")
_OURS = "lakeorch."


@dataclass(frozen=True, slots=True)
class Return:
    """One table's way back.

    Attributes:
        name: of the table.
        location: the metadata file that the decision was made on; the table must still be there.
        snapshot_id: where `main` goes; where it is, when only what the table says of its rows goes back.
        at: the time whose state is wanted, milliseconds since 1970 UTC; None leaves what the table says as it is.
        properties: of the table, set whatever they were at that time; None or an empty text removes.
    """

    name: str
    location: str
    snapshot_id: int
    at: int | None
    properties: Mapping[str, str | None] = field(default_factory=dict)


def roll_back(catalog: Catalog, returns: Sequence[Return]) -> None:
    """Moves all tables in one transaction.

    Raises:
        MovedError: a table is no more where it was when this was decided.
        CatalogError: the catalog failed; nothing was moved, unless its last reply was lost.
    """
    sent: list[Return] = []
    patiently(catalog, lambda: _roll_back(catalog, sorted(returns, key=lambda each: each.name), sent))


def _roll_back(catalog: Catalog, returns: Sequence[Return], sent: list[Return]) -> None:
    """One attempt; `sent` are the tables that the one before it sent to the catalog."""
    pointers = catalog.pointers([each.name for each in returns])
    if sent and all(_is_back(catalog, each, pointers) for each in sent):
        return  # the reply was lost, the commit was not
    for each in returns:
        if pointers.get(each.name) != each.location:
            raise MovedError(each.name, "it moved while it was to be rolled back", hint="look again, and try again")
    changes = []
    sent.clear()
    for each in returns:
        table = catalog.table(each.name, each.location)
        if updates := _change(catalog, table, each).updates:
            changes.append(TableCommit(each.name, table, updates, table.io))
            sent.append(each)
    try:
        catalog.commit(at_one_time(changes, {}), {})
    except CommitMissedError:
        sent.clear()  # whoever moved them, it was not this
        raise


def _is_back(catalog: Catalog, asked: Return, pointers: Mapping[str, str]) -> bool:
    """Whether a table was moved, and is where it was to go."""
    location = pointers.get(asked.name)
    if location is None or location == asked.location:
        return False
    metadata = catalog.table(asked.name, location).metadata
    said = all(metadata.properties.get(key) == (value or None) for key, value in asked.properties.items())
    goal = stand_in(metadata, asked.snapshot_id)
    return said and goal is not None and metadata.current_snapshot_id == goal.snapshot_id


def _change(catalog: Catalog, table: Table, asked: Return) -> Change:
    change = Change(table)
    now = table.metadata
    snapshot = stand_in(now, asked.snapshot_id)
    goal = asked.snapshot_id if snapshot is None else snapshot.snapshot_id
    was = None if asked.at is None else _as_of(catalog, table, asked, {asked.snapshot_id, goal})
    if goal != now.current_snapshot_id:
        change._apply((_main_at(goal, now),))
        columns = next((s for s in now.schemas if snapshot and s.schema_id == snapshot.schema_id), now.schema())
        change.set_schema(was.schema() if was else columns)
        ids = set(change.table_metadata.schema()._lazy_id_to_field)
        specs = [(was or now).spec(), *reversed(now.partition_specs), PartitionSpec()]
        change.set_spec(next(spec for spec in specs if {field.source_id for field in spec.fields} <= ids))
        order = (was or now).sort_order()
        change.set_order(order if {field.source_id for field in order.fields} <= ids else SortOrder(order_id=0))
    if was is not None:
        said = {key for key in {*now.properties, *was.properties} if key.startswith(_OURS) or key in _KEPT}
        kept = UPKEEP | asked.properties.keys()
        change.set_values({key: was.properties.get(key) for key in sorted(said - kept)})
    change.set_values(asked.properties)
    return change


def _main_at(snapshot_id: int, metadata: TableMetadata) -> SetSnapshotRefUpdate:
    kept = metadata.refs.get(MAIN_BRANCH)
    return SetSnapshotRefUpdate(
        ref_name=MAIN_BRANCH,
        type=SnapshotRefType.BRANCH,
        snapshot_id=snapshot_id,
        max_ref_age_ms=kept and kept.max_ref_age_ms,
        max_snapshot_age_ms=kept and kept.max_snapshot_age_ms,
        min_snapshots_to_keep=kept and kept.min_snapshots_to_keep,
    )


def _as_of(catalog: Catalog, table: Table, asked: Return, goals: Collection[int]) -> TableMetadata | None:
    """The table's metadata as it was at the wanted time; None where its file is gone: only the rows can go back."""
    found: TableMetadata | None = table.metadata
    if table.metadata.last_updated_ms > (asked.at or 0):
        older = [entry for entry in table.metadata.metadata_log if entry.timestamp_ms <= (asked.at or 0)]
        found = None
        try:
            found = catalog.table(asked.name, older[-1].metadata_file).metadata if older else None
        except CatalogError as error:
            # a disk that only hesitates must not cost the table what was said of its rows
            if not isinstance(error.__cause__, FileNotFoundError | ValueError):
                raise
    return found if found is not None and found.current_snapshot_id in goals else None
