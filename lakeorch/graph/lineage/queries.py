"""Queries: what each column of a SELECT, a set operation or a WITH is made of, and what decides its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlglot import exp

from lakeorch.graph.lineage.expressions import aggregates, origins_of, value_of
from lakeorch.graph.lineage.pivots import pivoted
from lakeorch.graph.lineage.scopes import Scope
from lakeorch.graph.lineage.selections import select_list
from lakeorch.graph.lineage.sources import read_from
from lakeorch.graph.lineage.unions import combined
from lakeorch.graph.lineage.values import (
    NOTHING,
    Column,
    Deps,
    Origin,
    Origins,
    Relation,
    Rest,
    Value,
    either,
    flat,
)

Listed = list[tuple[exp.Expr, Column | Rest]]


class Reader:
    """Reads the queries of one model.

    Args:
        tables: what stands in FROM at an offset of the text: the relation, and its full name.
        spread: whether the text has COLUMNS(…) or unnest(…) in it.
    """

    def __init__(self, tables: Mapping[int, tuple[Relation, str]], *, spread: bool) -> None:
        self._tables = tables
        self._spread = spread

    def query(self, node: exp.Expr, outer: Scope | None) -> Relation:
        """The relation that a query yields.

        Args:
            node: anything that may stand as a query.
            outer: where it stands; None for the whole.
        """
        scope = Scope(self, outer)
        self._with(node, scope)
        if isinstance(node, exp.Select):
            return self._select(node, scope)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, scope)
        if isinstance(node, exp.Subquery):
            return self._limited(node, self.query(node.this, scope), scope)
        if isinstance(node, exp.Values):
            return self._limited(node, _values(node, scope), scope)
        if isinstance(node, exp.Pivot):
            return self._pivot(node, scope)
        if isinstance(node, exp.Table):
            return self.table(node, scope)[0]
        return self._anything(node, scope)

    def table(self, node: exp.Table, scope: Scope) -> tuple[Relation, tuple[str, ...]]:
        """The relation that a name in FROM stands for, and the names that its columns may be qualified with."""
        parts = [part.name for part in node.parts]
        names = tuple(".".join(parts[at:]) for at in range(len(parts) - 1, -1, -1))
        found = self._tables.get(node.parts[0].meta.get("start", -1))
        if found is not None:
            relation, full = found
            return relation, (*names, full)
        cte = scope.ctes.get(parts[-1].lower())
        return cte or Relation([Rest((".".join(parts),))]), names

    # ---- WITH --------------------------------------------------------------------------------------------------

    def _with(self, node: exp.Expr, scope: Scope) -> None:
        with_ = node.args.get("with_")
        if with_ is None:
            return
        for cte in with_.expressions:
            alias = cte.args["alias"]
            columns = [column.name for column in alias.args.get("columns") or ()]
            body = _unwrapped(cte.this)
            if with_.recursive and isinstance(body, exp.Union) and _names(body.expression, cte.alias):
                relation = self._recursive(cte, body, columns, scope)
            else:
                relation = self.query(cte.this, scope).renamed(columns)
            scope.ctes[alias.name.lower()] = relation

    def _recursive(self, cte: exp.Expr, node: exp.Union, columns: list[str], outer: Scope) -> Relation:
        """Goes round until nothing new comes in, which it must, there being only so many columns."""
        scope = Scope(self, outer)
        self._with(node, scope)
        relation = self.query(node.this, scope).renamed(columns)
        known = None
        while known != _facts(relation):
            known = _facts(relation)
            scope.ctes[cte.alias.lower()] = relation
            relation = combined(relation, self.query(node.expression, scope), node)
        keys = (relation.named(key.name) for key in cte.args.get("key_expressions") or ())
        rows = relation.rows.union(*(key.flat() for key in keys if key))
        return self._limited(node, Relation(relation.columns, rows, relation.order), scope)

    # ---- SELECT ------------------------------------------------------------------------------------------------

    def _select(self, node: exp.Select, scope: Scope) -> Relation:
        read_from(node, scope)
        scope.windows = {window.this.name.lower(): window for window in node.args.get("windows") or ()}
        listed = list(select_list(node.expressions, scope, spread=self._spread))
        columns = [column for _, column in listed]
        for clause in ("where", "having", "qualify"):
            part = node.args.get(clause)
            if part is not None:
                scope.rows |= origins_of(part, scope)
        if node.args.get("having") is not None:
            scope.rows |= _aliases_in(node.args["having"], scope)
        order = frozenset(scope.order)
        if node.args.get("group"):
            scope.rows |= _group_keys(node.args["group"], scope, listed)
            order = NOTHING
        sorted_by = _sorted_by(node, scope, columns)
        distinct = node.args.get("distinct")
        if distinct is not None:
            scope.rows |= _distinct(distinct, scope, columns, sorted_by or order)
            order = NOTHING
        scope.rows |= _cut(node, scope, sorted_by or order)
        return Relation(columns, frozenset(scope.rows), order | sorted_by)

    # ---- the others --------------------------------------------------------------------------------------------

    def _set_operation(self, node: exp.SetOperation, scope: Scope) -> Relation:
        """From left to right without recursion, so that a union of any number of queries works."""
        operations: list[exp.SetOperation] = []
        left: exp.Expr = node
        while isinstance(left, exp.SetOperation) and (left is node or not left.args.get("with_")):
            operations.append(left)
            left = left.this
        relation = self.query(left, scope)
        for operation in reversed(operations):
            relation = combined(relation, self.query(operation.expression, scope), operation)
        return self._limited(node, relation, scope)

    def _limited(self, node: exp.Expr, relation: Relation, scope: Scope) -> Relation:
        """ORDER BY and LIMIT behind a query in brackets or a set operation: they see its columns only."""
        if not any(node.args.get(key) for key in ("order", "limit", "offset")):
            return relation
        inner = Scope(self, scope)
        inner.bindings.append(inner.bind("", relation))
        sorted_by = _sorted_by(node, inner, relation.columns)
        rows = relation.rows | _cut(node, inner, sorted_by or relation.order)
        return Relation(relation.columns, rows, relation.order | sorted_by)

    def _pivot(self, node: exp.Pivot, scope: Scope) -> Relation:
        source = node.this
        relation = self.query(source, scope)
        return pivoted(node, relation, source.alias_or_name, scope)

    def _anything(self, node: exp.Expr, scope: Scope) -> Relation:
        """What is beyond this reader: any column may be made of all columns of all tables in it."""
        tables = (self.table(table, scope)[0] for table in node.find_all(exp.Table))
        value = either(Value(table.deps()) for table in tables)
        return Relation([Rest(deps=dict.fromkeys(value.deps, 2))], frozenset(value.deps))


def _unwrapped(node: exp.Expr) -> exp.Expr:
    """A query without the brackets around it."""
    while isinstance(node, exp.Subquery) and not any(node.args.get(key) for key in ("order", "limit", "offset")):
        node = node.this
    return node


def _names(node: exp.Expr, table: str) -> bool:
    """Whether a query has a table's name in it."""
    return any(each.name.lower() == table.lower() for each in node.find_all(exp.Table))


def _facts(relation: Relation) -> tuple[list[Deps], Origins]:
    return [flat(column) for column in relation.columns], relation.rows


def _values(node: exp.Values, scope: Scope) -> Relation:
    """The rows of VALUES; a column is made of what stands in its place in any of them."""
    columns: list[dict[int, Value]] = []
    for row in node.expressions:
        cells = row.expressions if isinstance(row, exp.Tuple) else [row]
        columns += ({} for _ in range(len(cells) - len(columns)))
        for cell, found in zip(cells, columns, strict=False):
            if not isinstance(cell, exp.Literal):
                found[len(found)] = value_of(cell, scope)
    made = (either(found.values()) if found else Value() for found in columns)
    return Relation(Column(f"col{at}", value) for at, value in enumerate(made))


# ---- what decides which rows appear ----------------------------------------------------------------------------


def _aliases_in(having: exp.Expr, scope: Scope) -> set[Origin]:
    """What HAVING looks at where it means an alias, though a column has that name too."""
    columns = (column for column in having.find_all(exp.Column) if not column.table)
    free = (column for column in columns if column.find_ancestor(exp.AggFunc, exp.Query) in (None, having.parent))
    values = (scope.aliases.get(column.name.lower()) for column in free)
    return {origin for value in values if value for origin in value.flat()}


def _group_keys(group: exp.Expr, scope: Scope, listed: Listed) -> set[Origin]:
    found: set[Origin] = set()
    if group.args.get("all"):
        for item, column in listed:
            if not aggregates(item):
                found.update(flat(column))
    waiting = list(group.iter_expressions())
    while waiting:
        key = waiting.pop()
        if isinstance(key, exp.Tuple | exp.Paren | exp.Cube | exp.Rollup | exp.GroupingSets):
            waiting.extend(key.iter_expressions())
        else:
            found |= _key(key, scope, [column for _, column in listed])
    return found


def _key(key: exp.Expr, scope: Scope, columns: Iterable[Column | Rest]) -> set[Origin]:
    """What a key of GROUP BY, ORDER BY or DISTINCT ON looks at; a number counts the columns."""
    if not isinstance(key, exp.Literal) or key.is_string:
        return origins_of(key, scope)
    several = list(columns)
    number = int(key.name) - 1 if key.name.isdigit() else -1
    if 0 <= number < len(several) and not any(isinstance(column, Rest) for column in several[: number + 1]):
        several = [several[number]]
    return {origin for column in several for origin in flat(column)}


def _sorted_by(node: exp.Expr, scope: Scope, columns: Iterable[Column | Rest]) -> Origins:
    """What ORDER BY looks at: a bare name is first of all a column of the result."""
    order = node.args.get("order")
    if order is None:
        return NOTHING
    made = list(columns)
    result = {column.name.lower(): column for column in made if isinstance(column, Column) and column.name}
    found: set[Origin] = set()
    for each in order.expressions:
        key = each.this
        if isinstance(key, exp.Var) and key.name.upper() == "ALL":
            found.update(origin for column in made for origin in flat(column))
        elif isinstance(key, exp.Column) and not key.table and key.name.lower() in result:
            found.update(flat(result[key.name.lower()]))
        else:
            found |= _key(key, scope, made)
    return frozenset(found)


def _distinct(distinct: exp.Expr, scope: Scope, columns: list[Column | Rest], order: Origins) -> set[Origin]:
    on = distinct.args.get("on")
    if on is None:
        return {origin for column in columns for origin in flat(column)}
    keys = on.expressions if isinstance(on, exp.Tuple) else [on]
    return {*order, *(origin for key in keys for origin in _key(key, scope, columns))}


def _cut(node: exp.Expr, scope: Scope, order: Origins) -> set[Origin]:
    """What LIMIT and OFFSET make decisive: the order, and their own expressions."""
    limits = [node.args[key] for key in ("limit", "offset") if node.args.get(key) is not None]
    if not limits:
        return set()
    return set(order).union(*(origins_of(limit, scope) for limit in limits))
