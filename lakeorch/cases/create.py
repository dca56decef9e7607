"""Writes a case from real rows: the fewest rows and columns of the inputs that give the chosen rows of the result.

What is needed is found by trying, not by reading the query: rows and columns are left out as long as what is chosen
comes out the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from lakeorch.bind import statement
from lakeorch.cases.scene import stand_in
from lakeorch.cases.values import comparable
from lakeorch.cases.write import case_text
from lakeorch.engines import Engine, Query, Relation, Rows
from lakeorch.errors import EngineError, UsageError, suggestion
from lakeorch.graph import Graph
from lakeorch.model import FileRead, Model, Scalar

_MOST_GIVEN = 200_000
_MOST_EXPECTED = 50
_MOST_TRIES = 5_000

Inputs = Mapping[str, pa.Table]


@dataclass(frozen=True)
class Created:
    """A case that was written.

    Attributes:
        path: the file.
        given: how many rows stand in it for each input.
        expected: how many rows it expects.
    """

    path: Path
    given: Mapping[str, int]
    expected: int


@dataclass
class Creator:
    """Writes a case of one model.

    Attributes:
        model: to test.
        graph: of the project.
        engine: runs the query, over and over.
        variables: the project's.
        root: the project root.
        scan: gives the relation of a published table.
        now: what the clock shows in the case.
    """

    model: Model
    graph: Graph
    engine: Engine
    variables: Mapping[str, Scalar]
    root: Path
    scan: Callable[[str], Relation]
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    _tries: int = 0

    def create(self, where: str, folder: Path) -> Created:
        """Writes the case.

        Args:
            where: a condition on the columns of the model's result, or of its inputs.
            folder: the model folder.

        Raises:
            UsageError: the condition fits nothing, no row, or too many.
            EngineError: the query fails on the data.
        """
        inputs, target, filtered = self._chosen(where)
        holds = self._keeps(target, where if filtered else "")
        for name in sorted(inputs, key=lambda name: -inputs[name].num_rows):
            inputs = {**inputs, name: self._fewer_rows(inputs, name, holds)}
        for name in inputs:
            inputs = {**inputs, name: self._fewer_columns(inputs, name, holds)}
        shorter = {name: _relative(table, f"{self.root}/") for name, table in inputs.items()}
        inputs = shorter if holds(shorter) else inputs
        result = self._run(inputs)
        if result.num_rows > _MOST_EXPECTED:
            raise UsageError(f"{result.num_rows:,} rows would be expected", hint="choose fewer with --where")
        tables = {name: table for name, table in inputs.items() if name in self._tables()}
        files = {name: table for name, table in inputs.items() if name not in tables}
        used = {use.name for query in self._queries() for use in query.variables}
        variables = {name: value for name, value in self.variables.items() if name in used}
        now = self.now if any(query.clock for query in self._queries()) else None
        text = case_text(self.model.name, where, tables, files, result, variables, now)
        path = _free(folder / "tests", self.model.name.replace(".", "_"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return Created(path, {name: table.num_rows for name, table in inputs.items()}, result.num_rows)

    # ---- the real rows ---------------------------------------------------------------------------------------------

    def _chosen(self, where: str) -> tuple[Inputs, pa.Table, bool]:
        """Inputs that give the chosen rows, these rows, and whether the condition chose them from the result."""
        relations: list[Relation] = [self.scan(name) for name in self._tables()]
        texts = {read: self._reader(read).source.text[read.call.start : read.call.end] for read in self._reads()}
        reads = {read.patterns[0]: f"SELECT * FROM {text}" for read, text in texts.items()}
        queries = {name: f"SELECT * FROM {self.engine.quote(name)}" for name in self._tables()} | reads
        views = [Query(view.name, self._text(view, {})) for view in self._queries()[:-1]]
        result = self._text(self.model, {})
        with self.engine.session([*relations, *views], self.variables, str(self.root)) as session:

            def fits(query: str) -> EngineError | None:
                try:
                    session.columns(_filtered(query, where))
                except EngineError as error:
                    return error
                return None

            def fetch(query: str, condition: str) -> pa.Table:
                return session.fetch(f"{_filtered(query, condition)} LIMIT {_MOST_GIVEN + 1}").read_all()

            refused = fits(result)
            able = {name for name, query in queries.items() if fits(query) is None}
            if refused is not None and not able:
                message = f"the condition fits neither {self.model.name} nor what it reads: {refused.message}"
                raise UsageError(message, hint=suggestion(refused.name, refused.candidates) or refused.hint)
            target = fetch(result, where) if refused is None else None
            inputs = {name: fetch(query, where if name in able else "") for name, query in queries.items()}
            if target is not None and not self._keeps(target, where)(inputs):
                # the chosen rows of the result need rows of the inputs that the condition does not choose
                inputs = {name: fetch(query, "") for name, query in queries.items()}
        for name, table in inputs.items():
            if table.num_rows > _MOST_GIVEN:
                raise UsageError(f"{name} has more than {_MOST_GIVEN:,} rows", hint="choose fewer with --where")
        chosen = self._run(inputs) if target is None else target
        if not chosen.num_rows:
            raise UsageError(f"no row of {self.model.name} fits the condition: {where}")
        return inputs, chosen, target is not None

    def _tables(self) -> tuple[str, ...]:
        return self.graph.tables_behind(self.model.name)

    def _queries(self) -> list[Model]:
        """The views that the model inlines, and the model."""
        return [*(self.graph.models[name] for name in self.graph.views_behind(self.model.name)), self.model]

    def _reads(self) -> list[FileRead]:
        return [read for query in self._queries() for read in query.files]

    def _reader(self, read: FileRead) -> Model:
        return next(query for query in self._queries() if read in query.files)

    # ---- tries -----------------------------------------------------------------------------------------------------

    def _text(self, query: Model, stand_ins: Mapping[tuple[str, ...], str]) -> str:
        return statement(query, self.graph, self.engine, now=self.now, folder=self.root, stand_ins=stand_ins).sql

    def _run(self, inputs: Inputs, where: str = "") -> pa.Table:
        """What the model yields on some rows of its inputs."""
        relations: list[Relation] = [Rows(name, inputs[name]) for name in self._tables()]
        stand_ins = {}
        for number, read in enumerate(self._reads()):
            name = stand_in(self._reader(read), read, number)
            relations.append(Rows(name, inputs[read.patterns[0]]))
            stand_ins[read.patterns] = self.engine.quote(name)
        relations += [Query(view.name, self._text(view, stand_ins)) for view in self._queries()[:-1]]
        with self.engine.session(relations, self.variables, str(self.root)) as session:
            return session.fetch(_filtered(self._text(self.model, stand_ins), where)).read_all()

    def _keeps(self, target: pa.Table, where: str) -> Callable[[Inputs], bool]:
        """Whether the chosen rows come out of some inputs unchanged."""
        wanted = _counted(target)

        def holds(inputs: Inputs) -> bool:
            self._tries += 1
            try:
                return self._tries <= _MOST_TRIES and _counted(self._run(inputs, where)) == wanted
            except EngineError:
                return False

        return holds

    def _fewer_rows(self, inputs: Inputs, name: str, holds: Callable[[Inputs], bool]) -> pa.Table:
        """The rows of one input without those that make no difference: leaves out halves, quarters, … single rows."""
        table = inputs[name]
        step = table.num_rows
        while step:
            start = 0
            while start < table.num_rows:
                rest = pa.concat_tables([table.slice(0, start), table.slice(start + step)])
                if holds({**inputs, name: rest}):
                    table = rest
                else:
                    start += step
            step //= 2
        return table

    def _fewer_columns(self, inputs: Inputs, name: str, holds: Callable[[Inputs], bool]) -> pa.Table:
        """One input with NULL in the columns that make no difference."""
        table = inputs[name]
        for at, column in enumerate(table.schema):
            emptied = table.set_column(at, column, pa.nulls(table.num_rows, column.type))
            if table.column(at).null_count < table.num_rows and holds({**inputs, name: emptied}):
                table = emptied
        return table


def _relative(table: pa.Table, root: str) -> pa.Table:
    """Rows of files that do not tell where the project lies."""
    at = table.schema.get_field_index("filename")
    if at < 0 or table.schema.field(at).type != pa.string():
        return table
    paths = [None if path is None else path.removeprefix(root) for path in table.column(at).to_pylist()]
    return table.set_column(at, "filename", pa.array(paths, pa.string()))


def _filtered(query: str, where: str) -> str:
    return f"SELECT * FROM (\n{query}\n)" + (f" WHERE {where}" if where else "")


def _counted(table: pa.Table) -> Counter[object]:
    return Counter(comparable(tuple(row.values())) for row in table.to_pylist())


def _free(folder: Path, name: str) -> Path:
    """A file that is not there yet."""
    path, number = folder / f"{name}.yml", 1
    while path.exists():
        number += 1
        path = folder / f"{name}_{number}.yml"
    return path
