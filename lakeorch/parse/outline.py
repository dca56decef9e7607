"""What stands where in a query, as plain values for the rules of lint: SELECTs, what each reads and names, CTEs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from sqlglot import exp

from lakeorch.errors import Finding, Source, Span
from lakeorch.model import Model
from lakeorch.parse.tables import meant_cte
from lakeorch.parse.tokens import dialect, tokenize

Kind = Literal["table", "cte", "query", "function"]


@dataclass(frozen=True, slots=True)
class ColumnUse:
    """A column as written, in lower case: `("lines", "revenue")`, `("revenue",)`."""

    parts: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Star:
    """`*` or `t.*` among the columns of a SELECT; `without` are the names that EXCLUDE takes out of it."""

    table: str
    span: Span
    without: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Relation:
    """One thing in FROM.

    Attributes:
        alias: what the query calls it; empty where it gives no name.
        name: the table's or CTE's, as written, in lower case; a function's name.
        span: where it is named.
        select: the number of the SELECT that yields its rows, for a CTE or a query in brackets; else -1.
        tied: the way it is joined says how its rows meet those before it: USING, NATURAL, CROSS JOIN, LATERAL, ….
        one_row: it has one row at most.
        columns: its names, where the query gives them.
    """

    alias: str
    kind: Kind
    name: str
    span: Span
    select: int = -1
    tied: bool = False
    one_row: bool = False
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Select:
    """One SELECT, without the SELECTs in it.

    Attributes:
        outer: the number of the SELECT it stands in, whose columns it may name; -1 for none.
        relations: what it reads, in order.
        columns: the columns it names.
        outputs: the names of its own columns, empty for one without, and stars; None for names that are not known.
        aliases: names that it gives to its columns with AS.
        merged: columns that USING makes one of; NATURAL merges some that are not known here.
        ties: for each condition of WHERE and ON, the columns in it.
        exists: it stands in EXISTS, where its columns do not count.
    """

    outer: int = -1
    relations: tuple[Relation, ...] = ()
    columns: tuple[ColumnUse, ...] = ()
    outputs: tuple[str | Star | None, ...] = ()
    aliases: frozenset[str] = frozenset()
    merged: frozenset[str] = frozenset()
    ties: tuple[tuple[ColumnUse, ...], ...] = ()
    exists: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """A CTE: its name, where it is given, whether anything that counts reads it."""

    name: str
    span: Span
    used: bool


@dataclass(frozen=True, slots=True)
class Outline:
    """A whole query: its SELECTs by number, its CTEs in order."""

    selects: tuple[Select, ...]
    ctes: tuple[Named, ...]


def outline(model: Model) -> Outline:
    """The outline of a model's query; empty where it cannot be read, or is a function in Python.

    Its spans are those of the model's file.
    """
    if model.is_python:
        return Outline((), ())
    return _outline(model.source, model.body)


@lru_cache(maxsize=256)
def _outline(source: Source, body: Span) -> Outline:
    tokens = tokenize(Source("", source.text[: body.end]), body.start)
    if isinstance(tokens, Finding):
        return Outline((), ())
    tree = dialect().parser().parse(tokens, source.text)[0]
    if tree is None:
        return Outline((), ())
    reader = _Reader()
    try:
        reader.query(tree, -1)
    except RecursionError:
        return Outline((), ())
    return Outline(tuple(reader.selects), reader.named(tree))


@dataclass
class _Reader:
    selects: list[Select] = field(default_factory=list)
    # by the id of a CTE: the number of the SELECT that gives it its columns
    bodies: dict[int, int] = field(default_factory=dict)
    reads: list[tuple[exp.Table, exp.CTE]] = field(default_factory=list)

    def query(self, node: exp.Expr, outer: int) -> int:
        """Reads a query and all in it; returns the number of the SELECT that names its columns, -1 for none."""
        with_ = node.args.get("with_")
        for cte in with_.expressions if with_ else ():
            self.bodies[id(cte)] = -1  # what a recursive one knows of itself while it is read
            self.bodies[id(cte)] = self.query(cte.this, outer)
        if isinstance(node, exp.Select):
            return self._select(node, outer)
        if isinstance(node, exp.SetOperation):
            first = self.query(node.this, outer)
            self.query(node.expression, outer)
            return -1 if node.args.get("by_name") else first
        if isinstance(node, exp.Subquery):
            return self.query(node.this, outer)
        if isinstance(node, exp.Pivot):
            _Scope(self, outer).add(node.this, tied=True)
        return -1

    def named(self, tree: exp.Expr) -> tuple[Named, ...]:
        """The CTEs; one that only unused ones read is unused too."""
        used: set[int] = set()
        growing = True
        while growing:
            before = len(used)
            for table, cte in self.reads:
                reader = table.find_ancestor(exp.CTE)
                if reader is not cte and (reader is None or id(reader) in used):
                    used.add(id(cte))
            growing = len(used) > before
        found = (Named(cte.alias.lower(), _span(cte.args["alias"]), id(cte) in used) for cte in tree.find_all(exp.CTE))
        return tuple(sorted(found, key=lambda cte: cte.span.start))

    def _select(self, node: exp.Select, outer: int) -> int:
        number = len(self.selects)
        self.selects.append(Select())
        scope = _Scope(self, number)
        scope.add_all(node)
        for inner in _inside(node):
            if isinstance(inner, exp.Query) and id(inner) not in scope.read:
                self.query(inner, number)
        where = node.args.get("where")
        columns = (each for each in _inside(node) if isinstance(each, exp.Column))
        stars = Star("", Span(0, 1))
        self.selects[number] = Select(
            outer,
            tuple(scope.relations),
            tuple(_column(column) for column in columns if not isinstance(column.this, exp.Star)),
            tuple(_output(each) for each in node.expressions) or (stars,),
            frozenset(each.alias.lower() for each in node.expressions if isinstance(each, exp.Alias)),
            frozenset(scope.merged),
            tuple(_tie(term) for term in [*scope.conditions, *_terms(where)]),
            isinstance(node.parent, exp.Exists),
        )
        return number


class _Scope:
    """Gathers what stands in the FROM of one SELECT."""

    def __init__(self, reader: _Reader, number: int) -> None:
        self.reader = reader
        self.number = number
        self.relations: list[Relation] = []
        self.conditions: list[exp.Expr] = []
        self.merged: set[str] = set()
        self.read: set[int] = set()

    def add_all(self, node: exp.Expr) -> None:
        """The relations in FROM and JOIN of a node: of a SELECT, or of the first of some joins in brackets."""
        if from_ := node.args.get("from_"):
            self.add(from_.this, tied=False)
        for join in node.args.get("joins") or ():
            using = join.args.get("using") or ()
            self.merged |= {name.name.lower() for name in using}
            self.conditions += _terms(join.args.get("on"))
            self.add(join.this, tied=bool(using or join.method or join.kind == "CROSS"))
        for lateral in node.args.get("laterals") or ():
            self.add(lateral, tied=True)

    def add(self, node: exp.Expr, *, tied: bool) -> None:
        """One relation, and what is joined to it in brackets."""
        given = node.args.get("alias")
        columns = tuple(column.name.lower() for column in given.args.get("columns") or ()) if given else ()
        alias, span = node.alias_or_name.lower(), _span(given or node)
        lateral = isinstance(node, exp.Lateral)
        inner = node.this
        if isinstance(node, exp.Table) and isinstance(inner, exp.Identifier | exp.Dot):
            self.relations.append(self._table(node, columns, tied=tied))
        elif isinstance(node, exp.Subquery) and not isinstance(inner, exp.Query):
            self.add(inner, tied=tied)
        elif isinstance(node, exp.Subquery) or (lateral and isinstance(inner, exp.Subquery)):
            self.read |= {id(node), id(inner)}
            number = self.reader.query(inner, self.number)
            self.relations.append(
                Relation(alias, "query", alias, span, number, tied or lateral, _one_row(inner), columns)
            )
        else:
            # a table function, UNNEST, VALUES: made for the rows beside it
            called = _span(inner) if isinstance(node, exp.Table) else span
            self.relations.append(Relation(node.alias.lower(), "function", alias, called, tied=True, columns=columns))
        self.add_all(node)

    def _table(self, node: exp.Table, columns: tuple[str, ...], *, tied: bool) -> Relation:
        name, alias = ".".join(part.name.lower() for part in node.parts), node.alias_or_name.lower()
        span = Span(_span(node.parts[0]).start, _span(node.parts[-1]).end)
        if node.args.get("pivots"):
            return Relation(alias, "function", name, span, tied=tied)
        cte = meant_cte(node, name) if len(node.parts) == 1 else None
        if cte is None:
            return Relation(alias, "table", name, span, tied=tied, columns=columns)
        self.reader.reads.append((node, cte))
        columns = columns or tuple(column.name.lower() for column in cte.args["alias"].args.get("columns") or ())
        number = self.reader.bodies.get(id(cte), -1)
        return Relation(alias, "cte", name, span, number, tied, _one_row(cte.this), columns)


def _inside(select: exp.Select) -> Iterator[exp.Expr]:
    """The nodes of a SELECT: the queries in it are among them, what is in those is not."""

    def ends(node: exp.Expr) -> bool:
        return node is not select and isinstance(node, exp.Query | exp.With | exp.Star)

    return (node for node in select.walk(prune=ends) if node is not select)


def _terms(condition: exp.Expr | None) -> list[exp.Expr]:
    """What AND ties together in a condition, or in a WHERE."""
    if isinstance(condition, exp.Where):
        condition = condition.this
    if condition is None:
        return []
    return [*condition.flatten()] if isinstance(condition, exp.And) else [condition]


def _tie(term: exp.Expr) -> tuple[ColumnUse, ...]:
    return tuple(_column(column) for column in term.find_all(exp.Column) if not isinstance(column.this, exp.Star))


def _column(node: exp.Column) -> ColumnUse:
    return ColumnUse(tuple(part.name.lower() for part in node.parts), _span(node))


def _output(node: exp.Expr) -> str | Star | None:
    star = node.this if isinstance(node, exp.Column) else node
    if isinstance(star, exp.Star):
        table = node.table.lower() if isinstance(node, exp.Column) else ""
        without = frozenset(each.name.lower() for each in star.args.get("except_") or ())
        return None if star.args.get("rename") else Star(table, _span(node), without)
    return node.alias_or_name.lower() if isinstance(node, exp.Alias | exp.Column | exp.Dot) else ""


def _one_row(node: exp.Expr) -> bool:
    """Whether a query yields at most one row, as far as its text tells."""
    while isinstance(node, exp.Subquery):
        node = node.this
    if not isinstance(node, exp.Select):
        return False
    limit = node.args.get("limit")
    if limit is not None and limit.expression.name == "1":
        return True
    aggregates = (agg for each in node.expressions for agg in each.find_all(exp.AggFunc))
    total = any(agg.find_ancestor(exp.Window, exp.Query) is node for agg in aggregates)
    return total and not node.args.get("group")


def _span(node: exp.Expr) -> Span:
    """From the first word of a node with a known place to the last."""
    places = [each.meta for each in node.walk() if "start" in each.meta]
    if not places:
        return Span(0, 1)
    return Span(min(place["start"] for place in places), max(place["end"] for place in places) + 1)
