"""What names mean at a place in a query, by DuckDB's rules."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lakeorch.graph.lineage.values import Column, Origin, Relation, Rest, Value, derived, either

if TYPE_CHECKING:
    from sqlglot import exp


class Queries(Protocol):
    """Reads the queries within a query, and the tables that they name."""

    def query(self, node: exp.Expr, outer: Scope) -> Relation:
        """The relation that a query yields, seen from a place where `outer` holds."""
        ...

    def table(self, node: exp.Table, scope: Scope) -> tuple[Relation, tuple[str, ...]]:
        """The relation that a name in FROM stands for, and the names that its columns may be qualified with."""
        ...


@dataclass(frozen=True, slots=True)
class Merged:
    """A column that USING or NATURAL makes one of several.

    Attributes:
        value: what the name alone means.
        given: `*` shows it among columns whose names are not known.
    """

    value: Value
    given: bool = False


# the columns of relations, by alias and name in lower case, that were merged with others
Merges = dict[tuple[str, str], Merged]


@dataclass(frozen=True, slots=True)
class Binding:
    """A relation in FROM.

    Attributes:
        alias: its name in lower case, unique within the scope.
        names: the names, in lower case, that may stand before a column.
        hidden: it is seen only with its name: a table in a join in brackets that has an alias of its own.
    """

    alias: str
    names: tuple[str, ...]
    relation: Relation
    hidden: bool = False


class Scope:
    """The names that hold in one SELECT, and what was found to decide its rows.

    Args:
        queries: reads sub-queries.
        outer: where the SELECT stands, for correlated names.

    Attributes:
        bindings: of FROM, in order.
        merged: columns that USING made one.
        aliases: of the select list, as far as it was read.
        windows: named windows.
        ctes: relations of WITH, by name.
        params: names that a lambda takes away.
        picked: the column that COLUMNS(…) stands for at the moment.
        rows, order: what decides which rows there are, and their order.
    """

    def __init__(self, queries: Queries, outer: Scope | None = None) -> None:
        self.queries = queries
        self.outer = outer
        self.ctes: dict[str, Relation] = dict(outer.ctes) if outer else {}
        self.bindings: list[Binding] = []
        self.merged: Merges = {}
        self.aliases: dict[str, Value] = {}
        self.windows: Mapping[str, exp.Expr] = {}
        self.params: frozenset[str] = frozenset()
        self.picked: Value | None = None
        self.rows: set[Origin] = set()
        self.order: set[Origin] = set()

    def bind(self, alias: str, relation: Relation, names: Iterable[str] = (), *, hidden: bool = False) -> Binding:
        """A new binding with an alias of its own; it is not yet part of the scope."""
        alias = alias.lower()
        unique = alias if all(each.alias != alias for each in self.bindings) else f"{alias}#{len(self.bindings)}"
        return Binding(unique, (alias, *(name.lower() for name in names)), relation, hidden)

    def with_params(self, params: Iterable[str]) -> Scope:
        """The same scope inside a lambda."""
        inner = copy.copy(self)
        inner.params = self.params.union(param.lower() for param in params)
        return inner

    def without_params(self) -> Scope:
        """The same scope outside all lambdas."""
        inner = copy.copy(self)
        inner.params = frozenset()
        return inner

    def with_picked(self, value: Value) -> Scope:
        """The same scope where COLUMNS(…) stands for one column."""
        inner = copy.copy(self)
        inner.picked = value
        return inner

    # ---- names -------------------------------------------------------------------------------------------------

    def resolve(self, parts: Sequence[str]) -> Value:
        """What a dotted name means: a column, a field in it, an alias, or a whole row.

        Where it could be one of several, because not all columns are known, it is all of them; where it cannot be
        found at all, it is made of everything there is.
        """
        found = self.search(parts)
        return derived(self.everything()) if found is None else found

    def search(self, parts: Sequence[str]) -> Value | None:
        """What a dotted name means, None where it means nothing."""
        if parts[0].lower() in self.params:
            # of dotted names DuckDB takes a column's field before a parameter's
            fields = (at._exact(parts) for at in self._outwards()) if len(parts) > 1 else ()
            return next((value for value in fields if value is not None), Value())
        guesses: list[Value] = []
        for at in self._outwards():
            exact = at._exact(parts)
            if exact is not None:
                if not guesses:
                    return exact
                guesses.append(exact)
                break
            guess = at._guess_column(parts) if len(parts) == 1 else at._guess_qualified(parts)
            if guess is not None:
                guesses.append(guess)
        if not guesses and len(parts) > 1:
            guesses = [guess for at in self._outwards() if (guess := at._guess_column(parts)) is not None]
        return either(guesses) if guesses else None

    def column(self, name: str) -> Value | None:
        """A column of FROM by its bare name."""
        return column_of(name, self.bindings, self.merged)

    def called(self, name: str) -> Binding | None:
        """A binding by the name that stands before its columns."""
        lower = name.lower()
        return next((binding for binding in self.bindings if lower in binding.names), None)

    def called_anywhere(self, name: str) -> Binding | None:
        """A binding by the name that stands before its columns, here or further out."""
        return next((binding for at in self._outwards() if (binding := at.called(name))), None)

    def everything(self) -> set[Origin]:
        """The origins of every column that can be seen, here or further out."""
        bindings = (binding for at in self._outwards() for binding in at.bindings)
        return {origin for binding in bindings for origin in binding.relation.deps()}

    def visible(self) -> Iterator[tuple[Binding, Column | Rest, Merged | None]]:
        """The columns of `*`: where each comes from, what it is, and what USING made of it."""
        for binding in self.bindings:
            if binding.hidden:
                continue
            for column in binding.relation.columns:
                merged = self.merged.get((binding.alias, column.name.lower())) if isinstance(column, Column) else None
                yield binding, column, merged

    def _exact(self, parts: Sequence[str]) -> Value | None:
        for cut in range(min(len(parts) - 1, 3), 0, -1):
            binding = self.called(".".join(parts[:cut]))
            value = binding.relation.named(parts[cut]) if binding else None
            if value is not None:
                return _into(value, parts[cut + 1 :])
        value = self.column(parts[0])
        if value is not None:
            return _into(value, parts[1:])
        if len(parts) == 1:
            if parts[0].lower() in self.aliases:
                return self.aliases[parts[0].lower()]
            binding = self.called(parts[0])
            return binding.relation.row() if binding else None
        return None

    def _guess_qualified(self, parts: Sequence[str]) -> Value | None:
        for cut in range(min(len(parts) - 1, 3), 0, -1):
            binding = self.called(".".join(parts[:cut]))
            value = binding.relation.guessed(parts[cut]) if binding else None
            if value is not None:
                return _into(value, parts[cut + 1 :])
        return None

    def _guess_column(self, parts: Sequence[str]) -> Value | None:
        found = (each.relation.guessed(parts[0]) for each in self.bindings if not each.hidden)
        values = [value for value in found if value is not None]
        return _into(either(values), parts[1:]) if values else None

    def _outwards(self) -> Iterator[Scope]:
        at: Scope | None = self
        while at is not None:
            yield at
            at = at.outer


def column_of(name: str, bindings: Iterable[Binding], merged: Merges) -> Value | None:
    """A column by its bare name, None where none of the relations is known to have it."""
    for binding in bindings:
        value = None if binding.hidden else binding.relation.named(name)
        if value is not None:
            same = merged.get((binding.alias, name.lower()))
            return same.value if same else value
    return None


def _into(value: Value, fields: Sequence[str]) -> Value:
    for name in fields:
        value = value.field(name)
    return value
