"""A table's columns, partitions and order in Iceberg's own objects, and how they follow a changed query.

Columns keep their ids as long as their type only widens; everything is optional, because engines write it so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema as IcebergSchema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.sorting import NullOrder, SortDirection, SortField, SortOrder
from pyiceberg.transforms import IdentityTransform, parse_transform
from pyiceberg.types import (
    DecimalType,
    FixedType,
    IcebergType,
    ListType,
    MapType,
    NestedField,
    StructType,
)

from lakeorch.errors import LakeorchError
from lakeorch.model import Column, Field, Schema
from lakeorch.types import Transform, Type, parse_type, widens
from lakeorch.types import parse_transform as read_transform

_FIRST_PARTITION_ID = 1000

_Kind = TypeVar("_Kind", bound=IcebergType)


# ---- types -----------------------------------------------------------------------------------------------------


def from_iceberg(type: IcebergType) -> Type:
    """An Iceberg type as a value; a type that has no word here keeps Iceberg's own."""
    if isinstance(type, DecimalType):
        return Type("decimal", (type.precision, type.scale))
    if isinstance(type, FixedType):
        return Type("fixed", (len(type),))
    if isinstance(type, ListType):
        return Type("list", members=(("element", from_iceberg(type.element_type)),))
    if isinstance(type, MapType):
        return Type("map", members=(("key", from_iceberg(type.key_type)), ("value", from_iceberg(type.value_type))))
    if isinstance(type, StructType):
        return Type("struct", members=tuple((f.name, from_iceberg(f.field_type)) for f in type.fields))
    return Type(str(type))


def to_iceberg(type: Type, ids: Iterator[int]) -> IcebergType:
    """A type with fresh ids for everything nested in it."""
    return _evolve(None, type, ids, full=True)


class _IncompatibleError(Exception):
    """The column's type cannot become the new one in place."""


def _evolve(old: IcebergType | None, new: Type, ids: Iterator[int], *, full: bool) -> IcebergType:
    members = tuple(type for _, type in new.members)
    if new.kind == "list":
        was_list = _as(ListType, old)
        id = was_list.element_id if was_list else next(ids)
        element = _evolve(was_list.element_type if was_list else None, members[0], ids, full=full)
        return ListType(id, element, element_required=False)
    if new.kind == "map":
        was_map = _as(MapType, old)
        if was_map and from_iceberg(was_map.key_type) != members[0]:
            raise _IncompatibleError
        key_id, value_id = (was_map.key_id, was_map.value_id) if was_map else (next(ids), next(ids))
        key = was_map.key_type if was_map else _evolve(None, members[0], ids, full=full)
        value = _evolve(was_map.value_type if was_map else None, members[1], ids, full=full)
        return MapType(key_id, key, value_id, value, value_required=False)
    if new.kind == "struct":
        was_struct = _as(StructType, old)
        return StructType(*_members(was_struct.fields if was_struct else (), new.members, ids, full=full))
    if old is None or widens(from_iceberg(old), new):
        return NestedField(0, "", str(new)).field_type
    raise _IncompatibleError


def _as(kind: type[_Kind], old: IcebergType | None) -> _Kind | None:
    if old is not None and not isinstance(old, kind):
        raise _IncompatibleError
    return old


def _members(
    old: Sequence[NestedField], new: Sequence[tuple[str, Type]], ids: Iterator[int], *, full: bool
) -> list[NestedField]:
    known = {field.name.lower(): field for field in old}
    found = []
    for name, type in new:
        was = known.pop(name.lower(), None)
        id = was.field_id if was else next(ids)
        found.append(NestedField(id, was.name if was else name, _evolve(was and was.field_type, type, ids, full=full)))
    return found if full else found + [_optional(field) for field in known.values()]


# ---- columns ---------------------------------------------------------------------------------------------------


def evolve(current: IcebergSchema | None, last_id: int, columns: Schema, name: str, *, full: bool) -> IcebergSchema:
    """The schema that a table needs for `columns`.

    Args:
        current: the table's schema, None for a new table.
        last_id: the highest column id the table ever gave out; new columns count on from it.
        columns: what the query yields, in order.
        name: of the table, for messages.
        full: columns that left the query go, and an incompatible type becomes a new column; otherwise columns
            that left stay, and an incompatible type is an error.

    Raises:
        LakeorchError: a column's type changed in a way that needs `--full`.
    """
    ids = count(last_id + 1)
    known = {field.name.lower(): field for field in (current.fields if current else ())}
    if full:
        kept: list[NestedField] = []
        found = [_column(column, known.get(column.name.lower()), ids, name, full=True) for column in columns]
    else:
        wanted = {column.name.lower(): column for column in columns}
        kept = [
            _column(wanted.pop(key), field, ids, name, full=False) if key in wanted else _optional(field)
            for key, field in known.items()
        ]
        found = [_column(column, None, ids, name, full=False) for column in wanted.values()]
    return IcebergSchema(*kept, *found)


def _column(column: Column, was: NestedField | None, ids: Iterator[int], table: str, *, full: bool) -> NestedField:
    type = parse_type(column.type)
    doc = column.description or None
    if was is not None:
        try:
            return NestedField(was.field_id, was.name, _evolve(was.field_type, type, ids, full=full), doc=doc)
        except _IncompatibleError:
            if not full:
                raise LakeorchError(
                    f"{table}: column {column.name} is {from_iceberg(was.field_type)} in the table and {type} in the "
                    "query: that type cannot change in place",
                    hint="cast it to the type in the table, or rebuild the table with --full",
                ) from None
    return NestedField(next(ids), was.name if was else column.name, to_iceberg(type, ids), doc=doc)


def _optional(field: NestedField) -> NestedField:
    return field.model_copy(update={"required": False}) if field.required else field


def with_docs(schema: IcebergSchema, docs: Mapping[str, str]) -> IcebergSchema:
    """The same columns with other docs; names match in any letter case, columns not named keep theirs."""
    wanted = {name.lower(): doc for name, doc in docs.items()}
    fields = [
        field.model_copy(update={"doc": wanted[field.name.lower()] or None}) if field.name.lower() in wanted else field
        for field in schema.fields
    ]
    return IcebergSchema(*fields, identifier_field_ids=schema.identifier_field_ids)


def columns_of(schema: IcebergSchema) -> Schema:
    """Names, types and docs as the rest of lakeorch sees them."""
    return tuple(Column(f.name, str(from_iceberg(f.field_type)), f.doc or "") for f in schema.fields)


def fields_of(schema: IcebergSchema) -> tuple[Field, ...]:
    """The columns with their ids."""
    return tuple(_field(f.field_id, f.name, f.field_type) for f in schema.fields)


def _field(id: int, name: str, type: IcebergType) -> Field:
    children: tuple[Field, ...] = ()
    if isinstance(type, ListType):
        children = (_field(type.element_id, "element", type.element_type),)
    elif isinstance(type, MapType):
        children = (_field(type.key_id, "key", type.key_type), _field(type.value_id, "value", type.value_type))
    elif isinstance(type, StructType):
        children = tuple(_field(f.field_id, f.name, f.field_type) for f in type.fields)
    return Field(id, name, str(from_iceberg(type)), children)


# ---- partitions and order --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """Partition fields that a table ever had: the same field must keep its id and name."""

    fields: tuple[PartitionField, ...] = ()
    last_id: int = _FIRST_PARTITION_ID - 1


def partition_spec(
    schema: IcebergSchema, transforms: Sequence[Transform], table: str, metadata: TableMetadata | None = None
) -> PartitionSpec:
    """The partition spec for `transforms` over `schema`, with the ids the table used before where it did.

    Raises:
        LakeorchError: an unknown column, a transform that does not fit its type, or `bucket`.
    """
    known = _Known()
    if metadata is not None:
        known = _Known(
            tuple(field for spec in metadata.partition_specs for field in spec.fields),
            metadata.last_partition_id or _FIRST_PARTITION_ID - 1,
        )
    ids = count(known.last_id + 1)
    return PartitionSpec(*(_partition_field(schema, transform, table, known, ids) for transform in transforms))


def _partition_field(
    schema: IcebergSchema, wanted: Transform, table: str, known: _Known, ids: Iterator[int]
) -> PartitionField:
    if wanted.kind == "bucket":
        raise LakeorchError(
            f"{table}: bucket partitions cannot be written yet",
            hint="partition by day(…), month(…), truncate(…) or the column itself; sort_by keeps like rows together",
        )
    column = next((field for field in schema.fields if field.name.lower() == wanted.column), None)
    if column is None:
        raise LakeorchError(f"{table}: partition_by names {wanted.column}, which is not a column of the query")
    transform = parse_transform(f"truncate[{wanted.width}]" if wanted.kind == "truncate" else wanted.kind)
    if not column.field_type.is_primitive or not transform.can_transform(column.field_type):
        raise LakeorchError(
            f"{table}: partition_by {wanted.kind} does not work on {column.name}, "
            f"which is {from_iceberg(column.field_type)}"
        )
    for field in known.fields:
        if field.source_id == column.field_id and field.transform == transform:
            return field
    suffix = {"identity": "", "truncate": f"_trunc_{wanted.width}"}.get(wanted.kind, f"_{wanted.kind}")
    name = column.name + suffix
    taken = {field.name for field in known.fields} | ({f.name for f in schema.fields} if suffix else set())
    id = next(ids)
    return PartitionField(column.field_id, id, transform, f"{name}_{id}" if name in taken else name)


def transforms_of(spec: PartitionSpec, schema: IcebergSchema, table: str) -> tuple[Transform, ...]:
    """A table's partition spec as transforms.

    Raises:
        LakeorchError: the table, made by another engine, is partitioned in a way that cannot be written here.
    """
    found = []
    for field in spec.fields:
        if str(field.transform) == "void":
            continue
        column = next((f.name for f in schema.fields if f.field_id == field.source_id), None)
        text = str(field.transform)
        try:
            if column is None or text.startswith("bucket"):
                raise ValueError(text)
            kind, _, width = text.rstrip("]").partition("[")
            read = f"{kind}({width}, {column})" if width else column if kind == "identity" else f"{kind}({column})"
            found.append(read_transform(read))
        except ValueError as error:
            raise LakeorchError(
                f"{table}: its partition {field.name} ({text}) cannot be written by lakeorch",
                hint="rebuild the table with --full and a partition_by of its own",
            ) from error
    return tuple(found)


def schema_behind(spec: PartitionSpec, metadata: TableMetadata) -> IcebergSchema | None:
    """The current schema, or else the newest, that has the columns a partition spec is made from; None where none has.

    Without one no manifest of files by that spec can be written.
    """
    sources = {field.source_id for field in spec.fields}
    schemas = (metadata.schema(), *reversed(metadata.schemas))
    return next((schema for schema in schemas if sources <= set(schema._lazy_id_to_field)), None)


def sort_order(schema: IcebergSchema, sort_by: Sequence[str]) -> SortOrder:
    """The sort order for `sort_by` (`column` or `column desc`); unsorted where it is not just columns."""
    fields = []
    for entry in sort_by:
        words = entry.lower().split()
        column = next((f for f in schema.fields if words and f.name.lower() == words[0]), None)
        if column is None or not column.field_type.is_primitive or words[1:] not in ([], ["asc"], ["desc"]):
            return SortOrder(order_id=0)
        down = words[1:] == ["desc"]
        fields.append(
            SortField(
                column.field_id,
                IdentityTransform(),
                SortDirection.DESC if down else SortDirection.ASC,
                NullOrder.NULLS_LAST,
            )
        )
    return SortOrder(*fields, order_id=1) if fields else SortOrder(order_id=0)
