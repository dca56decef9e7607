"""Whether a staged change still fits its table, and the same change made again on a table that moved."""

from __future__ import annotations

from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.sorting import SortOrder
from pyiceberg.table.update import (
    AddPartitionSpecUpdate,
    AddSortOrderUpdate,
    RemovePropertiesUpdate,
    RemoveSnapshotsUpdate,
    SetDefaultSortOrderUpdate,
    SetDefaultSpecUpdate,
    SetPropertiesUpdate,
    TableUpdate,
)

from lakeorch.errors import ConflictError, MovedError
from lakeorch.lake.change import Change
from lakeorch.lake.schema import fields_of
from lakeorch.lake.snapshot import Files
from lakeorch.lake.staged import Staged, Stand
from lakeorch.model import Field, Published

_OURS = "lakeorch."


def stand_of(published: Published, table: Table) -> Stand:
    """Where a table stands now."""
    metadata = table.metadata
    return Stand(
        location=table.metadata_location,
        uuid=str(metadata.table_uuid),
        snapshot_id=published.snapshot_id,
        schema_id=metadata.current_schema_id,
        spec_id=metadata.default_spec_id,
        last_column_id=metadata.last_column_id,
    )


def is_made_empty(stand: Stand, table: Table) -> bool:
    """Whether this is the very table that a change makes, without its rows: some catalogs make it in two steps."""
    metadata = table.metadata
    return stand.location is None and str(metadata.table_uuid) == stand.uuid and metadata.current_snapshot_id is None


def check_fits(staged: Staged, published: Published, table: Table) -> None:
    """Whether `staged` may be made on the table as it is now.

    Raises:
        MovedError: another run was faster, or columns or partitions changed: planning again resolves it.
        ConflictError: a foreign writer's data would be dropped, or `main` was rolled back.
    """
    stand, now, name = staged.stand, stand_of(published, table), staged.name
    if staged.is_new:
        # without rows it may be another run's, whose catalog makes a table first and fills it then
        if not published.history or published.history != published.foreign:
            raise MovedError(name, "another run created the table", snapshots=published.history[:1])
        raise ConflictError(
            name, "another writer created the table", snapshots=published.history, hint="drop it, or rename the model"
        )
    if now.uuid != stand.uuid:
        raise ConflictError(name, "the table was dropped and created again", hint="run again to build on the new one")
    if stand.snapshot_id is not None and stand.snapshot_id not in published.history:
        raise ConflictError(
            name,
            f"main was rolled back behind snapshot {stand.snapshot_id}, or its history expired",
            hint="run again to build on what is there now",
        )
    _check_data(staged, published)
    same_columns = now.schema_id == stand.schema_id or table.schema() == staged.schema
    if not same_columns or now.spec_id != stand.spec_id:
        raise MovedError(name, "its columns or partitions were changed meanwhile")
    if clashes(staged.schema, stand.last_column_id, table):
        raise MovedError(name, "its new columns' ids were given to other columns meanwhile")


def _check_data(staged: Staged, published: Published) -> None:
    base = staged.stand.snapshot_id
    history = published.history
    newer = history if base is None else history[: history.index(base)]
    if set(newer) - set(published.foreign):
        raise MovedError(staged.name, "another run published it meanwhile", snapshots=newer)
    if newer and staged.kind != "append":
        listed = ", ".join(str(id) for id in newer)
        raise ConflictError(
            staged.name,
            f"another writer changed its data meanwhile (snapshot {listed})",
            snapshots=newer,
            hint="run again: the plan takes those snapshots into account",
        )


def clashes(schema: Schema, last_column_id: int, table: Table) -> bool:
    """Whether a column id that `schema` gave out first means another column in the table by now."""
    fresh = {id: what for id, what in _flat(fields_of(schema)) if id > last_column_id}
    known = [entry for other in table.metadata.schemas for entry in _flat(fields_of(other))]
    return any(id in fresh and fresh[id] != what for id, what in known)


def _flat(fields: tuple[Field, ...]) -> list[tuple[int, tuple[str, str]]]:
    own = [(field.id, (field.name, field.type)) for field in fields]
    return own + [entry for field in fields for entry in _flat(field.children)]


def replayed(staged: Staged, table: Table) -> tuple[TableUpdate, ...]:
    """The updates of `staged`, made again on the table's present head, with the same snapshot id.

    Sequence numbers and the ids of schemas, specs and orders may be taken by now, and manifests of the new head
    belong in the list; data files are used as they are.

    Raises:
        MovedError: a file that the change removes is gone.
    """
    change = Change(table)
    known = {snapshot.snapshot_id for snapshot in table.metadata.snapshots}
    if staged.snapshot_id in known:
        # A rejected step that passes now: the snapshot leaves its branch and is made again on main.
        change._apply((RemoveSnapshotsUpdate(snapshot_ids=[staged.snapshot_id]),))
    change.set_schema(staged.schema)
    spec, order, properties = _intent(staged)
    if spec is not None:
        change.set_spec(spec)
    if order is not None:
        change.set_order(order)
    change.set_values(properties)
    snapshot = staged.snapshot
    if snapshot is not None and staged.kind != "amend":
        added, removed = staged.own_files()
        for file in added:
            file.spec_id = change.table_metadata.default_spec_id
        said = snapshot.summary.additional_properties if snapshot.summary else {}
        Files(
            change,
            staged.kind,
            added,
            removed if staged.kind == "rewrite" else (),
            summary={key: value for key, value in said.items() if key.startswith(_OURS)},
            snapshot_id=staged.snapshot_id,
        ).commit()
    return change.updates


def _intent(staged: Staged) -> tuple[PartitionSpec | None, SortOrder | None, dict[str, str | None]]:
    specs = {spec.spec_id: spec for spec in staged.before.partition_specs}
    orders = {order.order_id: order for order in staged.before.sort_orders}
    spec: PartitionSpec | None = None
    order: SortOrder | None = None
    properties: dict[str, str | None] = {}
    for update in staged.request.updates:
        if isinstance(update, AddPartitionSpecUpdate):
            specs[update.spec.spec_id] = update.spec
        elif isinstance(update, SetDefaultSpecUpdate):
            spec = specs[update.spec_id]
        elif isinstance(update, AddSortOrderUpdate):
            orders[update.sort_order.order_id] = update.sort_order
        elif isinstance(update, SetDefaultSortOrderUpdate):
            order = orders[update.sort_order_id]
        elif isinstance(update, SetPropertiesUpdate):
            properties.update(update.updates)
        elif isinstance(update, RemovePropertiesUpdate):
            properties.update(dict.fromkeys(update.removals))
    return spec, order, properties
