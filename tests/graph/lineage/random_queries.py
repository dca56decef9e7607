"""Random queries over three small tables, of which the writer knows what they yield.

Every query has one answer: nothing in it depends on how ties fall or on an order that nobody asked for. Half of the
queries keep columns for rows (joins, conditions, groups) apart from columns for values, so that an edge to a value
that is missed cannot hide behind the same column's edge to the rows.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

T = TypeVar("T")
Type = str  # int, list or struct
Columns = tuple["Field", ...]


@dataclass(frozen=True)
class Field:
    """A column that a query can see: where it is found, what it holds, and whether it is meant for rows."""

    name: str
    type: Type = "int"
    for_rows: bool = False
    alias: str = ""
    bare: bool = False

    @property
    def text(self) -> str:
        return self.name if self.bare or not self.alias else f"{self.alias}.{self.name}"


TABLES: dict[str, Columns] = {
    "t1": (
        *(Field(name, for_rows=True) for name in ("id", "k", "g")),
        *(Field(name) for name in ("a", "b", "c")),
        Field("s", "struct"),
        Field("l", "list"),
    ),
    "t2": (*(Field(name, for_rows=True) for name in ("id", "k", "g")), Field("d"), Field("e")),
    "t3": (*(Field(name, for_rows=True) for name in ("k", "h")), Field("f"), Field("a")),
}


@dataclass(frozen=True)
class Query:
    """A query's text and its columns, as far as a query around it needs them."""

    sql: str
    columns: tuple[Field, ...]


class Writer:
    """Writes queries.

    Args:
        seed: the same seed gives the same query.
        simple: one SELECT over tables, without sub-queries: little in it is without effect by chance.

    Attributes:
        made_up: whether values may appear that stand in no table.
    """

    def __init__(self, seed: int, *, simple: bool = False) -> None:
        self._simple = simple
        self.random = random.Random(seed)
        self.apart = self.random.random() < 0.5
        self.made_up = False
        self._count = 0
        self._ctes: dict[str, Columns] = {}

    def query(self) -> Query:
        """One query."""
        if self._simple:
            return self._select(0, {})
        kind = self._one(("with", 4), ("plain", 6), ("recursive", 1), ("pivot", 1), ("unpivot", 1))
        if kind == "recursive":
            return self._recursive()
        if kind == "pivot":
            return self._pivot()
        if kind == "unpivot":
            return self._unpivot()
        ctes = self._ctes
        texts = []
        for _ in range(self.random.randint(1, 3) if kind == "with" else 0):
            inner = self._any(2, ctes)
            name = self._name("w") if self._maybe(0.8) else "t2" if "t2" not in ctes else self._name("w")
            columns = inner.columns
            names = ""
            if self._maybe(0.2):
                columns = tuple(replace(each, name=self._name("n")) for each in columns)
                names = f" ({', '.join(each.name for each in columns)})"
            texts.append(f"{name}{names} AS ({inner.sql})")
            ctes[name] = columns
        query = self._any(2, ctes)
        return replace(query, sql=f"WITH {', '.join(texts)} {query.sql}") if texts else query

    # ---- queries -----------------------------------------------------------------------------------------------

    def _any(self, depth: int, ctes: dict[str, Columns]) -> Query:
        if depth > 0 and self._maybe(0.2):
            return self._union(depth, ctes)
        return self._select(depth, ctes)

    def _union(self, depth: int, ctes: dict[str, Columns]) -> Query:
        count = self.random.randint(1, 3)
        sides = [self._select(depth - 1, ctes, width=count) for _ in range(2)]
        word = self._one(("UNION ALL", 4), ("UNION", 2), ("EXCEPT", 1), ("INTERSECT", 1), ("BY NAME", 2))
        left, right = sides
        columns = tuple(
            replace(one, for_rows=one.for_rows or other.for_rows)
            for one, other in zip(left.columns, right.columns, strict=True)
        )
        if word == "BY NAME":
            word = self._one(("UNION ALL BY NAME", 2), ("UNION BY NAME", 1))
            names = {each.name for each in left.columns}
            columns = (*left.columns, *(each for each in right.columns if each.name not in names))
        sql = f"({left.sql}) {word} ({right.sql})"
        if self._maybe(0.2):
            sql += f" ORDER BY ALL LIMIT {self.random.randint(1, 6)}"
        return Query(sql, columns)

    def _select(
        self,
        depth: int,
        ctes: dict[str, Columns],
        *,
        width: int = 0,
    ) -> Query:
        scope, source = self._from(depth, ctes)
        where = f" WHERE {self._condition(scope, depth)}" if self._maybe(0.5) else ""
        if self._maybe(0.3):
            return self._grouped(scope, source + where, width, depth)
        items, columns = self._items(scope, width, depth)
        tail = where
        if self._maybe(0.15):
            rows = self._row_fields(scope)
            window = f"PARTITION BY {self._pick(rows).text} ORDER BY {self._pick(rows).text}"
            tail += f" QUALIFY rank() OVER ({window}) <= {self.random.randint(1, 2)}"
        distinct = ""
        if self._maybe(0.12):
            distinct = "DISTINCT "
        elif self._maybe(0.06) and len({each.name for each in columns}) == len(columns):
            key = self._pick(self._row_fields(scope)).text
            distinct = f"DISTINCT ON ({key}) "
            tail += f" ORDER BY {', '.join([key, *(str(at + 1) for at in range(len(columns)))])}"
            return Query(f"SELECT {distinct}{', '.join(items)}{source}{tail}", columns)
        if self._maybe(0.15):
            first = [self._pick(self._row_fields(scope)).text] if not distinct and self._maybe(0.5) else []
            keys = [*first, *(str(at + 1) for at in range(len(columns)))]
            tail += f" ORDER BY {', '.join(keys)} LIMIT {self.random.randint(1, 7)}"
        return Query(f"SELECT {distinct}{', '.join(items)}{source}{tail}", columns)

    def _grouped(self, scope: list[Field], source: str, width: int, depth: int) -> Query:
        keys = [self._expression(scope, 0, rows=True) for _ in range(self.random.randint(0, 2))]
        named = [(key, self._name("r")) for key in keys]
        wanted = max(1, (width or self.random.randint(1, 4)) - len(named))
        if width and len(named) > width - 1:
            named, wanted = named[: width - 1], 1
        made = [(self._aggregate(scope, depth), self._name("v")) for _ in range(wanted)]
        items = [f"{text} AS {name}" for text, name in (*named, *made)]
        columns = [Field(name, for_rows=True) for _, name in named] + [Field(name) for _, name in made]
        group = ""
        if named:
            texts = [text for text, _ in named]
            group = " GROUP BY " + self._one(
                (", ".join(texts), 3),
                ("ALL", 2),
                (", ".join(str(at + 1) for at in range(len(named))), 2),
                (f"ROLLUP ({', '.join(texts)})", 1),
                (", ".join(name for _, name in named), 1),
            )
        if self._maybe(0.2):
            group += f" HAVING {self._aggregate(scope, 0, rows=True)} > {self.random.randint(-3, 4)}"
        order = list(zip(items, columns, strict=True))
        self.random.shuffle(order)
        if not group or " GROUP BY " not in group or ", ".join(str(at + 1) for at in range(len(named))) not in group:
            items, columns = [item for item, _ in order], [column for _, column in order]
        return Query(f"SELECT {', '.join(items)}{source}{group}", tuple(columns))

    def _recursive(self) -> Query:
        word = self._one(("UNION ALL", 3), ("UNION", 1))
        step = self._one(("r.x + t.a", 2), ("t.b", 1), ("r.y", 2))
        sql = (
            f"WITH RECURSIVE r (x, y, z, n) AS ("
            f"SELECT a, {self._one(('b', 1), ('c', 1))}, k, 0 FROM t1 WHERE g > 1 {word} "
            f"SELECT {step}, r.x, t.k, n + 1 FROM t1 AS t JOIN r ON t.id = r.z WHERE n < 3) "
            f"SELECT {self._one(('x, z', 1), ('y AS q, n', 1), ('*', 1), ('z, count(*) AS m, sum(y) AS q', 1))} FROM r"
        )
        if "count(*)" in sql:
            sql += " GROUP BY ALL"
        self.made_up = True
        return Query(sql, ())

    def _pivot(self) -> Query:
        self.made_up = True
        table = "(SELECT g, k, a, b FROM t1)"
        form = self._one(
            (f"PIVOT {table} ON k IN (1, 2) USING sum(a) AS s, max(b) GROUP BY g", 1),
            (f"PIVOT {table} ON k IN (1, 3) USING sum(a)", 1),
            (f"SELECT * FROM {table} PIVOT (sum(a) FOR k IN (1, 2) g IN (1, 2))", 1),
            (f'SELECT g, "2" + b AS q FROM {table} PIVOT (min(a) FOR k IN (1, 2))', 1),
        )
        return Query(form, ())

    def _unpivot(self) -> Query:
        self.made_up = True
        table = "(SELECT id, a, b, c FROM t1)"
        form = self._one(
            (f"UNPIVOT {table} ON a, b INTO NAME n VALUE v", 1),
            (f"SELECT id, v FROM {table} UNPIVOT INCLUDE NULLS (v FOR n IN (a, c))", 1),
            (f"SELECT v, w, id FROM {table} UNPIVOT ((v, w) FOR n IN ((a, b), (b, c)))", 1),
            (f"UNPIVOT {table} ON COLUMNS('a|c')", 1),
        )
        return Query(form, ())

    # ---- FROM --------------------------------------------------------------------------------------------------

    def _from(self, depth: int, ctes: dict[str, Columns]) -> tuple[list[Field], str]:
        scope, text = self._source(depth, ctes, [])
        for _ in range(self._one((0, 5), (1, 5), (2, 2))):
            scope, text = self._join(scope, text, depth, ctes)
        return self._bared(scope), f" FROM {text}"

    def _bared(self, scope: list[Field]) -> list[Field]:
        """Writes some columns without their table where that is clear."""
        names = [each.name for each in scope]
        return [
            replace(each, bare=True) if each.bare or (names.count(each.name) == 1 and self._maybe(0.5)) else each
            for each in scope
        ]

    def _source(self, depth: int, ctes: dict[str, Columns], left: list[Field]) -> tuple[list[Field], str]:
        known = {**TABLES, **ctes}
        names = [*known, *ctes, *ctes]
        kind = self._one(("table", 8), ("query", 3 if depth > 0 else 0), ("values", 1))
        alias = self._name("x")
        if kind == "query":
            inner = self._any(depth - 1, ctes)
            text, columns = f"({inner.sql})", inner.columns
        elif kind == "values":
            self.made_up = True
            text, columns = "(VALUES (1, 5), (2, 6), (3, 7))", (Field("k", for_rows=True), Field("v"))
            return [replace(each, alias=alias) for each in columns], f"{text} AS {alias} (k, v)"
        else:
            text = self._pick(names)
            columns = known[text]
            if self._maybe(0.4) and all(each.alias != text for each in left):
                return [replace(each, alias=text, bare=False) for each in columns], text
        return [replace(each, alias=alias, bare=False) for each in columns], f"{text} AS {alias}"

    def _join(self, scope: list[Field], text: str, depth: int, ctes: dict[str, Columns]) -> tuple[list[Field], str]:
        lists = [each for each in scope if each.type == "list"]
        if lists and self._maybe(0.2):
            alias = self._name("u")
            found = self._pick(lists)
            return [*scope, Field(alias + "v", alias=alias)], f"{text}, unnest({found.text}) AS {alias} ({alias}v)"
        if depth > 0 and self._maybe(0.15):
            return self._lateral(scope, text, depth, ctes)
        right, source = self._source(depth, ctes, scope)
        if {each.alias for each in right} & {each.alias for each in scope}:
            return scope, text
        shared = [
            name
            for name in dict.fromkeys(each.name for each in right if each.type == "int")
            if sum(each.name == name for each in scope) == 1
            and sum(each.name == name for each in right) == 1
            and (not self.apart or name in ("id", "k", "g", "h"))
        ]
        word = self._one(
            ("JOIN", 5),
            ("LEFT JOIN", 4),
            ("RIGHT JOIN", 3),
            ("FULL JOIN", 3),
            ("SEMI JOIN", 1),
            ("ANTI JOIN", 1),
            ("CROSS JOIN", 1),
            ("COMMA", 1),
        )
        if word == "CROSS JOIN":
            return scope + right, f"{text} CROSS JOIN {source}"
        if word == "COMMA":
            return scope + right, f"{text}, {source}"
        only_left = word in ("SEMI JOIN", "ANTI JOIN")
        if shared and self._maybe(0.45):
            names = self.random.sample(shared, min(len(shared), self.random.randint(1, 2)))
            merged = [Field(name, for_rows=True, bare=True) for name in names]
            # the bare name means the merged column; with its table it is still one side's own
            rest = [each for each in scope if each.name not in names or self._maybe(0.3)]
            rest = [replace(each, bare=False) if each.name in names else each for each in rest]
            others = [each for each in right if each.name not in names or self._maybe(0.3)]
            return [
                *merged,
                *rest,
                *(() if only_left else others),
            ], f"{text} {word} {source} USING ({', '.join(names)})"
        one, other = self._pick(self._row_fields(scope)), self._pick(self._row_fields(right))
        on = f"{one.text} = {other.text}"
        if word != "FULL JOIN" and not only_left and self._maybe(0.2):
            on += f" AND {self._pick(self._row_fields(scope)).text} < {self._pick(self._row_fields(right)).text} + 3"
        return (scope if only_left else scope + right), f"{text} {word} {source} ON {on}"

    def _lateral(self, scope: list[Field], text: str, depth: int, ctes: dict[str, Columns]) -> tuple[list[Field], str]:
        alias, name = self._name("y"), self._name("z")
        inner, source = self._source(0, ctes, scope)
        if {each.alias for each in inner} & {each.alias for each in scope}:
            return scope, text
        value = f"{self._pick(self._values(inner)).text} + {self._pick(self._values(scope)).text}"
        on = f"{self._pick(self._row_fields(inner)).text} = {self._pick(self._row_fields(scope)).text}"
        words = self._one((", LATERAL", 1), (",", 1), (" LEFT JOIN LATERAL", 1))
        end = " ON true" if "LEFT" in words else ""
        return [
            *scope,
            Field(name, alias=alias),
        ], f"{text}{words} (SELECT {value} AS {name} FROM {source} WHERE {on}) AS {alias}{end}"

    # ---- select list -------------------------------------------------------------------------------------------

    def _items(self, scope: list[Field], width: int, depth: int) -> tuple[list[str], tuple[Field, ...]]:
        items: list[str] = []
        columns: list[Field] = []
        if not width and self._maybe(0.35):
            starred = self._starred(scope)
            if starred:
                items.append(starred[0])
                columns += starred[1]
        for _ in range(width or self.random.randint(1, 4)):
            text, column = self._item(scope, depth, columns, plain=bool(width))
            if any(each.name == column.name for each in columns):
                column = replace(column, name=self._name("v"))
                text = f"{text.rpartition(' AS ')[0] or text} AS {column.name}"
            items.append(text)
            columns.append(column)
        if all(each.type != "int" for each in columns):
            items.append(f"{self._expression(scope, 0)} AS {self._name('v')}")
            columns.append(Field(f"v{self._count}"))
        return items, tuple(replace(each, alias="", bare=False) for each in columns)

    def _starred(self, scope: list[Field]) -> tuple[str, list[Field]] | None:
        """A star over a relation whose columns are all seen under their own names."""
        tables = {each.alias for each in scope if each.alias in TABLES} - self._ctes.keys()
        if not tables or any(each.bare and not each.alias for each in scope):
            return None
        alias = self._pick(sorted(tables))
        columns = list(TABLES[alias])
        left, other = self._pick(columns), self._pick([each for each in columns if each.type == "int"])
        form = self._one(("plain", 2), ("exclude", 2), ("replace", 2), ("rename", 2), ("columns", 1))
        if form == "exclude":
            return f"{alias}.* EXCLUDE ({left.name})", [each for each in columns if each != left]
        if form == "replace" and left.type == "int":
            return f"{alias}.* REPLACE ({alias}.{other.name} + 1 AS {left.name})", columns
        if form == "rename":
            name = self._name("v")
            return (
                f"{alias}.* RENAME ({left.name} AS {name})",
                [replace(each, name=name) if each == left else each for each in columns],
            )
        if form == "columns":
            numbers = [each for each in columns if each.type == "int"]
            others = [each.name for each in columns if each.type != "int"]
            without = f" EXCLUDE ({', '.join(others)})" if others else ""
            return f"COLUMNS({alias}.*{without}) + 1", numbers
        return f"{alias}.*", columns

    def _item(self, scope: list[Field], depth: int, before: list[Field], *, plain: bool) -> tuple[str, Field]:
        name = self._name("v")
        kind = self._one(
            ("copy", 5), ("expression", 4), ("window", 2), ("scalar", 2 if depth > 0 else 0),
            ("struct", 0 if plain else 1), ("whole", 0 if plain else 1), ("again", 1), ("flag", 1),
        )  # fmt: skip
        if kind == "copy":
            merged = [each for each in scope if not each.alias]
            numbers = [each for each in scope if each.type == "int"]
            found = self._pick(merged if merged and self._maybe(0.7) else numbers)
            if self._maybe(0.5):
                return found.text, found
            return f"{found.text} AS {name}", replace(found, name=name)
        if kind == "whole":
            found = self._pick([each for each in scope if each.type != "int"] or scope)
            return f"{found.text} AS {name}", replace(found, name=name)
        if kind == "struct":
            parts = self._expression(scope, 0), self._pick(self._values(scope)).text
            word = self._one(("{{'p': {}, 'q': {}}}", 1), ("struct_pack(p := {}, q := {})", 1))
            return f"{word.format(*parts)} AS {name}", Field(name, "struct")
        if kind == "again":
            aliases = [each for each in before if each.name[0] == "v" and each.type == "int"]
            if aliases and all(each.name != aliases[-1].name for each in scope):
                return f"{aliases[-1].name} + {self._expression(scope, 0)} AS {name}", Field(name)
        if kind == "window":
            return f"{self._window(scope)} AS {name}", Field(name)
        if kind == "scalar":
            return f"{self._scalar(scope)} AS {name}", Field(name)
        if kind == "flag":
            return f"({self._condition(scope, depth)})::INTEGER AS {name}", Field(name)
        return f"{self._expression(scope, 2)} AS {name}", Field(name)

    # ---- expressions -------------------------------------------------------------------------------------------

    def _expression(self, scope: list[Field], depth: int, *, rows: bool = False) -> str:
        fields = self._row_fields(scope) if rows else self._values(scope)
        found = self._pick(fields)
        if depth == 0:
            return found.text
        again: Callable[[], str] = lambda: self._expression(scope, depth - 1, rows=rows)  # noqa: E731
        structs = [each for each in scope if each.type == "struct"]
        lists = [each for each in scope if each.type == "list"]
        kind = self._one(
            ("column", 2), ("sum", 3), ("case", 2), ("function", 2), ("field", 3 if structs else 0),
            ("list", 2 if lists else 0),
        )  # fmt: skip
        if kind == "sum":
            return f"({again()} {self._one(('+', 1), ('-', 1))} {again()})"
        if kind == "case":
            return f"CASE WHEN {again()} > {self.random.randint(0, 9)} THEN {again()} ELSE {again()} END"
        if kind == "function":
            return self._one(("coalesce({}, {})", 1), ("greatest({}, {})", 1), ("nullif({}, {})", 1)).format(
                again(), again()
            )
        if kind == "field":
            struct = self._pick(structs).text
            return self._one(
                (f"{struct}.p", 2), (f"{struct}.q", 2), (f"{struct}['q']", 1), (f"struct_extract({struct}, 'p')", 1)
            )
        if kind == "list":
            each = self._pick(lists).text
            return self._one(
                (f"len({each})", 1),
                (f"list_sum(list_transform({each}, lambda e: e + {found.text}))", 1),
                (f"{each}[1]", 1),
                (f"list_sum([e FOR e IN {each} IF e > {found.text}])", 2),
            )
        return found.text

    def _condition(self, scope: list[Field], depth: int) -> str:
        found = self._pick(self._row_fields(scope)).text
        kind = self._one(
            ("compare", 4),
            ("null", 1),
            ("in", 1),
            ("both", 1),
            ("exists", 2 if depth > 0 else 0),
            ("in query", 2 if depth > 0 else 0),
        )
        if kind == "null":
            return f"{found} IS NOT NULL"
        if kind == "in":
            return f"{found} IN (1, 2, {self.random.randint(3, 9)})"
        if kind == "both":
            word = self._one(("AND", 1), ("OR", 2))
            return f"({self._condition(scope, 0)} {word} {self._condition(scope, 0)})"
        if kind == "exists":
            inner, text = self._source(0, self._ctes, scope)
            if not {each.alias for each in inner} & {each.alias for each in scope}:
                match = f"{self._pick(self._row_fields(inner)).text} = {found}"
                word = self._one(("EXISTS", 2), ("NOT EXISTS", 1))
                return f"{word} (SELECT {self._pick(inner).text} FROM {text} WHERE {match})"
        if kind == "in query":
            inner, text = self._source(0, self._ctes, scope)
            if not {each.alias for each in inner} & {each.alias for each in scope}:
                more = f" WHERE {self._pick(self._row_fields(inner)).text} > 1" if self._maybe(0.5) else ""
                return f"{found} IN (SELECT {self._pick(self._row_fields(inner)).text} FROM {text}{more})"
        return f"{found} {self._one(('>', 1), ('<', 1), ('<>', 1))} {self.random.randint(0, 4)}"

    def _aggregate(self, scope: list[Field], depth: int, *, rows: bool = False) -> str:
        text = self._expression(scope, min(depth, 1), rows=rows)
        other = self._pick(self._row_fields(scope) if rows else self._values(scope)).text
        made = self._one(
            (f"sum({text})", 4),
            (f"max({text})", 2),
            (f"count({text})", 1),
            ("count(*)", 1),
            (f"count(DISTINCT {text})", 1),
            (f"sum({text}) FILTER (WHERE {other} > 2)", 2),
            (f"max({{'u': {other}, 'w': {text}}}).w", 1),
            (f"len(string_agg({text}::VARCHAR, ',' ORDER BY {other}, {text}))", 1),
            (f"list_sum(list({text}))", 1),
        )
        self.made_up |= made == "count(*)"
        return made

    def _window(self, scope: list[Field]) -> str:
        fields = self._values(scope) if self._maybe(0.5) else self._row_fields(scope)
        part, order = self._pick(fields).text, self._pick(fields).text
        return self._one(
            (f"rank() OVER (PARTITION BY {part} ORDER BY {order})", 2),
            (f"sum({self._expression(scope, 1)}) OVER (PARTITION BY {part})", 2),
            (f"sum({self._expression(scope, 1)}) OVER (PARTITION BY {part} ORDER BY {order})", 2),
            (f"max({self._expression(scope, 1)}) OVER ()", 1),
            (f"count({self._expression(scope, 0)}) FILTER (WHERE {part} > 1) OVER (ORDER BY {order})", 1),
        )

    def _scalar(self, scope: list[Field]) -> str:
        inner, text = self._source(0, self._ctes, scope)
        if {each.alias for each in inner} & {each.alias for each in scope}:
            return self._pick(self._values(scope)).text
        match = f"{self._pick(self._row_fields(inner)).text} = {self._pick(self._row_fields(scope)).text}"
        return f"(SELECT {self._aggregate(inner, 1)} FROM {text} WHERE {match})"

    # ---- chance ------------------------------------------------------------------------------------------------

    def _values(self, scope: Sequence[Field]) -> list[Field]:
        """Numbers to compute with."""
        numbers = [each for each in scope if each.type == "int"]
        return [each for each in numbers if not each.for_rows or not self.apart] or numbers

    def _row_fields(self, scope: Sequence[Field]) -> list[Field]:
        """Numbers to compare, group and join by."""
        numbers = [each for each in scope if each.type == "int"]
        return [each for each in numbers if each.for_rows or not self.apart] or numbers

    def _maybe(self, share: float) -> bool:
        return self.random.random() < share

    def _one(self, *weighted: tuple[T, int]) -> T:
        return self.random.choices([each for each, _ in weighted], [weight for _, weight in weighted])[0]

    def _pick(self, items: Sequence[T]) -> T:
        return self.random.choice(items)

    def _name(self, letter: str) -> str:
        self._count += 1
        return f"{letter}{self._count}"
