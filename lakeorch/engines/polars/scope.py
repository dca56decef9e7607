"""What names mean inside of one SELECT: the columns of its relations, its aliases, the rows of a query around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlglot import exp

from lakeorch.engines.polars.expressions import Expressions
from lakeorch.engines.polars.rules import KNOWN, DiffersError, Value, named
from lakeorch.model import Scalar
from lakeorch.types import Type

Columns = tuple[tuple[str, Type], ...]


@dataclass(frozen=True, slots=True)
class Translated:
    """A query for Polars, and its columns with the types that they have in DuckDB."""

    sql: str
    columns: Columns


class Reader(Protocol):
    """What translates the queries inside of a query."""

    variables: Mapping[str, Scalar]

    def query(self, node: exp.Expr, ctes: Mapping[str, Translated], outer: Scope | None) -> Translated:
        """Any query."""
        ...

    def select(self, node: exp.Select, ctes: Mapping[str, Translated], outer: Scope | None) -> tuple[Translated, bool]:
        """One SELECT, and whether it looks at the row of a query around it."""
        ...

    def single(self, node: exp.Select, ctes: Mapping[str, Translated], outer: Scope | None) -> tuple[Value, bool]:
        """One SELECT of one aggregate as a value, and whether it looks at the row of a query around it."""
        ...


@dataclass(slots=True)
class Relation:
    """Something in FROM: what the query calls it, and its columns, in lower case, as Polars has them."""

    alias: str
    columns: dict[str, tuple[str, Value]]
    visible: bool = True


@dataclass
class Scope:
    """One SELECT while it is read; `outer` is the one around it, whose columns it sees."""

    reader: Reader
    ctes: Mapping[str, Translated]
    outer: Scope | None
    relations: list[Relation] = field(default_factory=list)
    merged: dict[str, Value] = field(default_factory=dict)
    aliases: dict[str, exp.Expr] = field(default_factory=dict)
    reaches_out: bool = False
    # of a SELECT with groups: what they are called, and by the text of a key or an aggregate the name it has there
    groups: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    aggregates: dict[str, str] = field(default_factory=dict)
    _among_groups: bool = False

    @property
    def variables(self) -> Mapping[str, Scalar]:
        """Values of `getvariable('name')`."""
        return self.reader.variables

    def column(self, node: exp.Column) -> Value:
        """The column that a name means: one in FROM, an alias of this SELECT, one of a query around it."""
        name, table = node.name.lower(), node.table.lower()
        found = self.own(name, table)
        named_so = not table and name in self.aliases
        # of groups there is no such column unless they are made by it: `SELECT sum(a) AS a … HAVING a > 0` is the sum
        if found and not (named_so and self._among_groups and found.sql not in self.keys):
            return found
        if named_so:
            meant = self.aliases.pop(name)  # an alias does not mean itself
            try:
                return Expressions(self).value(meant)
            finally:
                self.aliases[name] = meant
        at: Scope | None = self.outer
        while at is not None:
            if found := at.own(name, table):
                self.reaches_out = True
                return at.grouped(found)
            at = at.outer
        raise DiffersError(f"{node.sql('duckdb')} is not found as a column")

    def among_groups(self) -> None:
        """From here on values are those of groups."""
        self._among_groups = True

    def grouped(self, value: Value) -> Value:
        """A value, as it is to be had of a group where it is what groups are made by."""
        if self._among_groups and value.sql in self.keys:
            return Value(named(self.groups, self.keys[value.sql]), value.type)
        return value

    @contextmanager
    def within_groups(self) -> Iterator[None]:
        """While it is open, values are those of the rows that are grouped."""
        before, self._among_groups = self._among_groups, False
        try:
            yield
        finally:
            self._among_groups = before

    def collected(self, value: Value) -> Value:
        """An aggregate, as it is to be had where it has been computed."""
        if not self._among_groups:
            raise DiffersError("an aggregate at such a place")
        name = self.aggregates.setdefault(value.sql, f"a{len(self.aggregates)}")
        return Value(named(self.groups, name), value.type)

    def own(self, name: str, table: str) -> Value | None:
        """A column of the relations in FROM by its name, and by its table's where that is not empty."""
        if not table and name in self.merged:
            return self.merged[name]
        found = [
            each.columns[name][1]
            for each in self.relations
            if each.visible and (not table or each.alias == table) and name in each.columns
        ]
        if len(found) > 1:
            raise DiffersError(f"{name} could be a column of several tables", "write the table before it")
        if found and found[0].type.kind not in (*KNOWN, "huge", "null"):
            raise DiffersError(f"the column {name} is of type {found[0].type}")
        return found[0] if found else None

    def scalar(self, node: exp.Expr) -> Value:
        """A query in brackets that yields one value, whatever the rows are."""
        single = isinstance(node, exp.Select) and len(node.expressions) == 1 and not node.args.get("group")
        if not isinstance(node, exp.Select) or not single or not node.expressions[0].find(exp.AggFunc):
            raise DiffersError("a query as a value that could yield several rows", "take an aggregate of it")
        found, reaches_out = self.reader.single(node, self.ctes, self)
        if reaches_out and node.expressions[0].find(exp.Count):
            raise DiffersError("a count in a query as a value that looks at the row around it", "join and count")
        return found

    def exists(self, node: exp.Expr) -> str:
        """A query whose rows are only looked for."""
        if not isinstance(node, exp.Select):
            raise DiffersError("EXISTS over a set operation")
        if not any(node.args.get(key) for key in ("group", "having", "qualify", "distinct", "limit", "offset")):
            node = node.copy().select("1", append=False, copy=False)
        return self.reader.select(node, self.ctes, self)[0].sql

    def listed(self, node: exp.Expr) -> Value:
        """A query with one column, for IN."""
        query = node.this if isinstance(node, exp.Subquery) else node
        found = self.reader.query(query, self.ctes, self)
        if len(found.columns) != 1:
            raise DiffersError("IN over several columns")
        return Value(found.sql, found.columns[0][1])


def spread(star: Any, node: exp.Expr, scope: Scope) -> list[tuple[str, Value]]:
    """What a star stands for."""
    if star.args.get("replace") or star.args.get("rename"):
        raise DiffersError("* REPLACE and * RENAME", "name the columns")
    table = node.args["table"].name.lower() if isinstance(node, exp.Column) and node.args.get("table") else ""
    without = {each.name.lower() for each in star.args.get("except_") or ()}
    found: dict[str, tuple[str, Value]] = {}
    for relation in scope.relations:
        if not relation.visible or (table and relation.alias != table):
            continue
        for name, (shown, value) in relation.columns.items():
            if name in without or (name in scope.merged and name in found):
                continue
            if value.type.kind not in (*KNOWN, "huge", "null"):
                raise DiffersError(f"the column {shown} is of type {value.type}")
            if name in found:
                raise DiffersError(f"two columns called {shown}", "name the columns")
            found[name] = (shown, value if table else scope.merged.get(name, value))
    return [*found.values()]


def spelled(node: exp.Expr, scope: Scope) -> str:
    """A column's name as its table spells it: that is what DuckDB calls the result."""
    name, table = node.name.lower(), str(getattr(node, "table", "")).lower()
    for relation in scope.relations:
        if relation.visible and (not table or relation.alias == table) and name in relation.columns:
            return relation.columns[name][0]
    return node.name


def names_of(scope: Scope) -> list[str]:
    """The names that mean one column of the relations in FROM."""
    names = [name for each in scope.relations if each.visible for name in each.columns]
    return [name for name in dict.fromkeys(names) if names.count(name) == 1 or name in scope.merged]


def is_float(scope: Scope, node: exp.Expr) -> bool:
    """Whether a comparison is one of floating-point numbers."""
    sides = (Expressions(scope).value(each) for each in (node.this, node.expression))
    return any(side.type.kind in ("float", "double") for side in sides)
