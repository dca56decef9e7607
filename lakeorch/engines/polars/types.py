"""Iceberg's types to Polars' and back."""

from __future__ import annotations

from functools import lru_cache

import polars as pl

from lakeorch.types import Type, parse_type

_TO_POLARS: dict[str, pl.DataType] = {
    "boolean": pl.Boolean(),
    "int": pl.Int32(),
    "long": pl.Int64(),
    "float": pl.Float32(),
    "double": pl.Float64(),
    "date": pl.Date(),
    "time": pl.Time(),
    "timestamp": pl.Datetime("us"),
    "timestamptz": pl.Datetime("us", "UTC"),
    "string": pl.String(),
    "uuid": pl.Binary(),
    "binary": pl.Binary(),
    "fixed": pl.Binary(),
}


@lru_cache(maxsize=4096)
def to_polars(text: str) -> pl.DataType:
    """The Polars type of an Iceberg type; raises ValueError where `text` is not one."""
    return _to_polars(parse_type(text))


def _to_polars(type: Type) -> pl.DataType:
    if type.kind == "decimal":
        return pl.Decimal(*type.sizes)
    if type.kind == "list":
        return pl.List(_to_polars(type.members[0][1]))
    if type.kind in ("struct", "map"):
        struct = pl.Struct({name: _to_polars(member) for name, member in type.members})
        return struct if type.kind == "struct" else pl.List(struct)
    return _TO_POLARS[type.kind]


def agrees(found: pl.DataType | type[pl.DataType], text: str) -> bool:
    """Whether values of a Polars type are those of an Iceberg type, sizes aside."""
    wanted = to_polars(text)
    if found == pl.Null:
        return True
    if isinstance(wanted, pl.Decimal):
        return found.is_integer() if wanted.scale == 0 and found.is_integer() else _same_scale(found, wanted)
    if wanted.is_integer():
        return found.is_integer()
    return found == wanted


def _same_scale(found: pl.DataType | type[pl.DataType], wanted: pl.Decimal) -> bool:
    return isinstance(found, pl.Decimal) and found.scale == wanted.scale
