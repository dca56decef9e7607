"""Iceberg's types and transforms as values, read and printed one way wherever they stand; and values as SQL literals.

    long · decimal(18,2) · fixed[16] · list<string> · struct<a: int, b: string> · map<string, long>

An engine translates these to its own types at its own door.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Literal

PRIMITIVES = (
    *("boolean", "int", "long", "float", "double", "string", "binary", "uuid"),
    *("date", "time", "timestamp", "timestamptz"),
)

_TOKEN = re.compile(r"\s*(?:([A-Za-z_]\w*)|(\d+)|\"((?:[^\"]|\"\")+)\"|([<>():,\[\]]))")


@dataclass(frozen=True, slots=True)
class Type:
    """A type taken apart.

    Attributes:
        kind: a primitive's name, or `decimal`, `fixed`, `list`, `map`, `struct`.
        sizes: precision and scale of a decimal, length of a fixed; empty otherwise.
        members: of a struct its fields; of a list `element`; of a map `key` and `value`.
    """

    kind: str
    sizes: tuple[int, ...] = ()
    members: tuple[tuple[str, Type], ...] = ()

    def __str__(self) -> str:
        if self.kind == "decimal":
            return f"decimal({self.sizes[0]},{self.sizes[1]})"
        if self.kind == "fixed":
            return f"fixed[{self.sizes[0]}]"
        if self.kind == "struct":
            return f"struct<{', '.join(f'{_name(name)}: {type}' for name, type in self.members)}>"
        if self.members:
            return f"{self.kind}<{', '.join(str(type) for _, type in self.members)}>"
        return self.kind


@lru_cache(maxsize=4096)
def parse_type(text: str) -> Type:
    """Reads a type; layout and the letter case of type names do not count.

    Raises:
        ValueError: it is not an Iceberg type; the message says what is wrong with it.
    """
    reader = _Reader(text)
    found = reader.type()
    if reader.peek():
        raise ValueError(f"{text!r} is not a type: {reader.peek()!r} is left over")
    return found


def canonical(text: str) -> str:
    """The one spelling of a type, so that equal types are equal text; raises ValueError as `parse_type` does."""
    return str(parse_type(text))


_WIDER = {("int", "long"), ("float", "double")}


def widens(old: Type, new: Type) -> bool:
    """Whether a column can change from one type to the other in place, as the Iceberg specification allows.

    Members of a struct may come and go; the key of a map stays.
    """
    if old.kind != new.kind:
        return (old.kind, new.kind) in _WIDER
    if old.kind == "decimal":
        return old.sizes[1] == new.sizes[1] and old.sizes[0] <= new.sizes[0]
    if old.kind == "map" and old.members[0] != new.members[0]:
        return False
    was = {name.lower(): type for name, type in old.members}
    same = all(widens(was[name.lower()], type) for name, type in new.members if name.lower() in was)
    return same and old.sizes == new.sizes


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, bool]] = []
        self._at = at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if not match:
                raise ValueError(f"{text!r} is not a type: cannot read {text[at:].strip()!r}")
            word, number, quoted, mark = match.groups()
            token = quoted.replace('""', '"') if quoted else (word or number or mark)
            self._tokens.append((token, bool(word or quoted)))
            at = match.end()

    def peek(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def type(self) -> Type:
        kind = self._take().lower()
        if kind in PRIMITIVES:
            return Type(kind)
        if kind == "decimal":
            return self._decimal()
        if kind == "fixed":
            self._expect("[")
            size = self._number()
            self._expect("]")
            return Type("fixed", (size,))
        if kind in ("list", "map", "struct"):
            return self._nested(kind)
        raise ValueError(f"{kind!r} is not an Iceberg type" if kind else f"{self._text!r} is not a type: it ends early")

    def _decimal(self) -> Type:
        self._expect("(")
        precision = self._number()
        self._expect(",")
        scale = self._number()
        self._expect(")")
        if not (1 <= precision <= 38 and scale <= precision):
            raise ValueError(f"decimal({precision},{scale}) is not a type: precision goes from 1 to 38, scale up to it")
        return Type("decimal", (precision, scale))

    def _nested(self, kind: str) -> Type:
        self._expect("<")
        members: list[tuple[str, Type]] = []
        names = {"list": ("element",), "map": ("key", "value")}.get(kind)
        while True:
            if names:
                name = names[min(len(members), len(names) - 1)]
            else:
                name, named = self._tokens[self._at] if self._at < len(self._tokens) else ("", False)
                if not named:
                    raise ValueError(f"{self._text!r} is not a type: a struct's field needs a name")
                self._at += 1
                self._expect(":")
            members.append((name, self.type()))
            if self.peek() != ",":
                break
            self._at += 1
        self._expect(">")
        if names and len(members) != len(names):
            raise ValueError(f"{self._text!r} is not a type: a {kind} has {len(names)} inside, not {len(members)}")
        return Type(kind, members=tuple(members))

    def _take(self) -> str:
        token = self.peek()
        self._at += 1
        return token

    def _expect(self, mark: str) -> None:
        token = self._take()
        if token != mark:
            raise ValueError(f"{self._text!r} is not a type: expected {mark!r}, got {token!r}")

    def _number(self) -> int:
        token = self._take()
        if not token.isdigit():
            raise ValueError(f"{self._text!r} is not a type: expected a number, got {token!r}")
        return int(token)


def _name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*", name) else identifier(name)


def identifier(name: str) -> str:
    """A name as SQL writes it whatever it holds: in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: object) -> str:
    """A value as a SQL literal that means the same whatever it holds: quoted, typed where the type is not plain.

    A list or tuple becomes the items between commas, for `IN (…)`.

    Raises:
        ValueError: there is no literal for such a value.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f"CAST('{value}' AS DOUBLE)"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, datetime):
        return f"{'TIMESTAMP' if value.tzinfo is None else 'TIMESTAMPTZ'} '{value.isoformat(sep=' ')}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, time):
        return f"TIME '{value.isoformat()}'"
    if isinstance(value, list | tuple):
        return ", ".join(literal(item) for item in value)
    raise ValueError(f"{value!r} cannot be written in SQL")


@dataclass(frozen=True, slots=True)
class Transform:
    """An Iceberg partition transform: `identity`, `year`, `month`, `day`, `hour`, `truncate` or `bucket` of a column.

    `width` is the argument of `truncate` and `bucket`, 0 otherwise.
    """

    kind: str
    column: str
    width: int = 0


_TRANSFORM = re.compile(r"(?:(year|month|day|hour)\(\s*(\w+)\s*\)|(truncate|bucket)\(\s*(\d+)\s*,\s*(\w+)\s*\)|(\w+))$")


def parse_transform(text: str) -> Transform:
    """Reads `day(ts)`, `truncate(4, code)` or `region`; raises ValueError on anything else."""
    match = _TRANSFORM.match(text.strip())
    if not match:
        raise ValueError(f"{text!r} is not a partition transform")
    unit, of, sized, width, column, plain = match.groups()
    if plain:
        return Transform("identity", plain.lower())
    return Transform(sized, column.lower(), int(width)) if sized else Transform(unit, of.lower())


Comparison = Literal["=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Condition:
    """What rows must meet: a column, in lower case, compared with a constant."""

    column: str
    sign: Comparison
    value: str | int | date | datetime
