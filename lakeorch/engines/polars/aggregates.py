"""Aggregates and windows that are known to give the same answer in Polars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlglot import exp

from lakeorch.engines.polars import rules
from lakeorch.engines.polars.functions import Reads, called
from lakeorch.engines.polars.rules import DOUBLE, LONG, DiffersError, Value

_RANKS = {exp.RowNumber: "row_number()", exp.Rank: "rank()", exp.DenseRank: "dense_rank()"}


def _aggregate(read: Reads, node: Any, condition: exp.Expr | None = None) -> Value:
    """An aggregate; `condition` leaves values out, as FILTER does."""
    with read.within_groups():
        parts = _computed(read, node, condition=read.condition(condition) if condition is not None else "")
    if isinstance(node, exp.Max) and parts[0].type == DOUBLE:
        # in DuckDB NaN is the largest number, which Polars leaves out
        with read.within_groups():
            nan = f"count(CASE WHEN {read.value(node.this).sql} > CAST('inf' AS DOUBLE) THEN 1 END)"
        seen = read.collected(Value(nan, LONG))
        return Value(
            f"CASE WHEN {seen.sql} > 0 THEN CAST('NaN' AS DOUBLE) ELSE {read.collected(parts[0]).sql} END", DOUBLE
        )
    return _made([read.collected(part) for part in parts])


def _made(parts: Sequence[Value]) -> Value:
    """What the parts of an aggregate make: an average has two, the sum and the count."""
    return rules.mean(*parts) if len(parts) > 1 else parts[0]


def _computed(read: Reads, node: Any, *, condition: str = "", over: str = "") -> Sequence[Value]:
    """What Polars computes for an aggregate; `over` makes it that of a window.

    One value, or two that are to be put together outside: Polars 2.1 gets a larger expression of aggregates wrong if
    a part of it stands in another one as well.
    """

    def given(inner: exp.Expr) -> Value:
        found = read.value(inner)
        if '"' not in found.sql:
            raise DiffersError(f"{called(node)} of a constant")  # Polars would not take it for an aggregate
        return Value(f"CASE WHEN {condition} THEN {found.sql} END", found.type) if condition else found

    if isinstance(node, exp.Count):
        if isinstance(node.this, exp.Star) or node.this is None:
            return (Value(f"count(CASE WHEN {condition} THEN 1 END)" if condition else f"count(*){over}", LONG),)
        if isinstance(node.this, exp.Distinct):
            if len(node.this.expressions) != 1 or over:
                raise DiffersError("count(DISTINCT …) of several columns, or in a window")
            return (Value(f"count(DISTINCT {given(node.this.expressions[0]).sql})", LONG),)
        return (Value(f"count({given(node.this).sql}){over}", LONG),)
    if isinstance(node.this, exp.Distinct | exp.Order) or node.args.get("expressions"):
        raise DiffersError(f"{called(node)} of DISTINCT or ordered values")
    found = given(node.this)
    if isinstance(node, exp.Sum):
        return (rules.total(found, over),)
    if isinstance(node, exp.Avg):
        if rules.is_exact(found.type):
            return rules.total(found, over), Value(f"count({found.sql}){over}", LONG)
        if found.type.kind not in ("float", "double"):
            raise DiffersError(f"avg of {rules.iceberg(found.type)}", "CAST it to a number")
        return (Value(f"avg({rules.cast(found, DOUBLE).sql}){over}", DOUBLE),)
    if isinstance(node, exp.Max):
        if found.type.kind == "float" or ((over or condition) and found.type == DOUBLE):
            raise DiffersError("max of floating-point numbers leaves NaN out", "CAST to a decimal")
        return (Value(f"max({found.sql}){over}", found.type),)
    return (Value(f"min({found.sql}){over}", found.type),)


def _filter(read: Reads, node: Any) -> Value:
    return _aggregate(read, node.this, node.expression.this)


def _over(read: Reads, node: Any) -> Value:
    order, spec = node.args.get("order"), node.args.get("spec")
    by = [read.value(each).sql for each in node.args.get("partition_by") or ()]
    terms = [f"PARTITION BY {', '.join(by)}"] if by else []
    if order is not None:
        terms.append("ORDER BY " + ", ".join(ordered(read.value(each.this).sql, each) for each in order.expressions))
    if spec is not None:
        terms.append(_frame(spec))
    over = f"OVER ({' '.join(terms)})"
    if type(node.this) in _RANKS:
        if order is None:
            raise DiffersError("a rank without ORDER BY")
        return Value(f"CAST({_RANKS[type(node.this)]} {over} AS BIGINT)", LONG)
    if isinstance(node.this, exp.Lag | exp.Lead):
        return _shifted(read, node.this, over, order)
    if not isinstance(node.this, exp.Sum | exp.Avg | exp.Min | exp.Max | exp.Count):
        raise DiffersError(f"{called(node.this)} in a window")
    return _made(_computed(read, node.this, over=f" {over}"))


def _shifted(read: Reads, node: Any, over: str, order: exp.Expr | None) -> Value:
    offset = node.args.get("offset")
    if order is None or node.args.get("default") is not None:
        raise DiffersError(f"{called(node)} without ORDER BY, or with a default")
    if offset is not None and not (isinstance(offset, exp.Literal) and str(offset.this).isdigit()):
        raise DiffersError(f"{called(node)} by a number of rows that is not written out")
    found = read.value(node.this)
    far = f", {offset.this}" if offset is not None else ""
    return Value(f"{type(node).__name__.lower()}({found.sql}{far}) {over}", found.type)


def ordered(sql: str, term: exp.Expr) -> str:
    """A sort key with everything said: DuckDB puts NULL last both ways, Polars does not."""
    direction = "DESC" if term.args.get("desc") else "ASC"
    return f"{sql} {direction} NULLS {'FIRST' if term.args.get('nulls_first') else 'LAST'}"


def _frame(spec: exp.Expr) -> str:
    given = spec.args
    told = (given.get("kind"), given.get("start"), given.get("start_side"), given.get("end"))
    if told != ("ROWS", "UNBOUNDED", "PRECEDING", "CURRENT ROW") or given.get("exclude"):
        raise DiffersError("such a window frame", "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW, or none")
    return "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"


def holds_aggregates(node: exp.Expr) -> bool:
    """Whether a SELECT, or an expression, holds an aggregate of its own: in no window, in no query inside of it."""
    parts = [node]
    if isinstance(node, exp.Select):
        keys = ("having", "qualify", "order")
        parts = [*node.expressions, *(node.args[key] for key in keys if node.args.get(key))]
    waiting = list(parts)
    while waiting:
        each = waiting.pop()
        if isinstance(each, exp.Query):
            continue
        if isinstance(each, exp.Window):
            # the function of the window is none; what it is given may be
            waiting += [part for part in each.iter_expressions() if part is not each.this]
            waiting += [*each.this.iter_expressions()]
            continue
        if isinstance(each, exp.AggFunc):
            return True
        waiting += [*each.iter_expressions()]
    return False


AGGREGATES: Mapping[type[exp.Expr], Callable[[Reads, Any], Value]] = {
    exp.Count: _aggregate,
    exp.Sum: _aggregate,
    exp.Avg: _aggregate,
    exp.Min: _aggregate,
    exp.Max: _aggregate,
    exp.Filter: _filter,
    exp.Window: _over,
}
