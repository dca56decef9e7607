"""One open change of one table: updates collected in memory, never sent to the catalog from here.

pyiceberg's Transaction rebuilds and deep-copies the whole metadata each time it is looked at (some eighteen times an
append), and its overwrite keeps manifests without a live file for ever. This one applies each update once and drops
dead manifests.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Literal

from pyiceberg.catalog import MetastoreCatalog
from pyiceberg.manifest import (
    DataFile,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    ManifestWriter,
    write_manifest,
)
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata, TableMetadataUtil
from pyiceberg.table.refs import SnapshotRef
from pyiceberg.table.snapshots import Operation, SnapshotSummaryCollector, Summary, update_snapshot_summaries
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
    SetSnapshotRefUpdate,
    TableRequirement,
    TableUpdate,
    UpdatesAndRequirements,
    _apply_table_update,
    _TableMetadataUpdateContext,
    _update_table_metadata_log,
)
from pyiceberg.table.update.snapshot import _SnapshotProducer
from pyiceberg.typedef import EMPTY_DICT

from lakeorch.errors import MovedError
from lakeorch.lake.entries import MANIFEST_SIZE, has_files, live_entries, small_manifests
from lakeorch.lake.manifests import Manifest
from lakeorch.lake.scan import plain

Mode = Literal["replace", "append", "rewrite"]

# Iceberg's own default, `commit.manifest.min-count-to-merge`
MERGE_AT = 100


@cache
def _nothing() -> TableMetadata:
    """The metadata of no table, which a new one grows from. Made once: pyiceberg takes milliseconds for it."""
    return MetastoreCatalog._empty_table_metadata()


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
    # A new table grows from an empty first-version metadata, whose parts were never validated together.
    return metadata if base is not None else TableMetadataUtil.parse_obj(metadata.model_dump())


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


class Files(_SnapshotProducer["Files"]):
    """Makes one snapshot out of data files: adds `added`, removes all (`replace`) or `removed` (`rewrite`).

    Args:
        change: the open change; its head is the parent.
        mode: how the table was materialised. Readers are told `append` where nothing is removed.
        added: files to add.
        removed: paths of live files to remove; only for `rewrite`.
        summary: properties of the snapshot.
        snapshot_id: to keep, on a replay; a fresh one otherwise.
        merge_at: so many small manifests are written as one.

    Raises:
        MovedError: a file to remove is not there: a compaction put another in its place.
    """

    def __init__(
        self,
        change: Change,
        mode: Mode,
        added: Sequence[DataFile],
        removed: Collection[str] = (),
        *,
        summary: Mapping[str, str],
        snapshot_id: int | None = None,
        merge_at: int = MERGE_AT,
    ) -> None:
        super().__init__(Operation.APPEND, change, change._table.io, snapshot_properties=dict(summary))
        if snapshot_id is not None:
            self._snapshot_id = snapshot_id
        self._added_data_files = list(added)
        self._mode = mode
        self._merge_at = merge_at
        self._kept: list[ManifestFile] = []
        self._rest: list[tuple[int, list[ManifestEntry]]] = []
        self._gone: list[ManifestEntry] = []
        self._plan({plain(path) for path in removed})
        if self._gone:
            self._operation = Operation.OVERWRITE

    def _plan(self, removed: set[str]) -> None:
        parent = self._transaction.table_metadata.snapshot_by_name(self._target_branch)
        for manifest in parent.manifests(self._io) if parent else ():
            if not has_files(manifest):
                continue
            if self._mode == "append" or (self._mode == "rewrite" and manifest.content != ManifestContent.DATA):
                self._kept.append(manifest)
                continue
            live = live_entries(self._io, manifest)
            gone = live if self._mode == "replace" else [e for e in live if _path(e) in removed]
            self._gone += gone
            if not gone:
                self._kept.append(manifest)
            elif len(gone) < len(live):
                stay = [e for e in live if _path(e) not in removed]
                self._rest.append((manifest.partition_spec_id, stay))
        missing = removed - {_path(entry) for entry in self._gone}
        if missing:
            name = ".".join(self._transaction._table.name())
            raise MovedError(name, f"{len(missing)} of its files were replaced meanwhile", hint="run again")

    def _existing_manifests(self) -> list[ManifestFile]:
        manifests = self._kept + [self._rewritten(spec_id, entries) for spec_id, entries in self._rest]
        small = small_manifests(manifests, self._merge_at)
        merged = set(small)
        return [m for m in manifests if m not in merged] + list(self._merged(small))

    def _merged(self, manifests: Sequence[ManifestFile]) -> Iterator[ManifestFile]:
        by_spec: dict[int, list[ManifestFile]] = {}
        for manifest in manifests:
            by_spec.setdefault(manifest.partition_spec_id, []).append(manifest)
        for spec_id, group in by_spec.items():
            batch: list[ManifestEntry] = []
            size = 0
            for manifest in group:
                batch += live_entries(self._io, manifest)
                size += manifest.manifest_length
                if size >= MANIFEST_SIZE:
                    yield self._rewritten(spec_id, batch)
                    batch, size = [], 0
            if batch:
                yield self._rewritten(spec_id, batch)

    def _rewritten(self, spec_id: int, entries: Sequence[ManifestEntry]) -> ManifestFile:
        with self.new_manifest_writer(self.spec(spec_id)) as writer:
            for entry in entries:
                writer.add_entry(self._entry(entry, ManifestEntryStatus.EXISTING, entry.snapshot_id))
        return writer.to_manifest_file()

    def _deleted_entries(self) -> list[ManifestEntry]:
        # Only data files can be told as deleted; a spec whose column is gone cannot be read back by every reader.
        ids = set(self.schema()._lazy_id_to_field)
        whole = {id for id, spec in self._transaction.table_metadata.specs().items() if _sources(spec) <= ids}
        return [
            self._entry(entry, ManifestEntryStatus.DELETED, self._snapshot_id)
            for entry in self._gone
            if entry.data_file.content.value == 0 and entry.data_file.spec_id in whole
        ]

    @staticmethod
    def _entry(entry: ManifestEntry, status: ManifestEntryStatus, snapshot_id: int | None) -> ManifestEntry:
        return ManifestEntry.from_args(
            status=status,
            snapshot_id=snapshot_id,
            sequence_number=entry.sequence_number,
            file_sequence_number=entry.file_sequence_number,
            data_file=entry.data_file,
        )

    def _commit(self) -> UpdatesAndRequirements:
        """As pyiceberg's, but the branch keeps the terms that somebody gave it."""
        updates, requirements = super()._commit()
        refs = self._transaction.table_metadata.refs
        return tuple(_with_terms(update, refs) for update in updates), requirements

    def _build_delete_files_partition_predicate(self) -> None:
        """Nothing to prune: `_plan` has read the manifests already."""

    def new_manifest_writer(self, spec: PartitionSpec) -> ManifestWriter:
        """A writer that knows the columns of `spec`, also where the current schema dropped one."""
        metadata = self._transaction.table_metadata
        schemas = [metadata.schema(), *reversed(metadata.schemas)]
        schema = next((s for s in schemas if _sources(spec) <= set(s._lazy_id_to_field)), metadata.schema())
        output = self.new_manifest_output()
        if metadata.format_version == 2:
            return Manifest(spec, schema, output, self._snapshot_id, self._compression)
        return write_manifest(metadata.format_version, spec, schema, output, self._snapshot_id, self._compression)

    def _summary(self, snapshot_properties: dict[str, str] = EMPTY_DICT) -> Summary:
        metadata = self._transaction.table_metadata
        counted = SnapshotSummaryCollector()
        for file in self._added_data_files:
            counted.add_file(file, metadata.schema(), metadata.spec())
        for entry in self._gone:
            counted.metrics.remove_file(entry.data_file)
        parent = metadata.snapshot_by_name(self._target_branch)
        summary = Summary(operation=self._operation, **counted.build(), **snapshot_properties)
        if self._mode != "replace":
            return update_snapshot_summaries(summary, parent.summary if parent else None)
        # After a replace the totals are what was added, whatever another engine did or did not count before.
        summary["total-data-files"] = str(len(self._added_data_files))
        summary["total-records"] = str(sum(file.record_count for file in self._added_data_files))
        summary["total-files-size"] = str(sum(file.file_size_in_bytes for file in self._added_data_files))
        for kind in ("total-delete-files", "total-position-deletes", "total-equality-deletes"):
            summary[kind] = "0"
        return summary


def _with_terms(update: TableUpdate, refs: Mapping[str, SnapshotRef]) -> TableUpdate:
    known = refs.get(update.ref_name) if isinstance(update, SetSnapshotRefUpdate) else None
    if known is None:
        return update
    terms = ("max_ref_age_ms", "max_snapshot_age_ms", "min_snapshots_to_keep")
    return update.model_copy(update={term: getattr(known, term) for term in terms})


def _path(entry: ManifestEntry) -> str:
    return plain(entry.data_file.file_path)


def _sources(spec: PartitionSpec) -> set[int]:
    return {field.source_id for field in spec.fields}
