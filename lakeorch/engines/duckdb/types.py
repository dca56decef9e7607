"""Iceberg's types to DuckDB's and back."""

from __future__ import annotations

from functools import lru_cache

import duckdb
from duckdb.sqltypes import DuckDBPyType

from lakeorch.types import Type, identifier, parse_type

_TO_DUCKDB = {
    "boolean": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
    "string": "VARCHAR",
    "uuid": "UUID",
    "binary": "BLOB",
    "fixed": "BLOB",
}

# Where Iceberg has no such type, the narrowest one that holds every value. A HUGEINT beyond 38 digits fails the
# cast, loudly; DuckDB alone would write it as a DOUBLE.
_FROM_DUCKDB = {
    "boolean": "boolean",
    "tinyint": "int",
    "smallint": "int",
    "utinyint": "int",
    "usmallint": "int",
    "integer": "int",
    "uinteger": "long",
    "bigint": "long",
    "ubigint": "decimal(20,0)",
    "hugeint": "decimal(38,0)",
    "uhugeint": "decimal(38,0)",
    "float": "float",
    "double": "double",
    "varchar": "string",
    "enum": "string",
    "bit": "string",
    "uuid": "uuid",
    "blob": "binary",
    "date": "date",
    "time": "time",
    "time_ns": "time",
    "timestamp": "timestamp",
    "timestamp_s": "timestamp",
    "timestamp_ms": "timestamp",
    "timestamp_ns": "timestamp",
    "timestamp with time zone": "timestamptz",
    "null": "int",
}

_REFUSED = {
    "interval": "EXTRACT(epoch FROM {0})",
    "time with time zone": "CAST({0} AS TIME)",
    "bignum": "CAST({0} AS DECIMAL(38,0))",
    "union": "CAST({0} AS VARCHAR)",
    "variant": "CAST({0} AS VARCHAR)",
    "geometry": "ST_AsText({0})",
}


class NoSuchType(Exception):
    """Iceberg has no type for a DuckDB type; `remedy` is an expression over `{0}` that gives one it has."""

    def __init__(self, type: str, remedy: str) -> None:
        super().__init__(type)
        self.type = type
        self.remedy = remedy


@lru_cache(maxsize=4096)
def to_iceberg(text: str) -> str:
    """The Iceberg type of a DuckDB type as DESCRIBE spells it; raises NoSuchType."""
    if text == "NULL":
        return "int"
    try:
        return str(_to_iceberg(duckdb.type(text), text))
    except duckdb.Error as error:
        # a struct without names, as row(1, 2) makes it, cannot even be named as a type
        raise NoSuchType(text, "struct_pack(name := …)") from error


def _to_iceberg(type: DuckDBPyType, text: str) -> Type:
    if type.id in ("list", "array"):
        return Type("list", members=(("element", _to_iceberg(_child(type, 0), text)),))
    if type.id == "map":
        key, value = _child(type, 0), _child(type, 1)
        return Type("map", members=(("key", _to_iceberg(key, text)), ("value", _to_iceberg(value, text))))
    if type.id == "struct":
        members = tuple((name, _to_iceberg(_child(type, i), text)) for i, (name, _) in enumerate(type.children))
        if not all(name for name, _ in members):
            raise NoSuchType(text, "struct_pack(name := …)")
        return Type("struct", members=members)
    if type.id == "decimal":
        (_, precision), (_, scale) = type.children
        return Type("decimal", (int(str(precision)), int(str(scale))))
    if type.id in _FROM_DUCKDB:
        return parse_type(_FROM_DUCKDB[type.id])
    raise NoSuchType(text, _REFUSED.get(type.id, "CAST({0} AS VARCHAR)"))


def _child(type: DuckDBPyType, index: int) -> DuckDBPyType:
    child = type.children[index][1]
    assert isinstance(child, DuckDBPyType), "only sizes and the words of an enum are not types"
    return child


@lru_cache(maxsize=4096)
def to_duckdb(text: str) -> str:
    """The DuckDB type of an Iceberg type; raises ValueError where `text` is not one."""
    return _to_duckdb(parse_type(text))


def _to_duckdb(type: Type) -> str:
    inner = [_to_duckdb(member) for _, member in type.members]
    if type.kind == "list":
        return f"{inner[0]}[]"
    if type.kind == "map":
        return f"MAP({inner[0]}, {inner[1]})"
    if type.kind == "struct":
        names = (identifier(name) for name, _ in type.members)
        return f"STRUCT({', '.join(f'{name} {text}' for name, text in zip(names, inner, strict=True))})"
    if type.kind == "decimal":
        return f"DECIMAL({type.sizes[0]},{type.sizes[1]})"
    return _TO_DUCKDB[type.kind]
