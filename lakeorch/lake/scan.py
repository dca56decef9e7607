"""How to read one table at one state: which files, which columns by which ids."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import pyarrow as pa
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.manifest import DataFile, ManifestContent, ManifestEntry
from pyiceberg.schema import Schema
from pyiceberg.table import DataScan
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from lakeorch.lake.entries import has_files, live_entries
from lakeorch.lake.narrow import narrowed
from lakeorch.lake.schema import fields_of
from lakeorch.model import Field
from lakeorch.types import Condition


@dataclass(frozen=True, slots=True)
class Scan:
    """The files of one table at one state.

    Attributes:
        name: of the table.
        fields: its columns with ids at that state.
        paths: data files: plain paths on local disk, URLs in an object store.
        has_deletes: another engine left row-level deletes, so that `paths` alone would show deleted rows.
        rows: rows in `paths`, before row-level deletes.
        bytes: size of `paths`.
        read: how `to_arrow` gets the rows.
        meeting: which of the table's files may hold a row that meets conditions.
    """

    name: str
    fields: tuple[Field, ...]
    paths: tuple[str, ...] = ()
    has_deletes: bool = False
    rows: int = 0
    bytes: int = 0
    read: Callable[[], pa.Table] = field(default=lambda: pa.table({}), repr=False, compare=False)
    meeting: Callable[[Sequence[Condition]], list[DataFile]] | None = field(default=None, repr=False, compare=False)

    def to_arrow(self) -> pa.Table:
        """The rows with row-level deletes applied, in the table's own types.

        Raises:
            OSError: a file cannot be read.
            NotImplementedError: equality deletes, which pyiceberg does not read.
        """
        return self.read()

    def narrowed(self, where: Sequence[Condition]) -> Scan:
        """The same scan without files that hold no row which meets all of these, as far as that can be told."""
        if not where or self.meeting is None or self.has_deletes:
            return self
        files = {plain(file.file_path): file for file in self.meeting(where)}
        paths = tuple(path for path in self.paths if path in files)
        rows = sum(files[path].record_count for path in paths)
        return replace(self, paths=paths, rows=rows, bytes=sum(files[path].file_size_in_bytes for path in paths))


def plain(path: str) -> str:
    """A local file's path without the URL around it; other locations as they are."""
    for prefix in ("file://", "file:"):
        if path.startswith(prefix):
            return path[len(prefix) :]
    return path


def live(io: FileIO, snapshot: Snapshot | None) -> Iterator[ManifestEntry]:
    """The entries of all live files of a snapshot, row-level deletes included."""
    for manifest in snapshot.manifests(io) if snapshot else ():
        yield from live_entries(io, manifest)


def scan_of(
    name: str,
    io: FileIO,
    metadata: TableMetadata,
    schema: Schema,
    snapshot: Snapshot | None,
) -> Scan:
    """Plans a table: `snapshot` seen through `schema` (both may be staged only, and not in `metadata`)."""
    files = []
    has_deletes = False
    for manifest in snapshot.manifests(io) if snapshot else ():
        if not has_files(manifest):
            continue
        if manifest.content == ManifestContent.DELETES:
            has_deletes = True
            continue
        files += [entry.data_file for entry in live_entries(io, manifest)]

    def read() -> pa.Table:
        return rows_of(io, metadata, schema, snapshot)

    return scan_files(name, schema, files, has_deletes=has_deletes, read=read)


def scan_files(
    name: str, schema: Schema, files: Iterable[DataFile], *, has_deletes: bool, read: Callable[[], pa.Table]
) -> Scan:
    """A scan of just these files."""
    files = list(files)
    return Scan(
        name,
        fields_of(schema),
        tuple(plain(file.file_path) for file in files),
        has_deletes,
        sum(file.record_count for file in files),
        sum(file.file_size_in_bytes for file in files),
        read,
        partial(narrowed, files, schema),
    )


def rows_of(io: FileIO, metadata: TableMetadata, schema: Schema, snapshot: Snapshot | None) -> pa.Table:
    """The rows of a snapshot, seen through `schema`."""
    target = schema_to_pyarrow(schema, include_field_ids=False)
    if snapshot is None:
        return target.empty_table()
    seen = metadata.model_copy(
        update={
            "schemas": [*(s for s in metadata.schemas if s.schema_id != schema.schema_id), schema],
            "current_schema_id": schema.schema_id,
            "snapshots": [snapshot],
            "current_snapshot_id": snapshot.snapshot_id,
        }
    )
    return DataScan(table_metadata=seen, io=io).to_arrow().cast(target)
