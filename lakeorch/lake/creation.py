"""The updates that make a new table, and the commit request of a change."""

from __future__ import annotations

import uuid

from pyiceberg.partitioning import PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import CommitTableRequest, Namespace, TableIdentifier
from pyiceberg.table.sorting import SortOrder
from pyiceberg.table.update import (
    AddPartitionSpecUpdate,
    AddSchemaUpdate,
    AddSortOrderUpdate,
    AssertCreate,
    AssertTableUUID,
    AssignUUIDUpdate,
    SetCurrentSchemaUpdate,
    SetDefaultSortOrderUpdate,
    SetDefaultSpecUpdate,
    SetLocationUpdate,
    SetPropertiesUpdate,
    TableRequirement,
    TableUpdate,
    UpgradeFormatVersionUpdate,
)

from lakeorch.lake.change import Change

_FORMAT_VERSION = 2
_PROPERTIES = {"write.parquet.compression-codec": "zstd"}


def creation(location: str, schema: Schema, spec: PartitionSpec, order: SortOrder) -> tuple[TableUpdate, ...]:
    """Makes a table out of nothing."""
    return (
        AssignUUIDUpdate(uuid=uuid.uuid4()),
        UpgradeFormatVersionUpdate(format_version=_FORMAT_VERSION),
        AddSchemaUpdate(schema_=schema),
        SetCurrentSchemaUpdate(schema_id=schema.schema_id),
        AddPartitionSpecUpdate(spec=spec),
        SetDefaultSpecUpdate(spec_id=spec.spec_id),
        AddSortOrderUpdate(sort_order=order),
        SetDefaultSortOrderUpdate(sort_order_id=order.order_id),
        SetLocationUpdate(location=location),
        SetPropertiesUpdate(updates=_PROPERTIES),
    )


def request_of(change: Change) -> CommitTableRequest:
    """The change as the very body of a REST commit."""
    requirements: tuple[TableRequirement, ...] = (AssertCreate(),)
    if not change.creation:
        requirements = (AssertTableUUID(uuid=change.table.metadata.table_uuid), *change.requirements)
    *space, name = change.table.name()
    identifier = TableIdentifier(namespace=Namespace(space), name=name)
    return CommitTableRequest(identifier=identifier, requirements=requirements, updates=change.updates)
