"""The lineage of a model or of one of its columns: as text, JSON, or one HTML page that needs nothing else."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from lakeorch.errors import UsageError, suggestion
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
    """

    model: str
    column: str
    columns: Schema
    up: tuple[Link, ...]
    down: tuple[Link, ...]

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

    def to_dict(self) -> dict[str, object]:
        """Ready for JSON."""
        columns = [{"name": column.name, "type": column.type} for column in self.columns]
        links = {"up": [asdict(link) for link in self.up], "down": [asdict(link) for link in self.down]}
        return {"model": self.model, "column": self.column or None, "columns": columns, **links}

    def _repr_html_(self) -> str:
        """The drawing alone, for notebooks."""
        from lakeorch.project.lineage.page import piece

        return piece(self)


def lineage(survey: Survey, target: str, *, up: bool, down: bool) -> Lineage:
    """The lineage of `model` or `model.column`.

    Args:
        survey: of the whole project.
        target: a name as a selector has it, or one with a column behind it; letter case does not count.
        up: whether to follow what it is made of.
        down: whether to follow what is made of it.

    Raises:
        UsageError: there is no such model, table or column.
    """
    schemas = schemas_of(survey)
    model, column = _meant(survey, target, schemas)
    graph = survey.graph

    @functools.cache
    def edges(name: str) -> tuple[Edge, ...]:
        return column_lineage(graph.models[name], graph, schemas)

    return Lineage(
        model,
        column,
        schemas[model],
        trace(model, column or None, edges, "up", graph) if up else (),
        trace(model, column or None, edges, "down", graph) if down else (),
    )


def _meant(survey: Survey, target: str, schemas: Mapping[str, Schema]) -> tuple[str, str]:
    """The model and the column that a text means; the longest name that a model has wins."""
    parts = split_path(target)
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length]).lower()
        called = [name] if name in schemas else [each for each in survey.graph.models if each.endswith(f".{name}")]
        if len(called) > 1:
            raise UsageError(f'"{name}" could mean {", ".join(called)}', hint="write the namespace before it")
        if called:
            return called[0], _column(called[0], parts[length:], schemas[called[0]])
    raise UsageError(f'there is no model "{target}"', hint=suggestion(target, schemas))


def _column(model: str, path: tuple[str, ...], schema: Schema) -> str:
    if not path:
        return ""
    names = {column.name.lower(): column.name for column in schema}
    if path[0].lower() not in names:
        raise UsageError(f'{model} has no column "{path[0]}"', hint=suggestion(path[0], names.values()))
    return join_path((names[path[0].lower()], *path[1:]))
