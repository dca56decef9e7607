"""Query results as a table, CSV, JSON, Arrow or Parquet. Imported only by a query that runs: it needs pyarrow.

Every writer takes the batches one by one; none holds a whole result.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain, islice
from json.encoder import encode_basestring
from typing import IO, Any

import pyarrow as pa
from pyarrow import csv, ipc, parquet

from lakeorch.observers.text import count, line, one_line, table, width, widths

SHOWN = 100
MEASURED = 1000
NARROWEST = 10
NULL = "NULL"
Line = tuple[str, ...]


def write_table(reader: pa.RecordBatchReader, sink: IO[bytes], *, screen: int) -> None:
    """Aligned columns and a footer with the number of rows.

    Args:
        reader: the rows.
        sink: where to; UTF-8.
        screen: the width of the terminal, which also limits the rows; 0 writes all, aligned by the first thousand.
    """
    right = frozenset(i for i, f in enumerate(reader.schema) if _is_number(f.type))
    cells = (tuple(map(_cell, row)) for row in _rows(reader))
    write = _write_screen if screen else _write_whole
    _put(sink, f"({write(tuple(reader.schema.names), cells, right, sink, screen)})")


def _write_screen(names: Line, cells: Iterator[Line], right: frozenset[int], sink: IO[bytes], screen: int) -> str:
    """The first rows, and as many columns as a screen holds; returns the footer."""
    first = [*islice(cells, SHOWN)]
    fitting = min(len(names), max(1, (screen + 2) // (NARROWEST + 2)))
    for text in table(names[:fitting], [row[:fitting] for row in first], right=right, limit=screen):
        _put(sink, text)
    note = count(len(first), "row")
    if next(cells, None) is not None:
        note = f"the first {len(first)} rows; --format csv gives all"
    return note if fitting == len(names) else f"{note}; {fitting} of {len(names)} columns"


def _write_whole(names: Line, cells: Iterator[Line], right: frozenset[int], sink: IO[bytes], _: int) -> str:
    """Every row and column; returns the footer."""
    first = [*islice(cells, MEASURED)]
    columns = widths(names, first)
    _put(sink, line(names, columns, right))
    _put(sink, "  ".join("─" * w for w in columns))
    seen = 0
    for row in chain(first, cells):
        # a cell wider than those of the first rows is written whole: only a screen may cut
        _put(sink, line(row, [max(w, width(cell)) for w, cell in zip(columns, row, strict=True)], right))
        seen += 1
    return count(seen, "row")


def write_csv(reader: pa.RecordBatchReader, sink: IO[bytes]) -> None:
    """CSV with a header; NULL is an empty field, an empty text is `""`; nested values are JSON."""
    nested = [i for i, f in enumerate(reader.schema) if _is_odd(f.type)]
    schema = reader.schema
    for i in nested:
        schema = schema.set(i, pa.field(schema.field(i).name, pa.string()))
    with csv.CSVWriter(sink, schema) as writer:
        for batch in reader:
            arrays = batch.columns
            for i in nested:
                texts = [None if v is None else _text(v) for v in arrays[i].to_pylist()]
                arrays[i] = pa.array(texts, pa.string())
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def write_json(reader: pa.RecordBatchReader, sink: IO[bytes]) -> None:
    """One JSON array, a row per line. Decimals keep all their digits; what JSON cannot say (NaN) is null."""
    keys = [f"{encode_basestring(name)}: " for name in reader.schema.names]
    encoders = [_encoder(f.type) for f in reader.schema]
    before = "["
    for batch in reader:
        columns = [
            [f"{key}null" if value is None else key + encode(value) for value in column.to_pylist()]
            for key, encode, column in zip(keys, encoders, batch.columns, strict=True)
        ]
        for row in zip(*columns, strict=True):
            sink.write(f"{before}\n{{{', '.join(row)}}}".encode())
            before = ","
    sink.write(b"\n]\n" if before == "," else b"[]\n")


def write_arrow(reader: pa.RecordBatchReader, sink: IO[bytes]) -> None:
    """The Arrow IPC stream format."""
    with ipc.new_stream(sink, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)


def write_parquet(reader: pa.RecordBatchReader, sink: IO[bytes]) -> None:
    """Parquet, compressed with zstd."""
    with parquet.ParquetWriter(sink, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)


WRITERS: dict[str, Callable[[pa.RecordBatchReader, IO[bytes]], None]] = {
    "csv": write_csv,
    "json": write_json,
    "arrow": write_arrow,
    "parquet": write_parquet,
}


def _rows(reader: pa.RecordBatchReader) -> Iterator[tuple[object, ...]]:
    """The rows as Python values; by position, since a query may name two columns alike."""
    for batch in reader:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _put(sink: IO[bytes], text: str) -> None:
    sink.write(text.encode() + b"\n")


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _is_odd(kind: pa.DataType) -> bool:
    """True for the types that Arrow's CSV writer refuses or writes unreadably."""
    return bool(pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_duration(kind))


def _encoder(kind: pa.DataType) -> Callable[[Any], str]:
    """How the values of a column become JSON: a shorter way than `_json` for the frequent types."""
    types = pa.types
    if types.is_integer(kind):
        return str
    if types.is_decimal(kind):
        return "{:f}".format
    if types.is_date(kind):
        return '"{}"'.format
    return encode_basestring if types.is_string(kind) else _json


def _cell(value: object) -> str:
    return NULL if value is None else one_line(_text(value))


def _text(value: object) -> str:
    """A value outside JSON."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.isoformat(" ")
        case bytes():
            return value.hex()
        case dict() | list():
            return _json(value)
    return str(value)


def _json(value: object) -> str:
    """A value as JSON text; written by hand since `json` would turn decimals into floats."""
    match value:
        case None:
            return "null"
        case float():
            return repr(value) if math.isfinite(value) else "null"
        case bool() | int() | str():
            return json.dumps(value, ensure_ascii=False)
        case Decimal():
            return format(value, "f")
        case datetime() | date() | time():
            return json.dumps(value.isoformat())
        case timedelta() | bytes():
            return json.dumps(_text(value))
        case dict():
            pairs = (f"{json.dumps(str(k), ensure_ascii=False)}: {_json(v)}" for k, v in value.items())
            return "{" + ", ".join(pairs) + "}"
        case list() | tuple():
            # a map comes as a list of pairs
            return "[" + ", ".join(map(_json, value)) + "]"
    return json.dumps(str(value), ensure_ascii=False)
