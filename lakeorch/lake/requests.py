"""One table's part of a commit as the REST catalog's protocol has it: identifier, requirements, updates.

Requirements say what the updates were made on. A server checks them at the moment it commits; `fits` and `is_done` tell
the same from a table's metadata.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import CommitTableRequest, Namespace, TableIdentifier
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.refs import MAIN_BRANCH
from pyiceberg.table.update import (
    AddPartitionSpecUpdate,
    AddSchemaUpdate,
    AddSnapshotUpdate,
    AssertCreate,
    AssertCurrentSchemaId,
    AssertDefaultSortOrderId,
    AssertDefaultSpecId,
    AssertLastAssignedFieldId,
    AssertLastAssignedPartitionId,
    AssertRefSnapshotId,
    AssertTableUUID,
    AssignUUIDUpdate,
    RemovePropertiesUpdate,
    RemoveSnapshotRefUpdate,
    RemoveSnapshotsUpdate,
    SetCurrentSchemaUpdate,
    SetPropertiesUpdate,
    SetSnapshotRefUpdate,
    TableRequirement,
    TableUpdate,
)

from lakeorch.lake.port import TableCommit, identifier


def request_for(change: TableCommit) -> CommitTableRequest:
    """The request that commits a change."""
    if change.table is None:
        return _request(change.name, (AssertCreate(),), change.updates)
    metadata = change.table.metadata
    return _request(change.name, (*_standing(metadata), *_touched(metadata, change.updates)), change.updates)


def holding(name: str, metadata: TableMetadata) -> CommitTableRequest:
    """A request that changes nothing, and fails where `main` has moved."""
    return _request(name, _standing(metadata), ())


def name_of(request: CommitTableRequest) -> str:
    """The table that a request is about."""
    return ".".join((*request.identifier.namespace.root, request.identifier.name))


def is_new(request: CommitTableRequest) -> bool:
    """Whether a request makes its table."""
    return any(isinstance(requirement, AssertCreate) for requirement in request.requirements)


def without_rows(request: CommitTableRequest) -> CommitTableRequest:
    """A request that makes a table, up to its first snapshot."""
    return request.model_copy(update={"updates": request.updates[: _first_rows(request.updates)]})


def only_rows(updates: Sequence[TableUpdate]) -> tuple[TableUpdate, ...]:
    """What is left to do of a new table's updates once `without_rows` is done."""
    return tuple(updates[_first_rows(updates) :])


def body(request: CommitTableRequest) -> dict[str, Any]:
    """A request as JSON. A requirement names a missing snapshot as null, which a server may insist on."""
    document: dict[str, Any] = json.loads(request.model_dump_json(by_alias=True, exclude_none=True))
    asked = [requirement.model_dump(mode="json", by_alias=True) for requirement in request.requirements]
    return document | {"requirements": asked}


def fits(request: CommitTableRequest, metadata: TableMetadata | None) -> bool:
    """Whether a table (None: there is none) is as a request requires."""
    try:
        for requirement in request.requirements:
            requirement.validate(metadata)
    except CommitFailedException:
        return False
    return True


def is_done(request: CommitTableRequest, metadata: TableMetadata | None) -> bool:
    """Whether a table shows every update of a request; never for one without updates."""
    if metadata is None or not request.updates:
        return False
    added = {u.snapshot.snapshot_id for u in request.updates if isinstance(u, AddSnapshotUpdate)}
    return all(_shows(metadata, update, added) for update in request.updates)


def _first_rows(updates: Sequence[TableUpdate]) -> int:
    return next((i for i, update in enumerate(updates) if isinstance(update, AddSnapshotUpdate)), len(updates))


def _request(name: str, requirements: Sequence[TableRequirement], updates: Sequence[TableUpdate]) -> CommitTableRequest:
    *space, table = identifier(name)
    where = TableIdentifier(namespace=Namespace(space), name=table)
    return CommitTableRequest(identifier=where, requirements=tuple(requirements), updates=tuple(updates))


def _standing(metadata: TableMetadata) -> tuple[TableRequirement, ...]:
    return AssertTableUUID(uuid=metadata.table_uuid), _at(metadata, MAIN_BRANCH)


def _at(metadata: TableMetadata, ref: str) -> TableRequirement:
    there = metadata.refs.get(ref)
    return AssertRefSnapshotId(ref=ref, snapshot_id=there.snapshot_id if there else None)


def _touched(metadata: TableMetadata, updates: Sequence[TableUpdate]) -> list[TableRequirement]:
    """What besides `main` the updates rely on: other branches, and the ids that they give out."""
    refs = {u.ref_name for u in updates if isinstance(u, SetSnapshotRefUpdate | RemoveSnapshotRefUpdate)}
    found = [_at(metadata, ref) for ref in sorted(refs - {MAIN_BRANCH})]
    if any(isinstance(update, AddSchemaUpdate | SetCurrentSchemaUpdate | AddSnapshotUpdate) for update in updates):
        found.append(AssertCurrentSchemaId(current_schema_id=metadata.current_schema_id))
    if any(isinstance(update, AddSchemaUpdate) for update in updates):
        found.append(AssertLastAssignedFieldId(last_assigned_field_id=metadata.last_column_id))
    if any(isinstance(update, AddPartitionSpecUpdate | AddSnapshotUpdate) for update in updates):
        found.append(AssertDefaultSpecId(default_spec_id=metadata.default_spec_id))
        found.append(AssertLastAssignedPartitionId(last_assigned_partition_id=metadata.last_partition_id))
    if any(update.action.endswith("sort-order") for update in updates):
        found.append(AssertDefaultSortOrderId(default_sort_order_id=metadata.default_sort_order_id))
    return found


def _shows(metadata: TableMetadata, update: TableUpdate, added: set[int]) -> bool:
    match update:
        case AssignUUIDUpdate(uuid=uuid):
            return metadata.table_uuid == uuid
        case AddSnapshotUpdate(snapshot=snapshot):
            return metadata.snapshot_by_id(snapshot.snapshot_id) is not None
        case SetSnapshotRefUpdate(ref_name=ref, snapshot_id=id):
            return ref in metadata.refs and metadata.refs[ref].snapshot_id == id
        case RemoveSnapshotRefUpdate(ref_name=ref):
            return ref not in metadata.refs
        case RemoveSnapshotsUpdate(snapshot_ids=ids):
            # one that is removed and added again is there
            return all(metadata.snapshot_by_id(id) is None for id in ids if id not in added)
        case SetPropertiesUpdate(updates=said):
            return all(metadata.properties.get(key) == value for key, value in said.items())
        case RemovePropertiesUpdate(removals=gone):
            return not any(key in metadata.properties for key in gone)
        case SetCurrentSchemaUpdate(schema_id=id):
            return metadata.current_schema_id == id
    # what it adds is seen in what uses it
    return True
