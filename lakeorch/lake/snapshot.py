"""One snapshot of a table: its manifests, its manifest list, its summary.

pyiceberg's producer, but for three things: manifests without a live file are dropped, a branch keeps the terms that
somebody gave it, and small commits write their files in the thread they are in, in shapes that were worked out before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from pyiceberg.manifest import (
    DataFile,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    ManifestListWriter,
    ManifestWriter,
    write_manifest,
    write_manifest_list,
)
from pyiceberg.partitioning import PartitionSpec
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRefType
from pyiceberg.table.snapshots import Operation, Snapshot, SnapshotSummaryCollector, Summary, update_snapshot_summaries
from pyiceberg.table.update import AddSnapshotUpdate, AssertRefSnapshotId, SetSnapshotRefUpdate, UpdatesAndRequirements
from pyiceberg.table.update.snapshot import _SnapshotProducer
from pyiceberg.typedef import EMPTY_DICT

from lakeorch.errors import LakeorchError, MovedError
from lakeorch.lake.change import Change
from lakeorch.lake.entries import MANIFEST_SIZE, has_files, live_entries, small_manifests
from lakeorch.lake.manifests import Manifest, ManifestList
from lakeorch.lake.scan import plain
from lakeorch.lake.schema import schema_behind
from lakeorch.lake.staged import Mode

# Iceberg's own default, `commit.manifest.min-count-to-merge`
MERGE_AT = 100


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
        small = mergeable(self._transaction.table_metadata, manifests, self._merge_at)
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

    def _manifests(self) -> list[ManifestFile]:
        """As pyiceberg's; three hand-overs to other threads take longer than writing the only manifest of new files."""
        if self._gone:
            return super()._manifests()
        if not self._added_data_files:
            return self._existing_manifests()
        with self.new_manifest_writer(self._transaction.table_metadata.spec()) as writer:
            for file in self._added_data_files:
                writer.add_entry(
                    ManifestEntry.from_args(
                        status=ManifestEntryStatus.ADDED, snapshot_id=self._snapshot_id, data_file=file
                    )
                )
        return [writer.to_manifest_file(), *self._existing_manifests()]

    def _commit(self) -> UpdatesAndRequirements:
        """As pyiceberg's, but the branch keeps the terms that somebody gave it."""
        manifests = self._manifests()
        metadata = self._transaction.table_metadata
        known = metadata.refs.get(MAIN_BRANCH)
        with self._list_writer() as writer:
            writer.add_manifests(manifests)
        snapshot = Snapshot(
            snapshot_id=self._snapshot_id,
            parent_snapshot_id=self._parent_snapshot_id,
            manifest_list=self._written_manifest_lists[-1],
            sequence_number=metadata.next_sequence_number(),
            summary=self._summary(self.snapshot_properties),
            schema_id=metadata.current_schema_id,
        )
        head = SetSnapshotRefUpdate(
            ref_name=MAIN_BRANCH,
            type=SnapshotRefType.BRANCH,
            snapshot_id=self._snapshot_id,
            max_ref_age_ms=known and known.max_ref_age_ms,
            max_snapshot_age_ms=known and known.max_snapshot_age_ms,
            min_snapshots_to_keep=known and known.min_snapshots_to_keep,
        )
        stood = AssertRefSnapshotId(ref=MAIN_BRANCH, snapshot_id=known and known.snapshot_id)
        return (AddSnapshotUpdate(snapshot=snapshot), head), (stood,)

    def _list_writer(self) -> ManifestListWriter:
        metadata = self._transaction.table_metadata
        name = f"snap-{self._snapshot_id}-0-{self.commit_uuid}.avro"
        path = self._transaction._table.location_provider().new_metadata_location(name)
        self._written_manifest_lists.append(path)
        terms = (
            self._io.new_output(path),
            self._snapshot_id,
            self._parent_snapshot_id,
            metadata.next_sequence_number(),
            self._compression,
        )
        version = metadata.format_version
        return ManifestList(*terms) if version == 2 else write_manifest_list(version, *terms)

    def _build_delete_files_partition_predicate(self) -> None:
        """Nothing to prune: `_plan` has read the manifests already."""

    def new_manifest_writer(self, spec: PartitionSpec) -> ManifestWriter:
        """A writer that knows the columns of `spec`, also where the current schema dropped one.

        Raises:
            LakeorchError: no schema has them any more.
        """
        metadata = self._transaction.table_metadata
        schema = schema_behind(spec, metadata)
        if schema is None:
            name = ".".join(self._transaction._table.name())
            message = f"{name}: files are partitioned by a column that another program's clean-up has taken away"
            raise LakeorchError(message, hint="rebuild the table with --full")
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


def mergeable(metadata: TableMetadata, manifests: Sequence[ManifestFile], least: int) -> list[ManifestFile]:
    """The manifests that pay to be written as one and that can be, as `small_manifests`.

    Another program's clean-up can leave a partition spec without any schema that has its columns.
    """
    writable = {id for id, spec in metadata.specs().items() if schema_behind(spec, metadata) is not None}
    return small_manifests([m for m in manifests if m.partition_spec_id in writable], least)


def _path(entry: ManifestEntry) -> str:
    return plain(entry.data_file.file_path)


def _sources(spec: PartitionSpec) -> set[int]:
    return {field.source_id for field in spec.fields}
