"""SQL over what is published: every table of a query as of one moment, views of the project included."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lakeorch.bind import Statement, statement
from lakeorch.engines import Engine, Query, Relation, Session, relation
from lakeorch.errors import EngineError, Finding, ProjectError, Source, Span, suggestion
from lakeorch.graph import Graph
from lakeorch.lake import Lake
from lakeorch.model import Model, Published
from lakeorch.parse import parse_folder, parse_model
from lakeorch.project.survey import Site

if TYPE_CHECKING:
    import pyarrow as pa

# a name that no file can have, so that it never shadows a model
NAME = "-.query"
FILE = "<query>"


def run_query(site: Site, lake: Lake, engine: Engine, sql: str, stack: contextlib.ExitStack) -> pa.RecordBatchReader:
    """Runs one SELECT over the published tables and streams its rows.

    Args:
        site: the project, for its views and variables.
        lake: where the tables are; all their pointers are read in one statement.
        engine: runs the query.
        sql: the query.
        stack: closed when the last batch was read, or the reader is dropped.

    Raises:
        ProjectError: the query is wrong; the findings' places are in a file named `<query>`.
        EngineError: the engine failed on the data.
    """
    import pyarrow as pa

    model, findings = parse_model(Source(FILE, sql), NAME)
    if model is None or findings:
        raise ProjectError(findings)
    graph = Graph([*parse_folder(site.folder, site.root, site.defaults).models, model])
    published = lake.published()
    if missing := _missing(model, graph, published):
        raise ProjectError(missing)
    now = datetime.now(UTC)
    relations: list[Relation] = [
        relation(lake.scan(name, location=published[name].location)) for name in graph.tables_behind(NAME)
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
        session.columns(text.sql)  # what the binder refuses is a mistake in the query; what comes later is in the data
    except EngineError as error:
        at = text.offset(error.position) if error.position is not None else model.body.start
        span = Span(at, at + max(1, len(error.name)))
        near = suggestion(error.name, error.candidates) or error.hint
        raise ProjectError((model.source.finding(span, error.message, hint=near),)) from error
    return session.fetch(text.sql)


def _missing(model: Model, graph: Graph, published: Mapping[str, Published]) -> tuple[Finding, ...]:
    """References to what is not there: no such name, or a model that was never published."""
    findings = []
    known = sorted(published.keys() | graph.models.keys() - {NAME})
    for reference in model.references:
        name = graph.resolve(model, reference.name) or reference.name
        if name in graph.models:
            behind = graph.tables_behind(name) if graph.models[name].settings.materialized == "view" else (name,)
            absent = [table for table in behind if table not in published]
            if absent:
                message = f"{', '.join(absent)} is not published yet"
                hint = f"lakeorch run -s +{absent[0]}"
                findings.append(model.source.finding(reference.span, message, hint=hint))
        elif name not in published:
            hint = suggestion(name, known) or "lakeorch list shows what there is"
            findings.append(model.source.finding(reference.span, f"there is no table {name}", hint=hint))
    return tuple(findings)
