"""Expressions of DuckDB's SQL as Polars is to compute them. What is not listed here is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Any, Protocol

from sqlglot import exp

from lakeorch.engines.polars import rules
from lakeorch.engines.polars.aggregates import AGGREGATES
from lakeorch.engines.polars.functions import FUNCTIONS, called
from lakeorch.engines.polars.rules import (
    BOOLEAN,
    DATE,
    DOUBLE,
    INT,
    LONG,
    NULL,
    STRING,
    TIMESTAMP,
    DiffersError,
    Value,
    cast,
    compared,
    unified,
)
from lakeorch.model import Scalar
from lakeorch.types import Type, literal

_SIGNS = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_DISTINCT = {exp.NullSafeEQ: "IS NOT DISTINCT FROM", exp.NullSafeNEQ: "IS DISTINCT FROM"}
_ARITHMETIC = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_CASTS: Mapping[str, Type] = {
    **{"INT": INT, "BIGINT": LONG, "DOUBLE": DOUBLE, "DATE": DATE, "BOOLEAN": BOOLEAN},
    **{"TIMESTAMP": TIMESTAMP, "TIMESTAMPNTZ": TIMESTAMP, "VARCHAR": STRING, "TEXT": STRING},
}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?)?")


class Around(Protocol):
    """What an expression can refer to: columns, and queries in brackets."""

    @property
    def variables(self) -> Mapping[str, Scalar]:
        """Values by name."""
        ...

    def column(self, node: exp.Column) -> Value:
        """The column that a name means."""
        ...

    def grouped(self, value: Value) -> Value:
        """A value, as it is to be had of a group where it is what groups are made by."""
        ...

    def within_groups(self) -> AbstractContextManager[None]:
        """While it is open, values are those of the rows that are grouped."""
        ...

    def collected(self, value: Value) -> Value:
        """An aggregate, as it is to be had where it has been computed."""
        ...

    def scalar(self, node: exp.Expr) -> Value:
        """A query in brackets that yields one value."""
        ...

    def exists(self, node: exp.Expr) -> str:
        """A query whose rows are only looked for."""
        ...

    def listed(self, node: exp.Expr) -> Value:
        """A query with one column, for IN."""
        ...


class Expressions:
    """Translates the expressions of one SELECT.

    Args:
        around: what they can refer to.
    """

    def __init__(self, around: Around) -> None:
        self._around = around

    def value(self, node: exp.Expr) -> Value:
        """An expression with its type.

        Raises:
            DiffersError: something in it is not known to give the same answer; its `at` is the node.
        """
        try:
            return self._around.grouped(self._value(node))
        except DiffersError as error:
            error.at = error.at or node
            raise

    def within_groups(self) -> AbstractContextManager[None]:
        """While it is open, parts are those of the rows that are grouped, not of the groups."""
        return self._around.within_groups()

    def collected(self, value: Value) -> Value:
        """An aggregate, as it is to be had where it has been computed."""
        return self._around.collected(value)

    def condition(self, node: exp.Expr) -> str:
        """An expression that must be a truth value."""
        found = self.value(node)
        if found.type.kind not in ("boolean", "null"):
            raise DiffersError(f"a condition of type {rules.iceberg(found.type)}", "compare it with something")
        return cast(found, BOOLEAN).sql

    def _value(self, node: exp.Expr) -> Value:
        kind = type(node)
        if kind in _ARITHMETIC:
            return self._arithmetic(node)
        if kind in _SIGNS:
            return self._compared(_SIGNS[kind], node)
        if kind in _DISTINCT:
            left, right = self._pair(node)
            to = unified((left.type, right.type))
            return Value(f"({cast(left, to).sql} {_DISTINCT[kind]} {cast(right, to).sql})", BOOLEAN)
        if kind in (exp.And, exp.Or):
            sides = [self.condition(node.this), self.condition(node.expression)]
            return Value(f"({f' {kind.__name__.upper()} '.join(sides)})", BOOLEAN)
        if kind in _HANDLERS:
            return _HANDLERS[kind](self, node)
        handle = FUNCTIONS.get(kind) or AGGREGATES.get(kind)
        if handle is None:
            raise DiffersError(f"{called(node)} is not known to give the same answer in Polars")
        return handle(self, node)

    def _pair(self, node: exp.Expr) -> tuple[Value, Value]:
        left, right = self.value(node.this), self.value(node.args["expression"])
        return _dated(left, right, node.this), _dated(right, left, node.args["expression"])

    # ---- plain things ----

    def _column(self, node: Any) -> Value:
        return self._around.column(node)

    def _literal(self, node: Any) -> Value:
        return Value(literal(str(node.this)), STRING) if node.is_string else rules.number(str(node.this))

    def _boolean(self, node: Any) -> Value:
        return Value("TRUE" if node.this else "FALSE", BOOLEAN)

    def _null(self, _: Any) -> Value:
        return Value("NULL", NULL)

    def _paren(self, node: Any) -> Value:
        return self.value(node.this)

    def _not(self, node: Any) -> Value:
        if isinstance(node.this, exp.Is):
            if not isinstance(node.this.expression, exp.Null):
                raise DiffersError("IS TRUE and IS FALSE treat NULL otherwise", "write = TRUE, or coalesce(…)")
            return Value(f"({self.value(node.this.this).sql} IS NOT NULL)", BOOLEAN)
        if isinstance(node.this, exp.In):
            return self._in(node.this, "NOT IN")
        return Value(f"(NOT {self.condition(node.this)})", BOOLEAN)

    def _is(self, node: Any) -> Value:
        if not isinstance(node.expression, exp.Null):
            raise DiffersError("IS TRUE and IS FALSE treat NULL otherwise", "write = TRUE, or coalesce(…)")
        return Value(f"({self.value(node.this).sql} IS NULL)", BOOLEAN)

    def _neg(self, node: Any) -> Value:
        found = self.value(node.this)
        if found.type.kind == "double":
            return Value(f"(-{found.sql})", DOUBLE)
        result = rules.arithmetic("-", Value("0", INT), found)
        return cast(result, found.type) if rules.is_exact(found.type) else result

    def _compared(self, sign: str, node: Any) -> Value:
        return compared(sign, *self._pair(node))

    def _between(self, node: Any) -> Value:
        found = self.value(node.this)
        low, high = (_dated(self.value(node.args[end]), found, node.args[end]) for end in ("low", "high"))
        return Value(f"({compared('>=', found, low).sql} AND {compared('<=', found, high).sql})", BOOLEAN)

    def _in(self, node: Any, word: str = "IN") -> Value:
        found = self.value(node.this)
        if query := node.args.get("query"):
            inside = self._around.listed(query)
            if inside.type != found.type:
                raise DiffersError(f"{rules.iceberg(found.type)} {word} {rules.iceberg(inside.type)}", "CAST one")
            return Value(f"({found.sql} {word} ({inside.sql}))", BOOLEAN)
        if node.args.get("field") is not None or node.args.get("unnest") is not None:
            raise DiffersError("IN without a list")
        items = [_dated(self.value(each), found, each) for each in node.expressions]
        to = unified([found.type, *(each.type for each in items)])
        return Value(f"({cast(found, to).sql} {word} ({', '.join(cast(each, to).sql for each in items)}))", BOOLEAN)

    def _like(self, node: Any) -> Value:
        found, pattern = self.value(node.this), node.expression
        if found.type != STRING or not (isinstance(pattern, exp.Literal) and pattern.is_string):
            raise DiffersError("LIKE with a pattern that is not written out")
        word = "NOT LIKE" if node.args.get("negate") else "LIKE"
        return Value(f"({found.sql} {word} {literal(str(pattern.this))})", BOOLEAN)

    def _exists(self, node: Any) -> Value:
        return Value(f"EXISTS ({self._around.exists(node.this)})", BOOLEAN)

    def _subquery(self, node: Any) -> Value:
        return self._around.scalar(node.this)

    def _variable(self, node: Any) -> Value:
        if str(node.this).lower() != "getvariable":
            raise DiffersError(f"{node.this}() is not known to give the same answer in Polars")
        # one without a value is a mistake that is told elsewhere; in DuckDB it is NULL
        return rules.constant(self._around.variables.get(str(node.expressions[0].this)))

    # ---- arithmetic, casts, choices ----

    def _arithmetic(self, node: Any) -> Value:
        sign = _ARITHMETIC[type(node)]
        if isinstance(node.expression, exp.Interval):
            return self._moved(sign, node)
        return rules.arithmetic(sign, self.value(node.this), self.value(node.expression))

    def _moved(self, sign: str, node: Any) -> Value:
        found, span = self.value(node.this), node.expression
        amount, unit = span.this, str(span.args.get("unit") or "").upper()
        if found.type not in (DATE, TIMESTAMP) or sign not in "+-" or unit not in ("YEAR", "MONTH", "DAY", "HOUR"):
            raise DiffersError(f"{rules.iceberg(found.type)} {sign} such an interval", "use YEAR, MONTH, DAY or HOUR")
        if not (isinstance(amount, exp.Literal) and re.fullmatch(r"\d{1,6}", str(amount.this))):
            raise DiffersError("an interval that is not one whole number", "INTERVAL 3 MONTH")
        # DuckDB's result is a timestamp
        return Value(f"({cast(found, TIMESTAMP).sql} {sign} INTERVAL '{amount.this} {unit}')", TIMESTAMP)

    def _remainder(self, node: Any) -> Value:
        left, right = self.value(node.this), self.value(node.expression)
        divisor = node.expression
        plain = isinstance(divisor, exp.Literal) and not divisor.is_string and str(divisor.this).strip("0").isdigit()
        if left.type not in (INT, LONG) or right.type not in (INT, LONG) or not plain:
            raise DiffersError("a remainder of anything but whole numbers by a number above 0")
        to = unified((left.type, right.type))
        sign = "%" if isinstance(node, exp.Mod) else "//"
        return Value(f"CAST(({cast(left, to).sql} {sign} {cast(right, to).sql}) AS {rules.sql_type(to)})", to)

    def _cast(self, node: Any) -> Value:
        to, word = self._type(node), node.to.this.name
        if isinstance(node.this, exp.Literal) and node.this.is_string and to in (DATE, TIMESTAMP):
            return _moment(str(node.this.this), to)
        try:
            return cast(self.value(node.this), to)
        except DiffersError as error:
            raise DiffersError(f"CAST to {word}: {error.what}", error.hint) from error

    def _type(self, node: Any) -> Type:
        to = node.to
        if to.this.name == "DECIMAL":
            sizes = [int(str(each.this)) for each in to.expressions] or [18, 3]
            return rules.decimal(sizes[0], sizes[1] if len(sizes) > 1 else 0)
        if to.this.name not in _CASTS or to.expressions:
            raise DiffersError(f"a cast to {to.sql('duckdb')}")
        return _CASTS[to.this.name]

    def _case(self, node: Any) -> Value:
        subject = node.this
        tests: list[str] = []
        for each in node.args["ifs"]:
            if subject is None:
                tests.append(self.condition(each.this))
            else:
                tests.append(compared("=", self.value(subject), self.value(each.this)).sql)
        results = [self.value(each.args["true"]) for each in node.args["ifs"]]
        other = self.value(node.args["default"]) if node.args.get("default") is not None else Value("NULL", NULL)
        to = unified([*(each.type for each in results), other.type])
        arms = " ".join(f"WHEN {t} THEN {cast(r, to).sql}" for t, r in zip(tests, results, strict=True))
        return Value(f"CASE {arms} ELSE {cast(other, to).sql} END", to)

    def _all_of_one_type(self, node: Any) -> Value:
        parts = [self.value(each) for each in (node.this, *node.expressions)]
        to = unified([each.type for each in parts])
        name = type(node).__name__.lower()
        if name != "coalesce" and to.kind in ("float", "double", "null"):
            raise DiffersError(f"{name} of {rules.iceberg(to)}")
        if name == "coalesce" and isinstance(node.this, exp.Literal):
            return cast(parts[0], to)  # Polars makes a constant of it only later: what is divided by it could be -0.0
        return Value(f"{name}({', '.join(cast(each, to).sql for each in parts)})", to)

    def _nullif(self, node: Any) -> Value:
        found, other = self.value(node.this), self.value(node.expression)
        return Value(f"CASE WHEN {compared('=', found, other).sql} THEN NULL ELSE {found.sql} END", found.type)


_HANDLERS: Mapping[type[exp.Expr], Callable[[Expressions, Any], Value]] = {
    exp.Column: Expressions._column,
    exp.Literal: Expressions._literal,
    exp.Boolean: Expressions._boolean,
    exp.Null: Expressions._null,
    exp.Paren: Expressions._paren,
    exp.Not: Expressions._not,
    exp.Is: Expressions._is,
    exp.Neg: Expressions._neg,
    exp.Between: Expressions._between,
    exp.In: Expressions._in,
    exp.Like: Expressions._like,
    exp.Exists: Expressions._exists,
    exp.Subquery: Expressions._subquery,
    exp.Anonymous: Expressions._variable,
    exp.Mod: Expressions._remainder,
    exp.IntDiv: Expressions._remainder,
    exp.Cast: Expressions._cast,
    exp.Case: Expressions._case,
    exp.Coalesce: Expressions._all_of_one_type,
    exp.Greatest: Expressions._all_of_one_type,
    exp.Least: Expressions._all_of_one_type,
    exp.Nullif: Expressions._nullif,
}


def _dated(value: Value, other: Value, node: exp.Expr) -> Value:
    """Text beside a date or a time is one, where it is written out."""
    if value.type == STRING and other.type in (DATE, TIMESTAMP) and isinstance(node, exp.Literal):
        return _moment(str(node.this), other.type)
    return value


def _moment(text: str, to: Type) -> Value:
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError(text)  # Python reads more of ISO 8601 than DuckDB does
        if to == DATE:
            return Value(f"DATE '{date.fromisoformat(text).isoformat()}'", DATE)
        found = datetime.fromisoformat(text)
    except ValueError:
        raise DiffersError(f"'{text}' as {to}", "write it as 2024-01-31 or 2024-01-31 12:00:00") from None
    if found.tzinfo is not None:
        raise DiffersError(f"'{text}' with a time zone")
    return Value(f"TIMESTAMP '{found.isoformat(sep=' ')}'", TIMESTAMP)
