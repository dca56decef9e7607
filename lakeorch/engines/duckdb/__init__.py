"""The DuckDB engine: one in-memory database, an attached database of its own for every session.

Attaching costs a tenth of a millisecond, a new connection fifteen; and sessions share the threads and the memory limit.
"""

from __future__ import annotations

import contextlib
import itertools
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import duckdb

from lakeorch.engines import Empty, Files, Query, Relation, Rows, Target
from lakeorch.engines.duckdb.faults import engine_error, find_name, lost_file
from lakeorch.engines.duckdb.types import NoSuchType, to_duckdb, to_iceberg
from lakeorch.engines.duckdb.write import FLUSH, TRANSFORMS, copy_statement, file_rows, in_order_statement
from lakeorch.errors import EngineError, Interrupted, LakeorchError
from lakeorch.model import Column, Scalar, Schema
from lakeorch.types import identifier, literal, parse_type

if TYPE_CHECKING:
    import pyarrow as pa
    from fsspec import AbstractFileSystem

# DuckDB's own catalogs and schemas: a namespace so called would be ambiguous, or could not be made
_TAKEN = frozenset({"temp", "system", "memory", "information_schema", "pg_catalog"})

# a Parquet file without rows, whose only column has an id that no table gives out
_EMPTY = Path(__file__).with_name("empty.parquet")


def engine(threads: int, memory: int | None = None, remote: AbstractFileSystem | None = None) -> DuckDB:
    """Starts DuckDB with so many threads and bytes of memory, shared by all sessions; four fifths of it by default."""
    return DuckDB(threads, memory, remote)


class DuckDB:
    """An engine as `lakeorch.engines.Engine` describes it."""

    name = "duckdb"
    version: str = duckdb.__version__
    transforms = TRANSFORMS

    def __init__(self, threads: int, memory: int | None = None, remote: AbstractFileSystem | None = None) -> None:
        limit = {"memory_limit": f"{memory}B"} if memory else {}
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._connection = duckdb.connect(
            ":memory:",
            config={
                **limit,
                "threads": str(max(1, threads)),
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "python_enable_replacements": "false",
                "preserve_insertion_order": "false",
                "errors_as_json": "true",
                "temp_directory": str(Path(tempfile.gettempdir()) / f"lakeorch-{uuid.uuid4().hex[:8]}"),
            },
        )
        self._connection.execute("SET GLOBAL TimeZone = 'UTC'")
        if remote is not None:
            self._connection.register_filesystem(remote)

    def session(self, relations: Sequence[Relation], variables: Mapping[str, Scalar], folder: str) -> DuckDBSession:
        """Opens a session; see the protocol."""
        catalog = f"#{next(self._numbers)}"
        with self._lock:
            self._connection.execute(f"ATTACH ':memory:' AS {identifier(catalog)}")
            cursor = self._connection.cursor()
        session = DuckDBSession(self, cursor, catalog)
        try:
            session.prepare(variables, folder)
            for relation in relations:
                session.add(relation)
        except BaseException:
            session.__exit__(None, None, None)
            raise
        return session

    def detach(self, catalog: str) -> None:
        """Frees what a session held; nothing is left to do where the engine was closed first."""
        with self._lock, contextlib.suppress(duckdb.ConnectionException):
            self._connection.execute(f"DETACH {identifier(catalog)}")

    def variable(self, name: str) -> str:
        """`getvariable('name')`: DuckDB takes it also where it takes no parameter, as in a view."""
        return f"getvariable({literal(name)})"

    def quote(self, name: str) -> str:
        """A model's name: its whole namespace is one schema."""
        schema, _, table = name.rpartition(".")
        return f"{identifier(schema + '*' if schema in _TAKEN else schema or 'main')}.{identifier(table)}"

    def close(self) -> None:
        """Frees the database."""
        with self._lock:
            self._connection.close()


class DuckDBSession:
    """A session as `lakeorch.engines.Session` describes it."""

    def __init__(self, engine: DuckDB, cursor: duckdb.DuckDBPyConnection, catalog: str) -> None:
        self._engine = engine
        self._cursor = cursor
        self._catalog = catalog
        self._kinds: dict[str, str] = {}
        self._schemas: set[str] = {'"main"'}
        self._cancelled = False

    def prepare(self, variables: Mapping[str, Scalar], folder: str) -> None:
        """Makes the session's database the current one, and sets variables and the folder of relative paths."""
        # query_progress() answers only while the (silent) bar is on
        bar = "SET enable_progress_bar = true; SET enable_progress_bar_print = false"
        # DuckDB splits this setting at commas; lakeorch sends absolute paths where it can
        place = "" if "," in folder else f"SET file_search_path = {literal(folder)}"
        self._cursor.execute(f"USE {identifier(self._catalog)}; {bar}; {place}")
        for name, value in variables.items():
            # the digits of a number must not decide its type: 1.5 would be a DECIMAL(2,1), 2.25 another type
            text = f"CAST({literal(value)} AS DOUBLE)" if isinstance(value, float) else literal(value)
            self._cursor.execute(f"SET VARIABLE {identifier(name)} = {text}")

    def add(self, relation: Relation) -> None:
        """Makes a relation visible by its name, in the place of an older one."""
        name = self._engine.quote(relation.name)
        schema = name.partition(".")[0] if '"."' not in name else name[: name.rindex('"."') + 1]
        statements = [] if schema in self._schemas else [f"CREATE SCHEMA IF NOT EXISTS {schema}"]
        if name in self._kinds:
            statements.append(f"DROP {self._kinds[name]} {name}")
        kind, definition = self._definition(relation)
        try:
            self._run("; ".join([*statements, f"CREATE {kind} {name} {definition}"]), getattr(relation, "sql", ""))
        except EngineError as error:
            raise (lost_file(relation) if isinstance(relation, Files) else None) or error from None
        self._schemas.add(schema)
        self._kinds[name] = kind

    def _definition(self, relation: Relation) -> tuple[str, str]:
        if isinstance(relation, Query):
            return "VIEW", f"AS FROM (\n{relation.sql}\n)"
        if isinstance(relation, Rows):
            # a plain view would bind the name again on each use, and see whatever took its place
            held = f"#rows {relation.name}"
            self._cursor.register(held, relation.table)
            return "VIEW", f"AS FROM {identifier(held)}"
        if isinstance(relation, Files) and relation.paths:
            return "VIEW", f"AS FROM {read_parquet(relation)}"
        fields = relation.columns if isinstance(relation, Empty) else relation.fields
        if not fields:
            return "VIEW", 'AS SELECT NULL AS "no columns" LIMIT 0'
        columns = [f"{identifier(f.name)} {to_duckdb(f.type)}" for f in fields]
        if isinstance(relation, Files) and relation.path_column:
            columns.append(f"{identifier(relation.path_column)} VARCHAR")
        return "TABLE", f"({', '.join(columns)})"

    def columns(self, sql: str) -> Schema:
        """Names and types of a query's result, by DESCRIBE, which binds and does not run."""
        found = []
        for name, type, *_ in self._run(f"DESCRIBE {sql}", sql):
            try:
                found.append(Column(str(name), to_iceberg(str(type))))
            except NoSuchType as error:
                remedy = error.remedy.format(identifier(str(name)) if not str(name).isidentifier() else name)
                raise EngineError(
                    f"column {name} is of type {error.type}, which an Iceberg table cannot hold",
                    position=find_name(sql, str(name)),
                    name=str(name),
                    hint=f"write something that it can, such as {remedy}",
                ) from None
        return tuple(found)

    def write(self, sql: str, target: Target) -> tuple[str, ...]:
        """Runs a query into Parquet files, zstd, with field ids; returns their paths."""
        directory = _local(target.directory)
        scheme = target.directory[: len(target.directory) - len(directory)]
        if "://" not in directory:
            _make(directory)
        stem = f"{target.stem}_{uuid.uuid4().hex[:8]}"
        try:
            files = self._copy(sql, target, directory, stem)
            if target.partition_by and target.sort_by:
                files = self._in_order(files, target, directory, stem)
        except LakeorchError:
            # half a file is of no use, and where the disk is full it is in the way
            for path in Path(directory).glob(f"{stem}_*"):
                path.unlink(missing_ok=True)
            raise
        return tuple(scheme + path for path in files)

    def _copy(self, sql: str, target: Target, directory: str, stem: str) -> dict[str, int]:
        return file_rows(self._run(copy_statement(sql, target, directory.rstrip("/"), stem), sql))

    def _in_order(self, files: Mapping[str, int], target: Target, directory: str, stem: str) -> dict[str, int]:
        """Writes the files of partitions (paths and rows) whose rows are not in the declared order once more.

        COPY by partitions gives the order up where a partition is written by two threads or in several flushes, and
        does not tell. With many small partitions few files are written again, with few large ones all of them.
        """
        kept = self._sorted([path for path, rows in files.items() if rows <= FLUSH], target)
        found = {path: rows for path, rows in files.items() if path in kept}
        for path in sorted(files.keys() - kept):
            rows = f"FROM {read_parquet(Files('', target.fields, (path,)))}"
            found |= self._copy(rows, replace(target, partition_by=()), directory, stem)
            Path(path).unlink(missing_ok=True)  # in an object store it is left to the sweep
        return dict(sorted(found.items()))

    def _sorted(self, paths: Sequence[str], target: Target) -> set[str]:
        if not paths:
            return set()
        fields = {field.name.lower(): field for field in target.fields}
        # names of its own: a column of the table may be called as one of those that DuckDB adds
        keys = [
            replace(fields[item.partition(" ")[0].lower()], name=f"key_{number}")
            for number, item in enumerate(target.sort_by)
        ]
        rows = read_parquet(Files("", tuple(keys), tuple(paths), "path"))
        return {str(path) for (path,) in self._run(in_order_statement(rows, keys, target.sort_by, "path"), "")}

    def fetch(self, sql: str) -> pa.RecordBatchReader:
        """Runs a query and streams its rows as Arrow."""
        import pyarrow as pa

        self._check()
        try:
            reader = self._cursor.execute(sql).to_arrow_reader()
        except duckdb.Error as error:
            raise engine_error(error, sql, sql) from error
        return pa.RecordBatchReader.from_batches(reader.schema, self._batches(reader, sql))

    def digest(self, sql: str) -> str:
        """Row count, sum and exclusive-or of two different mixes of every row's hash."""
        names = ", ".join(_told_apart(column) for column in self.columns(sql))
        # without the second mixing, hashes that DuckDB combines by exclusive-or could cancel out across rows
        rows = self._run(
            f"SELECT count(*), sum(hash(h)), bit_xor(hash(h, 7)) FROM (SELECT hash({names}) AS h FROM (\n{sql}\n))",
            sql,
        )
        return ":".join((self._engine.name, self._engine.version, *(str(part or 0) for part in rows[0])))

    def progress(self) -> float | None:
        """What DuckDB says about the running statement, which for some plans is nothing."""
        # the thread that asks may find the session just closed
        with contextlib.suppress(duckdb.ConnectionException):
            percent = self._cursor.query_progress()
            return None if percent < 0 else min(1.0, percent / 100)
        return None

    def cancel(self) -> None:
        """Interrupts the running statement and refuses every later one."""
        self._cancelled = True
        with contextlib.suppress(duckdb.ConnectionException):
            self._cursor.interrupt()

    def __enter__(self) -> DuckDBSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cursor.close()
        self._engine.detach(self._catalog)

    def _batches(self, reader: pa.RecordBatchReader, sql: str) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        try:
            yield from reader
        except (pa.ArrowException, OSError, duckdb.Error) as error:
            found = engine_error(error, sql, sql)
            if isinstance(found, Interrupted) and not self._cancelled:
                # a thread that failed stops the others, and now and then one of those is heard first: ask again
                self.digest(sql)
                found = EngineError("the engine stopped the query without a reason")
            raise found from error

    def _run(self, statement: str, sql: str) -> list[tuple[object, ...]]:
        self._check()
        try:
            rows: list[tuple[object, ...]] = self._cursor.execute(statement).fetchall()
        except duckdb.Error as error:
            raise engine_error(error, statement, sql) from error
        except RuntimeError as error:  # what DuckDB makes of Ctrl-C while it works in the main thread
            raise Interrupted("interrupted") from error
        return rows

    def _check(self) -> None:
        if self._cancelled:
            raise Interrupted("interrupted")


def _told_apart(column: Column) -> str:
    """A column as an expression whose hash differs where the values do.

    DuckDB has one hash for an empty list and NULL, for [[1], [2]] and [[1, 2]], for 0.0 and -0.0: their texts differ.
    """
    name = identifier(column.name)
    kind = parse_type(column.type).kind
    if kind in ("list", "map", "struct"):
        return f"CAST(to_json({name}) AS VARCHAR), {name} IS NULL"
    return f"CAST({name} AS VARCHAR)" if kind in ("float", "double") else name


def read_parquet(relation: Files) -> str:
    """The call that reads a table's files (at least one), its columns found by their field ids."""
    # a single file would be read by a single thread: with `schema` DuckDB does not look how many row groups it has
    read = relation.paths if len(relation.paths) > 1 else (*relation.paths, str(_EMPTY))
    paths = ", ".join(literal(glob_escape(_local(path))) for path in read)
    fields = ", ".join(
        f"{f.id}: {{name: {literal(f.name)}, type: {literal(to_duckdb(f.type))}, default_value: NULL}}"
        for f in relation.fields
    )
    path_column = f", filename={literal(relation.path_column)}" if relation.path_column else ""
    # with `schema` DuckDB looks into no file beforehand, and would order joins by guesses
    rows = f", explicit_cardinality={relation.rows}" if relation.rows else ""
    return f"read_parquet([{paths}], schema=MAP{{{fields}}}{path_column}{rows})"


def glob_escape(path: str) -> str:
    """A path as DuckDB takes it literally, where it would otherwise read `[`, `*` and `?` as a pattern."""
    if "://" in path:
        return path
    return "".join(f"[{char}]" if char in "[*?" else char for char in path)


def _local(path: str) -> str:
    return path.removeprefix("file://")


def _make(directory: str) -> None:
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(f"cannot create {directory}: {error.strerror}") from error
