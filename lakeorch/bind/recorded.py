"""A query as it is kept with the tables that it made, so that it can be run again when its model is another.

What is kept depends on nothing but the fingerprint: the SELECT and those of the views that it inlines, the models
that they name, and the values of the variables. Of a secret variable only a hash is kept: whoever runs the query
again has to give the value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from lakeorch.errors import Source, Span
from lakeorch.graph import Graph
from lakeorch.masking import is_secret, stand_in
from lakeorch.model import Model, Scalar, Settings
from lakeorch.parse import parse_model


class SecretError(Exception):
    """The value of a secret variable is needed, and another one, or none, was given."""


class NotAQueryError(Exception):
    """What was kept is the function of a Python model: it could do more than compute, so nothing runs it again."""


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
        "variables": {each: _told(each, variables.get(each)) for each in sorted(used)},
        **({"language": "python"} if graph.models[name].is_python else {}),
    }
    return json.dumps(doc, sort_keys=True)


def read_query(text: str, name: str, settings: Settings, given: Mapping[str, Scalar] | None) -> Recorded:
    """The query of a model out of what `query_text` wrote.

    Args:
        text: what was kept.
        name: of the model.
        settings: that it had.
        given: values of secret variables, others are not looked at; None where the values do not matter: then they are
            NULL.

    Raises:
        SecretError: the value of a secret variable is not among the given ones.
        NotAQueryError: it is a Python model's.
        ValueError: the text is not what `query_text` wrote.
    """
    try:
        doc = json.loads(text)
        if doc.get("language") == "python":
            raise NotAQueryError("a Python model is not run again to verify its rows")
        model = replace(_select(name, doc["sql"]), settings=settings)
        views = [
            replace(_select(view, sql), settings=Settings(materialized="view")) for view, sql in doc["views"].items()
        ]
        tables = [Model(table, Source(table, ""), Span(0, 0), Settings()) for table in doc["models"]]
        variables = {str(each): _meant(str(each), value, given) for each, value in doc["variables"].items()}
    except SecretError:
        raise
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a recorded query: {error}") from error
    return Recorded(model, Graph([model, *views, *tables]), variables)


def _select(name: str, sql: str) -> Model:
    model, findings = parse_model(Source(f"the recorded query of {name}", sql), name)
    if model is None or findings:
        raise ValueError(f"the recorded query of {name} cannot be read")
    return model


def _told(variable: str, value: Scalar) -> object:
    plain = {type(value).__name__: value.isoformat()} if isinstance(value, date) else value
    return stand_in(variable, plain) if is_secret(variable) else plain


def _meant(variable: str, value: object, given: Mapping[str, Scalar] | None) -> Scalar:
    if is_secret(variable):
        if given is None:
            return None
        if _told(variable, given.get(variable)) != value:
            raise SecretError(f"it was made with another value of the secret ${variable}, which is not kept")
        return given.get(variable)
    if isinstance(value, dict):
        [(kind, text)] = value.items()
        return datetime.fromisoformat(text) if kind == "datetime" else date.fromisoformat(text)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise ValueError(f"not a variable's value: {value!r}")
