"""Tags: Iceberg's own, set on many tables in one commit."""

from __future__ import annotations

from collections.abc import Mapping

from pyiceberg.table.refs import SnapshotRefType
from pyiceberg.table.update import RemoveSnapshotRefUpdate, SetSnapshotRefUpdate, TableUpdate

from lakeorch.errors import UsageError
from lakeorch.lake.change import Change
from lakeorch.lake.commit import at_one_time, patiently
from lakeorch.lake.port import Catalog, TableCommit
from lakeorch.lake.standing import stand_in


def set_tag(catalog: Catalog, tag: str, targets: Mapping[str, int | None]) -> None:
    """Sets a tag of tables, or moves it, all in one commit; what the tables are at does not change.

    Args:
        catalog: of the tables.
        tag: its name.
        targets: table → the snapshot to be tagged; None takes the tag from the table. A table that is gone meanwhile is
            passed over.

    Raises:
        UsageError: a branch is called so, or a snapshot has expired meanwhile.
    """
    patiently(catalog, lambda: _set_tag(catalog, tag, targets))


def _set_tag(catalog: Catalog, tag: str, targets: Mapping[str, int | None]) -> None:
    changes = []
    pointers = catalog.pointers()
    for name in sorted(targets.keys() & pointers.keys()):
        table = catalog.table(name, pointers[name])
        known = table.metadata.refs.get(tag)
        if known is not None and known.snapshot_ref_type == SnapshotRefType.BRANCH:
            raise UsageError(f'{name} has a branch called "{tag}"', hint="choose another name")
        wanted = targets[name]
        update: TableUpdate = RemoveSnapshotRefUpdate(ref_name=tag)
        if wanted is not None:
            snapshot = stand_in(table.metadata, wanted)
            if snapshot is None:
                raise UsageError(f"{name}: snapshot {wanted} has expired", hint=f"lakeorch history {name}")
            if known is not None and known.snapshot_id == snapshot.snapshot_id:
                continue
            update = SetSnapshotRefUpdate(
                ref_name=tag,
                type=SnapshotRefType.TAG,
                snapshot_id=snapshot.snapshot_id,
                max_ref_age_ms=None,
                max_snapshot_age_ms=None,
                min_snapshots_to_keep=None,
            )
        elif known is None:
            continue
        change = Change(table)
        change._apply((update,))
        changes.append(TableCommit(name, table, change.updates, table.io))
    if changes:
        catalog.commit(at_one_time(changes, {}), {})
