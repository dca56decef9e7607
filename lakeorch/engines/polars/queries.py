"""A query of DuckDB's SQL as Polars is to run it: every name resolved, every output named, every type known.

Every relation in FROM gets a name of its own and its columns names that no other relation has, so that nothing is left
for Polars to look up; a WITH becomes one list at the top. Sorting is kept only where a LIMIT depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from lakeorch.engines.polars import rules
from lakeorch.engines.polars.aggregates import holds_aggregates, ordered
from lakeorch.engines.polars.expressions import Expressions
from lakeorch.engines.polars.rules import DiffersError, Value, cast, named, unified
from lakeorch.engines.polars.scope import Columns, Relation, Scope, Translated, is_float, names_of, spelled, spread
from lakeorch.errors import EngineError
from lakeorch.model import Scalar, Schema
from lakeorch.types import identifier, parse_type

ELSEWHERE = "run this model on duckdb: `engine: duckdb`"

# an output of a SELECT: name, value, the expression as written
Output = tuple[str, Value, exp.Expr]
# a table's name, in lower case → what Polars knows it by, and its columns
Tables = Callable[[str], tuple[str, Schema] | None]


@dataclass(frozen=True)
class _Select:
    """A SELECT that was read.

    Attributes:
        rows: FROM and WHERE: what it is made of, or what its groups are.
        outputs: over these, or over the groups.
        tail: what stands behind FROM, over the same.
    """

    scope: Scope
    rows: str
    outputs: Sequence[Output]
    tail: tuple[str, ...]

    def source(self) -> str:
        """FROM: the rows, or the groups, which Polars makes in a query of their own.

        Left to find the aggregates inside of larger expressions, it overlooks some.
        """
        scope = self.scope
        if not scope.groups:
            return self.rows
        made = {**scope.keys, **scope.aggregates}
        items = ", ".join(f"{text} AS {identifier(name)}" for text, name in made.items())
        by = f" GROUP BY {', '.join(scope.keys)}" if scope.keys else ""
        return f"FROM (SELECT {items} {self.rows}{by}) AS {identifier(scope.groups)}"


class Translator:
    """Translates queries over some tables.

    Args:
        tables: what a name in FROM means.
        variables: values of `getvariable('name')`.
    """

    def __init__(self, tables: Tables, variables: Mapping[str, Scalar]) -> None:
        self.variables = variables
        self._tables = tables
        self._number = 0
        self._ctes: list[str] = []

    def translate(self, sql: str) -> Translated:
        """A whole query.

        Raises:
            EngineError: something in it is not known to give the same answer in Polars; with its position in `sql`.
        """
        try:
            tree = sqlglot.parse_one(sql, dialect="duckdb")
            found = self.query(tree, {}, None)
        except SqlglotError as error:
            raise EngineError(f"the polars engine cannot read this query: {str(error).splitlines()[0]}") from error
        except RecursionError as error:
            raise EngineError("the polars engine cannot read this query: it is nested too deeply") from error
        except DiffersError as error:
            hint = f"{error.hint}; or {ELSEWHERE}" if error.hint else ELSEWHERE
            message = f"the polars engine does not take this: {error.what}"
            raise EngineError(message, position=_start(error.at, sql), hint=hint) from error
        with_ = f"WITH {', '.join(self._ctes)} " if self._ctes else ""
        return Translated(with_ + found.sql, found.columns)

    # ---- queries ----

    def query(self, node: exp.Expr, ctes: Mapping[str, Translated], outer: Scope | None) -> Translated:
        """Any query: SELECT, a set operation, either in brackets, either with WITH."""
        try:
            return self._query(node, ctes, outer)
        except DiffersError as error:
            error.at = error.at or node
            raise

    def _query(self, node: Any, ctes: Mapping[str, Translated], outer: Scope | None) -> Translated:
        ctes = self._with(node, ctes)
        if isinstance(node, exp.Subquery) and not node.args.get("alias"):
            found = self._query(node.this, ctes, outer)
            return self._cut(found, node)
        if isinstance(node, exp.SetOperation):
            return self._cut(self._united(node, ctes), node)
        if isinstance(node, exp.Select):
            return self.select(node, ctes, outer)[0]
        raise DiffersError(f"{type(node).__name__.upper()} as a query")

    def _with(self, node: exp.Expr, ctes: Mapping[str, Translated]) -> Mapping[str, Translated]:
        with_ = node.args.get("with_")
        if with_ is None:
            return ctes
        known = dict(ctes)
        for cte in with_.expressions:
            if with_.args.get("recursive"):
                raise DiffersError("WITH RECURSIVE")
            found = self.query(cte.this, known, None)
            given = [each.name for each in cte.args["alias"].args.get("columns") or ()]
            called = self._name("c")
            self._ctes.append(f"{identifier(called)} AS ({found.sql})")
            plain = ", ".join(
                f"{named(called, name)} AS {identifier(new)}"
                for (name, _), new in zip(found.columns, _renamed(found.columns, given), strict=True)
            )
            columns = tuple(zip(_renamed(found.columns, given), (type for _, type in found.columns), strict=True))
            known[cte.alias.lower()] = Translated(f"SELECT {plain} FROM {identifier(called)}", columns)
        return known

    def _united(self, node: Any, ctes: Mapping[str, Translated]) -> Translated:
        words = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}
        word = words.get(type(node))
        every = not node.args.get("distinct")
        if word is None or node.args.get("by_name") or (every and word != "UNION"):
            raise DiffersError(f"{type(node).__name__.upper()}{' ALL' if every else ' BY NAME'}")
        sides = [self.query(each, ctes, None) for each in (node.this, node.expression)]
        if len({len(side.columns) for side in sides}) > 1:
            raise DiffersError(f"{word} of different numbers of columns")
        types = [unified((a, b)) for (_, a), (_, b) in zip(*(side.columns for side in sides), strict=True)]
        names = [name for name, _ in sides[0].columns]
        parts = []
        for side in sides:
            at = self._name("s")
            items = (
                f"{cast(Value(named(at, name), type), to).sql} AS {identifier(new)}"
                for (name, type), to, new in zip(side.columns, types, names, strict=True)
            )
            parts.append(f"SELECT {', '.join(items)} FROM ({side.sql}) AS {identifier(at)}")
        joined = f" {word}{' ALL' if every else ''} ".join(parts)
        return Translated(joined, tuple(zip(names, types, strict=True)))

    def _cut(self, found: Translated, node: Any) -> Translated:
        """ORDER BY and LIMIT behind a set operation, or behind brackets: over the names of the result."""
        if not (node.args.get("limit") or node.args.get("offset")):
            return found
        at = self._name("s")
        names = {name.lower(): name for name, _ in found.columns}
        keys = []
        for term in node.args["order"].expressions if node.args.get("order") else ():
            if not isinstance(term.this, exp.Column) or term.this.name.lower() not in names:
                raise DiffersError("ORDER BY of anything but the columns of the result", "name the column")
            keys.append(ordered(identifier(names[term.this.name.lower()]), term))
        order = f" ORDER BY {', '.join(keys)}" if keys else ""
        columns = ", ".join(identifier(name) for name, _ in found.columns)
        text = f"SELECT {columns} FROM ({found.sql}) AS {identifier(at)}{order}{_limit(node)}"
        return Translated(text, found.columns)

    # ---- SELECT ----

    def select(self, node: exp.Select, ctes: Mapping[str, Translated], outer: Scope | None) -> tuple[Translated, bool]:
        """One SELECT, and whether it looks at the row of a query around it."""
        read = self._read(node, ctes, outer)
        names = [name.lower() for name, _, _ in read.outputs]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise DiffersError(f"two columns called {twice}", "rename one with AS")
        distinct = "DISTINCT " if node.args.get("distinct") else ""
        items = ", ".join(f"{value.sql} AS {identifier(name)}" for name, value, _ in read.outputs)
        parts = (f"SELECT {distinct}{items}", read.source(), *read.tail)
        columns = tuple((name, value.type) for name, value, _ in read.outputs)
        return Translated(" ".join(part for part in parts if part), columns), read.scope.reaches_out

    def single(self, node: exp.Select, ctes: Mapping[str, Translated], outer: Scope | None) -> tuple[Value, bool]:
        """One SELECT as a value: only its aggregates stay queries, each one of its own, not what is made of them."""
        read = self._read(node, ctes, outer)
        if read.tail or node.args.get("distinct"):
            raise DiffersError("a query as a value that cuts or sorts its one row")
        [(_, value, _)] = read.outputs
        text = value.sql
        for aggregate, name in read.scope.aggregates.items():
            query = f"(SELECT {aggregate} AS {identifier(name)} {read.rows})"
            text = text.replace(named(read.scope.groups, name), query)
        return Value(text, value.type), read.scope.reaches_out

    def _read(self, node: exp.Select, ctes: Mapping[str, Translated], outer: Scope | None) -> _Select:
        for key in ("laterals", "pivots", "windows", "sample", "into", "connect", "prewhere", "hint", "kind"):
            if node.args.get(key):
                raise DiffersError(key.upper().removesuffix("S"))
        distinct = node.args.get("distinct")
        if distinct is not None and distinct.args.get("on"):
            raise DiffersError("DISTINCT ON", "QUALIFY row_number() OVER (PARTITION BY … ORDER BY …) = 1")
        scope = Scope(self, self._with(node, ctes), outer)
        reader = Expressions(scope)
        rows = self._from(node, scope)
        scope.aliases = {each.alias.lower(): each.this for each in node.expressions if isinstance(each, exp.Alias)}
        if where := node.args.get("where"):
            rows += f" WHERE {reader.condition(where.this)}"
        if node.args.get("group") or holds_aggregates(node):
            self._group(node, scope, reader)
        outputs = self._outputs(node, scope, reader)
        tail = []
        having, qualify = node.args.get("having"), node.args.get("qualify")
        if having is not None and not scope.groups:
            raise DiffersError("HAVING without groups", "write WHERE")
        if having is not None:
            tail.append(f"WHERE {reader.condition(having.this)}")
        if qualify is not None:
            tail.append(f"QUALIFY {reader.condition(qualify.this)}")
        if node.args.get("limit") or node.args.get("offset"):
            tail.append(self._order(node, outputs, reader) + _limit(node))
        return _Select(scope, rows, outputs, tuple(tail))

    def _outputs(self, node: exp.Select, scope: Scope, reader: Expressions) -> list[Output]:
        found: list[Output] = []
        for each in node.expressions:
            star = each.this if isinstance(each, exp.Column) else each
            if isinstance(star, exp.Star):
                found += [(name, scope.grouped(value), each) for name, value in spread(star, each, scope)]
                continue
            inner = each.unalias()
            value = reader.value(inner)
            plain = isinstance(inner, exp.Column) and not isinstance(each, exp.Alias)
            name = spelled(inner, scope) if plain else each.alias or f"col{self._name(' ')}"
            found.append((name, value, inner))
        return found

    def _group(self, node: exp.Select, scope: Scope, reader: Expressions) -> None:
        """Reads what groups are made by. From there on the SELECT is one over groups, made by a query of its own."""
        group = node.args.get("group")
        given = group.args if group is not None else {}
        if any(given.get(key) for key in ("grouping_sets", "cube", "rollup", "totals")):
            raise DiffersError("GROUPING SETS, CUBE and ROLLUP")
        items = [each.unalias() for each in node.expressions]
        if given.get("all"):
            terms = [each for each in items if not holds_aggregates(each)]
        else:
            terms = []
            for term in group.expressions if group is not None else ():
                at = int(str(term.this)) - 1 if isinstance(term, exp.Literal) and not term.is_string else -1
                terms.append(items[at] if 0 <= at < len(items) else term)
        if any(each.find(exp.Star) for each in terms):
            raise DiffersError("GROUP BY of *", "name the columns")
        for term in terms:
            found = reader.value(term)
            if found.type.kind != "null":
                scope.keys.setdefault(found.sql, f"k{len(scope.keys)}")
        scope.groups = self._name("g")
        scope.among_groups()

    def _order(self, node: exp.Select, outputs: Sequence[Output], reader: Expressions) -> str:
        order = node.args.get("order")
        names = {name.lower(): name for name, _, _ in outputs}
        keys = []
        for term in order.expressions if order is not None else ():
            inner = term.this
            if isinstance(inner, exp.Literal) and not inner.is_string:
                keys.append(ordered(identifier(outputs[int(str(inner.this)) - 1][0]), term))
            elif isinstance(inner, exp.Column) and not inner.table and inner.name.lower() in names:
                keys.append(ordered(identifier(names[inner.name.lower()]), term))
            elif isinstance(inner, exp.Var):
                raise DiffersError("ORDER BY ALL", "name the columns")
            else:
                keys.append(ordered(reader.value(inner).sql, term))
        return f"ORDER BY {', '.join(keys)}" if keys else ""

    # ---- FROM ----

    def _from(self, node: exp.Select, scope: Scope) -> str:
        from_ = node.args.get("from_")
        if from_ is None:
            if node.args.get("where"):
                raise DiffersError("WHERE without FROM")
            return ""
        parts = [f"FROM {self._relation(from_.this, scope)}"]
        joins = [*(from_.this.args.get("joins") or ()), *(node.args.get("joins") or ())]
        parts += [self._join(join, scope) for join in joins]
        return " ".join(parts)

    def _join(self, join: Any, scope: Scope) -> str:
        side, kind = (join.side or "").upper(), (join.kind or "").upper()
        known = kind in ("", "OUTER") if side else kind in ("", "INNER", "CROSS", "SEMI", "ANTI")
        if join.method or not known:
            raise DiffersError(f"{' '.join(w for w in (join.method, side, kind) if w)} JOIN")
        before = (
            {name: value for name in names_of(scope) if (value := scope.own(name, ""))}
            if join.args.get("using")
            else {}
        )
        text = self._relation(join.this, scope)
        new = scope.relations[-1]
        tests = []
        for each in join.args.get("using") or ():
            name = each.name.lower()
            old, added = before[name], new.columns[name][1]
            tests.append(rules.compared("=", old, added).sql)
            scope.merged[name] = rules.merged(side, old, added)
        if on := join.args.get("on"):
            tests.append(Expressions(scope).condition(on))
            if any(is_float(scope, each) for each in on.find_all(exp.EQ)):
                raise DiffersError("a join by floating-point numbers", "CAST to a decimal")
        if kind in ("SEMI", "ANTI"):
            new.visible = False
        if not tests:
            if side or kind in ("SEMI", "ANTI"):
                raise DiffersError(f"{side or kind} JOIN without a condition")
            return f"CROSS JOIN {text}"
        return f"{side or (kind if kind in ('SEMI', 'ANTI') else 'INNER')} JOIN {text} ON {' AND '.join(tests)}"

    def _relation(self, node: Any, scope: Scope) -> str:
        given = node.args.get("alias")
        if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
            if node.args.get("pivots") or node.args.get("sample") or node.args.get("when"):
                raise DiffersError("PIVOT, or a sample of a table")
            name = ".".join(part.name for part in node.parts)
            found = scope.ctes.get(name.lower()) if len(node.parts) == 1 else None
            if found is not None:
                return self._named(f"({found.sql})", found.columns, node.alias or name, given, scope)
            table = self._tables(name.lower())
            if table is None:
                raise DiffersError(f"{name} in FROM", "read files in another model")
            columns = tuple((column.name, parse_type(column.type)) for column in table[1])
            return self._named(identifier(table[0]), columns, node.alias or node.name, given, scope)
        if isinstance(node, exp.Subquery) and not node.args.get("pivots") and not node.args.get("sample"):
            inner = self.query(node.this, scope.ctes, None)
            return self._named(f"({inner.sql})", inner.columns, node.alias, given, scope)
        raise DiffersError(f"{_told(node)} in FROM", "read files and functions in another model")

    def _named(self, source: str, columns: Columns, alias: str, given: Any, scope: Scope) -> str:
        """A relation under a name of its own, and its columns under names that nothing else has."""
        called, inside = self._name("r"), self._name("s")
        told = [each.name for each in given.args.get("columns") or ()] if given else []
        seen: dict[str, tuple[str, Value]] = {}
        items = []
        for (name, type), shown in zip(columns, _renamed(columns, told), strict=True):
            unique = f"{called}_{name}"
            seen[shown.lower()] = (shown, Value(named(called, unique), type))
            items.append(f"{named(inside, name)} AS {identifier(unique)}")
        scope.relations.append(Relation(alias.lower(), seen))
        return f"(SELECT {', '.join(items)} FROM {source} AS {identifier(inside)}) AS {identifier(called)}"

    def _name(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}{self._number}"


def _renamed(columns: Columns, given: Sequence[str]) -> list[str]:
    return [*given, *(name for name, _ in columns[len(given) :])]


def _limit(node: Any) -> str:
    text = ""
    for key in ("limit", "offset"):
        clause = node.args.get(key)
        if clause is not None:
            if not (isinstance(clause.expression, exp.Literal) and str(clause.expression.this).isdigit()):
                raise DiffersError(f"{key.upper()} that is not a number written out")
            text += f" {key.upper()} {clause.expression.this}"
    return text


def _told(node: exp.Expr) -> str:
    inner = node.this if isinstance(node, exp.Table) else node
    return f"{inner.sql_name().lower()}()" if isinstance(inner, exp.Func) else type(inner).__name__.upper()


def _start(node: exp.Expr | None, sql: str) -> int | None:
    """Where a node begins in the text that was parsed: at its function's name, else at the first word with a place."""
    if node is None:
        return None
    start = min((each.meta["start"] for each in node.walk() if "start" in each.meta), default=None)
    if start is not None and isinstance(node, exp.Func):
        names = [str(node.this)] if isinstance(node, exp.Anonymous) else node.sql_names()
        calls = re.finditer(rf"\b(?:{'|'.join(map(re.escape, names))})\s*\(", sql[:start], re.IGNORECASE)
        start = max((call.start() for call in calls), default=start)
    return start
