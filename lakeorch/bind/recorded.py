"""A query as it is kept with the tables that it made, so that it can be run again when its model is another.

What is kept depends on nothing but the fingerprint: the SELECT and those of the views that it inlines, the models
that they name, and the values of the variables.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from lakeorch.errors import Source, Span
from lakeorch.graph import Graph
from lakeorch.model import Model, Scalar, Settings
from lakeorch.parse import parse_model


@dataclass(frozen=True)
class Recorded:
    """A query of earlier: a graph of the model, the views it inlines and stand-ins for the tables it reads."""

    model: Model
    graph: Graph
    variables: Mapping[str, Scalar]


def query_text(graph: Graph, name: str, variables: Mapping[str, Scalar]) -> str:
    """What is kept of a model's query; `read_query` reads it."""
    views = graph.views_behind(name)
    used = {use.name for at in (name, *views) for use in graph.models[at].variables}
    doc = {
        "sql": graph.models[name].sql,
        "views": {view: graph.models[view].sql for view in views},
        "models": [table for table in graph.tables_behind(name) if table in graph.models],
        "variables": {each: _told(variables.get(each)) for each in sorted(used)},
    }
    return json.dumps(doc, sort_keys=True)


def read_query(text: str, name: str, settings: Settings) -> Recorded:
    """The query of a model out of what `query_text` wrote.

    Args:
        text: what was kept.
        name: of the model.
        settings: that it had.

    Raises:
        ValueError: the text is not what `query_text` wrote.
    """
    try:
        doc = json.loads(text)
        model = replace(_select(name, doc["sql"]), settings=settings)
        views = [
            replace(_select(view, sql), settings=Settings(materialized="view")) for view, sql in doc["views"].items()
        ]
        tables = [Model(table, Source(table, ""), Span(0, 0), Settings()) for table in doc["models"]]
        variables = {str(each): _meant(value) for each, value in doc["variables"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a recorded query: {error}") from error
    return Recorded(model, Graph([model, *views, *tables]), variables)


def _select(name: str, sql: str) -> Model:
    model, findings = parse_model(Source(f"the recorded query of {name}", sql), name)
    if model is None or findings:
        raise ValueError(f"the recorded query of {name} cannot be read")
    return model


def _told(value: Scalar) -> object:
    return {type(value).__name__: value.isoformat()} if isinstance(value, date) else value


def _meant(value: object) -> Scalar:
    if isinstance(value, dict):
        [(kind, text)] = value.items()
        return datetime.fromisoformat(text) if kind == "datetime" else date.fromisoformat(text)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise ValueError(f"not a variable's value: {value!r}")
