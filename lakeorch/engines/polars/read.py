"""A table's Parquet files as a LazyFrame, its columns found by their Iceberg field ids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import polars as pl

from lakeorch.engines import Files
from lakeorch.engines.polars.types import to_polars
from lakeorch.model import Field

if TYPE_CHECKING:
    import pyarrow as pa

_ID = b"PARQUET:field_id"


def lazy_frame(files: Files) -> pl.LazyFrame | None:
    """What a scan of a table's files yields, nothing of it read yet but their footers.

    A column goes by its field id, so that one that was renamed, widened or added later is seen rightly.

    Returns:
        None where Polars cannot find its way: in other places than local files, or inside a nested column whose fields
        have changed since a file was written.
    """
    import pyarrow.parquet as pq

    if files.path_column or any("://" in path.removeprefix("file://") for path in files.paths):
        return None
    alike: dict[tuple[str | None, ...], list[str]] = {}
    for path in (path.removeprefix("file://") for path in files.paths):
        names = _names(files.fields, pq.read_schema(path))
        if names is None:
            return None
        alike.setdefault(names, []).append(path)
    wanted = [(field.name, to_polars(field.type)) for field in files.fields]
    frames = [pl.LazyFrame(schema=dict(wanted))] if not alike else []
    for names, paths in alike.items():
        columns = [
            (pl.lit(None) if name is None else pl.col(name)).cast(type).alias(field)
            for name, (field, type) in zip(names, wanted, strict=True)
        ]
        frames.append(pl.scan_parquet(paths, glob=False, hive_partitioning=False).select(columns))
    return pl.concat(frames, how="vertical") if len(frames) > 1 else frames[0]


def _names(fields: Iterable[Field], schema: pa.Schema) -> tuple[str | None, ...] | None:
    """What a file calls each field, None where it has no such; None in all where a nested one is another now."""
    known = {int(column.metadata[_ID]): column for column in schema if column.metadata and _ID in column.metadata}
    names: list[str | None] = []
    for field in fields:
        column = known.get(field.id)
        if column is not None and field.children and not _alike(field, column):
            return None
        names.append(None if column is None else column.name)
    return tuple(names)


def _alike(field: Field, column: pa.Field) -> bool:
    """Whether a nested column of a file has the fields that the table has, under the same names."""
    import pyarrow as pa

    type = column.type
    if pa.types.is_map(type):
        inside = [type.key_field, type.item_field]
    elif pa.types.is_struct(type):
        inside = [type.field(at) for at in range(type.num_fields)]
        if [each.name for each in inside] != [child.name for child in field.children]:
            return False
    elif pa.types.is_list(type) or pa.types.is_large_list(type):
        inside = [type.value_field]
    else:
        return False
    ids = [int((each.metadata or {}).get(_ID, -1)) for each in inside]
    same = ids == [child.id for child in field.children]
    return same and all(
        _alike(child, each) for child, each in zip(field.children, inside, strict=True) if child.children
    )
