"""One open change of one table: updates collected in memory, never sent to the catalog from here.

pyiceberg's Transaction rebuilds and deep-copies the whole metadata each time it is looked at (some eighteen times an
append). This one applies each update once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cache

from pyiceberg.catalog import MetastoreCatalog
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil
from pyiceberg.table.sorting import SortOrder
from pyiceberg.table.update import (
    AddPartitionSpecUpdate,
    AddSchemaUpdate,
    AddSortOrderUpdate,
    AssertCurrentSchemaId,
    AssertDefaultSpecId,
    RemovePropertiesUpdate,
    SetCurrentSchemaUpdate,
    SetDefaultSortOrderUpdate,
    SetDefaultSpecUpdate,
    SetPropertiesUpdate,
    TableRequirement,
    TableUpdate,
    _apply_table_update,
    _TableMetadataUpdateContext,
    _update_table_metadata_log,
)


@cache
def _nothing() -> TableMetadata:
    """The metadata of no table, which a new one grows from. Made once: pyiceberg takes milliseconds for it.

    It is of the format version that lakeorch makes tables in, for an upgrade of each takes as long as all else.
    """
    first = MetastoreCatalog._empty_table_metadata()
    return TableMetadataUtil._construct_without_validation(first.model_copy(update={"format_version": 2}))


def apply(base: TableMetadata | None, updates: Sequence[TableUpdate], previous: str | None = None) -> TableMetadata:
    """The metadata with `updates` applied; shares what did not change with `base`, which stays as it was.

    Args:
        base: the table's metadata, None for a new table.
        updates: in order.
        previous: the location of `base`, which then goes into the metadata log.
    """
    seen = _TableMetadataUpdateContext()
    start = base if base is not None else _nothing().model_copy(update={"last_updated_ms": int(time.time() * 1000)})
    metadata = start
    for update in updates:
        metadata = _apply_table_update(update, metadata, seen)
    if previous is not None and seen.has_changes():
        metadata = _update_table_metadata_log(metadata, previous, start.last_updated_ms)
        if metadata.last_updated_ms == start.last_updated_ms:
            now = max(int(time.time() * 1000), start.last_updated_ms + 1)
            metadata = metadata.model_copy(update={"last_updated_ms": now})
    metadata.spec().check_compatible(metadata.schema())
    metadata.sort_order().check_compatible(metadata.schema())
    # A new table grows from metadata without anything in it, whose parts were never validated together.
    return metadata if base is not None else type(metadata)(**dict(metadata))


class Change(Transaction):
    """A transaction that applies each update once and commits nothing by itself.

    Args:
        table: the table as it is now; for a new table as `creation` makes it.
        creation: the updates that make a new table; empty for an existing one.
    """

    def __init__(self, table: Table, creation: tuple[TableUpdate, ...] = ()) -> None:
        super().__init__(table, autocommit=False)
        self.creation = creation
        self._metadata = table.metadata
        self._applied = 0
        self._seen = _TableMetadataUpdateContext()

    @property
    def table_metadata(self) -> TableMetadata:
        """The table's metadata with every update so far."""
        for update in self._updates[self._applied :]:
            self._metadata = _apply_table_update(update, self._metadata, self._seen)
        self._applied = len(self._updates)
        return self._metadata

    @property
    def table(self) -> Table:
        """The table before the change."""
        return self._table

    @property
    def requirements(self) -> tuple[TableRequirement, ...]:
        """What must still hold of the table when the change is committed."""
        return self._requirements

    @property
    def updates(self) -> tuple[TableUpdate, ...]:
        """All updates, those that create the table included."""
        return self.creation + self._updates

    def set_schema(self, schema: Schema) -> None:
        """Makes `schema` current, under the id it already has in the table or the next free one."""
        now = self.table_metadata
        if schema == now.schema():
            return
        guard = (AssertCurrentSchemaId(current_schema_id=now.current_schema_id),)
        known = next((s.schema_id for s in now.schemas if s == schema), None)
        if known is not None:
            self._apply((SetCurrentSchemaUpdate(schema_id=known),), guard)
            return
        id = max(s.schema_id for s in now.schemas) + 1
        added = schema.model_copy(update={"schema_id": id})
        self._apply((AddSchemaUpdate(schema_=added), SetCurrentSchemaUpdate(schema_id=id)), guard)

    def set_spec(self, spec: PartitionSpec) -> None:
        """Makes `spec` the default, under the id it already has in the table or the next free one."""
        now = self.table_metadata
        if spec.compatible_with(now.spec()):
            return
        guard = (AssertDefaultSpecId(default_spec_id=now.default_spec_id),)
        known = next((s.spec_id for s in now.partition_specs if spec.compatible_with(s)), None)
        if known is not None:
            self._apply((SetDefaultSpecUpdate(spec_id=known),), guard)
            return
        id = max(s.spec_id for s in now.partition_specs) + 1
        added = PartitionSpec(*spec.fields, spec_id=id)
        self._apply((AddPartitionSpecUpdate(spec=added), SetDefaultSpecUpdate(spec_id=id)), guard)

    def set_order(self, order: SortOrder) -> None:
        """Makes `order` the default sort order, under the id it already has in the table or the next free one."""
        now = self.table_metadata
        if order.fields == now.sort_order().fields:
            return
        known = next((o.order_id for o in now.sort_orders if o.fields == order.fields), None)
        if known is not None:
            self._apply((SetDefaultSortOrderUpdate(sort_order_id=known),))
            return
        id = max(o.order_id for o in now.sort_orders) + 1 if order.fields else 0
        added = SortOrder(*order.fields, order_id=id)
        self._apply((AddSortOrderUpdate(sort_order=added), SetDefaultSortOrderUpdate(sort_order_id=id)))

    def set_values(self, properties: Mapping[str, str | None]) -> None:
        """Sets table properties; None, or a text that says nothing, removes. Only what differs becomes an update."""
        now = self.table_metadata.properties
        changed = {key: value for key, value in properties.items() if value and now.get(key) != value}
        gone = sorted(key for key, value in properties.items() if not value and key in now)
        if changed:
            self._apply((SetPropertiesUpdate(updates=changed),))
        if gone:
            self._apply((RemovePropertiesUpdate(removals=gone),))
