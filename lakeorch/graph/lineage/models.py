"""One model: from its text and the columns of its inputs to edges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from sqlglot.errors import SqlglotError

from lakeorch.graph.lineage.edges import ALL, FILE, Edge, Path, join_path
from lakeorch.graph.lineage.queries import Reader
from lakeorch.graph.lineage.selections import spreads
from lakeorch.graph.lineage.stars import some_of
from lakeorch.graph.lineage.values import COPIED, Column, Relation, Rest, Value, derived, text_of
from lakeorch.model import Model, Schema
from lakeorch.parse.tokens import dialect

if TYPE_CHECKING:
    from lakeorch.graph import Graph


def edges_of(model: Model, graph: Graph, schemas: Mapping[str, Schema]) -> tuple[Edge, ...]:
    """The edges of a model; see `column_lineage`."""
    tables = _tables(model, graph, schemas)
    own = schemas.get(model.name)
    try:
        # what a function does with its inputs nobody can tell: only that it has them
        relation = _unreadable(tables) if model.is_python else relation_of(model.sql, tables)
    except (SqlglotError, RecursionError):
        relation = _unreadable(tables)
    columns = _named(relation, own) if own is not None else _as_read(relation)
    found = {edge for name, value in columns for edge in _edges(value, (name,))}
    found.update(Edge(source, join_path(path), ALL, "filter") for source, path in relation.rows)
    return tuple(sorted(found))


def relation_of(sql: str, tables: Mapping[int, tuple[Relation, str]]) -> Relation:
    """What a query yields.

    Args:
        sql: the query.
        tables: what stands in FROM at an offset of `sql`: the relation, and its full name.

    Raises:
        SqlglotError: it cannot be parsed.
        RecursionError: it is nested too deeply.
    """
    tree = dialect().parse(sql)[0]
    if tree is None:
        return Relation(())
    return Reader(tables, spread=spreads(sql)).query(tree, None)


def _tables(model: Model, graph: Graph, schemas: Mapping[str, Schema]) -> dict[int, tuple[Relation, str]]:
    """What the names and quoted paths in a model's text stand for, by their offset in its query."""
    found: dict[int, tuple[Relation, str]] = {}
    known: dict[str, Relation] = {}
    for reference in model.references:
        name = graph.resolve(model, reference.name)
        name = name or (reference.name if "." in reference.name else f"{model.namespace}.{reference.name}")
        if name not in known:
            known[name] = _table(name, schemas.get(name))
        found[reference.span.start - model.body.start] = known[name], name
    for read in model.files:
        if read.argument == read.call:
            sources = tuple(FILE + pattern for pattern in read.patterns)
            found[read.call.start - model.body.start] = Relation([Rest(sources)]), read.patterns[0]
    return found


def _table(name: str, schema: Schema | None) -> Relation:
    if schema is None:
        return Relation([Rest((name,))])
    columns = (Column(each.name, Value({(name, (each.name,)): COPIED}, type=each.type)) for each in schema)
    return Relation(columns, apart=False)


def _unreadable(tables: Mapping[int, tuple[Relation, str]]) -> Relation:
    """Every column may be made of everything."""
    origins = frozenset(origin for relation, _ in tables.values() for origin in relation.deps())
    return Relation([Rest(deps=derived(origins).deps)], origins)


# ---- names of the result ---------------------------------------------------------------------------------------


def _as_read(relation: Relation) -> Iterator[tuple[str, Value]]:
    """The columns of the result by their own names; `*` for those without."""
    for column in relation.columns:
        yield (text_of(column), column.value) if isinstance(column, Column) else (ALL, column.flat())


def _named(relation: Relation, schema: Schema) -> Iterator[tuple[str, Value]]:
    """The columns of the result by the names that the engine gives them."""
    names = [column.name for column in schema]
    columns = relation.columns
    open_ends = [at for at, column in enumerate(columns) if isinstance(column, Rest)]
    if not open_ends and len(columns) == len(names):
        yield from zip(names, _values(columns), strict=True)
        return
    ahead, behind = (open_ends[0], len(columns) - open_ends[-1] - 1) if open_ends else (0, 0)
    if not _agree(columns, names, ahead, behind):
        ahead = behind = 0
    end = len(names) - behind
    middle = some_of(columns[ahead : len(columns) - behind])
    yield from zip(names[:ahead], _values(columns[:ahead]), strict=True)
    for name in names[ahead:end]:
        yield name, middle.column(name) or middle.flat()
    yield from zip(names[end:], _values(columns[len(columns) - behind :]), strict=True)


def _agree(columns: Sequence[Column | Rest], names: Sequence[str], ahead: int, behind: int) -> bool:
    """Whether the columns before and behind the open end stand where the engine has them."""
    if ahead + behind > len(names):
        return False
    pairs = [*zip(columns[:ahead], names, strict=False)]
    pairs += zip(reversed(columns[len(columns) - behind :]), reversed(names), strict=False) if behind else ()
    return all(not each.name or each.name.lower() == name.lower() for each, name in pairs if isinstance(each, Column))


def _values(columns: Sequence[Column | Rest]) -> list[Value]:
    return [column.value if isinstance(column, Column) else column.flat() for column in columns]


def _edges(value: Value, path: Path) -> Iterator[Edge]:
    """The edges to a column, or to each field of a struct that the query makes."""
    for name, member in value.fields or ():
        yield from _edges(member, (*path, name))
    if value.fields is None:
        target = ALL if path == (ALL,) else join_path(path)
        for (source, column), kind in value.deps.items():
            text = ALL if column == (ALL,) else join_path(column)
            yield Edge(source, text, target, "copied" if kind == COPIED else "derived")
