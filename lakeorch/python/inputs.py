"""What a model's function is given: its tables as Arrow, Polars, DuckDB or pandas, by the annotations."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakeorch.engines import Engine, Files, Relation, Rows, Target, numbered
from lakeorch.errors import EngineError
from lakeorch.model import Scalar

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


class Inputs:
    """The relations that a model reads, in the form that each parameter wants; open until `stack` is closed.

    Args:
        engine: reads what is not simply files.
        relations: everything the model reads.
        variables: of the project; views may use them.
        root: the project root.
        stack: closes sessions and removes scratch files.
    """

    def __init__(
        self,
        engine: Engine,
        relations: Sequence[Relation],
        variables: Mapping[str, Scalar],
        root: Path,
        stack: ExitStack,
    ) -> None:
        self._engine, self._relations, self._variables, self._root = engine, relations, variables, root
        self._stack = stack
        self._files: dict[str, Files | Rows] = {}
        self._duckdb: duckdb.DuckDBPyConnection | None = None

    def give(self, name: str, annotation: str) -> object:
        """A relation by its name, as what the annotation says."""
        if annotation == "pyarrow.RecordBatchReader":
            return self._reader(name)
        if annotation == "polars.LazyFrame":
            return self._lazy(name)
        if annotation == "duckdb.DuckDBPyRelation":
            return self._relation(name)
        table = self._reader(name).read_all()
        if annotation == "polars.DataFrame":
            import polars as pl

            return pl.from_arrow(table)
        return _pandas(table) if annotation == "pandas.DataFrame" else table

    def _reader(self, name: str) -> pa.RecordBatchReader:
        # an open stream blocks its session: one for each
        session = self._stack.enter_context(self._engine.session(self._relations, self._variables, str(self._root)))
        return session.fetch(f"SELECT * FROM {self._engine.quote(name)}")

    def _lazy(self, name: str) -> object:
        import polars as pl

        from lakeorch.engines.polars.read import lazy_frame

        found = self._as_files(name)
        frame = lazy_frame(found) if isinstance(found, Files) else None
        if frame is None and isinstance(found, Files):
            found = self._scratch(name)
            frame = lazy_frame(found)
        if frame is None:
            assert isinstance(found, Rows), "scratch files are local and have the names that they were given"
            held = pl.from_arrow(found.table)
            assert isinstance(held, pl.DataFrame), "a table has columns"
            frame = held.lazy()
        return frame

    def _relation(self, name: str) -> object:
        from lakeorch.engines.duckdb.frames import connect, relation_of

        if self._duckdb is None:
            self._duckdb = connect()
            self._stack.callback(self._duckdb.close)
        found = self._as_files(name)
        if isinstance(found, Files) and any("://" in path.removeprefix("file://") for path in found.paths):
            found = self._scratch(name)  # this database of the user's own reads local files only
        return relation_of(self._duckdb, found)

    def _as_files(self, name: str) -> Files | Rows:
        """A table as it lies; a view, or new rows that a query must tell, in scratch files."""
        if name not in self._files:
            found = next((each for each in reversed(self._relations) if each.name == name), None)
            self._files[name] = found if isinstance(found, Files | Rows) else self._scratch(name)
        return self._files[name]

    def _scratch(self, name: str) -> Files:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="lakeorch-"))
        sql = f"SELECT * FROM {self._engine.quote(name)}"
        with self._engine.session(self._relations, self._variables, str(self._root)) as session:
            fields = numbered(session.columns(sql))
            return Files(name, fields, session.write(sql, Target(folder, "input", fields)))


def _pandas(table: pa.Table) -> Any:
    if importlib.util.find_spec("pandas") is None:
        message = "the model takes a pandas.DataFrame, and pandas is not installed"
        raise EngineError(message, hint="pip install pandas")
    return table.to_pandas()
