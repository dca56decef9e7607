"""DuckDB's types of expressions, and how Polars is made to compute the same values.

Where the two differ on their own: whole numbers of Polars wrap around where DuckDB's fail; a sum has the type of what
is added; a cast rounds half to even or cuts; division of decimals is decimal. So every operation is written with its
types, one size wider where something could be lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeorch.types import Type, identifier, literal

if TYPE_CHECKING:
    from sqlglot import exp

BOOLEAN, INT, LONG = Type("boolean"), Type("int"), Type("long")
FLOAT, DOUBLE, STRING = Type("float"), Type("double"), Type("string")
DATE, TIMESTAMP, NULL = Type("date"), Type("timestamp"), Type("null")
# DuckDB's HUGEINT, which holds sums of whole numbers; in a table a decimal(38,0)
HUGE = Type("huge")

KNOWN = frozenset(
    ("boolean", "int", "long", "float", "double", "string", "date", "timestamp", "timestamptz", "decimal")
)
WHOLE = ("int", "long", "huge")
_DIGITS = {"int": 10, "long": 19, "huge": 38}
_SQL = {
    **{"boolean": "BOOLEAN", "int": "INTEGER", "long": "BIGINT", "huge": "DECIMAL(38,0)", "double": "DOUBLE"},
    **{"float": "REAL", "string": "VARCHAR", "date": "DATE", "timestamp": "TIMESTAMP"},
}


class DiffersError(Exception):
    """Polars would answer otherwise than DuckDB, or it is not known to answer the same; says what, and what to do."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.at: exp.Expr | None = None  # the node it is about, told by whoever knows it


@dataclass(frozen=True, slots=True)
class Value:
    """An expression as Polars is given it, and its type in DuckDB."""

    sql: str
    type: Type


def decimal(precision: int, scale: int) -> Type:
    """A decimal type of at most 38 digits."""
    return Type("decimal", (min(38, precision), scale))


def sql_type(type: Type) -> str:
    """A type as Polars' SQL writes it; raises DiffersError where it has none."""
    if type.kind == "decimal":
        return f"DECIMAL({type.sizes[0]},{type.sizes[1]})"
    if type.kind not in _SQL:
        raise DiffersError(f"a value of type {type} cannot be made here")
    return _SQL[type.kind]


def iceberg(type: Type) -> Type:
    """The type that a column of this type has in a table."""
    return {"huge": decimal(38, 0), "null": INT}.get(type.kind, type)


def number(text: str) -> Value:
    """A number as written."""
    if re.fullmatch(r"\d+", text):
        if int(text) >= 2**63:
            raise DiffersError(f"{text} is too large")
        return Value(text, INT) if int(text) < 2**31 else Value(f"CAST({text} AS BIGINT)", LONG)
    if re.fullmatch(r"\d*\.\d+", text):
        whole, _, part = text.partition(".")
        kind = decimal(len(whole) + len(part), len(part))
        return Value(f"CAST({whole or '0'}.{part} AS {sql_type(kind)})", kind)
    return Value(f"CAST('{float(text)!r}' AS DOUBLE)", DOUBLE)


def as_decimal(type: Type) -> Type:
    """The decimal that holds a whole number or a decimal."""
    return type if type.kind == "decimal" else decimal(_DIGITS[type.kind], 0)


def is_exact(type: Type) -> bool:
    """Whether a type is of whole numbers or decimals."""
    return type.kind in (*WHOLE, "decimal")


def unified(types: Sequence[Type]) -> Type:
    """The type that DuckDB gives several values that become one column; raises DiffersError for mixtures."""
    kinds = [each for each in types if each.kind != "null"]
    if not kinds:
        return NULL
    first = kinds[0]
    for other in kinds[1:]:
        first = _wider(first, other)
    return first


def _wider(one: Type, other: Type) -> Type:
    if one == other:
        return one
    pair = {one.kind, other.kind}
    if pair <= set(WHOLE):
        return max(one, other, key=lambda each: _DIGITS[each.kind])
    if is_exact(one) and is_exact(other):
        (p, s), (q, t) = as_decimal(one).sizes, as_decimal(other).sizes
        return decimal(max(p - s, q - t) + max(s, t), max(s, t))
    if "double" in pair and all(is_exact(each) or each.kind == "double" for each in (one, other)):
        return DOUBLE
    if pair == {"date", "timestamp"}:
        return TIMESTAMP
    raise DiffersError(f"{one} and {other} meet here", "CAST one of them")


def cast(value: Value, to: Type) -> Value:
    """A value as another type, rounded and refused as DuckDB does; raises DiffersError where Polars would not."""
    one, other = value.type, to
    if one == other:
        return value
    plain = Value(f"CAST({value.sql} AS {sql_type(to)})", to)
    if one.kind == "null":
        return plain
    if one.kind == "decimal" and (other.kind in WHOLE or other.kind == "decimal"):
        scale = 0 if other.kind in WHOLE else other.sizes[1]
        if scale < one.sizes[1]:
            # a cast of Polars rounds half to even or cuts; its round() goes away from zero, as DuckDB's casts do
            return Value(f"CAST(round({value.sql}, {scale}) AS {sql_type(to)})", to)
        return plain
    if one.kind == "double" and other.kind == "decimal":
        scale = other.sizes[1]
        last = f"CAST({10.0**-scale:.{scale}f} AS DECIMAL({scale + 1},{scale}))"
        units = f"CAST({_units(value.sql, scale)} AS DECIMAL(38,0))"
        return Value(f"CAST({units}{f' * {last}' if scale else ''} AS {sql_type(to)})", to)
    into = {
        **dict.fromkeys(WHOLE, (*WHOLE, "decimal", "double", "string")),
        **{"decimal": ("double", "string"), "float": ("double",), "boolean": ("int", "long", "string")},
        **{"date": ("timestamp", "string"), "timestamp": ("date",)},
    }
    if other.kind in into.get(one.kind, ()):
        return plain
    raise DiffersError(f"a cast from {iceberg(one)} to {iceberg(other)} gives other values, or fails elsewhere")


def rounded(value: Value, scale: int) -> Value:
    """`round` of a floating-point number to so many digits: half away from zero, as C's `round` does."""
    if scale > 15:
        raise DiffersError(f"round to {scale} digits")
    power = f"CAST('1e{scale}' AS DOUBLE)"
    scaled = f"({value.sql} * {power})"
    whole, exact = _divided(_units(value.sql, scale), power), "CAST('4503599627370496' AS DOUBLE)"
    # from 2^52 on there is nothing behind the point; what is too large to be scaled stays as it is
    text = (
        f"CASE WHEN abs({scaled}) < {exact} THEN {whole} "
        f"WHEN abs({scaled}) < CAST('inf' AS DOUBLE) THEN {_divided(scaled, power)} ELSE {value.sql} END"
    )
    return Value(f"({text})", DOUBLE)


def _units(sql: str, scale: int) -> str:
    """A floating-point number in units of its last digit: whole, rounded half away from zero."""
    scaled = f"({sql} * CAST('1e{scale}' AS DOUBLE))"

    def up(text: str) -> str:
        return (
            f"CASE WHEN {text} - floor({text}) >= CAST('0.5' AS DOUBLE) THEN floor({text}) + 1 ELSE floor({text}) END"
        )

    return f"(CASE WHEN {scaled} < 0 THEN -({up(f'(-{scaled})')}) ELSE {up(scaled)} END)"


def arithmetic(sign: str, left: Value, right: Value) -> Value:
    """`+`, `-`, `*` and `/` of numbers."""
    for each in (left, right):
        if not (is_exact(each.type) or each.type.kind in ("double", "null")):
            raise DiffersError(f"{sign} of {iceberg(left.type)} and {iceberg(right.type)}")
    if "null" in (left.type.kind, right.type.kind):
        raise DiffersError(f"{sign} with NULL", "leave it out")
    if sign == "/" or "double" in (left.type.kind, right.type.kind):
        one, other = cast(left, DOUBLE), cast(right, DOUBLE)
        return Value(_divided(one.sql, other.sql) if sign == "/" else f"({one.sql} {sign} {other.sql})", DOUBLE)
    if left.type.kind in WHOLE and right.type.kind in WHOLE:
        return _whole(sign, left, right)
    return _decimal(sign, left, right)


def _divided(one: str, other: str) -> str:
    """A division of floating-point numbers; by a constant Polars would multiply by what is not quite its inverse."""
    # what is added is nothing, but it makes a column of the divisor: a constant it is then no more; and what is taken
    # away leaves -0.0 what it was, but Polars would turn `0 - x` into `-x`
    sign = "-" if '"' in other else "+"
    return f"({one} / ({other} {sign} CAST({one} IS NULL AS DOUBLE) * 0))"


def _whole(sign: str, left: Value, right: Value) -> Value:
    # one size wider, so that nothing wraps around; the cast back fails where DuckDB's operation does
    to = _wider(left.type, right.type)
    wide = LONG if to == INT else HUGE
    text = f"({cast(left, wide).sql} {sign} {cast(right, wide).sql})"
    return Value(text if to == HUGE else f"CAST({text} AS {sql_type(to)})", to)


def _decimal(sign: str, left: Value, right: Value) -> Value:
    one, other = as_decimal(left.type), as_decimal(right.type)
    (p, s), (q, t) = one.sizes, other.sizes
    if sign == "*":
        precision, scale = p + q, s + t
        if scale > 38:
            raise DiffersError(f"{one} * {other} has more than 38 digits")
    else:
        scale = max(s, t)
        precision = max(p - s, q - t) + scale + 1
    if precision > 18 >= max(p, q):
        precision = 18  # DuckDB stays with 64 bits as long as both sides have them
    left, right = cast(left, one), cast(right, other)
    return Value(f"({left.sql} {sign} {right.sql})", decimal(precision, scale))


def compared(sign: str, left: Value, right: Value) -> Value:
    """A comparison; both sides get one type first."""
    to = unified((left.type, right.type))
    if to.kind in ("null", "timestamptz", "float") and left.type != right.type:
        raise DiffersError(f"{iceberg(left.type)} {sign} {iceberg(right.type)}")
    return Value(f"({cast(left, to).sql} {sign} {cast(right, to).sql})", BOOLEAN)


def merged(side: str, old: Value, added: Value) -> Value:
    """The one column that USING makes of two, the second being that of the joined table."""
    if side in ("RIGHT", "FULL") and old.type != added.type:
        raise DiffersError(f"{iceberg(old.type)} and {iceberg(added.type)} meet in USING", "CAST one of them")
    if side == "FULL":
        return Value(f"coalesce({old.sql}, {added.sql})", old.type)
    return added if side == "RIGHT" else old


def total(value: Value, over: str = "") -> Value:
    """`sum` of a value; `over` makes it one of a window."""
    kind = value.type
    if kind.kind == "int":
        return Value(f"CAST(sum({cast(value, LONG).sql}){over} AS DECIMAL(38,0))", HUGE)
    if kind.kind in WHOLE:
        return Value(f"sum({cast(value, HUGE).sql}){over}", HUGE)
    if kind.kind == "decimal":
        return Value(f"sum({value.sql}){over}", decimal(38, kind.sizes[1]))
    if kind.kind in ("float", "double"):
        return Value(f"sum({cast(value, DOUBLE).sql}){over}", DOUBLE)
    raise DiffersError(f"sum of {iceberg(kind)}", "CAST it to a number")


def mean(added: Value, count: Value) -> Value:
    """`avg` of exact numbers, of their sum and their number.

    It is the exact sum, in units of its last digit, divided once: the average of 0.30 and 0.60 is then 0.45 in both
    engines, and rounds alike; up to 2^51 units to the last bit. Polars would add floating-point numbers.
    """
    unit = f"CAST('1e{as_decimal(added.type).sizes[1]}' AS DOUBLE)"
    units = f"round({cast(added, DOUBLE).sql} * {unit}, 0)"
    return Value(f"({units} / ({cast(count, DOUBLE).sql} * {unit}))", DOUBLE)


def named(relation: str, column: str) -> str:
    """A column of a relation, quoted."""
    return f"{identifier(relation)}.{identifier(column)}"


def constant(value: object) -> Value:
    """A variable's value."""
    if value is None:
        return Value("NULL", NULL)
    if isinstance(value, bool):
        return Value(literal(value), BOOLEAN)
    if isinstance(value, int):
        found = number(str(abs(value)))
        return found if value >= 0 else arithmetic("-", number("0"), found)
    if isinstance(value, float):
        return Value(f"CAST('{value!r}' AS DOUBLE)", DOUBLE)
    if isinstance(value, str):
        return Value(literal(value), STRING)
    raise DiffersError(f"a variable that is a {type(value).__name__}", "write the value")
