"""PIVOT and UNPIVOT, in the form of the SQL standard and in DuckDB's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from sqlglot import exp

from lakeorch.graph.lineage.expressions import origins_of, value_of
from lakeorch.graph.lineage.scopes import Scope
from lakeorch.graph.lineage.stars import is_star, picks, star
from lakeorch.graph.lineage.values import Column, Origin, Relation, Rest, Value, derived, either


def pivoted(node: exp.Pivot, relation: Relation, alias: str, outer: Scope) -> Relation:
    """What PIVOT or UNPIVOT makes of a relation.

    Args:
        node: as parsed: in FROM, or a statement of its own.
        relation: what it works on.
        alias: the relation's name.
        outer: where it stands.
    """
    scope = Scope(outer.queries, outer)
    scope.bindings.append(scope.bind(alias, relation))
    return _unpivot(node, relation, scope) if node.args.get("unpivot") else _pivot(node, relation, scope)


def _pivot(node: exp.Pivot, relation: Relation, scope: Scope) -> Relation:
    in_from = bool(node.args.get("fields"))
    keys = node.args["fields"] if in_from else node.expressions
    made = node.expressions if in_from else node.args.get("using") or []
    looked_at = [key.this if isinstance(key, exp.In) else key for key in keys]
    key_origins = frozenset[Origin]().union(*(origins_of(each, scope) for each in looked_at))
    group = node.args.get("group")
    left: list[Column | Rest]
    if group:
        left = [Column(each.alias_or_name, value_of(each, scope), each) for each in group.expressions]
    else:
        left = _others(relation, [*looked_at, *made])
    grouped = frozenset(origin for column in left for origin in _origins(column))
    values = [derived(origins_of(each, scope), key_origins) for each in made] or [derived(key_origins)]
    names = _pivot_names(keys)
    pivots: list[Column | Rest] = [Rest(deps=either(values).deps)]
    if names is not None:
        pivots = [Column(f"{name}{suffix}", value) for name in names for suffix, value in _suffixed(made, values)]
    return Relation([*left, *pivots], relation.rows | grouped)


def _pivot_names(keys: Sequence[exp.Expr]) -> list[str] | None:
    """How the values of IN name the columns, None where the data does."""
    lists = []
    for key in keys:
        if not isinstance(key, exp.In) or not key.expressions:
            return None
        values = [each.this if isinstance(each, exp.PivotAlias) else each for each in key.expressions]
        if not all(isinstance(each, exp.Literal) for each in values):
            return None
        lists.append([each.alias_or_name for each in key.expressions])
    return ["_".join(each) for each in product(*lists)]


def _suffixed(made: Sequence[exp.Expr], values: Sequence[Value]) -> Iterator[tuple[str, Value]]:
    if len(made) < 2 and not (made and made[0].alias):
        yield "", values[0]
        return
    for each, value in zip(made, values, strict=True):
        yield "_" + (each.alias or each.sql("duckdb").lower()), value


def _others(relation: Relation, used: Sequence[exp.Expr]) -> list[Column | Rest]:
    """The columns that no expression names."""
    names = {column.name.lower() for each in used for column in each.find_all(exp.Column)}
    found: list[Column | Rest] = []
    for column in relation.columns:
        if isinstance(column, Rest):
            found.append(replace(column, hidden=column.hidden | names))
        elif column.name.lower() not in names:
            found.append(column)
    return found


def _origins(column: Column | Rest) -> set[Origin]:
    return set((column.value if isinstance(column, Column) else column.flat()).flat())


# ---- UNPIVOT ---------------------------------------------------------------------------------------------------


def _unpivot(node: exp.Pivot, relation: Relation, scope: Scope) -> Relation:
    fields = node.args.get("fields")
    if fields:
        entries, name = fields[0].expressions, fields[0].this.name
        named = node.expressions[0].expressions or node.expressions
    else:
        into = node.args.get("into")
        entries, name = node.expressions, into.this.name if into else "name"
        named = into.expressions if into else []
    rows = [row for entry in entries for row in _rows(entry, scope)]
    width = max((len(row) for row in rows), default=1)
    values = [either([row[at] for row in rows if at < len(row)] or [Value()]) for at in range(width)]
    names = [each.name for each in named] or ["value"]
    columns = [Column(names[at] if at < len(names) else "", value) for at, value in enumerate(values)]
    found = relation.rows
    if not node.args.get("include_nulls"):
        # a row whose values are all NULL is left out
        found |= {origin for value in values for origin in value.flat()}
    return Relation([*_others_of(relation, entries, scope), Column(name, Value()), *columns], found, relation.order)


def _rows(entry: exp.Expr, scope: Scope) -> Iterator[list[Value]]:
    """The values that an entry puts into one row; several rows for a star."""
    inner = entry.this if isinstance(entry, exp.Alias | exp.PivotAlias) else entry
    if isinstance(inner, exp.Tuple):
        yield [value_of(each, scope) for each in inner.expressions]
    elif isinstance(inner, exp.Columns) or is_star(inner):
        for column in _starred(inner, scope):
            yield [column.value if isinstance(column, Column) else column.flat()]
    else:
        yield [value_of(inner, scope)]


def _starred(node: exp.Expr, scope: Scope) -> list[Column | Rest]:
    return picks(node, scope, value_of) if isinstance(node, exp.Columns) else star(node, scope, value_of)


def _others_of(relation: Relation, entries: Sequence[exp.Expr], scope: Scope) -> list[Column | Rest]:
    plain = []
    starred: set[str] = set()
    for entry in entries:
        if isinstance(entry, exp.Columns) or is_star(entry):
            starred |= {each.name.lower() for each in _starred(entry, scope) if isinstance(each, Column)}
        else:
            plain.append(entry)
    others = _others(relation, plain)
    return [each for each in others if isinstance(each, Rest) or each.name.lower() not in starred]
