"""The COPY statements that write a query into Parquet as Iceberg wants it: types, field ids, partitions."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from lakeorch.engines import Target
from lakeorch.engines.duckdb.types import to_duckdb
from lakeorch.errors import EngineError
from lakeorch.model import Field
from lakeorch.types import Transform, identifier, literal, parse_type

# Hidden columns that COPY partitions by and does not write.
_PARTITION = "__lakeorch_partition_"

# COPY by partitions writes what it has after so many rows (a setting of DuckDB, never changed here)
FLUSH = 524_288

TRANSFORMS = frozenset({"identity", "year", "month", "day", "hour", "truncate"})


def copy_statement(sql: str, target: Target, directory: str, stem: str) -> str:
    """`COPY (…) TO directory` for a query, file names beginning with `stem`.

    Its result has a row for every file that was written, none where there were no rows. The rows of a file are in the
    order of `sort_by`; where there are partitions as well, that is so in most small files and must be looked at.

    Raises:
        EngineError: a partition transform that DuckDB cannot compute.
    """
    types = {field.name.lower(): field.type for field in target.fields}
    casts = [f"CAST({identifier(f.name)} AS {to_duckdb(f.type)}) AS {identifier(f.name)}" for f in target.fields]
    hidden = [_PARTITION + str(number) for number in range(len(target.partition_by))]
    groups = [_group(transform, types) for transform in target.partition_by]
    # without an order every thread would write a file of its own for every partition, and again each time it runs full
    order = hidden + [_sort_key(item) for item in target.sort_by]
    # two levels, so that partitions and order see values already cast; the query may end in a line comment
    query = f"SELECT {', '.join(casts)} FROM (\n{sql}\n)"
    if groups:
        computed = ", ".join(f"{group} AS {name}" for group, name in zip(groups, hidden, strict=True))
        query = f"SELECT *, {computed} FROM ({query})"
    if order:
        query = f"SELECT * FROM ({query}) ORDER BY {', '.join(order)}"
    options = [
        "FORMAT parquet",
        "COMPRESSION zstd",
        f"FIELD_IDS {{{', '.join(_field_id(field) for field in target.fields)}}}",
        "RETURN_STATS",
    ]
    several = ["APPEND", f"FILENAME_PATTERN {literal(stem + '_{uuid}')}"]
    if hidden:
        partitions = [f"PARTITION_BY ({', '.join(hidden)})", "WRITE_PARTITION_COLUMNS false", "HIVE_FILE_PATTERN false"]
        options += several + partitions
    elif order:
        # row groups come in order only where several threads write one file, and that only by its name
        directory = f"{directory}/{stem}_{uuid.uuid4()}.parquet"
        options += ["WRITE_EMPTY_FILE false"]
    else:
        options += [*several, f"FILE_SIZE_BYTES {target.file_size}", "WRITE_EMPTY_FILE false"]
    return f"COPY ({query}) TO {literal(directory)} ({', '.join(options)})"


def in_order_statement(rows: str, keys: Sequence[Field], sort_by: Sequence[str], path_column: str) -> str:
    """A query for the paths of the files whose rows are in the order of `sort_by`.

    Args:
        rows: what reads the files.
        keys: their columns that are sorted by, in the order of `sort_by`.
        sort_by: as a target has it.
        path_column: the column of `rows` that holds the path of a row's file.

    A file counts where every row but its first was seen right after the row before it in the file, and not to come
    before that. So the answer does not depend on the order of the scan: where it is another one, fewer files count.
    """
    # what DuckDB itself sorts by; file_row_number is a column that every scan of Parquet has
    parts = ", ".join(
        f"{identifier(key.name)}, '{_direction(item)} NULLS LAST'" for key, item in zip(keys, sort_by, strict=True)
    )
    path = identifier(path_column)
    seen = f"SELECT {path} AS path, file_row_number AS number, create_sort_key({parts}) AS key FROM {rows}"
    follows = "lag(path) OVER () = path AND lag(number) OVER () = number - 1 AND lag(key) OVER () <= key"
    return (
        f"SELECT path FROM (SELECT path, {follows} AS follows FROM ({seen})) "
        "GROUP BY path HAVING count(*) FILTER (follows) = count(*) - 1"
    )


def _field_id(field: Field, name: str = "") -> str:
    label = identifier(name or field.name)
    if not field.children:
        return f"{label}: {field.id}"
    kind = parse_type(field.type).kind
    names = {"list": ("element",), "map": ("key", "value")}.get(kind, tuple(c.name for c in field.children))
    inner = (_field_id(child, name) for child, name in zip(field.children, names, strict=True))
    return f"{label}: {{__duckdb_field_id: {field.id}, {', '.join(inner)}}}"


def _sort_key(item: str) -> str:
    return f"{identifier(item.partition(' ')[0])} {_direction(item)} NULLS LAST"


def _direction(item: str) -> str:
    return "DESC" if item.partition(" ")[2].strip().lower() == "desc" else "ASC"


def _group(transform: Transform, types: dict[str, str]) -> str:
    """An expression that tells rows of different partitions apart.

    Not the partition's value: that is read back from the file's statistics, so a cheaper expression that falls into
    the same classes serves.
    """
    column = identifier(transform.column)
    if transform.kind == "identity":
        return column
    if transform.kind == "day":
        return f"CAST({column} AS DATE)"
    if transform.kind == "truncate":
        return _truncate(column, transform.width, types[transform.column.lower()])
    if transform.kind in TRANSFORMS:
        return f"date_trunc('{transform.kind}', {column})"
    raise EngineError(
        f"the duckdb engine cannot write partitions by {transform.kind}({transform.width}, {transform.column})",
        hint="partition by identity, year, month, day, hour or truncate",
    )


def _truncate(column: str, width: int, type: str) -> str:
    kind = parse_type(type)
    if kind.kind == "string":
        return f"left({column}, {width})"
    if kind.kind == "binary":
        return f"left(hex({column}), {2 * width})"
    step = str(width)
    if kind.kind == "decimal":
        # Iceberg truncates the unscaled value: the width counts units of the last digit
        scale = kind.sizes[1]
        digits = str(width).rjust(scale + 1, "0")
        step = f"{digits[: len(digits) - scale]}.{digits[len(digits) - scale :]}" if scale else str(width)
    # % keeps the sign of its left side, Iceberg rounds towards minus infinity
    return f"{column} - ((({column} % {step}) + {step}) % {step})"


def file_rows(rows: Sequence[tuple[object, ...]]) -> dict[str, int]:
    """Paths and row counts in the rows that a COPY with RETURN_STATS yields, sorted by path."""
    return dict(sorted((str(row[0]), int(str(row[1]))) for row in rows))
