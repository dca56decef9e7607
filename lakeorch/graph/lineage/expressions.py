"""What an expression's value is made of.

A column, a field, an alias and a scalar sub-query pass values on; everything else computes. What an expression hides
(a sub-query's own conditions, the order within an aggregate, a window's partition) is part of how its value is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from sqlglot import exp

from lakeorch.graph.lineage.scopes import Scope
from lakeorch.graph.lineage.stars import is_star, picks, star
from lakeorch.graph.lineage.values import Column, Origin, Rest, Value, derived, flat

Part = tuple[exp.Expr, Scope]

_SILENT = frozenset({
    exp.Identifier, exp.Literal, exp.DataType, exp.Var, exp.Placeholder, exp.Parameter, exp.Boolean, exp.Null,
    exp.JSONPath, exp.Grouping, exp.GroupingId,
})  # fmt: skip
_BY_ORDER = frozenset({
    exp.ArrayAgg, exp.GroupConcat, exp.First, exp.Last, exp.AnyValue, exp.Window,
})  # fmt: skip
_AGGREGATES = frozenset({
    "arbitrary", "arg_max_null", "arg_max_nulls_last", "arg_min_null", "arg_min_nulls_last", "bitstring_agg",
    "count_star", "entropy", "favg", "fsum", "histogram", "histogram_exact", "kahan_sum", "kurtosis_pop", "mad",
    "mean", "product", "reservoir_quantile", "sem", "sum_no_overflow", "sumkahan",
})  # fmt: skip


def value_of(node: exp.Expr, scope: Scope) -> Value:
    """What an expression's value is made of, where `scope` holds."""
    read = _VALUES.get(type(node))
    return read(node, scope) if read else derived(origins_of(node, scope))


def origins_of(node: exp.Expr, scope: Scope) -> set[Origin]:
    """All origins that have a say in an expression. It does not recurse, so that a sum of any length works."""
    found: set[Origin] = set()
    waiting: list[Part] = [(node, scope)]
    while waiting:
        node, scope = waiting.pop()
        kind = type(node)
        if kind in _SILENT:
            continue
        if kind in _WHOLE:
            found.update(_WHOLE[kind](node, scope))
        elif kind in _PARTS:
            waiting.extend(_PARTS[kind](node, scope))
        elif kind in _VALUES and kind not in _PASSING:
            found.update(_VALUES[kind](node, scope).flat())
        else:
            waiting.extend((child, scope) for child in node.iter_expressions())
        if kind in _BY_ORDER and not _is_sorted(node):
            found |= scope.order
    return found


def _is_sorted(node: exp.Expr) -> bool:
    """Whether an aggregate or a window has an order of its own, so that the order of the rows does not show."""
    return isinstance(node.this, exp.Order) or bool(node.args.get("order") or node.args.get("alias"))


def aggregates(node: exp.Expr) -> bool:
    """Whether an expression has an aggregate or a window function of its own SELECT in it."""
    for part in node.walk(prune=lambda each: isinstance(each, exp.Query)):
        if isinstance(part, exp.AggFunc | exp.Window):
            return True
        if isinstance(part, exp.Anonymous) and part.name.lower() in _AGGREGATES:
            return True
    return False


def is_fixed(node: exp.Expr) -> bool:
    """Whether a list always has as many elements as the text shows."""
    return isinstance(node, exp.Array) and not any(
        isinstance(each, exp.Query | exp.Columns | exp.Comprehension) for each in node.expressions
    )


def names(parts: Iterable[exp.Expr]) -> list[str]:
    """The names of identifiers."""
    return [part.name for part in parts]


# ---- values that are passed on ---------------------------------------------------------------------------------


def _column(node: exp.Expr, scope: Scope) -> Value:
    if is_star(node):
        return derived(_star(node, scope))
    parts = (node.args.get(key) for key in ("catalog", "db", "table", "this"))
    return scope.resolve([part.name for part in parts if part])


def _inner(node: exp.Expr, scope: Scope) -> Value:
    return value_of(node.this, scope)


def _named(node: exp.Expr, scope: Scope) -> Value:
    """`name := value`; of a lambda's parameter alone DuckDB takes a column of that name instead."""
    given = node.expression.unnest()
    if isinstance(given, exp.Identifier):
        return scope.without_params().search([given.name]) or Value()
    return value_of(given, scope)


def _dot(node: exp.Expr, scope: Scope) -> Value:
    steps: list[exp.Expr] = []
    while isinstance(node, exp.Dot):
        steps.append(node.expression)
        node = node.this
    steps.reverse()
    path: list[str] = []
    while steps and isinstance(steps[0], exp.Identifier):
        path.append(steps.pop(0).name)
    if isinstance(node, exp.Identifier):
        # the first name of `lower.trim()` is a column's, that of `main.trim(…)` is not
        value = scope.search([node.name, *path]) or (Value() if steps else scope.resolve([node.name, *path]))
    elif isinstance(node, exp.Column):
        value = scope.resolve([*names(node.parts), *path])
    else:
        value = value_of(node, scope)
        for name in path:
            value = value.field(name)
    for step in steps:
        is_field = isinstance(step, exp.Identifier)
        value = value.field(step.name) if is_field else derived(value.flat(), origins_of(step, scope))
    return value


def _extract(node: exp.Expr, scope: Scope) -> Value:
    """`s['a']` and `struct_extract(s, 'a')`."""
    keys = node.expressions or [node.args.get("expression")]
    value = value_of(node.this, scope)
    key = keys[0]
    if len(keys) == 1 and isinstance(key, exp.Literal) and key.is_string and value.members():
        return value.field(key.name)
    return derived(value.flat(), *(origins_of(each, scope) for each in keys if each is not None))


def _struct(node: exp.Expr, scope: Scope) -> Value:
    fields: list[tuple[str, Value]] = []
    for number, part in enumerate(node.expressions, 1):
        if isinstance(part, exp.Columns):
            picked = picks(part, scope, value_of)
            fields += ((column.name, column.value) for column in picked if isinstance(column, Column))
            if any(isinstance(column, Rest) for column in picked):
                return derived(*(origins_of(each, scope) for each in node.expressions))
        elif isinstance(part, exp.PropertyEQ):
            fields.append((part.this.name, _named(part, scope)))
        else:
            fields.append((part.alias_or_name or str(number), value_of(part, scope)))
    return Value(fields=tuple(fields))


def _call(node: exp.Expr, scope: Scope) -> Value:
    if node.name.lower() in ("struct_insert", "struct_update") and node.expressions:
        first, *others = node.expressions
        members = value_of(first, scope).members()
        if members is not None and all(isinstance(each, exp.PropertyEQ) for each in others):
            given = [(each.this.name, _named(each, scope)) for each in others]
            over = {name.lower() for name, _ in given}
            return Value(fields=(*(each for each in members if each[0].lower() not in over), *given))
    found = scope.order if node.name.lower() == "arbitrary" else set()
    return derived(found, *(origins_of(each, scope) for each in node.expressions))


def _scalar(node: exp.Expr, scope: Scope) -> Value:
    relation = scope.queries.query(node, scope)
    values = (column.value if isinstance(column, Column) else column.flat() for column in relation.columns)
    return next(values, Value()).plus(relation.rows)


def _columns(node: exp.Expr, scope: Scope) -> Value:
    if scope.picked is not None and not node.args.get("unpack"):
        return scope.picked
    return derived(*(flat(column) for column in picks(node, scope, value_of)))


def _position(node: exp.Expr, scope: Scope) -> Value:
    columns = star(exp.Star(), scope, value_of)
    number = int(node.this.name) - 1
    if not 0 <= number < len(columns) or any(isinstance(each, Rest) for each in columns):
        return derived(scope.everything())
    column = columns[number]
    return column.value if isinstance(column, Column) else column.flat()


# ---- what has a say: as a whole --------------------------------------------------------------------------------


def _query(node: exp.Expr, scope: Scope) -> Iterable[Origin]:
    relation = scope.queries.query(node, scope)
    order = relation.order if isinstance(node.parent, exp.Array) else ()
    return {*relation.deps(), *relation.rows, *order}


def _exists(node: exp.Expr, scope: Scope) -> Iterable[Origin]:
    return scope.queries.query(node.this, scope).rows


def _star(node: exp.Expr, scope: Scope) -> Iterable[Origin]:
    return {origin for column in star(node, scope, value_of) for origin in flat(column)}


# ---- what has a say: by its parts ------------------------------------------------------------------------------


def _window(node: exp.Expr, scope: Scope) -> Iterator[Part]:
    for child in node.iter_expressions():
        if child.arg_key != "alias":
            yield child, scope
    name = node.args.get("alias")
    named = scope.windows.get(name.name.lower()) if name else None
    if named is not None and named is not node:
        yield named, scope


def _lambda(node: exp.Expr, scope: Scope) -> Iterator[Part]:
    yield node.this, scope.with_params(names(node.expressions))


def _comprehension(node: exp.Expr, scope: Scope) -> Iterator[Part]:
    params = (node.args.get(key) for key in ("expression", "position"))
    inner = scope.with_params(param.name for param in params if param)
    yield node.args["iterator"], scope
    condition = node.args.get("condition")
    if condition:
        yield condition, inner
    made = node.this
    if not (condition and isinstance(made, exp.Column) and not made.table):
        yield made, inner
    elif scope.search([made.name]) is not None:
        # where there is a condition, DuckDB takes a column before the parameter
        yield made, scope


def _argument(node: exp.Expr, scope: Scope) -> Iterator[Part]:
    yield node.expression, scope


def _cast(node: exp.Expr, scope: Scope) -> Iterator[Part]:
    yield node.this, scope


def _map(node: exp.Expr, scope: Scope) -> Iterator[Part]:
    for entry in node.this.expressions:
        yield from ((side, scope) for side in (entry.this, entry.expression))


def _count(node: exp.Expr, scope: Scope) -> Iterator[Part]:
    if node.this and not is_star(node.this):
        yield from ((child, scope) for child in node.iter_expressions())


_VALUES: dict[type[exp.Expr], Callable[[exp.Expr, Scope], Value]] = {
    exp.Alias: _inner,
    exp.Anonymous: _call,
    exp.Bracket: _extract,
    exp.Column: _column,
    exp.Columns: _columns,
    exp.Dot: _dot,
    exp.Except: _scalar,
    exp.Intersect: _scalar,
    exp.Paren: _inner,
    exp.PositionalColumn: _position,
    exp.PropertyEQ: _named,
    exp.Select: _scalar,
    exp.Struct: _struct,
    exp.StructExtract: _extract,
    exp.Subquery: _scalar,
    exp.Union: _scalar,
}
_WHOLE: dict[type[exp.Expr], Callable[[exp.Expr, Scope], Iterable[Origin]]] = {
    exp.Except: _query,
    exp.Exists: _exists,
    exp.Intersect: _query,
    exp.Select: _query,
    exp.Star: _star,
    exp.Subquery: _query,
    exp.Union: _query,
}
_PARTS: dict[type[exp.Expr], Callable[[exp.Expr, Scope], Iterator[Part]]] = {
    exp.Cast: _cast,
    exp.Comprehension: _comprehension,
    exp.Count: _count,
    exp.Kwarg: _argument,
    exp.Lambda: _lambda,
    exp.ToMap: _map,
    exp.TryCast: _cast,
    exp.Window: _window,
}
# passing on a value is of no use to who only asks for origins
_PASSING = frozenset({exp.Alias, exp.Paren})
