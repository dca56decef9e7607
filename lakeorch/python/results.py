"""What a model's function may return, as one stream of Arrow batches."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lakeorch.model import Schema
from lakeorch.types import Type, parse_type

if TYPE_CHECKING:
    import pyarrow as pa

_EXPECTED = (
    "expected a polars.LazyFrame or DataFrame, a DuckDB relation, a pyarrow.Table or RecordBatchReader, "
    "a pandas.DataFrame, or batches of these or of dicts, yielded one by one"
)
_WHOLE = ("int", "long")
_REAL = ("float", "double")


@dataclass(frozen=True)
class Stream:
    """The rows that a function returned.

    Attributes:
        reader: yields them, once.
        untyped: the columns, in lower case, that hold nothing but NULL and so have no type.
        broken: what was raised while they were made; an engine that reads them tells only that something was.
    """

    reader: pa.RecordBatchReader
    untyped: frozenset[str]
    broken: list[BaseException] = field(default_factory=list)


def stream(returned: object, columns: Schema) -> Stream:
    """Makes one stream of whatever a function returned.

    Args:
        returned: by the function.
        columns: that the model declares; they give rows that are dicts their types.

    Raises:
        TypeError: it is nothing that holds rows.
    """
    import pyarrow as pa

    reader = _in_microseconds(_reader(returned, columns))
    untyped = frozenset(each.name.lower() for each in reader.schema if pa.types.is_null(each.type))
    broken: list[BaseException] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from reader
        except (Exception, SystemExit) as error:
            broken.append(error)
            raise RuntimeError("a Python model failed") from error

    return Stream(pa.RecordBatchReader.from_batches(reader.schema, batches()), untyped, broken)


def _reader(returned: Any, columns: Schema) -> pa.RecordBatchReader:
    import pyarrow as pa

    if isinstance(returned, pa.RecordBatchReader):
        return returned
    if isinstance(returned, pa.RecordBatch):
        return pa.Table.from_batches([returned]).to_reader()
    kind = f"{type(returned).__module__.partition('.')[0]}.{type(returned).__name__}"
    if kind == "polars.LazyFrame":
        return _lazy(returned)
    if kind == "pandas.DataFrame":
        return pa.Table.from_pandas(returned, preserve_index=False).to_reader()
    if hasattr(returned, "__arrow_c_stream__"):
        return pa.RecordBatchReader.from_stream(returned)
    if isinstance(returned, list) and all(isinstance(row, dict) for row in returned):
        return _rows(returned, columns).to_reader()
    if isinstance(returned, Iterable) and not isinstance(returned, str | bytes | dict):
        return _chained(iter(returned), columns)
    raise TypeError(f"model returned {'nothing' if returned is None else f'a {kind}'}: {_EXPECTED}")


def _in_microseconds(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Times in what a table holds; nanoseconds that are not zero fail, where an engine would cut them off."""
    import pyarrow as pa

    finer = {pa.time64("ns"): pa.time64("us")}
    finer |= {each.type: pa.timestamp("us", each.type.tz) for each in reader.schema if pa.types.is_timestamp(each.type)}
    schema = pa.schema([each.with_type(finer.get(each.type, each.type)) for each in reader.schema])
    if schema == reader.schema:
        return reader
    return pa.RecordBatchReader.from_batches(schema, (_converted(batch, schema) for batch in reader))


def _converted(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    arrays = []
    for each, array in zip(schema, batch.columns, strict=True):
        with _told_of(each.name):
            arrays.append(array.cast(each.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


@contextmanager
def _told_of(column: str) -> Iterator[None]:
    """Arrow says what does not fit, and not where."""
    import pyarrow as pa

    try:
        yield
    except pa.ArrowException as error:
        raise ValueError(f"column {column}: {error}") from error


def _lazy(frame: Any) -> pa.RecordBatchReader:
    import polars as pl
    import pyarrow as pa

    schema = pl.DataFrame(schema=frame.collect_schema()).to_arrow().schema
    batches = (
        batch
        for part in frame.collect_batches(maintain_order=False, lazy=True)
        for batch in part.to_arrow().cast(schema).to_batches()
    )
    return pa.RecordBatchReader.from_batches(schema, batches)


def _chained(parts: Iterator[object], columns: Schema) -> pa.RecordBatchReader:
    """Batches one behind the other; the first says what columns all of them have."""
    import pyarrow as pa

    first = next(parts, None)
    if first is None:
        return _rows([], columns).to_reader()
    readers = (_reader(part, columns) for part in itertools.chain([first], parts))
    head = next(readers)

    def batches() -> Iterator[pa.RecordBatch]:
        for number, reader in enumerate(itertools.chain([head], readers), 1):
            if set(reader.schema.names) != set(head.schema.names):
                told = f"batch {number} has the columns {', '.join(reader.schema.names)}"
                raise ValueError(f"{told}; the first has {', '.join(head.schema.names)}")
            for batch in reader:
                yield _converted(batch.select(head.schema.names), head.schema)

    return pa.RecordBatchReader.from_batches(head.schema, batches())


def _rows(rows: list[dict[str, object]], columns: Schema) -> pa.Table:
    """Rows that are dicts; a key that no column has is left in, so that it is found."""
    import pyarrow as pa

    declared = {column.name: column.type for column in columns}
    extra = dict.fromkeys(key for row in rows for key in row if key not in declared)
    arrays = {}
    for name in (*declared, *extra):
        values = [row.get(name) for row in rows]
        with _told_of(name):
            arrays[name] = pa.array(values, arrow_type(parse_type(declared[name])) if name in declared else None)
        for value, kept in zip(values, arrays[name].to_pylist(), strict=True):
            if name in declared and not _is_kept(value, kept):
                raise ValueError(f"column {name}: {value!r} would become {kept!r}: the model declares {declared[name]}")
    return pa.table(arrays)


def _is_kept(value: Any, kept: Any) -> bool:
    """Whether Arrow left a value as it was; it takes 1.5 for a whole number, and the time off a date."""
    if value is None or kept is None:
        return value is kept
    if isinstance(kept, dict):
        return all(key in kept for key in value) and all(_is_kept(value.get(key), kept[key]) for key in kept)
    if isinstance(kept, list | tuple):
        parts = list(value.items() if isinstance(value, dict) else value)
        return len(parts) == len(kept) and all(map(_is_kept, parts, kept))
    if isinstance(kept, float):  # which may have four bytes
        return math.isclose(value, kept, rel_tol=1e-6) or (math.isnan(value) and math.isnan(kept))
    return bool(value == kept)


def arrow_type(type: Type) -> pa.DataType:
    """The Arrow type that holds the values of an Iceberg type."""
    import pyarrow as pa

    inner = [arrow_type(member) for _, member in type.members]
    if type.kind == "decimal":
        return pa.decimal128(*type.sizes)
    if type.kind == "list":
        return pa.list_(inner[0])
    if type.kind == "map":
        return pa.map_(*inner)
    if type.kind == "struct":
        return pa.struct([(name, each) for (name, _), each in zip(type.members, inner, strict=True)])
    plain = {
        **{"boolean": pa.bool_(), "int": pa.int32(), "long": pa.int64(), "float": pa.float32()},
        **{"double": pa.float64(), "date": pa.date32(), "time": pa.time64("us"), "string": pa.string()},
        **{"timestamp": pa.timestamp("us"), "timestamptz": pa.timestamp("us", "UTC"), "uuid": pa.string()},
    }
    return plain.get(type.kind, pa.binary())


def fits(came: str, declared: str) -> bool:
    """Whether values of one type can be written as another without changing in silence; what is too large fails."""
    return _fits(parse_type(came), parse_type(declared))


def _fits(came: Type, declared: Type) -> bool:
    one, other = came.kind, declared.kind
    if one != other:
        whole = one in _WHOLE and other in (*_WHOLE, "decimal")
        exact = (one, other) in (("int", "double"), ("float", "double"), ("date", "timestamp"), ("string", "uuid"))
        return whole or exact
    if one == "decimal":
        return came.sizes[1] <= declared.sizes[1]
    if one == "struct":
        had = {name.lower(): member for name, member in came.members}
        wants = {name.lower(): member for name, member in declared.members}
        return had.keys() == wants.keys() and all(_fits(had[name], wants[name]) for name in wants)
    pairs = zip(came.members, declared.members, strict=True)
    return came.sizes == declared.sizes and all(_fits(a, b) for (_, a), (_, b) in pairs)
