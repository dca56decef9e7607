"""SQL over what is published: every table of a query as of one moment, views of the project included."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lakeorch.bind import Statement, statement
from lakeorch.engines import Engine, Query, Relation, Session, relation
from lakeorch.errors import EngineError, Finding, ProjectError, Source, Span, suggestion
from lakeorch.graph import Graph
from lakeorch.graph.narrow import filters
from lakeorch.lake import Lake
from lakeorch.model import Model, Scalar
from lakeorch.parse import parse_folder, parse_model
from lakeorch.project.past import moment
from lakeorch.project.site import Site

if TYPE_CHECKING:
    import pyarrow as pa

# a name that no file can have, so that it never shadows a model
NAME = "-.query"
FILE = "<query>"


def run_query(
    site: Site, lake: Lake, engine: Engine, sql: str, stack: contextlib.ExitStack, at: str | None = None
) -> pa.RecordBatchReader:
    """Runs one SELECT over the published tables and streams its rows.

    Args:
        site: the project, for its views and variables.
        lake: where the tables are; all their pointers are read in one statement.
        engine: runs the query.
        sql: the query.
        stack: closed when the last batch was read, or the reader is dropped.
        at: a run, tag or time: all tables as they were then. Views are those of the project now.

    Raises:
        ProjectError: the query is wrong; the findings' places are in a file named `<query>`.
        UsageError: `at` means nothing, or what it means has expired.
        EngineError: the engine failed on the data.
    """
    import pyarrow as pa

    model, findings = parse_model(Source(FILE, sql), NAME)
    if model is None or findings:
        raise ProjectError(findings)
    graph = Graph([*parse_folder(site.folder, site.root, site.defaults, site.cache).models, model])
    states = _states(lake) if at is None else _states_at(lake, at, graph.tables_behind(NAME))
    if missing := (*_missing(model, graph, states, at), *_unknown_variables(model, site.variables)):
        raise ProjectError(missing)
    now = datetime.now(UTC)
    where = filters(model, graph)
    relations: list[Relation] = [
        relation(lake.scan(name, states[name].snapshot_id, states[name].location).narrowed(where.get(name, ())))
        for name in graph.tables_behind(NAME)
    ]
    relations += [
        Query(view, statement(graph.models[view], graph, engine, now=now, folder=site.root).sql)
        for view in graph.views_behind(NAME)
    ]
    text = statement(model, graph, engine, now=now, folder=site.root)
    session = stack.enter_context(engine.session(relations, site.variables, str(site.root)))
    reader = _fetch(session, model, text)

    def batches() -> Iterator[pa.RecordBatch]:
        with stack:
            yield from reader

    return pa.RecordBatchReader.from_batches(reader.schema, batches())


def _fetch(session: Session, model: Model, text: Statement) -> pa.RecordBatchReader:
    try:
        return session.fetch(text.sql)
    except EngineError as error:
        if error.position is None:
            raise
        at = text.offset(error.position)
        span = Span(at, at + max(1, len(error.name)))
        near = suggestion(error.name, error.candidates) or error.hint
        raise ProjectError((model.source.finding(span, error.message, hint=near),)) from error


@dataclass(frozen=True, slots=True)
class _State:
    """Where a table is read: a metadata file, and a snapshot in it, None for its newest."""

    location: str
    snapshot_id: int | None = None


def _states(lake: Lake) -> dict[str, _State]:
    return {name: _State(table.location) for name, table in lake.published().items()}


def _states_at(lake: Lake, at: str, names: Iterable[str]) -> dict[str, _State]:
    timelines = lake.timelines()
    when = moment(timelines, at)
    versions = {name: when.version(timelines[name]) for name in names if name in timelines}
    return {
        name: _State(timelines[name].location, version.snapshot_id)
        for name, version in versions.items()
        if version is not None
    }


def _unknown_variables(model: Model, variables: Mapping[str, Scalar]) -> tuple[Finding, ...]:
    hint = "declare it in lakeorch.yml, or write the value"
    return tuple(
        model.source.finding(use.span, f"the variable ${use.name} has no value", hint=hint)
        for use in model.variables
        if use.name not in variables
    )


def _missing(model: Model, graph: Graph, published: Mapping[str, _State], at: str | None) -> tuple[Finding, ...]:
    """References to what is not there: no such name, or a model that was never published."""
    findings = []
    known = sorted(published.keys() | graph.models.keys() - {NAME})
    for reference in model.references:
        name = graph.resolve(model, reference.name) or reference.name
        if name in graph.models:
            behind = graph.tables_behind(name) if graph.models[name].settings.materialized == "view" else (name,)
            absent = [table for table in behind if table not in published]
            if absent:
                message = (
                    f"{', '.join(absent)} is not published yet"
                    if at is None
                    else (f"{', '.join(absent)} was not there yet at {at}")
                )
                hint = f"lakeorch run -s +{absent[0]}" if at is None else f"lakeorch history {absent[0]}"
                findings.append(model.source.finding(reference.span, message, hint=hint))
        elif name not in published:
            hint = suggestion(name, known) or "lakeorch list shows what there is"
            findings.append(model.source.finding(reference.span, f"there is no table {name}", hint=hint))
    return tuple(findings)
