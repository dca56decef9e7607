"""Lineage against the engine: change one source column's values, and only what lineage names may change.

Random queries run in DuckDB on small random tables, then again with one column of one table replaced. An output column
that differs although no edge leads to it is a missing edge. Of edges that are there it is looked at how many can be
seen to matter, and whether what is said to be copied is a copy.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from lakeorch.graph.lineage import Edge, split_path
from lakeorch.graph.lineage.scopes import Scope
from lakeorch.model import Column, Schema
from tests.graph.lineage.golden import lineage
from tests.graph.lineage.random_queries import TABLES, Writer

Path = tuple[str, ...]
Row = dict[Path, Any]

_TYPES = {"int": ("INTEGER", "int"), "list": ("INTEGER[]", "list<int>")}
_TYPES["struct"] = ("STRUCT(p INTEGER, q INTEGER)", "struct<p: int, q: int>")
SCHEMAS: dict[str, Schema] = {
    f"raw.{table}": tuple(Column(each.name, _TYPES[each.type][1]) for each in fields)
    for table, fields in TABLES.items()
}
SOURCES: list[tuple[str, Path]] = [
    (table, path)
    for table, fields in TABLES.items()
    for field in fields
    for path in ([(field.name,)] if field.type != "struct" else [(field.name,), (field.name, "p"), (field.name, "q")])
]
WAYS = ("anew", "mixed", "moved")


@dataclass(frozen=True)
class Case:
    """A query that ran, its edges, and its rows on the data as it was."""

    seed: int
    sql: str
    names: list[str]
    edges: tuple[Edge, ...]
    rows: list[Row]
    made_up: bool

    def is_named(self) -> bool:
        """Whether the query itself names all its columns, so that the engine need not be asked for them."""
        return all(name.isidentifier() for name in self.names)

    def about(self) -> str:
        """What to print when it fails."""
        edges = "\n".join(f"    {e.target_column} <- {e.kind} {e.source}.{e.column}" for e in self.edges)
        return f"seed {self.seed}:\n{self.sql}\n{edges}"


class World:
    """Small random tables, and the same again with one column replaced: each in a schema of its own."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.connection = duckdb.connect(config={"threads": 1})
        self.data = {table: self._table(table) for table in TABLES}
        self.changed = {(at, way): self._changed(self.data[at[0]], at[1], way) for at in SOURCES for way in WAYS}
        self._make("base", self.data)
        for (source, way), rows in self.changed.items():
            self._make(self._schema(source, way), {**self.data, source[0]: rows})

    def rows(self, sql: str, source: tuple[str, Path] | None = None, way: str = "") -> tuple[list[str], list[Row]]:
        """The names of a query's columns and its rows; structs by their fields."""
        self.connection.execute(f"USE {self._schema(source, way) if source else 'base'}")
        cursor = self.connection.execute(sql)
        names = [each[0] for each in cursor.description or ()]
        return names, [dict(_leaves(names, row)) for row in cursor.fetchall()]

    def case(self, seed: int, *, simple: bool = False) -> Case | None:
        """A random query, None where the engine does not take it."""
        writer = Writer(seed, simple=simple)
        sql = writer.query().sql
        try:
            names, rows = self.rows(sql)
        except duckdb.Error:
            return None
        if len(set(names)) < len(names):
            return None
        return Case(seed, sql, names, lineage(sql, SCHEMAS, names), rows, writer.made_up)

    def _schema(self, source: tuple[str, Path], way: str) -> str:
        return "_".join((source[0], *source[1], way))

    def _make(self, schema: str, data: dict[str, list[Row]]) -> None:
        self.connection.execute(f"CREATE SCHEMA {schema}; USE {schema}")
        for table, rows in data.items():
            fields = TABLES[table]
            columns = ", ".join(f"{each.name} {_TYPES[each.type][0]}" for each in fields)
            values = ", ".join("(" + ", ".join(_literal(row[(each.name,)]) for each in fields) + ")" for row in rows)
            self.connection.execute(f"CREATE TABLE {table} ({columns}); INSERT INTO {table} VALUES {values}")

    def _table(self, table: str) -> list[Row]:
        return [
            {
                (each.name,): number if each.name == "id" else self._value(each.type, each.for_rows)
                for each in TABLES[table]
            }
            for number in range(1, self.random.randint(6, 9))
        ]

    def _value(self, type: str, for_rows: bool) -> object:
        if type == "list":
            return [self.random.randint(0, 9) for _ in range(self.random.randint(0, 3))]
        if type == "struct":
            return {"p": self._value("int", False), "q": self._value("int", False)}
        if self.random.random() < 0.1:
            return None
        return self.random.randint(1, 4) if for_rows else self.random.randint(-5, 12)

    def _changed(self, rows: list[Row], path: Path, way: str) -> list[Row]:
        old = [_at(row, path) for row in rows]
        if way == "mixed":
            new = self.random.sample(old, len(old))
        elif way == "moved":
            new = [_moved(value) for value in old]
        else:
            types = {each.name: each.type for fields in TABLES.values() for each in fields}
            type = types[path[0]] if len(path) == 1 else "int"
            new = [self._value(type, path[0] in ("id", "k", "g", "h")) for _ in rows]
        return [_with(row, path, value) for row, value in zip(rows, new, strict=True)]


def _at(row: Row, path: Path) -> Any:
    value = row[path[:1]]
    return value[path[1]] if len(path) > 1 else value


def _with(row: Row, path: Path, value: object) -> Row:
    return {**row, path[:1]: value if len(path) == 1 else {**row[path[:1]], path[1]: value}}


def _moved(value: Any) -> object:
    if isinstance(value, dict):
        return {name: _moved(each) for name, each in value.items()}
    if isinstance(value, list):
        return [*value, 5]
    return None if value is None else value + 2


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"'{name}': {_literal(each)}" for name, each in value.items()) + "}"
    return "NULL" if value is None else str(value)


def _leaves(names: Sequence[str], row: Sequence[Any]) -> Iterator[tuple[Path, Any]]:
    for name, value in zip(names, row, strict=True):
        if isinstance(value, dict):
            yield from (((name, field), each) for field, each in value.items())
        else:
            yield (name,), tuple(value) if isinstance(value, list) else value


def _meet(one: Path, other: Path) -> bool:
    return all(a == b for a, b in zip(one, other, strict=False))


def touched(case: Case, source: tuple[str, Path]) -> tuple[list[Path], bool]:
    """The output columns that a source column leads to, and whether it has a say in the rows."""
    table, path = source
    edges = [e for e in case.edges if e.source == f"raw.{table}" and _meet(split_path(e.column), path)]
    return [split_path(e.target_column) for e in edges if e.kind != "filter"], any(e.kind == "filter" for e in edges)


def bag(rows: Sequence[Row], paths: Sequence[Path]) -> Counter[tuple[Any, ...]]:
    """Rows as a multiset, of some columns only."""
    return Counter(tuple(row.get(path) for path in paths) for row in rows)


def paths_of(*several: Sequence[Row]) -> list[Path]:
    """The columns that appear in rows."""
    return list(dict.fromkeys(path for rows in several for row in rows for path in row))


def missing(world: World, case: Case) -> str:
    """The first output column that changed though no edge says that it can; empty where there is none."""
    way = WAYS[case.seed % 2]
    for source in SOURCES:
        if source[0] not in case.sql:
            continue
        targets, on_rows = touched(case, source)
        if on_rows:
            continue
        _, rows = world.rows(case.sql, source, way)
        free = [path for path in paths_of(case.rows, rows) if not any(_meet(path, each) for each in targets)]
        if bag(rows, free) != bag(case.rows, free):
            return f"{source} ({way}) changed one of {free}"
    return ""


def not_copies(world: World, case: Case) -> str:
    """A value of a copied column that its source does not have; empty where there is none.

    Looked for once more with other values in a column that decides rows: a copy from elsewhere shows then.
    """
    if case.made_up:
        return ""
    deciding = [source for source in SOURCES if touched(case, source)[1]]
    found = _not_copies(case.edges, case.rows, world.data)
    # USING makes one column of two; otherwise one try is enough
    for source in deciding if "USING (" in case.sql else deciding[:1]:
        _, rows = world.rows(case.sql, source, "moved")
        found = found or _not_copies(case.edges, rows, {**world.data, source[0]: world.changed[source, "moved"]})
    return found


def _not_copies(edges: Sequence[Edge], rows: Sequence[Row], data: dict[str, list[Row]]) -> str:
    by_target: dict[str, list[Edge]] = {}
    for edge in edges:
        by_target.setdefault(edge.target_column, []).append(edge)
    for target, found in by_target.items():
        if any(edge.kind != "copied" for edge in found):
            continue
        path = split_path(target)
        known = {_plain(_at(row, split_path(e.column))) for e in found for row in data[e.source.removeprefix("raw.")]}
        strange = [row[path] for row in rows if row.get(path) is not None and row[path] not in known]
        if strange:
            return f"{target} is {strange[0]!r}"
    return ""


def _plain(value: Any) -> object:
    return tuple(value) if isinstance(value, list) else repr(value) if isinstance(value, dict) else value


@pytest.fixture
def nothing_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """No name in these queries is beyond lineage: falling back on everything there is would hide mistakes."""

    def refuse(scope: Scope) -> set[object]:
        raise AssertionError("a name was not found")

    monkeypatch.setattr(Scope, "everything", refuse)


CHUNKS, EACH = 12, 50


@pytest.mark.parametrize("chunk", range(CHUNKS))
@pytest.mark.usefixtures("nothing_given_up")
def test_only_what_lineage_names_can_change(chunk: int) -> None:
    world = World(chunk)
    ran = refused = 0
    seed = chunk * 1_000
    while ran < EACH:
        case = world.case(seed)
        seed += 1
        if case is None:
            refused += 1
            continue
        ran += 1
        if case.is_named():
            assert set(lineage(case.sql, SCHEMAS)) == set(case.edges), case.about()
        assert missing(world, case) == "", case.about()
        assert not_copies(world, case) == "", case.about()
    print(f"seeds {chunk * 1_000} to {seed - 1}: {ran} queries, {refused} not taken by the engine")
    assert refused < ran / 4


def effective(worlds: Sequence[World], cases: Sequence[Case]) -> list[tuple[Edge, bool]]:
    """The edges of one query on several data, each with whether changing its column was seen to change its target.

    An edge to a value counts only where the same column does not decide rows too: its effect could not be told apart.
    """
    seen: set[tuple[str, Path, Path]] = set()
    deciding: set[tuple[str, Path]] = set()
    for world, case in zip(worlds, cases, strict=True):
        for source in SOURCES:
            targets, on_rows = touched(case, source)
            if on_rows:
                deciding.add(source)
            if not targets and not on_rows:
                continue
            for way in WAYS:
                _, rows = world.rows(case.sql, source, way)
                paths = paths_of(case.rows, rows)
                if bag(rows, paths) != bag(case.rows, paths):
                    seen.add((*source, ("*",)))
                seen.update((*source, path) for path in paths if bag(rows, [path]) != bag(case.rows, [path]))
    found = []
    for edge in cases[0].edges:
        table, path, target = edge.source.removeprefix("raw."), split_path(edge.column), split_path(edge.target_column)
        if edge.kind == "filter":
            found.append((edge, (table, path, ("*",)) in seen))
        elif (table, path) not in deciding:
            found.append((edge, any(at[:2] == (table, path) and _meet(at[2], target) for at in seen)))
    return found


def test_most_edges_can_be_seen_to_matter() -> None:
    """Too many edges would be safe and useless. Some never matter by chance: `x - x`, a condition that always holds."""
    worlds = [World(seed) for seed in (501, 502, 503)]
    counts: Counter[tuple[str, bool]] = Counter()
    seed = queries = 0
    while queries < 60:
        seed += 1
        cases = [world.case(seed, simple=True) for world in worlds]
        known = [case for case in cases if case is not None]
        if len(known) == len(worlds) and any(case.rows for case in known):
            counts.update((edge.kind, matters) for edge, matters in effective(worlds, known))
            queries += 1
    shares = {kind: counts[kind, True] / (counts[kind, True] + counts[kind, False]) for kind, _ in counts}
    told = ", ".join(f"{kind} {share:.0%}" for kind, share in sorted(shares.items()))
    print(f"edges seen to matter, of {counts.total()} in {queries} queries: {told}")
    assert shares["copied"] > 0.95
    assert shares["derived"] > 0.8
    assert shares["filter"] > 0.75
