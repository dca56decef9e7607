"""The functions that are known to give the same answer in Polars, and with which arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlglot import exp

from lakeorch.engines.polars import rules
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
)
from lakeorch.types import literal

_PARTS = ("YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE")
_UNITS = (*_PARTS, "WEEK")
# what DuckDB's trim takes for spaces: Unicode's category Zs, so that tabs and line breaks stay
_SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"


class Reads(Protocol):
    """What reads the parts of an expression."""

    def value(self, node: exp.Expr) -> Value:
        """A part with its type."""
        ...

    def condition(self, node: exp.Expr) -> str:
        """A part that must be a truth value."""
        ...

    def within_groups(self) -> AbstractContextManager[None]:
        """While it is open, parts are those of the rows that are grouped, not of the groups."""
        ...

    def collected(self, value: Value) -> Value:
        """An aggregate, as it is to be had where it has been computed."""
        ...


def _abs(read: Reads, node: Any) -> Value:
    found = read.value(node.this)
    if found.type in (INT, LONG):
        wide = cast(found, LONG if found.type == INT else rules.HUGE)
        return Value(f"CAST(abs({wide.sql}) AS {rules.sql_type(found.type)})", found.type)
    if found.type.kind in ("decimal", "double"):
        return Value(f"abs({found.sql})", found.type)
    raise DiffersError(f"abs of {rules.iceberg(found.type)}")


def _round(read: Reads, node: Any) -> Value:
    found, digits = read.value(node.this), node.args.get("decimals")
    if found.type.kind not in ("decimal", "double"):
        raise DiffersError(f"round of {rules.iceberg(found.type)}", "leave it out, or CAST to a decimal")
    if digits is not None and not (isinstance(digits, exp.Literal) and str(digits.this).isdigit()):
        raise DiffersError("round to a number of digits that is not written out")
    scale = int(str(digits.this)) if digits is not None else 0
    if found.type == DOUBLE:
        return rules.rounded(found, scale)
    scale = min(scale, found.type.sizes[1])
    return cast(found, rules.decimal(found.type.sizes[0], scale))


def _floor(read: Reads, node: Any) -> Value:
    found = read.value(node.this)
    if found.type != DOUBLE:
        raise DiffersError(f"{called(node)} of {rules.iceberg(found.type)}", "CAST to DOUBLE")
    return Value(f"{type(node).__name__.lower()}({found.sql})", DOUBLE)


def _length(read: Reads, node: Any) -> Value:
    return Value(f"CAST(length({_text(read, node.this)}) AS BIGINT)", LONG)


def _text(read: Reads, node: exp.Expr) -> str:
    found = read.value(node)
    if found.type not in (STRING, NULL):
        raise DiffersError(f"a function of text over {rules.iceberg(found.type)}", "CAST to VARCHAR")
    return cast(found, STRING).sql


def _part_of_text(read: Reads, node: Any) -> Value:
    numbers = [node.args.get(key) for key in ("start", "length", "expression") if node.args.get(key) is not None]
    if not all(isinstance(each, exp.Literal) and str(each.this).isdigit() for each in numbers):
        raise DiffersError(f"{called(node)} by a position that is not a number written out")
    if "start" in node.args and int(str(numbers[0].this)) < 1:
        raise DiffersError("substring from before the first character")
    if isinstance(node, exp.Left | exp.Right) and int(str(numbers[0].this)) == 0:
        raise DiffersError(f"{called(node)} of no characters", "write ''")
    name = type(node).__name__.lower()
    return Value(f"{name}({', '.join([_text(read, node.this), *(str(each.this) for each in numbers)])})", STRING)


def _trim(read: Reads, node: Any) -> Value:
    given, side = node.expression, str(node.args.get("position") or "").upper()
    if given is not None and not (isinstance(given, exp.Literal) and given.is_string and str(given.this)):
        raise DiffersError(f"{called(node)} of characters that are not written out")
    taken = literal(_SPACES if given is None else str(given.this))
    text = _text(read, node.this)
    if side != "TRAILING":
        text = f"ltrim({text}, {taken})"
    return Value(text if side == "LEADING" else f"rtrim({text}, {taken})", STRING)


def _concat(read: Reads, node: Any) -> Value:
    return Value(f"concat({', '.join(_text(read, each) for each in node.expressions)})", STRING)


def _pipe(read: Reads, node: Any) -> Value:
    return Value(f"({_text(read, node.this)} || {_text(read, node.expression)})", STRING)


def _starts(read: Reads, node: Any) -> Value:
    return Value(f"starts_with({_text(read, node.this)}, {_text(read, node.expression)})", BOOLEAN)


def _extract(read: Reads, node: Any) -> Value:
    part = str(node.this.name).upper() if isinstance(node, exp.Extract) else type(node).__name__.upper()
    found = read.value(node.expression if isinstance(node, exp.Extract) else node.this)
    if part not in _PARTS or found.type not in (DATE, TIMESTAMP):
        raise DiffersError(f"{part.lower()} of {rules.iceberg(found.type)}")
    if found.type == DATE and part in ("HOUR", "MINUTE"):
        raise DiffersError(f"{part.lower()} of a date")
    return Value(f"CAST(EXTRACT({part} FROM {found.sql}) AS BIGINT)", LONG)


def _trunc(read: Reads, node: Any) -> Value:
    unit, found = str(node.args["unit"].name).upper(), read.value(node.this)
    if unit not in _UNITS or found.type not in (DATE, TIMESTAMP):
        raise DiffersError(f"date_trunc to {unit.lower()} of {rules.iceberg(found.type)}")
    return Value(f"date_trunc('{unit.lower()}', {cast(found, TIMESTAMP).sql})", TIMESTAMP)


def called(node: exp.Expr) -> str:
    """What a user calls an expression: `upper()`, `ILIKE`."""
    if isinstance(node, exp.Anonymous):
        return f"{node.this}()"
    return f"{node.sql_name().lower()}()" if isinstance(node, exp.Func) else type(node).__name__.upper()


FUNCTIONS: Mapping[type[exp.Expr], Callable[[Reads, Any], Value]] = {
    exp.Abs: _abs,
    exp.Round: _round,
    exp.Floor: _floor,
    exp.Ceil: _floor,
    exp.Length: _length,
    exp.Substring: _part_of_text,
    exp.Left: _part_of_text,
    exp.Right: _part_of_text,
    exp.Trim: _trim,
    exp.Concat: _concat,
    exp.DPipe: _pipe,
    exp.StartsWith: _starts,
    exp.Extract: _extract,
    exp.Year: _extract,
    exp.Quarter: _extract,
    exp.Month: _extract,
    exp.Day: _extract,
    exp.TimestampTrunc: _trunc,
    exp.DateTrunc: _trunc,
}
