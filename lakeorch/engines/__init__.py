"""The engines: one file each, found by `lakeorch.plugins`. An engine runs SQL over relations and writes Parquet.

An engine module has a function `engine(threads: int, memory: int | None = None, remote=None) -> Engine`; `memory` is
how many bytes it may take before it goes to disk, None for its own default; `remote` an fsspec file system for files
that are named by URLs, None where all lie on local disk. The rest of lakeorch sees only the protocols below
and never an engine's own types: columns travel as `model.Column` (Iceberg types), rows as Arrow batches.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from lakeorch.model import Field, Scalar, Schema
from lakeorch.types import Transform, Type, parse_type

if TYPE_CHECKING:
    import pyarrow as pa

    from lakeorch.lake import Scan


# bytes: large enough to scan well, small enough to rewrite
FILE_SIZE = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Empty:
    """A relation with names and types and no rows: what `bind` works on."""

    name: str
    columns: Schema


@dataclass(frozen=True, slots=True)
class Files:
    """A table as Parquet files, read by field id, so that a renamed or added column is seen rightly.

    `path_column`, where given, names an extra last column: the path of the file that holds the row. `rows` is how many
    there are, about, for whoever orders joins; 0 where that is not known.
    """

    name: str
    fields: tuple[Field, ...]
    paths: tuple[str, ...]
    path_column: str = ""
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Rows:
    """A relation already in Arrow: the way in for tables with row-level deletes, for test rows, for a user's code.

    What holds a reader can be read once, by one statement.
    """

    name: str
    table: pa.Table | pa.RecordBatchReader


@dataclass(frozen=True, slots=True)
class Query:
    """A relation that is a query over relations given before it: an inlined view."""

    name: str
    sql: str


Relation = Empty | Files | Rows | Query


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how rows are written.

    Attributes:
        directory: an existing or creatable folder, path or URL.
        stem: beginning of every file name; the engine adds what keeps names apart.
        fields: the table's columns with ids; the query yields exactly these names in this order.
        partition_by: transforms; a file holds rows of one partition only. Empty for an unpartitioned table.
        sort_by: columns, each optionally followed by ` desc`; the order of the rows within each file, NULL last.
        file_size: a new file is begun behind so many bytes; not where there are partitions or an order.
    """

    directory: str
    stem: str
    fields: tuple[Field, ...]
    partition_by: tuple[Transform, ...] = ()
    sort_by: tuple[str, ...] = ()
    file_size: int = FILE_SIZE


class Session(Protocol):
    """One isolated set of relations, used by one thread (`cancel` and `progress` by any)."""

    def add(self, relation: Relation) -> None:
        """Makes one more relation visible; it takes the place of one of the same name. Raises EngineError."""
        ...

    def columns(self, sql: str) -> Schema:
        """Names and Iceberg types of a query's result, duplicates kept, without running it.

        Raises EngineError with the position of the offence in `sql`.
        """
        ...

    def write(self, sql: str, target: Target) -> tuple[str, ...]:
        """Runs a query straight into Parquet files with field ids; returns their paths (none for no rows).

        Values are cast to the types of `target.fields`. Raises EngineError.
        """
        ...

    def fetch(self, sql: str) -> pa.RecordBatchReader:
        """Runs a query and streams its rows as Arrow. Raises EngineError, also while the stream is read.

        The session runs nothing else before the stream is read to its end or closed.
        """
        ...

    def digest(self, sql: str) -> str:
        """Runs a query and returns a hash of its rows as a multiset: their order does not count, repeats do.

        Equal digests mean equal rows, but only between digests made by the same version of the same engine; the
        text begins with both. Raises EngineError.
        """
        ...

    def progress(self) -> float | None:
        """How much of the running statement is done, 0.0 to 1.0; None where that is not known."""
        ...

    def cancel(self) -> None:
        """Stops the running statement, which then raises Interrupted, as does every later one of this session."""
        ...

    def __enter__(self) -> Session: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Engine(Protocol):
    """A query engine. `name` is the plug-in's: `duckdb`."""

    name: str

    @property
    def version(self) -> str:
        """Of the engine itself: `1.5.6`."""
        ...

    @property
    def transforms(self) -> frozenset[str]:
        """Kinds of partition transforms (`types.Transform.kind`) that it can write."""
        ...

    def session(self, relations: Sequence[Relation], variables: Mapping[str, Scalar], folder: str) -> Session:
        """Opens a session in which SQL sees `relations` by their names, `variables`, and paths relative to `folder`."""
        ...

    def variable(self, name: str) -> str:
        """The text that stands for a variable in this engine's SQL."""
        ...

    def quote(self, name: str) -> str:
        """A model's name as the engine knows it: `"staging"."sales"`."""
        ...

    def close(self) -> None:
        """Frees the engine; open sessions are invalid afterwards."""
        ...


def relation(scan: Scan, *, name: str = "", path_column: str = "") -> Files | Rows:
    """A table's state as a relation: its Parquet files, or its rows where another engine deleted some of them.

    Args:
        scan: what the lake says of the table.
        name: the relation's name in SQL; the table's own where empty.
        path_column: name of an extra column that holds each row's file; not for tables with row-level deletes.
    """
    if scan.has_deletes:
        return Rows(name or scan.name, scan.to_arrow())
    return Files(name or scan.name, scan.fields, scan.paths, path_column, scan.rows)


# the engine that binds, checks and compares, whatever engine runs a model's query
HOUSE = "duckdb"


class Engines:
    """The engines of a project: the one of the house, and those of models beside it. Each starts when it is needed.

    It is itself an `Engine`, the house's.

    Args:
        default: name of the engine for models that name none.
        start: starts an engine by its name.
    """

    name = HOUSE

    def __init__(self, default: str, start: Callable[[str], Engine]) -> None:
        self.default = default
        self._start = start
        self._lock = threading.Lock()
        self._started: dict[str, Engine] = {}

    def of(self, name: str) -> Engine:
        """The engine of a model that names this one, or none."""
        name = name or self.default
        return self if name == HOUSE else self._get(name)

    @property
    def version(self) -> str:
        """Of the house's engine."""
        return self._get(HOUSE).version

    @property
    def transforms(self) -> frozenset[str]:
        """Kinds of partition transforms that can be written."""
        return self._get(HOUSE).transforms

    def session(self, relations: Sequence[Relation], variables: Mapping[str, Scalar], folder: str) -> Session:
        """A session in the house; see the protocol."""
        return self._get(HOUSE).session(relations, variables, folder)

    def variable(self, name: str) -> str:
        """As the house has it."""
        return self._get(HOUSE).variable(name)

    def quote(self, name: str) -> str:
        """As the house has it."""
        return self._get(HOUSE).quote(name)

    def close(self) -> None:
        """Frees those that were started."""
        for each in self._started.values():
            each.close()

    def _get(self, name: str) -> Engine:
        with self._lock:
            if name not in self._started:
                self._started[name] = self._start(name)
            return self._started[name]


def engine_of(engine: Engine, name: str) -> Engine:
    """The engine for a model that names one, or none: beside `engine`, where there are several, else `engine`."""
    return engine.of(name) if isinstance(engine, Engines) else engine


def numbered(columns: Schema) -> tuple[Field, ...]:
    """Columns as fields with ids of their own, those of nested types included: for files that no table has."""
    ids = itertools.count(1)

    def field(name: str, type: Type) -> Field:
        return Field(next(ids), name, str(type), tuple(field(inner, each) for inner, each in type.members))

    return tuple(field(column.name, parse_type(column.type)) for column in columns)
