"""The Polars engine: the same SQL, run by Polars in batches; DuckDB binds it, and checks and compares what came out.

Polars is not asked what a query means. `queries` resolves every name and type as DuckDB does and writes the query anew
from what is known to give the same answer; what is not known is refused when the project is validated. Names and types
then have to be the same three times over: in DuckDB, by the rules, and in Polars.
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import polars as pl

from lakeorch.engines import Empty, Engine, Files, Query, Relation, Session, Target, numbered
from lakeorch.engines.duckdb import engine as start_duckdb
from lakeorch.engines.polars.queries import ELSEWHERE, Translator
from lakeorch.engines.polars.read import lazy_frame
from lakeorch.engines.polars.rules import iceberg
from lakeorch.engines.polars.scope import Translated
from lakeorch.engines.polars.types import agrees, to_polars
from lakeorch.engines.polars.write import discard, sink
from lakeorch.errors import EngineError, Interrupted
from lakeorch.model import Scalar, Schema
from lakeorch.types import canonical

if TYPE_CHECKING:
    import pyarrow as pa
    from fsspec import AbstractFileSystem

_UNFIT = re.compile(r"conversion from `[^`]+` to `([^`]+)` failed in column .* values?: (.+)")


def engine(threads: int, memory: int | None = None, remote: AbstractFileSystem | None = None) -> Polars:
    """Starts the engine; Polars itself has one pool of threads for the whole process, and no limit of memory."""
    return Polars(threads, memory, remote)


class Polars:
    """An engine as `lakeorch.engines.Engine` describes it."""

    name = "polars"
    version: str = pl.__version__

    def __init__(self, threads: int, memory: int | None = None, remote: AbstractFileSystem | None = None) -> None:
        self.house: Engine = start_duckdb(threads, memory, remote)
        self.transforms = self.house.transforms

    def session(self, relations: Sequence[Relation], variables: Mapping[str, Scalar], folder: str) -> PolarsSession:
        """Opens a session; see the protocol."""
        session = PolarsSession(self, self.house.session((), variables, folder), variables)
        try:
            for relation in relations:
                session.add(relation)
        except BaseException:
            session.__exit__(None, None, None)
            raise
        return session

    def variable(self, name: str) -> str:
        """As DuckDB has it: the translation puts the value in."""
        return self.house.variable(name)

    def quote(self, name: str) -> str:
        """As DuckDB has it: it is DuckDB's SQL that is translated."""
        return self.house.quote(name)

    def close(self) -> None:
        """Frees the engine."""
        self.house.close()


class PolarsSession:
    """A session as `lakeorch.engines.Session` describes it: `write` is by Polars, the rest by DuckDB."""

    def __init__(self, engine: Polars, duckdb: Session, variables: Mapping[str, Scalar]) -> None:
        self._engine, self._duckdb, self._variables = engine, duckdb, variables
        self._relations: dict[str, Relation] = {}
        self._frames: dict[str, pl.LazyFrame] = {}
        self._scratch = contextlib.ExitStack()
        self._cancelled = False

    def add(self, relation: Relation) -> None:
        """Makes a relation visible by its name, in the place of an older one."""
        self._duckdb.add(relation)
        self._relations[relation.name] = relation
        self._frames.clear()

    def columns(self, sql: str) -> Schema:
        """Names and types by DuckDB, once it is certain that Polars has the same ones."""
        columns = self._duckdb.columns(sql)
        self._plan(sql, columns, empty=True)
        return columns

    def write(self, sql: str, target: Target) -> tuple[str, ...]:
        """Runs a query in Polars into Parquet files; what must lie in partitions or in order, DuckDB lays out."""
        frame = self._plan(sql, self._duckdb.columns(sql), empty=False)
        local = target.directory.removeprefix("file://")
        if target.partition_by or target.sort_by or "://" in local:
            folder = self._folder()
            name = "_lakeorch.polars"
            paths = self._sink(frame, target, folder, "rows")
            with self._engine.house.session([Files(name, target.fields, paths)], {}, folder) as session:
                return session.write(f"SELECT * FROM {self._engine.quote(name)}", target)
        try:
            Path(local).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise EngineError(f"cannot create {local}: {error.strerror}") from error
        paths = self._sink(frame, target, local.rstrip("/"), f"{target.stem}_{uuid.uuid4().hex[:8]}")
        scheme = target.directory[: len(target.directory) - len(local)]
        return tuple(sorted(scheme + path for path in paths))

    def fetch(self, sql: str) -> pa.RecordBatchReader:
        """By DuckDB: what asks for single rows looks at rows that are there."""
        return self._duckdb.fetch(sql)

    def digest(self, sql: str) -> str:
        """By DuckDB: a digest can only be compared with one of the same engine."""
        return self._duckdb.digest(sql)

    def progress(self) -> float | None:
        """Polars does not say."""
        return None

    def cancel(self) -> None:
        """Stops the running query and refuses every later one."""
        self._cancelled = True
        self._duckdb.cancel()

    def __enter__(self) -> PolarsSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._frames.clear()
        self._scratch.close()
        self._duckdb.__exit__(kind, error, trace)

    # ---- what Polars runs ----

    def _plan(self, sql: str, columns: Schema, *, empty: bool) -> pl.LazyFrame:
        """A query as a plan of Polars; with `empty`, over no rows.

        Raises:
            EngineError: Polars does not run it, or would not give the names and types that DuckDB gives.
        """
        translated = Translator(self._table, self._variables).translate(sql)
        frame = self._run(translated, empty=empty)
        try:
            schema = frame.collect_schema()
        except pl.exceptions.PolarsError as error:
            raise EngineError(f"the polars engine cannot run this: {_first(error)}", hint=ELSEWHERE) from error
        _require_same(columns, translated, schema)
        # an output without a name has the one that DuckDB gives it
        names = dict(zip(schema.names(), (column.name for column in columns), strict=True))
        return frame.rename(names) if any(old != new for old, new in names.items()) else frame

    def _run(self, translated: Translated, *, empty: bool) -> pl.LazyFrame:
        frames = {name: self._frame(name, empty=empty) for name in self._relations if f'"{name}"' in translated.sql}
        try:
            return pl.SQLContext(frames=frames, eager=False).execute(translated.sql)
        except pl.exceptions.PolarsError as error:
            raise EngineError(f"the polars engine cannot run this: {_first(error)}", hint=ELSEWHERE) from error

    def _table(self, name: str) -> tuple[str, Schema] | None:
        known = {each.lower(): each for each in self._relations}
        found = known.get(name)
        if found is None:
            return None
        return found, self._duckdb.columns(f"SELECT * FROM {self._engine.quote(found)}")

    def _frame(self, name: str, *, empty: bool) -> pl.LazyFrame:
        relation = self._relations[name]
        if empty or isinstance(relation, Empty):
            columns = self._duckdb.columns(f"SELECT * FROM {self._engine.quote(name)}")
            return pl.LazyFrame(schema={column.name: to_polars(column.type) for column in columns})
        if name not in self._frames:
            found = lazy_frame(relation) if isinstance(relation, Files) else self._view(relation)
            self._frames[name] = found if found is not None else self._scratched(name)
        return self._frames[name]

    def _view(self, relation: Relation) -> pl.LazyFrame | None:
        """A view as a part of the plan; None where only DuckDB runs it, as where it reads files."""
        if not isinstance(relation, Query):
            return None
        try:
            return self._plan(relation.sql, self._duckdb.columns(relation.sql), empty=False)
        except EngineError:
            return None

    def _scratched(self, name: str) -> pl.LazyFrame:
        """A relation that DuckDB has to make, by way of files."""
        sql = f"SELECT * FROM {self._engine.quote(name)}"
        fields = numbered(self._duckdb.columns(sql))
        paths = self._duckdb.write(sql, Target(self._folder(), "input", fields))
        found = lazy_frame(Files(name, fields, paths))
        assert found is not None, "scratch files are local and have the names that they were given"
        return found

    def _sink(self, frame: pl.LazyFrame, target: Target, folder: str, stem: str) -> tuple[str, ...]:
        if self._cancelled:
            raise Interrupted("interrupted")
        written: list[str] = []
        try:
            running = sink(frame, target.fields, folder, stem, written).collect(background=True)
            while running.fetch() is None:
                if self._cancelled:
                    running.cancel()
                    raise Interrupted("interrupted")
                _pause()
        except (pl.exceptions.PolarsError, OSError) as error:
            discard(folder, stem)
            raise _failed(error) from error
        except BaseException:
            discard(folder, stem)
            raise
        return tuple(written)

    def _folder(self) -> str:
        return self._scratch.enter_context(tempfile.TemporaryDirectory(prefix="lakeorch-"))


def _require_same(columns: Schema, translated: Translated, schema: pl.Schema) -> None:
    """Raises EngineError, with the column, where DuckDB, the rules and Polars do not agree."""
    if not len(columns) == len(translated.columns) == len(schema):
        raise EngineError(f"the polars engine yields {len(schema)} columns, duckdb {len(columns)}", hint=ELSEWHERE)
    pairs = zip(columns, translated.columns, schema.items(), strict=True)
    for column, (name, type), (_, polars) in pairs:
        told = name.startswith("col ") or name == column.name
        if not told or canonical(str(iceberg(type))) != canonical(column.type) or not agrees(polars, column.type):
            raise EngineError(
                f"column {column.name} is {column.type} in duckdb; the polars engine makes {name} {iceberg(type)} "
                f"of it, as {polars}",
                hint=f"CAST it, or {ELSEWHERE}",
                name=column.name,
            )


def _failed(error: BaseException) -> EngineError:
    """What went wrong while a query ran; of the columns Polars knows only names that nobody gave them."""
    text = _first(error)
    if match := _UNFIT.match(text):
        kind, values = match.groups()
        return EngineError(f"a value does not fit {kind}: {values}", hint="CAST to a wider type before it is computed")
    return EngineError(text)


def _first(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]


def _pause() -> None:
    import time

    time.sleep(0.005)
