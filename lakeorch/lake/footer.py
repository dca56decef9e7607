"""From the footer of a Parquet file to the entry that a manifest keeps of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io import FileIO
from pyiceberg.io.pyarrow import (
    StatisticsCollector,
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    parquet_path_to_id_mapping,
    pyarrow_to_schema,
)
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.schema import Schema, _check_schema_compatible
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.typedef import TableVersion
from pyiceberg.types import NestedField

from lakeorch.errors import LakeorchError

_FIELD_ID = b"PARQUET:field_id"
_METRICS = "write.metadata.metrics."


def data_file(io: FileIO, metadata: TableMetadata, path: str) -> DataFile:
    """Describes a file that was written for the current schema and partition spec of `metadata`.

    Raises:
        LakeorchError: the file has no field ids, other columns, or rows of more than one partition. Registered
            without field ids it would be unreadable; with a wrong partition, rows would go missing from queries.
    """
    source = io.new_input(path)
    try:
        with source.open() as stream:
            footer = pq.read_metadata(stream)
    except ValueError as error:
        raise LakeorchError(f"{path}: it is not a whole Parquet file: {error}") from error
    schema, spec = metadata.schema(), metadata.spec()
    terms = tuple(sorted((key, value) for key, value in metadata.properties.items() if key.startswith(_METRICS)))
    try:
        mapping, plan = _fit(schema.fields, _Columns.of(footer), terms, metadata.format_version)
        statistics = data_file_statistics_from_parquet_metadata(footer, plan, mapping)
        for field_id in _unbounded(footer, mapping):
            statistics.column_aggregates.pop(field_id, None)
        _need_bounds(spec.source_id_to_fields_map, statistics.column_aggregates, footer, mapping)
        partition = statistics.partition(spec, schema)
    except OverflowError as error:
        hint = "other engines could not read it: write NULL, or a day in between, instead of infinity"
        raise LakeorchError("a date or time lies outside of the years 1 to 9999", hint=hint) from error
    except (ValueError, KeyError) as error:
        raise LakeorchError(f"{path}: it does not fit the table: {error}") from error
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=path,
        file_format=FileFormat.PARQUET,
        partition=partition,
        file_size_in_bytes=len(source),
        sort_order_id=None,
        spec_id=metadata.default_spec_id,
        equality_ids=None,
        key_metadata=None,
        **statistics.to_serialized_dict(),
    )


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of a Parquet file; `text` tells everything of them, field ids included."""

    text: str
    arrow: pa.Schema = field(compare=False)

    @classmethod
    def of(cls, footer: pq.FileMetaData) -> _Columns:
        # the first line of the text is an address in memory
        return cls(str(footer.schema).partition("\n")[2], footer.schema.to_arrow_schema())


@lru_cache(maxsize=256)
def _fit(
    fields: tuple[NestedField, ...], columns: _Columns, terms: tuple[tuple[str, str], ...], version: TableVersion
) -> tuple[dict[str, int], dict[int, StatisticsCollector]]:
    """Path of each column of a file → its id in the table, and id → which statistics of it are kept.

    Worked out once for all files with the same columns: for a small file it takes longer than all the rest.

    Raises:
        ValueError: the columns are not those of the table.
    """
    ids = {int((field.metadata or {}).get(_FIELD_ID, b"-1")) for field in columns.arrow}
    if ids != {field.field_id for field in fields}:
        raise ValueError("its field ids are not those of the table, so the table would be unreadable")
    schema, found = Schema(*fields), pyarrow_to_schema(columns.arrow, format_version=version)
    if [(f.field_id, f.field_type) for f in found.fields] != [(f.field_id, f.field_type) for f in fields]:
        _check_schema_compatible(schema, found)  # it knows what widens; what it draws for people takes long to load
    return parquet_path_to_id_mapping(schema), compute_statistics_plan(schema, dict(terms))


def _unbounded(footer: pq.FileMetaData, mapping: Mapping[str, int]) -> set[int]:
    """Columns that hold values without minimum and maximum in some row group.

    The bounds of the other row groups alone would be too narrow, and readers would skip rows.
    """
    found = set()
    for group in range(footer.num_row_groups):
        row_group = footer.row_group(group)
        for position in range(footer.num_columns):
            column = row_group.column(position)
            statistics = column.statistics if column.is_stats_set else None
            if statistics is None or not statistics.has_min_max:
                nulls = statistics.null_count if statistics is not None and statistics.has_null_count else 0
                if column.num_values > nulls:
                    found.add(mapping[column.path_in_schema])
    return found


def _need_bounds(
    sources: Mapping[int, object], bounds: Mapping[int, object], footer: pq.FileMetaData, mapping: Mapping[str, int]
) -> None:
    """Refuses a partition column whose value the footer does not tell: it would be taken for NULL."""
    unknown = _unbounded(footer, mapping) & set(sources) - set(bounds)
    if unknown:
        name = next(path for path, id in mapping.items() if id in unknown)
        raise ValueError(f"the footer has no minimum and maximum of the partition column {name}")


def fields_in(schema: Schema) -> tuple[tuple[int, str, str], ...]:
    """What makes two schemas yield the same rows: ids, names and types, in order."""
    return tuple((field.field_id, field.name, str(field.field_type)) for field in schema.fields)
