"""What a query's WHERE says of the rows of one table: enough to leave out files that hold none of them.

Only what is certain counts. A condition is a comparison of a column with a constant that stands in the WHERE of the
very SELECT that reads the table: no row that fails it can have part in the result, whatever is joined.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import date, datetime

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakeorch.graph import Graph
from lakeorch.model import Model
from lakeorch.types import Comparison, Condition

_FLIPPED: dict[Comparison, Comparison] = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_SIGNS: dict[type[exp.Expr], Comparison] = {exp.EQ: "=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_TIMES = {exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPNTZ}
_SIDES = {"", "LEFT", "RIGHT", "FULL"}
_KINDS = {"", "INNER", "CROSS", "OUTER"}


def conditions(sql: str) -> list[tuple[str, tuple[Condition, ...]]]:
    """For every place where a query names a table: the name in lower case, and what its rows must meet.

    Empty where the query cannot be read. The names of CTEs are among them.
    """
    try:
        tree = sqlglot.parse_one(sql, read="duckdb")
    except SqlglotError:
        return []
    return [(_name(table), tuple(_of(table))) for table in tree.find_all(exp.Table)]


def filters(model: Model, graph: Graph) -> dict[str, tuple[Condition, ...]]:
    """What a model's query says of the rows of tables that it names once, and does not see through a view as well."""
    if model.is_python:
        return {}
    seen: dict[str, list[tuple[Condition, ...]]] = {}
    for reference, found in conditions(model.sql):
        seen.setdefault(graph.resolve(model, reference) or reference, []).append(found)
    through_views = {table for view in graph.views_behind(model.name) for table in graph.tables_behind(view)}
    return {name: found[0] for name, found in seen.items() if len(found) == 1 and name not in through_views}


def _name(table: exp.Table) -> str:
    return ".".join(part.name for part in table.parts).lower()


def _of(table: exp.Table) -> Iterator[Condition]:
    clause = table.parent
    select = clause.parent if isinstance(clause, exp.From | exp.Join) else None
    if not isinstance(select, exp.Select) or table.args.get("pivots") or table.args.get("sample"):
        return
    if table.alias_column_names:  # `t AS s(b, a)`: what is called so here is another column of the table
        return
    where, joins = select.args.get("where"), select.args.get("joins") or []
    plain = all(join.side in _SIDES and join.kind in _KINDS and not join.method for join in joins)
    if where is None or not plain or select.args.get("laterals") or select.args.get("sample"):
        return
    alone = not joins
    for part in where.this.flatten() if isinstance(where.this, exp.And) else [where.this]:
        for column, condition in _compared(part.unnest()):
            qualifier = column.table.lower()
            if len(column.parts) <= 2 and (qualifier == table.alias_or_name.lower() or (alone and not qualifier)):
                yield condition


def _compared(part: exp.Expr) -> Iterator[tuple[exp.Column, Condition]]:
    """A comparison of a column with constants; nothing for whatever else stands there."""
    if isinstance(part, exp.Between):
        pairs: list[tuple[Comparison, exp.Expr]] = [(">=", part.args["low"]), ("<=", part.args["high"])]
        if not part.args.get("symmetric"):
            for sign, value in pairs:
                yield from _pair(part.this, sign, value)
    elif type(part) in _SIGNS:
        sign = _SIGNS[type(part)]
        yield from _pair(part.this, sign, part.expression)
        yield from _pair(part.expression, _FLIPPED[sign], part.this)


def _pair(column: exp.Expr, sign: Comparison, value: exp.Expr) -> Iterator[tuple[exp.Column, Condition]]:
    constant = _constant(value)
    if isinstance(column, exp.Column) and constant is not None:
        yield column, Condition(column.name.lower(), sign, constant)


def _constant(value: exp.Expr) -> str | int | date | datetime | None:
    """A whole number, a text, a day or a time without a zone; None for whatever else it is."""
    if isinstance(value, exp.Cast):
        text = value.this.this if isinstance(value.this, exp.Literal) and value.this.is_string else ""
        with contextlib.suppress(ValueError):
            if value.to.this is exp.DataType.Type.DATE:
                return date.fromisoformat(text)
            if value.to.this in _TIMES:
                moment = datetime.fromisoformat(text)
                return None if moment.tzinfo else moment
        return None
    if isinstance(value, exp.Neg) and isinstance(value.this, exp.Literal) and value.this.is_int:
        return -int(value.this.this)
    if isinstance(value, exp.Literal):
        return str(value.this) if value.is_string else int(value.this) if value.is_int else None
    return None
