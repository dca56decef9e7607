"""Compaction: many small files of a table become few, and many small manifests one, by a `replace` snapshot.

A file is small below half of the size that files should have. In each partition small files are taken from the smallest
up, for as long as the next is not more than four times as large as those taken together, and rewritten where there are
five: so every row is written again only as often as its surroundings have grown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pyiceberg.manifest import DataFile, ManifestContent
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation, Summary
from pyiceberg.table.sorting import SortDirection
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import EMPTY_DICT

from lakeorch.lake.change import Change
from lakeorch.lake.entries import has_files
from lakeorch.lake.published import RUN_ID
from lakeorch.lake.scan import Scan, live, plain, scan_files
from lakeorch.lake.schema import fields_of
from lakeorch.lake.snapshot import Files
from lakeorch.lake.standing import STANDS_FOR, Claim, claim_of, line_of, summary_of
from lakeorch.model import Field

MIN_FILES = 5
GROWTH = 4
MIN_MANIFESTS = 8
FILE_SIZE = 512 * 1024 * 1024
_TARGET = "write.target-file-size-bytes"
_OURS = "lakeorch."


@dataclass(frozen=True)
class Pack:
    """Small files of one partition, to be rewritten together.

    Attributes:
        name: of the table.
        scan: their rows.
        fields, sort_by: what the new files must have: columns with ids, the order of rows.
        directory: where they go.
        file_size: a new file is begun behind so many bytes, where there is no order.
    """

    name: str
    scan: Scan
    fields: tuple[Field, ...]
    sort_by: tuple[str, ...]
    directory: str
    file_size: int


@dataclass(frozen=True, slots=True)
class Repacked:
    """A pack that was rewritten: paths of the files that go, and of those that take their place."""

    removed: tuple[str, ...]
    added: tuple[str, ...] = field(default=())


def is_compactable(table: Table) -> bool:
    """Whether a table's files may be rewritten: lakeorch made its rows, and nobody deleted single ones of them."""
    head = next(iter(line_of(table.metadata)), None)
    if head is None:
        return False
    manifests = head.manifests(table.io)
    deletes = any(m.content == ManifestContent.DELETES and has_files(m) for m in manifests)
    return not deletes and _claim(table) is not None


def packs(table: Table) -> list[Pack]:
    """The small files of a table that pay to be rewritten; none where it may not be."""
    if not is_compactable(table):
        return []
    metadata = table.metadata
    size = file_size(table)
    groups: dict[tuple[object, ...], list[DataFile]] = {}
    for entry in live(table.io, metadata.current_snapshot()):
        file = entry.data_file
        if file.spec_id == metadata.default_spec_id and file.file_size_in_bytes < size // 2:
            groups.setdefault(tuple(file.partition._data), []).append(file)
    name = ".".join(table.name())
    schema = metadata.schema()
    orders = [f for f in metadata.sort_order().fields if isinstance(f.transform, IdentityTransform)]
    sort_by = tuple(
        schema.find_column_name(f.source_id) + (" desc" if f.direction == SortDirection.DESC else "")  # type: ignore[operator]
        for f in orders
    )
    directory = plain(table.location_provider().data_path)
    found = []
    for files in groups.values():
        if taken := worth(files):
            scan = scan_files(name, schema, taken, has_deletes=False, read=Scan("", ()).read)
            found.append(Pack(name, scan, fields_of(schema), sort_by, directory, size))
    return found


def file_size(table: Table) -> int:
    """The size in bytes that the files of a table should have."""
    try:
        return max(1, int(table.metadata.properties.get(_TARGET, FILE_SIZE)))
    except ValueError:
        return FILE_SIZE


def worth(files: Iterable[DataFile]) -> list[DataFile]:
    """Of the small files of a partition those that pay to be rewritten, see above; none where they are too few."""
    taken: list[DataFile] = []
    total = 0
    for file in sorted(files, key=lambda file: (file.file_size_in_bytes, file.file_path)):
        if taken and file.file_size_in_bytes > GROWTH * total:
            if len(taken) >= MIN_FILES:
                break
            # a few crumbs beside large files: look for a run of files that are alike further up
            taken, total = [], 0
        taken.append(file)
        total += file.file_size_in_bytes
    return taken if len(taken) >= MIN_FILES else []


def _claim(table: Table) -> tuple[Claim, Mapping[str, str]] | None:
    """For which version the next compaction stands, and the facts of that; None where the head is not lakeorch's."""
    above: set[int] = set()
    for snapshot in line_of(table.metadata):
        above.add(snapshot.snapshot_id)
        said = summary_of(snapshot)
        facts = {key: value for key, value in said.items() if key.startswith(_OURS) and key != STANDS_FOR}
        if claim := claim_of(said):
            return replace(claim, since=_since(table, above, claim)), facts
        if snapshot.summary is None or snapshot.summary.operation == Operation.REPLACE:
            continue
        if RUN_ID not in said:
            return None
        added, removed = (str(said.get(key) or 0) for key in ("added-records", "deleted-records"))
        operation = snapshot.summary.operation.value
        before = table.metadata.snapshot_by_id(snapshot.parent_snapshot_id or 0)
        stands = before and claim_of(summary_of(before))
        parent = stands.snapshot_id if stands else snapshot.parent_snapshot_id
        since = _since(table, above, None)
        return Claim(snapshot.snapshot_id, parent, snapshot.timestamp_ms, since, operation, added, removed), facts
    return None


def _since(table: Table, same: Collection[int], claim: Claim | None) -> int:
    """When `main` was moved to the rows that it shows; `same` are the snapshots that hold them."""
    log = table.metadata.snapshot_log
    others = [place for place, move in enumerate(log) if move.snapshot_id not in same]
    stay = log[others[-1] + 1 if others else 0 :]
    if not stay:
        return table.metadata.last_updated_ms
    began = stay[0]
    first = next(move for move in log if move.snapshot_id == began.snapshot_id)
    # what the claim says is of the time when that snapshot was made, and not of a later return to it
    return claim.since if claim is not None and first == began else began.timestamp_ms


class Rearranged(Files):
    """The snapshot of a compaction: files in place of others, small manifests in one; the rows are the same.

    Args:
        change: the open change; its head is the parent.
        added: files to add.
        removed: paths of live files to remove.
        snapshot_id: to keep over several attempts.

    Raises:
        ConflictError: a file to remove is not there.
        ValueError: the head is not one to compact.
    """

    def __init__(
        self, change: Change, added: Sequence[DataFile], removed: Collection[str], *, snapshot_id: int | None = None
    ) -> None:
        stands = _claim(change.table)
        if stands is None:
            raise ValueError("another writer's rows are not compacted")
        claim, facts = stands
        summary = {**facts, STANDS_FOR: claim.to_json()}
        super().__init__(
            change, "rewrite", added, removed, summary=summary, snapshot_id=snapshot_id, merge_at=MIN_MANIFESTS
        )
        self._operation = Operation.REPLACE

    def _summary(self, snapshot_properties: dict[str, str] = EMPTY_DICT) -> Summary:
        # the totals are counted as for an overwrite: pyiceberg knows no other operation that adds and removes
        self._operation = Operation.OVERWRITE
        counted = super()._summary(snapshot_properties)
        self._operation = Operation.REPLACE
        return Summary(Operation.REPLACE, **counted.additional_properties)
