"""The models as they were at a moment: columns and lineage as their tables told them, queries as they were recorded."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lakeorch.bind import bind
from lakeorch.bind.recorded import Recorded, read_query
from lakeorch.engines import Engine
from lakeorch.errors import UsageError
from lakeorch.graph import Graph
from lakeorch.graph.lineage import ALL, Edge, column_lineage, from_json, split_path
from lakeorch.lake import Lake, Timeline
from lakeorch.model import Column, Model, Published, Reference, Schema, Settings
from lakeorch.plan.impact import LINEAGE
from lakeorch.project.lineage import Known
from lakeorch.project.past import Moment, moment


@dataclass(frozen=True, slots=True)
class _Then:
    """A table as it was, and the query that it was made by; None where another writer made it."""

    table: Published
    recorded: Recorded | None


def known_at(lake: Lake, engine: Engine, root: Path, at: str) -> Known:
    """What the published tables said of themselves at a moment. A table whose state of then has expired is left out.

    Args:
        lake: where the tables are.
        engine: finds the columns of the views that were inlined.
        root: the project root, which the paths of raw files start from.
        at: a run, a time, or a tag: of a table that has it, what the run said that made the tagged snapshot.

    Raises:
        UsageError: `at` means nothing.
    """
    timelines = lake.timelines()
    when = moment(timelines, at)
    tables: dict[str, _Then] = {}
    for line in sorted(timelines.values(), key=lambda line: line.name):
        with contextlib.suppress(UsageError):
            if (then := _then(lake, line, when)) is not None:
                tables[line.name] = then
    graph = Graph(_models(tables))
    schemas = {name: then.table.columns for name, then in tables.items()}
    schemas |= _views(graph, tables, engine, root)

    @functools.cache
    def edges(name: str) -> tuple[Edge, ...]:
        told = tables[name].table.properties.get(LINEAGE) if name in tables else None
        with contextlib.suppress(ValueError):
            if told:
                return from_json(told)
        return column_lineage(graph.models[name], graph, schemas)

    for name in graph.order:
        schemas.setdefault(name, _columns(edges(name)))
    return Known(graph, schemas, edges, when.name)


def _then(lake: Lake, line: Timeline, when: Moment) -> _Then | None:
    version = when.version(line)
    if version is None:
        return None
    table = lake.published_at(line, version.at if line.name in when.tagged else when.ms)
    if table is None or table.head_id != version.snapshot_id:
        # the metadata file of then is gone: the snapshot still tells columns and query
        fields = lake.scan(line.name, version.snapshot_id, line.location).fields
        columns = tuple(Column(field.name, field.type) for field in fields)
        table = Published(
            line.name, line.location, version.snapshot_id, version.snapshot_id, (), version.facts, columns
        )
    text = lake.read_query(table.properties.get("lakeorch.fingerprint", ""))
    recorded = None
    with contextlib.suppress(ValueError):
        recorded = read_query(text, line.name, Settings(), None) if text is not None else None
    return _Then(table, recorded)


def _models(tables: Mapping[str, _Then]) -> list[Model]:
    """The tables' models and the views that they inlined; of one that had several texts, the one read last."""
    found: dict[str, Model] = {}
    for then in sorted(tables.values(), key=lambda then: then.table.committed_at):
        if then.recorded is not None:
            graph, views = then.recorded.graph, then.recorded.graph.views_behind(then.table.name)
            found |= {name: _spelled_out(graph.models[name], graph) for name in (then.table.name, *views)}
    return list(found.values())


def _spelled_out(model: Model, graph: Graph) -> Model:
    """A model whose references are full names: what a short one means may be another among other models."""
    full = (Reference(graph.resolve(model, each.name) or each.name, each.span) for each in model.references)
    return replace(model, references=tuple(full))


def _views(graph: Graph, tables: Mapping[str, _Then], engine: Engine, root: Path) -> dict[str, Schema]:
    """The columns of the views, as far as the engine can still find them: a raw file may be gone."""
    views = [name for name in graph.order if graph.models[name].settings.materialized == "view"]
    variables = {k: v for then in tables.values() if then.recorded for k, v in then.recorded.variables.items()}
    published = {name: then.table for name, then in tables.items()}
    bound = bind(graph, views, engine, published, variables, root) if views else None
    return {name: bound.columns[name] for name in views if bound and name in bound.columns}


def _columns(edges: tuple[Edge, ...]) -> Schema:
    """The columns that lineage names, where nothing else is known of them."""
    names = dict.fromkeys(split_path(edge.target_column)[0] for edge in edges if edge.target_column != ALL)
    return tuple(Column(name, "") for name in names)
