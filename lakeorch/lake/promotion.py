"""Production's next metadata of a table that is promoted: an environment's content upon production's past.

Production must never show what the environment was at before: its log of `main` gets one entry, at the time of the
promotion, and every snapshot that comes with it carries that time. Their ids stay, so that what was built from them
still says so. What the environment does not decide (branches, tags, properties that are not lakeorch's) stays as
production has it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata, TableMetadataV1
from pyiceberg.table.refs import MAIN_BRANCH, SnapshotRef, SnapshotRefType
from pyiceberg.table.snapshots import Snapshot, SnapshotLogEntry, Summary
from pyiceberg.table.update import _update_table_metadata_log

from lakeorch.errors import ConflictError
from lakeorch.lake.published import CLONE, ENVIRONMENT, PROMOTION, SAME_AS
from lakeorch.lake.standing import UPKEEP

_OURS = "lakeorch."
_PLAIN = frozenset({"comment", "owner"})


def promoted(clone: Table, production: Table | None, run_id: str, when: int, *, moves: bool) -> TableMetadata:
    """The metadata that production's pointer is to get.

    Args:
        clone: the environment's table, which grew from production's data.
        production: production's table now, which may have moved in metadata alone; None where it has none.
        run_id: of the promotion.
        when: its time, milliseconds since 1970 UTC; later than both tables' last.
        moves: whether the environment's rows are others. Where they are not, production's own files are as good: it
            may have been compacted since.

    Raises:
        ConflictError: production's partitions or sort orders were changed meanwhile.
    """
    content, said = clone.metadata, {PROMOTION: run_id}
    if production is None:
        return _new(content, said, when)
    before = production.metadata
    schemas, ids = _schemas(before, content)
    known = {snapshot.snapshot_id for snapshot in before.snapshots}
    new = [snapshot for snapshot in _made(content) if snapshot.snapshot_id not in known]
    head = content.current_snapshot_id if moves else before.current_snapshot_id
    snapshots = [*before.snapshots, *(_restamped(snapshot, when, said, ids) for snapshot in new)]
    update: dict[str, Any] = {
        "schemas": schemas,
        "current_schema_id": ids[content.current_schema_id],
        "last_column_id": max(before.last_column_id, content.last_column_id),
        "partition_specs": _united(clone, before.partition_specs, content.partition_specs, "spec_id"),
        "default_spec_id": content.default_spec_id,
        "last_partition_id": max(before.last_partition_id or 0, content.last_partition_id or 0),
        "sort_orders": _united(clone, before.sort_orders, content.sort_orders, "order_id"),
        "default_sort_order_id": content.default_sort_order_id,
        "snapshots": snapshots,
        "current_snapshot_id": head,
        "snapshot_log": _moved(before.snapshot_log, head, when) if moves else before.snapshot_log,
        "refs": _refs(before.refs, content, {s.snapshot_id for s in snapshots}) if moves else before.refs,
        "properties": _properties(before.properties, content.properties, said),
        "last_updated_ms": when,
    }
    if not isinstance(before, TableMetadataV1) and not isinstance(content, TableMetadataV1):
        update["last_sequence_number"] = max(before.last_sequence_number, content.last_sequence_number)
    metadata = before.model_copy(update=update)
    return _update_table_metadata_log(metadata, production.metadata_location, before.last_updated_ms)


def _new(content: TableMetadata, said: Mapping[str, str], when: int) -> TableMetadata:
    """Of a table that production has not."""
    kept = _line(content)
    update: dict[str, Any] = {
        "snapshots": [_restamped(snapshot, when, said, {}) for snapshot in kept],
        "snapshot_log": _moved([], content.current_snapshot_id, when),
        "metadata_log": [],
        "refs": _refs({}, content, {snapshot.snapshot_id for snapshot in kept}),
        "properties": _properties({}, content.properties, said),
        "last_updated_ms": when,
    }
    return content.model_copy(update=update)


def _line(metadata: TableMetadata) -> list[Snapshot]:
    """The snapshots of `main`, oldest first; rejected ones are on branches, and stay behind."""
    by_id = {snapshot.snapshot_id: snapshot for snapshot in metadata.snapshots}
    found: list[Snapshot] = []
    at = metadata.current_snapshot_id
    while at in by_id:
        found.insert(0, by_id.pop(at))
        at = found[0].parent_snapshot_id
    return found


def _made(metadata: TableMetadata) -> list[Snapshot]:
    """The snapshots at the end of `main` that the environment made; what is before them was production's."""
    line = _line(metadata)
    theirs = [at for at, snapshot in enumerate(line) if not _is_made(snapshot)]
    return line[theirs[-1] + 1 :] if theirs else line


def _is_made(snapshot: Snapshot) -> bool:
    said = snapshot.summary.additional_properties if snapshot.summary else {}
    return ENVIRONMENT in said and PROMOTION not in said


def _restamped(snapshot: Snapshot, when: int, said: Mapping[str, str], ids: Mapping[int, int]) -> Snapshot:
    summary = snapshot.summary
    if summary is not None:
        summary = Summary(summary.operation, **{**summary.additional_properties, **said})
    schema = snapshot.schema_id if snapshot.schema_id is None else ids.get(snapshot.schema_id, snapshot.schema_id)
    return snapshot.model_copy(update={"timestamp_ms": when, "summary": summary, "schema_id": schema})


def _moved(log: list[SnapshotLogEntry], head: int | None, when: int) -> list[SnapshotLogEntry]:
    return log if head is None else [*log, SnapshotLogEntry(snapshot_id=head, timestamp_ms=when)]


def _refs(before: Mapping[str, SnapshotRef], content: TableMetadata, kept: set[int]) -> dict[str, SnapshotRef]:
    """Production's branches and tags with `main` moved; a tag set in the environment comes along."""
    tags = {n: ref for n, ref in content.refs.items() if ref.snapshot_ref_type == SnapshotRefType.TAG}
    found = {name: ref for name, ref in tags.items() if ref.snapshot_id in kept} | dict(before)
    if content.current_snapshot_id is not None:
        old = before.get(MAIN_BRANCH) or content.refs[MAIN_BRANCH]
        found[MAIN_BRANCH] = old.model_copy(update={"snapshot_id": content.current_snapshot_id})
    return found


def _properties(before: Mapping[str, str], content: Mapping[str, str], said: Mapping[str, str]) -> dict[str, str]:
    """What lakeorch says of a table is the environment's, everything else production's."""
    found = {key: value for key, value in (before or content).items() if not _is_said(key)}
    found |= {key: value for key, value in content.items() if _is_said(key) and key != CLONE}
    if SAME_AS in found and found[SAME_AS] != before.get(SAME_AS):
        found[SAME_AS] = json.dumps({**json.loads(found[SAME_AS]), **said}, sort_keys=True)
    return found


def _is_said(key: str) -> bool:
    return (key.startswith(_OURS) and key not in UPKEEP) or key in _PLAIN


def _schemas(before: TableMetadata, content: TableMetadata) -> tuple[list[Schema], dict[int, int]]:
    """The schemas of both, and the ids that those of the environment have among them."""
    schemas, ids = list(before.schemas), {}
    for schema in content.schemas:
        known = [each for each in schemas if each == schema]
        same = next((each for each in known if each.schema_id == schema.schema_id), known[0] if known else None)
        if same is None:
            taken = {each.schema_id for each in schemas}
            id = schema.schema_id if schema.schema_id not in taken else max(taken) + 1
            same = schema.model_copy(update={"schema_id": id})
            schemas.append(same)
        ids[schema.schema_id] = same.schema_id
    return schemas, ids


def _united(clone: Table, before: list[Any], content: list[Any], key: str) -> list[Any]:
    """Partition specs or sort orders of both; manifests name them by id, so no id may mean two."""
    known = {getattr(each, key): each for each in before}
    for each in content:
        if known.setdefault(getattr(each, key), each) != each:
            raise ConflictError(
                ".".join(clone.name()),
                "its partitions or sort order were changed in production since the environment changed them too",
                hint="lakeorch env drop, then run in it again",
            )
    return list(known.values())
