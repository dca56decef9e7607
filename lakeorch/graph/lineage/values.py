"""What values and relations are made of, while a query is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from lakeorch.graph.lineage.edges import ALL, Path
from lakeorch.types import Type, parse_type

if TYPE_CHECKING:
    from sqlglot import exp

Origin = tuple[str, Path]
Deps = Mapping[Origin, int]
Origins = frozenset[Origin]

# How a value comes from an origin. The greater one wins where both hold: copied means always copied.
COPIED, DERIVED = 1, 2

NOTHING: Origins = frozenset()


@dataclass(frozen=True, slots=True)
class Value:
    """What a value is made of.

    Attributes:
        deps: its origins; empty where `fields` has them.
        fields: of a struct that the query makes, name and value of each.
        type: the Iceberg type where it is known, which is so for columns of tables.
    """

    deps: Deps = field(default_factory=dict)
    fields: tuple[tuple[str, Value], ...] | None = None
    type: str = ""

    def flat(self) -> Deps:
        """The origins of the value and all its fields."""
        return self.deps if self.fields is None else union(value.flat() for _, value in self.fields)

    def field(self, name: str) -> Value:
        """A field of the struct; what the whole is made of where the fields are not known apart."""
        lower = name.lower()
        for known, value in self.members() or ():
            if known.lower() == lower:
                return value
        return derived(self.flat())

    def members(self) -> tuple[tuple[str, Value], ...] | None:
        """The fields of a struct, None where the value is not known to be one."""
        if self.fields is not None:
            return self.fields
        parsed = self.parsed()
        if parsed is None or parsed.kind != "struct":
            return None
        return tuple(
            (name, Value({deeper(origin, name, kind): kind for origin, kind in self.deps.items()}, type=str(type)))
            for name, type in parsed.members
        )

    def parsed(self) -> Type | None:
        """The type taken apart, None where it is not known."""
        try:
            return parse_type(self.type) if self.type else None
        except ValueError:
            return None

    def plus(self, origins: Iterable[Origin]) -> Value:
        """The value where `origins` decide besides which one it is; what was copied stays so."""
        more = dict.fromkeys(origins, DERIVED)
        if not more:
            return self
        if self.fields is not None:
            return Value(fields=tuple((name, value.plus(more)) for name, value in self.fields))
        return Value(more | dict(self.deps), type=self.type)


def deeper(origin: Origin, name: str, kind: int) -> Origin:
    """The origin of a struct's field; a struct that was not copied is made of its origins as a whole."""
    return (origin[0], (*origin[1], name)) if kind == COPIED and origin[1] != (ALL,) else origin


def union(parts: Iterable[Deps]) -> dict[Origin, int]:
    """All origins, each with the greater of its kinds."""
    found: dict[Origin, int] = {}
    for part in parts:
        for origin, kind in part.items():
            if found.get(origin, 0) < kind:
                found[origin] = kind
    return found


def derived(*parts: Iterable[Origin]) -> Value:
    """A value that is computed from origins."""
    return Value(dict.fromkeys(chain(*parts), DERIVED))


def either(values: Iterable[Value]) -> Value:
    """A value that is one of several: a column of a UNION."""
    several = tuple(values)
    telling = [value for value in several if value.deps or value.fields or value.type]
    if len(telling) < 2:
        return (telling or several)[0]
    if any(value.fields for value in telling):
        members = [value.members() or () for value in telling]
        names = {tuple(name.lower() for name, _ in each) for each in members}
        if len(names) == 1:
            parts = zip(*members, strict=True)
            return Value(fields=tuple((part[0][0], either(value for _, value in part)) for part in parts))
    types = {value.type for value in telling}
    return Value(union(value.flat() for value in telling), type=types.pop() if len(types) == 1 else "")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a relation; without a name it is an expression that the engine names after its `text`."""

    name: str
    value: Value
    text: exp.Expr | None = None


@dataclass(frozen=True, slots=True)
class Rest:
    """Any number of columns, of which not even the names are known: of a file, or picked by a function of the name.

    Attributes:
        sources: tables and files whose columns they are, by name.
        named: columns that may be among them.
        deps: what any of them is made of besides.
        kind: how they come from the columns of `sources`.
        hidden: names, in lower case, that none of them has.
    """

    sources: tuple[str, ...] = ()
    named: Mapping[str, Value] = field(default_factory=dict)
    deps: Deps = field(default_factory=dict)
    kind: int = COPIED
    hidden: frozenset[str] = frozenset()

    def column(self, name: str) -> Value | None:
        """What a column is made of if it is among them, None where it cannot be."""
        lower = name.lower()
        if lower in self.hidden:
            return None
        known = self.named.get(lower)
        if known is None and self.named and not self.sources:
            return None
        own: Deps = known.flat() if known else {(source, (name,)): self.kind for source in self.sources}
        return known if known and not self.deps else Value(union((own, self.deps)))

    def flat(self) -> Value:
        """What a column is made of that may be any of them."""
        own: Deps = {(source, (ALL,)): self.kind for source in self.sources}
        return Value(union((own, self.deps, *(derived(value.flat()).deps for value in self.named.values()))))

    def computed(self) -> Rest:
        """The same columns, each put through an expression."""
        named = {name: derived(value.flat()) for name, value in self.named.items()}
        return Rest(self.sources, named, dict.fromkeys(self.deps, DERIVED), DERIVED, self.hidden)


class Relation:
    """Columns, and what decides which rows there are.

    Args:
        columns: in order; of several with one name the later ones are found as `name_1`, as DuckDB has it.
        rows: what decides which rows appear.
        order: what decides their order, as far as a query sees it.
    """

    __slots__ = ("_named", "columns", "order", "rows")

    def __init__(
        self, columns: Iterable[Column | Rest], rows: Origins = NOTHING, order: Origins = NOTHING, *, apart: bool = True
    ) -> None:
        found = tuple(columns)
        self.columns = tuple(_apart(found)) if apart else found
        self.rows = rows
        self.order = order
        self._named: dict[str, Column] | None = None

    def named(self, name: str) -> Value | None:
        """A column by name; also one that the engine named after its text."""
        if self._named is None:
            self._named = {}
            for column in self.columns:
                if isinstance(column, Column) and column.name:
                    self._named.setdefault(column.name.lower(), column)
        known = self._named.get(name.lower())
        if known:
            return known.value
        unnamed = self._unnamed()
        letters = _letters(name) if unnamed else ""
        return next((column.value for column in unnamed if _letters(text_of(column)) == letters), None)

    def guessed(self, name: str) -> Value | None:
        """What a name may mean that no column is known to have."""
        rests = (column.column(name) for column in self.columns if isinstance(column, Rest))
        found = [value for value in rests if value is not None]
        found = found or [column.value for column in self._unnamed()]
        return either(found) if found else None

    def row(self) -> Value:
        """A whole row as a struct."""
        if any(isinstance(column, Rest) for column in self.columns):
            return derived(self.deps())
        named = (column for column in self.columns if isinstance(column, Column))
        return Value(fields=tuple((column.name, column.value) for column in named))

    def deps(self) -> Deps:
        """The origins of all columns."""
        return union(flat(column) for column in self.columns)

    def renamed(self, names: Iterable[str]) -> Relation:
        """The relation with other names for its first columns."""
        left = list(names)
        if not left:
            return self
        columns: list[Column | Rest] = []
        for column in self.columns:
            if not left:
                columns.append(column)
            elif isinstance(column, Column):
                columns.append(Column(left.pop(0), column.value))
            else:
                columns += (Column(name, column.flat()) for name in left)
                columns.append(column)
                left = []
        return Relation(columns, self.rows, self.order)

    def _unnamed(self) -> list[Column]:
        return [column for column in self.columns if isinstance(column, Column) and not column.name]


def flat(column: Column | Rest) -> Deps:
    """The origins of a column, or of all columns that it stands for."""
    return column.value.flat() if isinstance(column, Column) else column.flat().deps


def text_of(column: Column) -> str:
    """A column's name, near enough where the engine makes it up."""
    if column.name or column.text is None:
        return column.name
    text = column.text.sql("duckdb").lower()
    return "count_star()" if text == "count(*)" else text


def _letters(name: str) -> str:
    return re.sub(r"\W", "", name.lower())


def _apart(columns: Iterable[Column | Rest]) -> Iterator[Column | Rest]:
    taken: dict[str, int] = {}
    for column in columns:
        if not isinstance(column, Column) or not column.name:
            yield column
            continue
        lower = column.name.lower()
        if lower not in taken:
            taken[lower] = 0
            yield column
            continue
        name = lower
        while name in taken:
            taken[lower] += 1
            name = f"{lower}_{taken[lower]}"
        taken[name] = 0
        yield Column(f"{column.name}_{taken[lower]}", column.value)
