"""FROM: tables, sub-queries, functions and joins become the bindings of a scope."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlglot import exp

from lakeorch.graph.lineage.edges import FILE
from lakeorch.graph.lineage.expressions import is_fixed, origins_of, value_of
from lakeorch.graph.lineage.pivots import pivoted
from lakeorch.graph.lineage.scopes import Binding, Merged, Merges, Scope, column_of
from lakeorch.graph.lineage.stars import star
from lakeorch.graph.lineage.values import NOTHING, Column, Origin, Relation, Rest, Value, derived, either
from lakeorch.sources import READERS

_OPTIONS = (exp.EQ, exp.PropertyEQ, exp.Kwarg)


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a join: relations, and the columns that USING made one within it."""

    bindings: list[Binding]
    merged: Merges = field(default_factory=dict)

    def column(self, name: str) -> Value:
        """A column by its bare name, for USING."""
        value = column_of(name, self.bindings, self.merged)
        if value is None:
            guesses = (each.relation.guessed(name) for each in self.bindings if not each.hidden)
            value = either([guess for guess in guesses if guess is not None] or [Value()])
        return value

    def having(self, name: str) -> list[Binding]:
        """The relations that are known to have a column of that name."""
        return [each for each in self.bindings if not each.hidden and each.relation.named(name) is not None]

    def names(self) -> list[str]:
        """The bare names of its columns, in lower case."""
        columns = (column for each in self.bindings if not each.hidden for column in each.relation.columns)
        return list(dict.fromkeys(each.name.lower() for each in columns if isinstance(each, Column) and each.name))


def read_from(select: exp.Expr, scope: Scope) -> None:
    """Binds what stands in FROM, and notes which columns its conditions look at."""
    from_ = select.args.get("from_")
    if from_ is not None:
        _tree(from_.this, select.args.get("joins") or (), scope)


def _tree(first: exp.Expr, joins: list[exp.Join] | tuple[()], scope: Scope) -> None:
    """A table and what is joined to it; a comma begins anew, because it binds weaker than a JOIN."""
    start = len(scope.bindings)
    _add(_side(first, scope), scope)
    for join in joins:
        side = _side(join.this, scope)
        if not any(value for key, value in join.args.items() if key != "this"):
            start = len(scope.bindings)
            _add(side, scope)
        else:
            _join(join, Side(scope.bindings[start:], scope.merged), side, scope)


def _add(side: Side, scope: Scope) -> None:
    scope.bindings += side.bindings
    scope.merged.update(side.merged)


def _join(join: exp.Join, left: Side, right: Side, scope: Scope) -> None:
    names = [each.name.lower() for each in join.args.get("using") or ()]
    if join.method == "NATURAL":
        known = set(right.names())
        names = [name for name in left.names() if name in known]
        scope.rows.update(_unknown(left, right))
    merged: Merges = {}
    for name in names:
        merged |= _merge(name, join.side, left, right)
        scope.rows.update(left.column(name).flat(), right.column(name).flat())
    if join.method == "POSITIONAL":
        scope.rows.update(scope.order)
    before = len(scope.bindings)
    _add(right, scope)
    on = join.args.get("on")
    if on is not None:
        scope.rows.update(origins_of(on, scope))
    if join.kind in ("SEMI", "ANTI"):
        del scope.bindings[before:]
    else:
        scope.merged.update(merged)


def _merge(name: str, kind: str, left: Side, right: Side) -> Merges:
    values = left.column(name), right.column(name)
    value = either(values) if kind == "FULL" else values[kind == "RIGHT"]
    merged = Merged(value, given=not left.having(name))
    return {(each.alias, name): merged for each in (*left.having(name), *right.having(name))}


def _unknown(*sides: Side) -> Iterator[Origin]:
    """Columns that NATURAL may compare without that it can be told."""
    rests = [
        [column for each in side.bindings for column in each.relation.columns if isinstance(column, Rest)]
        for side in sides
    ]
    for found in rests:
        for rest in found:
            yield from rest.flat().deps


# ---- one item of FROM ------------------------------------------------------------------------------------------


def _side(node: exp.Expr, scope: Scope) -> Side:
    if isinstance(node, exp.Subquery) and _is_join(node.this):
        return _bracket(node, scope)
    relation, names = _relation(node, scope)
    alias = node.args.get("alias")
    for pivot in node.args.get("pivots") or ():
        relation = _renamed(pivoted(pivot, relation, alias.name if alias else "", scope), pivot.args.get("alias"))
        if pivot.args.get("alias"):
            alias, names = pivot.args["alias"], ()
    relation = _renamed(relation, node.args.get("alias"))
    scope.rows.update(relation.rows)
    scope.order.update(relation.order)
    if alias and alias.name:
        return Side([scope.bind(alias.name, relation)])
    return Side([scope.bind(names[0] if names else "", relation, names)])


def _is_join(node: exp.Expr) -> bool:
    """Whether what stands in brackets is a table, or tables joined, and not a query."""
    named = node.alias or node.args.get("joins")
    return isinstance(node, exp.Table) or (bool(named) and isinstance(node, exp.Subquery | exp.UDTF))


def _bracket(node: exp.Subquery, scope: Scope) -> Side:
    """A join in brackets; with an alias, its tables are still known by their own names."""
    inner = Scope(scope.queries, scope)
    _tree(node.this, node.this.args.get("joins") or (), inner)
    scope.rows |= inner.rows
    scope.order |= inner.order
    alias = node.args.get("alias")
    if not alias or not alias.name:
        return Side(inner.bindings, inner.merged)
    whole = _renamed(Relation(star(exp.Star(), inner, value_of)), alias)
    behind = [Binding(each.alias, each.names, each.relation, hidden=True) for each in inner.bindings]
    return Side([scope.bind(alias.name, whole), *behind])


def _relation(node: exp.Expr, scope: Scope) -> tuple[Relation, tuple[str, ...]]:
    if isinstance(node, exp.Table):
        if isinstance(node.this, exp.Identifier | exp.Dot):
            return scope.queries.table(node, scope)
        return _function(node.this, scope)
    if isinstance(node, exp.Lateral):
        return _relation(node.this, scope)
    if isinstance(node, exp.Unnest):
        return _function(node, scope)
    return scope.queries.query(node, scope), ()


def _renamed(relation: Relation, alias: exp.Expr | None) -> Relation:
    return relation.renamed(column.name for column in alias.args.get("columns") or ()) if alias else relation


def _function(node: exp.Expr, scope: Scope) -> tuple[Relation, tuple[str, ...]]:
    """A table function: its rows and its values come from its arguments, or from files."""
    name = node.name if isinstance(node, exp.Anonymous) else node.key
    files = _files(node, name.lower())
    if files:
        return Relation([Rest(files)]), (name,)
    given = (each.expression if isinstance(each, _OPTIONS) else each for each in node.iter_expressions())
    arguments = [each for each in given if not isinstance(each, exp.TableAlias | exp.Identifier)]
    origins = frozenset[Origin]().union(*(origins_of(each, scope) for each in arguments))
    value = derived(origins)
    columns: list[Column | Rest] = [Rest(deps=value.deps)]
    if isinstance(node, exp.GenerateSeries):
        name = "range" if node.args.get("is_end_exclusive") else "generate_series"
        columns = [Column(name, value)]
    elif isinstance(node, exp.Unnest):
        columns = [Column("unnest", value) for _ in node.expressions]
        offset = node.args.get("offset")
        if offset:
            columns.append(Column(offset.name if isinstance(offset, exp.Identifier) else "ordinality", Value()))
    rows = NOTHING if isinstance(node, exp.Unnest) and all(is_fixed(each) for each in arguments) else origins
    return Relation(columns, rows), (name,)


def _files(node: exp.Expr, name: str) -> tuple[str, ...]:
    """The files that a function reads, as sources of columns; none where it reads no files."""
    if not isinstance(node, exp.ReadCSV | exp.ReadParquet) and name not in READERS:
        return ()
    first = node.this if isinstance(node.this, exp.Expr) else next(iter(node.expressions), None)
    literals = first.expressions if isinstance(first, exp.Array) else [first]
    return tuple(FILE + each.name for each in literals if isinstance(each, exp.Literal))
