"""Values as people write them in YAML or between commas → values of a column's type. Imports pyarrow."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal
from functools import lru_cache
from typing import NoReturn
from uuid import UUID

import pyarrow as pa

from lakeorch.model import Schema
from lakeorch.types import Type, parse_type

# no decimal type has more digits than this
_EXACT = Context(prec=80)
_PLAIN: Mapping[str, Callable[[], pa.DataType]] = {
    "boolean": pa.bool_,
    "int": pa.int32,
    "long": pa.int64,
    "float": pa.float32,
    "double": pa.float64,
    "string": pa.string,
    "binary": pa.binary,
    "uuid": pa.uuid,
    "date": pa.date32,
    "time": lambda: pa.time64("us"),
    "timestamp": lambda: pa.timestamp("us"),
    "timestamptz": lambda: pa.timestamp("us", "UTC"),
}


def arrow_schema(columns: Schema) -> pa.Schema:
    """Columns in Arrow's types."""
    return pa.schema([(column.name, _arrow_type(column.type)) for column in columns])


@lru_cache(maxsize=1024)
def _arrow_type(text: str) -> pa.DataType:
    return _of_type(parse_type(text))


def _of_type(type: Type) -> pa.DataType:
    if type.kind in _PLAIN:
        return _PLAIN[type.kind]()
    if type.kind == "decimal":
        return pa.decimal128(*type.sizes)
    if type.kind == "fixed":
        return pa.binary(type.sizes[0])
    members = [(name, _of_type(member)) for name, member in type.members]
    if type.kind == "list":
        return pa.list_(members[0][1])
    return pa.map_(members[0][1], members[1][1]) if type.kind == "map" else pa.struct(members)


def guessed_type(values: list[object]) -> pa.DataType:
    """The type of a column of which nothing but written values is known."""
    known = [value for value in values if value is not None]
    for kind, type in _GUESSES:
        if known and all(isinstance(value, kind) and isinstance(value, bool) == (kind is bool) for value in known):
            return type
    return pa.string()


_GUESSES: tuple[tuple[type | tuple[type, ...], pa.DataType], ...] = (
    (bool, pa.bool_()),
    (int, pa.int64()),
    ((int, float), pa.float64()),
    (datetime, pa.timestamp("us")),
    (date, pa.date32()),
)


def convert(value: object, type: pa.DataType) -> object:
    """A written value as Arrow takes it for a type.

    Args:
        value: from YAML, or text.
        type: of the column.

    Raises:
        ValueError: it does not fit; the message says what was expected.
    """
    if value is None:
        return None
    if pa.types.is_dictionary(type):
        type = type.value_type
    for fits, read, wanted in _READERS:
        if fits(type):
            try:
                return read(value, type)
            except (ValueError, TypeError, ArithmeticError, AttributeError):
                raise ValueError(f"expected {wanted.format(type)}, got {_shown(value)}") from None
    raise ValueError(f"values of type {type} cannot be written here")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False, default=str)


def _boolean(value: object, _: pa.DataType) -> bool:
    if isinstance(value, str):
        return {"true": True, "false": False}[value.lower()] if value.lower() in ("true", "false") else _refuse()
    return value if isinstance(value, bool) else _refuse()


def _integer(value: object, type: pa.DataType) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        _refuse()
    found = int(value)
    if isinstance(value, float) and found != value:
        _refuse()
    lowest = 0 if pa.types.is_unsigned_integer(type) else -(1 << (type.bit_width - 1))
    return found if lowest <= found < lowest + (1 << type.bit_width) else _refuse()


def _real(value: object, _: pa.DataType) -> float:
    return _refuse() if isinstance(value, bool) or not isinstance(value, int | float | str) else float(value)


def _decimal(value: object, type: pa.DataType) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        _refuse()
    found = Decimal(str(value))
    exact = found.quantize(Decimal(1).scaleb(-type.scale), context=_EXACT)
    return exact if exact == found and len(exact.as_tuple().digits) <= type.precision else _refuse()


def _text(value: object, _: pa.DataType) -> str:
    # what YAML took for something else, and would not give back as it was written, must be put into quotes
    if isinstance(value, bool | float | datetime):
        _refuse()
    return str(value) if isinstance(value, str | int | date) else _refuse()


def _binary(value: object, _: pa.DataType) -> bytes:
    return value.encode() if isinstance(value, str) else _refuse()


def _uuid(value: object, _: pa.DataType) -> bytes:
    return UUID(value).bytes if isinstance(value, str) else _refuse()


def _date(value: object, _: pa.DataType) -> date:
    if isinstance(value, str):
        return date.fromisoformat(value)
    return value if isinstance(value, date) and not isinstance(value, datetime) else _refuse()


def _time(value: object, _: pa.DataType) -> time:
    return time.fromisoformat(value) if isinstance(value, str) else _refuse()


def _timestamp(value: object, type: pa.DataType) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime):
        _refuse()
    if type.tz is None and value.tzinfo is not None:
        _refuse()
    if type.tz is None:
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _list(value: object, type: pa.DataType) -> list[object]:
    items = json.loads(value) if isinstance(value, str) else value
    return [convert(item, type.value_type) for item in items] if isinstance(items, list) else _refuse()


def _struct(value: object, type: pa.DataType) -> dict[str, object]:
    members = json.loads(value) if isinstance(value, str) else value
    if not isinstance(members, dict):
        _refuse()
    fields = {field.name: field.type for field in type}
    if set(members) - set(fields):
        _refuse()
    return {name: convert(members.get(name), inner) for name, inner in fields.items()}


def _map(value: object, type: pa.DataType) -> list[tuple[object, object]]:
    entries = json.loads(value) if isinstance(value, str) else value
    if not isinstance(entries, dict):
        _refuse()
    return [(convert(key, type.key_type), convert(item, type.item_type)) for key, item in entries.items()]


def _refuse() -> NoReturn:
    raise ValueError


_Reader = Callable[[object, pa.DataType], object]
_READERS: tuple[tuple[Callable[[pa.DataType], bool], _Reader, str], ...] = (
    (pa.types.is_boolean, _boolean, "true or false"),
    (pa.types.is_integer, _integer, "a whole number"),
    (pa.types.is_floating, _real, "a number"),
    (pa.types.is_decimal, _decimal, "a number that fits {}"),
    (pa.types.is_string, _text, "text (put it in quotes)"),
    (pa.types.is_date, _date, "a date as 2025-10-01"),
    (pa.types.is_time, _time, "a time as 05:00:00"),
    (pa.types.is_timestamp, _timestamp, "a time as 2025-10-01 05:00:00"),
    (pa.types.is_list, _list, "a list that fits {}"),
    (pa.types.is_struct, _struct, "keys with values that fit {}"),
    (pa.types.is_map, _map, "keys with values that fit {}"),
    (lambda type: type == pa.uuid(), _uuid, "a UUID"),
    (lambda type: pa.types.is_binary(type) or pa.types.is_fixed_size_binary(type), _binary, "text"),
)


def comparable(value: object) -> object:
    """A value that is equal, and hashes equally, where a test takes two values for the same.

    Floating-point numbers count to twelve digits: their sums depend on the order of the rows.
    """
    if isinstance(value, float):
        return "nan" if math.isnan(value) else float(f"{value:.12g}")
    if isinstance(value, list):
        return tuple(comparable(item) for item in value)
    if isinstance(value, tuple):
        return tuple(comparable(item) for item in value)
    if isinstance(value, dict):
        return tuple((key, comparable(item)) for key, item in value.items())
    return value
