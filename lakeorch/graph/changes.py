"""What an edit of a query changes: the columns that are made in another way, and what decides which rows there are.

Two queries are compared by what stands behind each of their columns, through CTEs and sub-queries down to tables;
names of CTEs, aliases, letter case, layout, and what nothing reads do not count. Where the text alone cannot tell,
a column counts as changed.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakeorch.parse.tokens import dialect

# a table name as written → what it is called in full, and its columns where they are known
TablesOf = Callable[[str], tuple[str, Sequence[str] | None]]

CLAUSES = ("FROM", "JOIN", "WHERE", "GROUP BY", "HAVING", "QUALIFY", "DISTINCT", "UNION", "LIMIT", "SAMPLE")


# what a CTE or a query in FROM is called
QUERY = "query"


@dataclass(frozen=True, slots=True)
class QueryChange:
    """How a query differs from the one before.

    Attributes:
        columns: names, in lower case, of the columns that both yield and that are made in another way.
        clauses: what decides the rows and is another now, in the order of CLAUSES.
    """

    columns: frozenset[str] = frozenset()
    clauses: tuple[str, ...] = ()


def query_change(
    old: str, new: str, names: Collection[str], tables: TablesOf, variables: Collection[str] = ()
) -> QueryChange:
    """Compares two queries.

    Args:
        old: the query before.
        new: the query now.
        names: the columns that both yield.
        tables: tells what a table name means; a CTE's is not asked for.
        variables: those whose value has changed.
    """
    wanted = [name.lower() for name in names]
    try:
        before, after = _read(old, tables, variables), _read(new, tables, ())
    except (SqlglotError, RecursionError):
        return QueryChange(frozenset(wanted), ("FROM",))
    changed = frozenset(name for name in wanted if before.relation.of(name) != after.relation.of(name))
    moved = (before.rows - after.rows) + (after.rows - before.rows)
    kinds = {kind for kind, _ in moved}
    return QueryChange(changed, tuple(clause for clause in CLAUSES if clause in kinds))


@dataclass(frozen=True, slots=True)
class _Relation:
    """What stands behind each column, as a short text; `rest` for the columns that are not known by name."""

    columns: Mapping[str, str]
    rest: str = ""

    def of(self, name: str) -> str:
        return self.columns.get(name) or (f"{self.rest}.{name}" if self.rest else "")

    def whole(self) -> str:
        return _digest(*(f"{name}={made}" for name, made in self.columns.items()), self.rest)


@dataclass(frozen=True, slots=True)
class _Query:
    relation: _Relation
    rows: Counter[tuple[str, str]]


def _read(sql: str, tables: TablesOf, variables: Collection[str]) -> _Query:
    tree = dialect().parse(sql)[0]
    if tree is None:
        return _Query(_Relation({}), Counter())
    reader = _Reader(tables, frozenset(name.lower() for name in variables))
    return _Query(reader.query(tree, {}), reader.rows)


@dataclass
class _Named:
    """A CTE: read when something reads it."""

    query: exp.Expr
    names: Sequence[str]
    around: Mapping[str, _Named]
    read: _Relation | None = None


_Ctes = Mapping[str, _Named]


@dataclass
class _Reader:
    tables: TablesOf
    variables: frozenset[str]
    rows: Counter[tuple[str, str]] = field(default_factory=Counter)

    def query(self, node: exp.Expr, around: _Ctes) -> _Relation:
        """What any query yields; notes what decides its rows."""
        ctes = dict(around)
        with_ = node.args.get("with_")
        recursive = with_ is not None and with_.args.get("recursive")
        for cte in with_.expressions if with_ is not None else ():
            around_it = ctes if recursive else dict(ctes)
            ctes[cte.alias.lower()] = _Named(cte.this, _names(cte.args.get("alias")), around_it)
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            found = self.query(node.this, ctes)
        elif isinstance(node, exp.SetOperation):
            found = self._set(node, ctes)
        elif isinstance(node, exp.Select):
            found = _Select(self, node, ctes).relation()
        else:
            return _Relation({}, _digest(self.text(node, ctes)))
        if cut := [node.args[key] for key in ("limit", "offset") if node.args.get(key)]:
            order = node.args.get("order")
            self.note("LIMIT", *(self.text(each, ctes) for each in (*cut, *([order] if order else []))))
        return found

    def cte(self, named: _Named) -> _Relation:
        """What a CTE yields; one that reads itself sees only that."""
        if named.read is None:
            named.read = _Relation({}, "itself")
            named.read = _renamed(self.query(named.query, named.around), named.names)
        return named.read

    def note(self, clause: str, *texts: str) -> None:
        """Notes a clause that decides the rows."""
        self.rows[clause, _digest(*texts)] += 1

    def text(self, node: exp.Expr, ctes: _Ctes, column: Callable[[exp.Column], str] | None = None) -> str:
        """An expression in one spelling, its columns and CTEs as what stands behind them."""

        def spell(each: exp.Expr) -> exp.Expr:
            if isinstance(each, exp.Column) and column and not isinstance(each.this, exp.Star):
                return exp.Var(this=column(each))
            if isinstance(each, exp.Table):
                name = each.name.lower()
                if not each.db and name in ctes:
                    return exp.Var(this=self.cte(ctes[name]).whole())
            if isinstance(each, exp.Parameter | exp.Placeholder) and each.name.lower() in self.variables:
                return exp.Var(this=f"${each.name.lower()} as it was")
            return exp.to_identifier(each.name.lower()) if isinstance(each, exp.Identifier) else each

        return node.copy().transform(spell, copy=False).sql(dialect=dialect(), comments=False)

    def _set(self, node: exp.SetOperation, ctes: _Ctes) -> _Relation:
        left, right = self.query(node.this, ctes), self.query(node.expression, ctes)
        how = f"{node.key} {node.args.get('distinct')} {node.args.get('by_name')}"
        self.note("UNION", how)
        rest = _digest(left.rest, right.rest) if left.rest or right.rest else ""
        if node.args.get("by_name"):
            names = dict.fromkeys((*left.columns, *right.columns))
            return _Relation({name: _digest(left.of(name), right.of(name)) for name in names}, rest)
        if rest:
            both = _digest(left.whole(), right.whole())
            return _Relation(dict.fromkeys(left.columns, both), both)
        pairs = zip_longest(left.columns.items(), right.columns.values(), fillvalue="")
        return _Relation({pair[0]: _digest(pair[1], made) for pair, made in pairs if isinstance(pair, tuple)})


class _Select:
    """One SELECT while it is read."""

    def __init__(self, reader: _Reader, node: exp.Select, ctes: _Ctes) -> None:
        self.reader, self.node, self.ctes = reader, node, ctes
        self.sources: dict[str, _Relation] = {}
        self.aliases: dict[str, str] = {}
        self.times: Counter[str] = Counter()

    def relation(self) -> _Relation:
        """What it yields."""
        node = self.node
        if from_ := node.args.get("from_"):
            self._add(from_.this, "FROM")
        for join in node.args.get("joins") or ():
            self._join(join)
        for lateral in node.args.get("laterals") or ():
            self._add(lateral, "JOIN")
        columns, rest = self._outputs()
        if group := node.args.get("group"):
            self.reader.note("GROUP BY", *self._group(group))
        for key in ("where", "having", "qualify", "distinct", "sample"):
            if clause := node.args.get(key):
                self.reader.note(key.upper(), self._text(clause))
        return _Relation(columns, rest)

    def _group(self, group: exp.Expr) -> list[str]:
        """What the rows are grouped by: ALL and positions say it of the columns."""
        outputs = [each.unalias() for each in self.node.expressions]
        if group.args.get("all"):
            terms = [each for each in outputs if not each.find(exp.AggFunc)]
        else:
            terms = [
                outputs[int(each.name) - 1] if each.is_int and 0 < int(each.name) <= len(outputs) else each
                for each in group.expressions
            ]
        sets = [each for key, each in group.args.items() if isinstance(each, list) and key != "expressions"]
        return sorted({self._text(term) for term in (*terms, *(each for some in sets for each in some))})

    def _join(self, join: exp.Join) -> None:
        how = " ".join(str(join.args.get(key) or "") for key in ("method", "side", "kind"))
        label = self._add(join.this, "")
        using = [name.name.lower() for name in join.args.get("using") or ()]
        on = join.args.get("on")
        self.reader.note("JOIN", how, label, *using, self._text(on) if on else "")

    def _add(self, node: exp.Expr, clause: str) -> str:
        """One relation in FROM; returns what it is called whatever its alias."""
        alias = node.alias_or_name.lower()
        label, found = self._source(node)
        given = node.args.get("alias")
        found = _renamed(found, _names(given))
        self.sources[alias or f"#{len(self.sources)}"] = found
        if clause and label != QUERY:
            # what is in FROM of a query in FROM is noted there
            self.reader.note(clause, label)
        for join in node.args.get("joins") or ():
            self._join(join)
        return label

    def _source(self, node: exp.Expr) -> tuple[str, _Relation]:
        inner = node.this
        plain = not node.args.get("pivots") and not node.args.get("sample")
        if isinstance(node, exp.Table) and isinstance(inner, exp.Identifier | exp.Dot) and plain:
            name = ".".join(part.name.lower() for part in node.parts)
            if name in self.ctes:
                return QUERY, self.reader.cte(self.ctes[name])
            full, known = self.reader.tables(name)
            # the same table twice: told apart by the order in which it is read
            self.times[full] += 1
            label = f"{full}#{self.times[full]}"
            if known is None:
                return full, _Relation({}, label)
            return full, _Relation({column.lower(): f"{label}.{column.lower()}" for column in known})
        if isinstance(node, exp.Subquery | exp.Lateral) and isinstance(inner, exp.Query) and plain:
            return QUERY, self.reader.query(inner, self.ctes)
        bare = node.copy()
        bare.set("alias", None)
        text = _digest(self.reader.text(bare, self.ctes))
        return text, _Relation({}, text)

    # ---- columns ----

    def _outputs(self) -> tuple[dict[str, str], str]:
        columns: dict[str, str] = {}
        unnamed: list[str] = []
        for each in self.node.expressions:
            star = each.this if isinstance(each, exp.Column) else each
            if isinstance(star, exp.Star):
                table = each.table.lower() if isinstance(each, exp.Column) else ""
                spread, rest = self._star(star, table)
                columns |= spread
                unnamed += [rest] if rest else []
                continue
            value = each.unalias()
            # a column as it is stays the same through any number of CTEs
            made = self._column(value) if isinstance(value, exp.Column) else self._text(value)
            name = each.alias_or_name.lower() if isinstance(each, exp.Alias | exp.Column | exp.Dot) else ""
            if name:
                columns[name] = made
                self.aliases[name] = made
            else:
                # the engine makes a name of its text
                unnamed.append(made)
        return columns, _digest(*unnamed) if unnamed else ""

    def _star(self, star: exp.Star, table: str) -> tuple[dict[str, str], str]:
        taken = [self.sources[table]] if table in self.sources else [*self.sources.values()]
        without = {each.name.lower() for each in star.args.get("except_") or ()}
        renamed = {each.this.name.lower(): each.alias.lower() for each in star.args.get("rename") or ()}
        replaced = {each.alias.lower(): self._text(each.this) for each in star.args.get("replace") or ()}
        columns: dict[str, str] = {}
        for found in taken:
            for name, made in found.columns.items():
                if name not in without:
                    columns.setdefault(renamed.get(name, name), replaced.get(name, made))
        rests = [found.rest for found in taken if found.rest]
        return columns | (replaced if rests else {}), _digest(*rests) if rests else ""

    def _text(self, node: exp.Expr) -> str:
        return _digest(self.reader.text(node, self.ctes, self._column))

    def _column(self, node: exp.Column) -> str:
        """What stands behind a column: in a relation of FROM, or another column of this SELECT."""
        name, table = node.name.lower(), node.table.lower()
        if table in self.sources:
            return self.sources[table].of(name) or name
        if table:
            return ".".join(part.name.lower() for part in node.parts)
        for found in self.sources.values():
            if name in found.columns:
                return found.columns[name]
        rests = ",".join(found.rest for found in self.sources.values() if found.rest)
        alias = self.aliases.get(name, "")
        return f"{rests}.{name} {alias}".strip() if rests else alias or name


def _names(alias: Any) -> list[str]:
    """The column names that an alias gives: `t(a, b)`."""
    return [column.name.lower() for column in alias.args.get("columns") or ()] if alias else []


def _renamed(relation: _Relation, names: Sequence[str]) -> _Relation:
    if not names:
        return relation
    if relation.rest or len(names) > len(relation.columns):
        whole = relation.whole()
        return _Relation({name: f"{whole}[{at}]" for at, name in enumerate(names)}, relation.rest)
    made = [*relation.columns.items()]
    return _Relation(dict([*zip(names, (m for _, m in made), strict=False), *made[len(names) :]]))


def _digest(*texts: str) -> str:
    """A short name of a text, so that what is nested does not grow."""
    return hashlib.blake2b("\0".join(texts).encode(), digest_size=12).hexdigest()
