"""Python models at work: the function `model` is called with its inputs, and what it returns is a stream of rows.

An engine then writes the stream as it writes any query, so that types, field ids, partitions and memory are its
business. The function runs only where rows are made: never while a project is planned or validated.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lakeorch.engines import Engine, Relation, Rows
from lakeorch.errors import EngineError, LakeorchError
from lakeorch.model import Model, Scalar, Schema
from lakeorch.python.inputs import Inputs
from lakeorch.python.modules import failure, load, place_of
from lakeorch.python.results import Stream, stream
from lakeorch.types import identifier

__all__ = ["Call", "Returned"]

RETURNED = "_lakeorch.returned"


@dataclass(frozen=True, slots=True)
class Returned:
    """What a call gave: a relation that can be read once, and the query that has the model's columns out of it."""

    relation: Rows
    sql: str


@dataclass(frozen=True)
class Call:
    """A call of a model's function.

    Attributes:
        tables: parameter → the full name of the relation it is given.
        columns: that the model declares.
        now: the time of the run.
        root: the project root.
    """

    model: Model
    tables: Mapping[str, str]
    columns: Schema
    variables: Mapping[str, Scalar]
    now: datetime
    root: Path

    @contextlib.contextmanager
    def rows(self, engine: Engine, relations: Sequence[Relation]) -> Iterator[Returned]:
        """Calls the function; its rows come while the block reads them.

        Args:
            engine: gives the inputs, and reads what is returned.
            relations: everything the model reads, as for a query.

        Raises:
            EngineError: the function failed, also while its rows were read, or returned other columns than the model
                declares. The message begins with the user's file and line.
        """
        with contextlib.ExitStack() as stack:
            source: Stream | None = None
            try:
                try:
                    inputs = Inputs(engine, relations, self.variables, self.root, stack)
                    given = {each.name: self._value(each.name, inputs) for each in self.model.parameters}
                    source = stream(load(self.model, self.root)(**given), self.columns)
                except LakeorchError:
                    raise
                except (Exception, SystemExit) as error:
                    raise failure(error, self.model, self.root) from error
                relation = Rows(RETURNED, source.reader)
                with engine.session([relation], {}, str(self.root)) as session:
                    self._require_declared(source, session.columns(f"SELECT * FROM {engine.quote(RETURNED)}"))
                yield Returned(relation, self.query(engine))
            except LakeorchError as error:
                # the engine that read the stream knows only that it broke
                if source is not None and source.broken:
                    raise failure(source.broken[0], self.model, self.root) from error
                raise

    def query(self, engine: Engine) -> str:
        """The query that has the model's columns out of what was returned."""
        names = ", ".join(identifier(column.name) for column in self.columns)
        return f"SELECT {names} FROM {engine.quote(RETURNED)}"

    def _value(self, name: str, inputs: Inputs) -> object:
        parameter = next(each for each in self.model.parameters if each.name == name)
        if parameter.kind == "clock":
            return self.now.astimezone(UTC)
        if parameter.kind == "variable":
            return self.variables[parameter.reads]
        return inputs.give(self.tables[name], parameter.annotation)

    def _require_declared(self, source: Stream, found: Schema) -> None:
        """Raises EngineError where the columns that came are not those that the model declares."""
        from lakeorch.python.results import fits

        came = {column.name.lower(): column for column in found}
        declared = {column.name.lower(): column for column in self.columns}
        told = ", ".join(f"{column.name} {column.type}" for column in found)
        place = place_of(self.model)
        for name, column in declared.items():
            if name not in came:
                raise EngineError(
                    f"{place}: model returned no column {name}, which the model declares; it returned: {told}"
                )
            if name not in source.untyped and not fits(came[name].type, column.type):
                raise EngineError(
                    f"{place}: column {name} came as {came[name].type}, the model declares {column.type}",
                    hint=f"convert it in the function, or declare {name}: {{type: {came[name].type}}}",
                )
        for name, column in came.items():
            if name not in declared:
                hint = f"declare it: {column.name}: {{type: {column.type}}}, or leave it out of what model returns"
                raise EngineError(f"{place}: model returned a column {name} that it does not declare", hint=hint)
