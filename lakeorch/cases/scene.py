"""What a case runs on: the relations it gives, the statement that reads them; or what is wrong with the case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from lakeorch.bind import Statement, promises, statement
from lakeorch.bind.text import full_name
from lakeorch.cases.file import Case, Rows
from lakeorch.cases.values import arrow_schema, convert, guessed_type
from lakeorch.engines import Empty, Engine, Query, Relation, Session
from lakeorch.engines import Rows as Given
from lakeorch.errors import EngineError, Finding, UsageError, suggestion
from lakeorch.graph import Graph
from lakeorch.model import Column, FileRead, Model, Scalar, Schema
from lakeorch.python import Call
from lakeorch.sources.files import find_files

# for a model that does not read the clock
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Scene:
    """A case that can run.

    Attributes:
        relations: what the query reads, in an order that works.
        text: the query for the engine; empty for a Python model.
        variables: the values of all `$name`.
        call: the call of a Python model's function; None for a query.
    """

    case: Case
    model: Model
    relations: tuple[Relation, ...]
    text: Statement
    variables: Mapping[str, Scalar]
    call: Call | None = None


@dataclass
class Stage:
    """Sets scenes for the cases of a project.

    Attributes:
        graph: of the project.
        schemas: the columns of its tables by full name, as far as they are known.
        engine: runs the cases.
        variables: the project's.
        root: the project root.
        session: looks into files that cases stand in for, to learn their columns.
    """

    graph: Graph
    schemas: Mapping[str, Schema]
    engine: Engine
    variables: Mapping[str, Scalar]
    root: Path
    session: Session
    _reads: dict[str, Schema | None] = field(default_factory=dict)

    def model(self, case: Case) -> Model | Finding:
        """The model that a case is about, or what is wrong with its name."""
        name = case.model.lower()
        span = case.span("model")
        if not name:
            return case.finding(span, "which model is this case about?", hint="write `model: namespace.table`")
        found = [each for each in self.graph.models if name in (each, each.rpartition(".")[2])]
        if name in self.graph.models or len(found) == 1:
            return self.graph.models[name if name in self.graph.models else found[0]]
        if found:
            return case.finding(span, f'"{name}" could mean {", ".join(found)}', hint="write the namespace before it")
        return case.finding(span, f'no model is called "{name}"', hint=suggestion(name, self.graph.models))

    def scene(self, case: Case) -> Scene | tuple[Finding, ...]:
        """The scene of a case, or everything that is wrong with it."""
        model = self.model(case)
        if isinstance(model, Finding):
            return (model,)
        findings: list[Finding] = []
        given = self._given(case, model, findings)
        needed = set(self._needed(model, given)) - given.keys()
        views = [name for name in self.graph.views_behind(model.name) if name in needed]
        queries = [*(self.graph.models[name] for name in views), model]
        declared = list(promises.declared(model)) if model.is_python else []
        findings += [each for each in declared if isinstance(each, Finding)]
        findings += self._about_names(case, queries)
        relations = list(self._tables(case, model, given, findings))
        reads = [read for query in queries for read in query.files]
        stand_ins = {}
        for number, read in enumerate(reads):
            if any(pattern in case.files for pattern in read.patterns):
                relation = self._file(case, queries, read, number, findings)
                relations.append(relation)
                stand_ins[read.patterns] = self.engine.quote(relation.name)
        findings += self._missing_files(case, (read for read in reads if read.patterns not in stand_ins))
        if findings:
            return tuple(dict.fromkeys(findings))
        only: Mapping[str, Sequence[str]] = {pattern: () for read in reads for pattern in read.patterns}
        texts = {
            query.name: statement(
                query,
                self.graph,
                self.engine,
                now=case.now or _NEVER,
                folder=self.root,
                only=only,
                stand_ins=stand_ins,
            )
            for query in queries
            if not query.is_python
        }
        relations += [Query(name, texts[name].sql) for name in views]
        variables = {**self.variables, **case.variables}
        if not model.is_python:
            return Scene(case, model, tuple(relations), texts[model.name], variables)
        tables = {each.name: full_name(model, each.reads, self.graph) for each in model.parameters}
        columns = tuple(each for each in declared if isinstance(each, Column))
        call = Call(model, tables, columns, variables, case.now or _NEVER, self.root)
        return Scene(case, model, tuple(relations), Statement("", ()), variables, call)

    # ---- names -----------------------------------------------------------------------------------------------------

    def _needed(self, model: Model, given: Iterable[str]) -> list[str]:
        """The tables and views that a model reads, through views that are not given."""
        found: dict[str, None] = {}
        waiting = [model]
        while waiting:
            reader = waiting.pop()
            for reference in reader.references:
                name = full_name(reader, reference.name, self.graph)
                target = self.graph.models.get(name)
                if name not in found and target and target.settings.materialized == "view" and name not in given:
                    waiting.append(target)
                found[name] = None
        return list(found)

    def _given(self, case: Case, model: Model, findings: list[Finding]) -> dict[str, Rows]:
        """The given rows by the full names of inputs."""
        known = self._needed(model, ())
        found: dict[str, Rows] = {}
        for written, rows in case.given.items():
            name = full_name(model, written.lower(), self.graph)
            if name in known:
                found[name] = rows
                continue
            hint = suggestion(name, known) or f"it reads: {', '.join(known) or 'no tables'}"
            findings.append(case.finding(case.span("given", written), f"{model.name} does not read {name}", hint=hint))
        return found

    def _about_names(self, case: Case, queries: Sequence[Model]) -> Iterator[Finding]:
        """Variables and files that no query uses, variables without a value, a clock that is not set."""
        used = {use.name for query in queries for use in query.variables}
        for name in case.variables:
            if name not in used:
                message = f"{queries[-1].name} does not use ${name}"
                yield case.finding(case.span("variables", name), message, hint=suggestion(name, used))
        for name in sorted(used - {*self.variables, *case.variables}):
            yield case.finding(
                case.span(), f"the variable ${name} has no value", hint=f"write `variables: {{{name}: …}}`"
            )
        patterns = [pattern for query in queries for read in query.files for pattern in read.patterns]
        for pattern in case.files:
            if pattern not in patterns:
                hint = suggestion(pattern, patterns) or f"it reads: {', '.join(patterns) or 'no files'}"
                message = f"{queries[-1].name} does not read {pattern!r}"
                yield case.finding(case.span("files", pattern), message, hint=hint)
        if case.now is None and any(query.clock for query in queries):
            message = f"{queries[-1].name} reads the clock: say what it shows"
            yield case.finding(case.span(), message, hint="write `now: 2025-10-26T12:00:00Z`")

    def _missing_files(self, case: Case, reads: Iterable[FileRead]) -> Iterator[Finding]:
        """Files that are not there, so that nobody knows the columns of a read that yields no row."""
        for read in reads:
            for pattern in read.patterns:
                try:
                    find_files(pattern, self.root)
                except UsageError as error:
                    yield case.finding(case.span(), error.message, hint=f'give its rows: `files: {{"{pattern}": […]}}`')

    # ---- relations -------------------------------------------------------------------------------------------------

    def _tables(
        self, case: Case, model: Model, given: Mapping[str, Rows], findings: list[Finding]
    ) -> Iterator[Relation]:
        for name in self._needed(model, given):
            schema = self.schemas.get(name)
            target = self.graph.models.get(name)
            if name in given:
                types = arrow_schema(schema) if schema else _guessed(given[name])
                yield Given(name, table(case, (given[name],), types, name, findings))
            elif target is not None and target.settings.materialized == "view":
                continue
            elif schema:
                yield Empty(name, schema)
            else:
                message = f"{model.name} reads {name}, whose columns are not known"
                hint = "give its rows, or declare its columns with their types in its settings"
                findings.append(case.finding(case.span("given"), message, hint=hint))

    def _file(
        self, case: Case, queries: Sequence[Model], read: FileRead, number: int, findings: list[Finding]
    ) -> Given:
        """The rows that take the place of a read, under the name that the engine gives a read without an alias."""
        query = next(each for each in queries if read in each.files)
        call = query.source.text[read.call.start : read.call.end]
        schema = self._columns(call)
        rows = [case.files[pattern] for pattern in read.patterns if pattern in case.files]
        types = arrow_schema(schema) if schema else _guessed(*rows)
        return Given(stand_in(query, read, number), table(case, rows, types, read.patterns[0], findings))

    def _columns(self, call: str) -> Schema | None:
        """What a read of files yields; None where the files are not there."""
        if call not in self._reads:
            try:
                self._reads[call] = self.session.columns(f"SELECT * FROM {call}")
            except EngineError:
                self._reads[call] = None
        return self._reads[call]


def stand_in(query: Model, read: FileRead, number: int) -> str:
    """The name of a relation in the place of a read of files: the engine gives both the same alias."""
    call = query.source.text[read.call.start : read.call.end]
    alias = call.partition("(")[0].strip().lower() if read.argument != read.call else Path(read.patterns[0]).stem
    return f"#file {number}.{alias.replace('.', '_')}"


def table(case: Case, written: Sequence[Rows], schema: pa.Schema, name: str, findings: list[Finding]) -> pa.Table:
    """Written rows as a table; what does not fit joins the findings.

    Args:
        case: in whose file they stand.
        written: the rows, one set behind the other.
        schema: the columns that the table must have.
        name: what to call it in findings.
        findings: grows.
    """
    types = {field.name.lower(): field.type for field in schema}
    for rows in written:
        for column in rows.columns:
            if column not in types:
                hint = suggestion(column, types) or f"it has: {', '.join(types)}"
                span = rows.span(None, column)
                findings.append(case.finding(span, f'{name} has no column "{column}"', hint=hint))
    values: dict[str, list[object]] = {column: [] for column in types}
    for rows in written:
        for number, record in enumerate(rows.records):
            for column, type in types.items():
                try:
                    values[column].append(convert(record.get(column), type))
                except ValueError as error:
                    findings.append(case.finding(rows.span(number, column), f"{column}: {error}"))
                    values[column].append(None)
    arrays = [pa.array(values[field.name.lower()], field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _guessed(*written: Rows) -> pa.Schema:
    """The columns that rows have where nothing is known of their table."""
    columns = dict.fromkeys(column for rows in written for column in rows.columns)
    records = [record for rows in written for record in rows.records]
    return pa.schema([(column, guessed_type([record.get(column) for record in records])) for column in columns])
