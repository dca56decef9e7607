"""From a query's columns to a draft, from a draft and its files to a staged change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyiceberg.table import Table

from lakeorch.errors import ConflictError, LakeorchError, MovedError
from lakeorch.lake.change import Change, apply
from lakeorch.lake.creation import creation, request_of
from lakeorch.lake.port import Catalog
from lakeorch.lake.published import SAME_AS
from lakeorch.lake.records import Kept
from lakeorch.lake.replay import check_fits, is_made_empty, stand_of
from lakeorch.lake.scan import live, plain
from lakeorch.lake.schema import evolve, fields_of, partition_spec, sort_order, transforms_of, with_docs
from lakeorch.lake.snapshot import Files
from lakeorch.lake.staged import Draft, Mode, Staged, Stand
from lakeorch.model import Schema
from lakeorch.types import Transform


def new_draft(
    catalog: Catalog,
    name: str,
    location: str,
    columns: Schema,
    partition_by: Sequence[Transform],
    sort_by: Sequence[str],
) -> Draft:
    """A draft of a table that is not there yet. Raises LakeorchError for a partition that cannot be written."""
    schema = evolve(None, 0, columns, name, full=True)
    spec = partition_spec(schema, partition_by, name)
    updates = creation(location, schema, spec, sort_order(schema, sort_by))
    table = catalog.unborn(name, apply(None, updates))
    stand = Stand(None, str(table.metadata.table_uuid), None, schema.schema_id, spec.spec_id, 0)
    return _draft(name, Change(table, updates), stand)


def next_draft(
    catalog: Catalog,
    name: str,
    pointer: str,
    columns: Schema,
    partition_by: Sequence[Transform],
    sort_by: Sequence[str],
    *,
    full: bool,
) -> Draft:
    """A draft of a table as it stands at `pointer`. Raises LakeorchError as `Lake.draft` says."""
    table = catalog.table(name, pointer)
    stand = stand_of(catalog.published({name: pointer})[name], table)
    change = Change(table)
    metadata = table.metadata
    schema = evolve(metadata.schema(), metadata.last_column_id, columns, name, full=full)
    change.set_schema(schema)
    if full:
        change.set_spec(partition_spec(schema, partition_by, name, metadata))
        change.set_order(sort_order(schema, sort_by))
    return _draft(name, change, stand)


def _draft(name: str, change: Change, stand: Stand) -> Draft:
    metadata = change.table_metadata
    return Draft(
        name=name,
        fields=fields_of(metadata.schema()),
        directory=plain(change.table.location_provider().data_path),
        base_snapshot_id=stand.snapshot_id,
        is_new=stand.location is None,
        partition_by=transforms_of(metadata.spec(), metadata.schema(), name),
        change=change,
        stand=stand,
    )


def finished(
    draft: Draft,
    paths: Sequence[str],
    mode: Mode,
    removed: Sequence[str],
    summary: Mapping[str, str],
    properties: Mapping[str, str | None],
    key: str,
) -> Staged:
    """The draft with its files as one snapshot; see `Lake.stage`."""
    change = draft.change
    files = draft.measure(paths)
    # What was said of an older snapshot holds no more.
    change.set_values({**properties, SAME_AS: None})
    producer = Files(change, mode, files, removed, summary=summary)
    producer.commit()
    return Staged(
        name=draft.name,
        key=key,
        snapshot_id=producer.snapshot_id,
        rows=sum(file.record_count for file in files),
        bytes=sum(file.file_size_in_bytes for file in files),
        kind=mode,
        stand=draft.stand,
        request=request_of(change),
        before=change.table.metadata,
        io=change.table.io,
        files=tuple(files) if mode == "replace" or draft.is_new else None,
    )


def amended(
    catalog: Catalog,
    name: str,
    snapshot_id: int | None,
    properties: Mapping[str, str | None],
    docs: Mapping[str, str] | None,
    key: str,
) -> Staged:
    """A change of metadata alone; see `Lake.amend`."""
    pointer = catalog.pointer(name)
    if pointer is None:
        raise LakeorchError(f"there is no table {name}")
    published = catalog.published({name: pointer})[name]
    if published.snapshot_id != snapshot_id:
        found = () if published.snapshot_id is None else (published.snapshot_id,)
        raise MovedError(name, f"it is at snapshot {published.snapshot_id}, not {snapshot_id}", snapshots=found)
    table = catalog.table(name, pointer)
    change = Change(table)
    change.set_values(properties)
    if docs is not None:
        change.set_schema(with_docs(table.metadata.schema(), docs))
    stand, request = stand_of(published, table), request_of(change)
    return Staged(name, key, None, 0, 0, "amend", stand, request, table.metadata, table.io)


def revived(catalog: Catalog, kept: Kept) -> Staged | None:
    """A staged change out of its record, None where it fits the table no more or its files are gone."""
    pointer = catalog.pointer(kept.name)
    if pointer is not None and is_made_empty(kept.stand, catalog.table(kept.name, pointer)):
        pointer = None
    if (pointer is None) != (kept.stand.location is None):
        return None
    if pointer is None:
        table = catalog.unborn(kept.name, apply(None, kept.request.updates))
    else:
        table = catalog.table(kept.name, pointer)
    staged = Staged(
        kept.name,
        kept.key,
        kept.snapshot_id,
        kept.rows,
        kept.bytes,
        kept.kind,
        kept.stand,
        kept.request,
        table.metadata,
        table.io,
        recalled=True,
    )
    if pointer is not None:
        published = catalog.published({kept.name: pointer})[kept.name]
        if published.snapshot_id != kept.stand.snapshot_id:
            return None
        try:
            check_fits(staged, published, table)
        except ConflictError:
            return None
    if not _there(staged):
        return None
    return staged if pointer == kept.stand.location or _removable(staged, table) else None


def _removable(staged: Staged, table: Table) -> bool:
    """Whether the files that a recorded change takes away are still the table's: a compaction may have been there."""
    if staged.kind != "rewrite":
        return True
    files = {plain(entry.data_file.file_path) for entry in live(table.io, table.metadata.current_snapshot())}
    return files >= {plain(path) for path in staged.own_files()[1]}


def _there(staged: Staged) -> bool:
    """Whether the files of a recorded change are still in the warehouse, and whole.

    A power cut can leave the record without what it names: either may reach the disk first.
    """
    try:
        added, _ = staged.own_files()
        if sum(file.file_size_in_bytes for file in added) != staged.bytes:
            return False
        return all(len(staged.io.new_input(file.file_path)) == file.file_size_in_bytes for file in added)
    except FileNotFoundError:
        return False
    except OSError:
        raise
    except Exception:
        # A torn manifest fails in many ways: as text, as a number, while it is decompressed.
        return False
