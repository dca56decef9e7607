"""The lineage of a model or of one of its columns: as text, JSON, or one HTML page that needs nothing else."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from lakeorch.errors import UsageError, suggestion
from lakeorch.graph import Graph
from lakeorch.graph.lineage import Edge, Link, column_lineage, join_path, split_path, trace
from lakeorch.model import Schema
from lakeorch.plan import Survey
from lakeorch.plan.impact import schemas_of


@dataclass(frozen=True)
class Lineage:
    """Where columns come from and where they go. A notebook shows it as a drawing.

    Attributes:
        model: a model, or a table of the catalog.
        column: a column or a field of a struct, as a path; empty for all columns.
        columns: of the model: names and types.
        up: every link to what it is made of, the nearest first.
        down: every link to what is made of it.
        at: the moment whose lineage it is, in words; empty for the models as they are now.
    """

    model: str
    column: str
    columns: Schema
    up: tuple[Link, ...]
    down: tuple[Link, ...]
    at: str = ""

    @property
    def name(self) -> str:
        """What it is about: `marts.daily_sales.revenue`."""
        return f"{self.model}.{self.column}" if self.column else self.model

    def to_text(self) -> str:
        """A tree for each column; what only decides which rows there are stands below."""
        from lakeorch.project.lineage.text import text

        return text(self)

    def to_html(self) -> str:
        """One page that opens offline: the columns from left to right, lines between them."""
        from lakeorch.project.lineage.page import page

        return page(self)

    def to_svg(self) -> str:
        """The columns from left to right as a picture; what only decides which rows there are is left out."""
        from lakeorch.project.lineage.page import svg

        return svg(self)

    def to_dict(self) -> dict[str, object]:
        """Ready for JSON."""
        columns = [{"name": column.name, "type": column.type} for column in self.columns]
        links = {"up": [asdict(link) for link in self.up], "down": [asdict(link) for link in self.down]}
        about = {"model": self.model, "column": self.column or None, "at": self.at or None}
        return {**about, "columns": columns, **links}

    def _repr_html_(self) -> str:
        """The drawing alone, for notebooks."""
        from lakeorch.project.lineage.page import piece

        return piece(self)


@dataclass(frozen=True)
class Known:
    """What lineage is read from: models as they are now, or as they were.

    Attributes:
        graph: which models read which.
        schemas: the columns of models and tables by full name.
        edges: of a model, from its direct inputs.
        at: the moment, in words; empty for now.
    """

    graph: Graph
    schemas: Mapping[str, Schema]
    edges: Callable[[str], Sequence[Edge]]
    at: str = ""


def known(survey: Survey) -> Known:
    """The models of a survey of the whole project."""
    schemas = schemas_of(survey)

    @functools.cache
    def edges(name: str) -> tuple[Edge, ...]:
        return column_lineage(survey.graph.models[name], survey.graph, schemas)

    return Known(survey.graph, schemas, edges)


def lineage(known: Known, target: str, *, up: bool, down: bool) -> Lineage:
    """The lineage of `model` or `model.column`.

    Args:
        known: what it is read from.
        target: a name as a selector has it, or one with a column behind it; letter case does not count.
        up: whether to follow what it is made of.
        down: whether to follow what is made of it.

    Raises:
        UsageError: there is no such model, table or column.
    """
    model, column = _meant(known, target)
    return Lineage(
        model,
        column,
        known.schemas[model],
        trace(model, column or None, known.edges, "up", known.graph) if up else (),
        trace(model, column or None, known.edges, "down", known.graph) if down else (),
        known.at,
    )


def _meant(known: Known, target: str) -> tuple[str, str]:
    """The model and the column that a text means; the longest name that a model has wins."""
    parts = split_path(target)
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length]).lower()
        called = [name] if name in known.schemas else [each for each in known.graph.models if each.endswith(f".{name}")]
        if len(called) > 1:
            raise UsageError(f'"{name}" could mean {", ".join(called)}', hint="write the namespace before it")
        if called:
            return called[0], _column(called[0], parts[length:], known.schemas[called[0]])
    message = f'there is no model "{target}"' if not known.at else f'there was no model "{target}" at {known.at}'
    raise UsageError(message, hint=suggestion(target, known.schemas))


def _column(model: str, path: tuple[str, ...], schema: Schema) -> str:
    if not path:
        return ""
    names = {column.name.lower(): column.name for column in schema}
    if path[0].lower() not in names:
        raise UsageError(f'{model} has no column "{path[0]}"', hint=suggestion(path[0], names.values()))
    return join_path((names[path[0].lower()], *path[1:]))
