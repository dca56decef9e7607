"""Changes of tables that no reader sees yet: `Draft` while open, `Staged` when finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile, ManifestEntryStatus
from pyiceberg.schema import Schema
from pyiceberg.table import CommitTableRequest, Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot, Summary
from pyiceberg.table.update import AddSchemaUpdate, AddSnapshotUpdate, SetCurrentSchemaUpdate, TableUpdate

from lakeorch.lake.change import Change
from lakeorch.lake.entries import read_entries
from lakeorch.lake.footer import data_file, fields_in
from lakeorch.lake.scan import Scan, rows_of, scan_files, scan_of
from lakeorch.model import Field
from lakeorch.types import Transform

Mode = Literal["replace", "append", "rewrite"]
Kind = Literal["replace", "append", "rewrite", "amend"]


@dataclass(frozen=True, slots=True)
class Stand:
    """What a change was made on: it can be published as it is while the table still stands there.

    Attributes:
        location: of the metadata file; None for a new table.
        snapshot_id: the newest data snapshot of `main`.
        last_column_id: the highest column id given out.
    """

    location: str | None
    uuid: str
    snapshot_id: int | None
    schema_id: int
    spec_id: int
    last_column_id: int


@dataclass(eq=False)
class Draft:
    """An open, unpublished change of one table.

    Attributes:
        fields: the table's columns with ids as they would be: what the caller writes, by these names.
        directory: where data files go; a plain path on local disk, a URL in an object store.
        base_snapshot_id: the table's newest data snapshot (as `Published.snapshot_id`), None when it has none.
        is_new: the table is not in the catalog yet.
        partition_by: the transforms of the partition spec that the files must follow.
        change, stand: the open change itself, and what it is made on; the lake's own business.
        measured: files whose footers were read already.
    """

    name: str
    fields: tuple[Field, ...]
    directory: str
    base_snapshot_id: int | None
    is_new: bool
    partition_by: tuple[Transform, ...]
    change: Change = field(repr=False)
    stand: Stand = field(repr=False)
    measured: dict[str, DataFile] = field(default_factory=dict, repr=False)

    @property
    def table(self) -> Table:
        """The table before the change."""
        return self.change.table

    @property
    def evolves(self) -> bool:
        """The table gets other columns than it has."""
        return fields_in(self.table.metadata.schema()) != fields_in(self.change.table_metadata.schema())

    def scan(self) -> Scan:
        """The table's rows before the change (no files for a new table)."""
        metadata = self.table.metadata
        return scan_of(self.name, self.table.io, metadata, metadata.schema(), metadata.current_snapshot())

    def measure(self, paths: Sequence[str]) -> list[DataFile]:
        """What the footers of new files say; each is read once."""
        for path in paths:
            if path not in self.measured:
                self.measured[path] = data_file(self.table.io, self.change.table_metadata, path)
        return [self.measured[path] for path in paths]


@dataclass(eq=False)
class Staged:
    """A finished change of one table, published by nobody yet: one Iceberg commit request.

    Attributes:
        key: of its record.
        snapshot_id: the snapshot it adds; None where only metadata changes.
        rows, bytes: of the files it adds.
        kind: how the table was materialised. Replaying goes by this and not by the snapshot's operation.
        stand: what it was made on.
        request: the commit request; the verdict is stamped into it when the step is recorded.
        before: the table's metadata it was made on; for a new table as it would be created.
        io: access to its files.
        recalled: it comes from a record that an earlier run left.
        files: the files of the table as it would be, where they are known without reading its manifests.
    """

    name: str
    key: str
    snapshot_id: int | None
    rows: int
    bytes: int
    kind: Kind
    stand: Stand
    request: CommitTableRequest = field(repr=False)
    before: TableMetadata = field(repr=False)
    io: FileIO = field(repr=False)
    recalled: bool = False
    files: tuple[DataFile, ...] | None = field(default=None, repr=False)

    @property
    def writes_data(self) -> bool:
        """It adds a snapshot."""
        return self.snapshot_id is not None

    @property
    def is_new(self) -> bool:
        """It creates the table."""
        return self.stand.location is None

    @property
    def snapshot(self) -> Snapshot | None:
        """The snapshot it adds."""
        added = (u.snapshot for u in self.request.updates if isinstance(u, AddSnapshotUpdate))
        return next(added, None)

    @property
    def schema(self) -> Schema:
        """The table's columns as they would be."""
        schemas = {s.schema_id: s for s in self.before.schemas}
        current = self.before.current_schema_id
        for change in self.request.updates:
            if isinstance(change, AddSchemaUpdate):
                schemas[change.schema_.schema_id] = change.schema_
            elif isinstance(change, SetCurrentSchemaUpdate):
                current = change.schema_id
        return schemas[current]

    def scan(self) -> Scan:
        """The rows of the table as it would be."""
        snapshot = self.snapshot or self.before.current_snapshot()
        if self.files is not None:
            read = partial(rows_of, self.io, self.before, self.schema, snapshot)
            return scan_files(self.name, self.schema, self.files, has_deletes=False, read=read)
        return scan_of(self.name, self.io, self.before, self.schema, snapshot)

    def added(self) -> Scan:
        """Only the files this change adds."""
        files, _ = self.own_files()
        return scan_files(self.name, self.schema, files, has_deletes=False, read=self.scan().read)

    def own_files(self) -> tuple[list[DataFile], list[str]]:
        """Files that the staged snapshot adds, and paths of those it removes: its own manifests tell."""
        added: list[DataFile] = []
        removed: list[str] = []
        snapshot = self.snapshot
        for manifest in snapshot.manifests(self.io) if snapshot else ():
            if manifest.added_snapshot_id != self.snapshot_id:
                continue
            for entry in read_entries(self.io, manifest):
                if entry.status == ManifestEntryStatus.ADDED:
                    added.append(entry.data_file)
                elif entry.status == ManifestEntryStatus.DELETED:
                    removed.append(entry.data_file.file_path)
        return added, removed


def stamped(
    updates: Sequence[TableUpdate], *, summary: Mapping[str, str], timestamp_ms: int | None = None
) -> tuple[TableUpdate, ...]:
    """The same updates with more said in the snapshot's summary, and another time.

    The summary lives in the metadata file only, never in manifests, so it may be written last.
    """
    return tuple(_stamp(u, summary, timestamp_ms) if isinstance(u, AddSnapshotUpdate) else u for u in updates)


def _stamp(update: AddSnapshotUpdate, summary: Mapping[str, str], timestamp_ms: int | None) -> AddSnapshotUpdate:
    snapshot = update.snapshot
    said = snapshot.summary
    if said is not None:
        said = Summary(said.operation, **{**said.additional_properties, **summary})
    when = snapshot.timestamp_ms if timestamp_ms is None else timestamp_ms
    return AddSnapshotUpdate(snapshot=snapshot.model_copy(update={"summary": said, "timestamp_ms": when}))
