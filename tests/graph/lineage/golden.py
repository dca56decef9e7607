"""What the lineage tests share: models from text, and edges as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from lakeorch.errors import Source
from lakeorch.graph import Graph
from lakeorch.graph.lineage import Edge, column_lineage
from lakeorch.model import Column, Model, Schema, Settings
from lakeorch.parse import parse_query


def model(sql: str, name: str = "raw.result") -> Model:
    """A model of one query, read as a file is."""
    facts = parse_query(sql)
    assert facts.findings == (), facts.findings
    return Model(
        name,
        Source("result.sql", sql),
        facts.body,
        Settings(),
        facts.references,
        facts.files,
        facts.variables,
        facts.clock,
        facts.query_hash,
    )


def lineage(sql: str, schemas: Mapping[str, Schema], own: Iterable[str] | None = None) -> tuple[Edge, ...]:
    """The edges of a query; `own` are the names of its result, where the engine was asked for them."""
    read = model(sql)
    known = dict(schemas)
    if own is not None:
        known[read.name] = tuple(Column(name, "") for name in own)
    return column_lineage(read, Graph([read]), known)


def lines(edges: Iterable[Edge]) -> Iterator[str]:
    """Edges as text: `total <- derived raw.orders: amount, discount`."""
    ordered = sorted(edges, key=lambda edge: (edge.target_column == "*", edge.target_column, edge.kind, edge))
    for (target, kind, source), group in groupby(ordered, lambda edge: (edge.target_column, edge.kind, edge.source)):
        yield f"{target} <- {kind} {source}: {', '.join(edge.column for edge in group)}"
