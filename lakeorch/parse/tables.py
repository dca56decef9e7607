"""Which tables a query names: the parse tree, read with SQL's rules of which names a WITH hides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from lakeorch.errors import Finding, Source, Span
from lakeorch.model import FileRead, Reference

_FILE = re.compile(r"[/\\*]|\.(?:csv|tsv|txt|parquet|json|jsonl|ndjson)(?:\.(?:gz|zst|bz2))?$", re.I)
_DYNAMIC = ("query", "query_table")


@dataclass(frozen=True, slots=True)
class Names:
    """What the tree says.

    Attributes:
        references, files: what stands in FROM by name, or by quoted path.
        spelled: offsets of the names whose letter case shows in the result: aliases, keys, fields.
    """

    references: tuple[Reference, ...]
    files: tuple[FileRead, ...]
    spelled: frozenset[int]
    findings: tuple[Finding, ...]


def read_names(source: Source, nodes: Sequence[exp.Expr]) -> Names:
    """Reads every table, column and alias among the nodes of a statement's tree."""
    tables: list[exp.Table] = []
    identifiers: list[exp.Identifier] = []
    relations: set[str] = set()
    ctes: set[str] = set()
    pivots = False
    for node in nodes:
        if isinstance(node, exp.Identifier):
            identifiers.append(node)
        elif isinstance(node, exp.Table):
            tables.append(node)
            relations.add(node.alias_or_name.lower())
        elif isinstance(node, exp.CTE):
            ctes.add(node.alias.lower())
        elif isinstance(node, exp.TableAlias):
            relations.add(node.name.lower())
        elif isinstance(node, exp.Pivot):
            pivots = True
    found = [_table(source, table, ctes) for table in tables]
    found.sort(key=_start)
    spelled = frozenset(
        node.meta["start"] for node in identifiers if "start" in node.meta and _is_spelled(node, relations, pivots)
    )
    return Names(
        tuple(each for each in found if isinstance(each, Reference)),
        tuple(each for each in found if isinstance(each, FileRead)),
        spelled,
        tuple(each for each in found if isinstance(each, Finding)),
    )


def _start(found: Reference | FileRead | Finding | None) -> int:
    if isinstance(found, Reference):
        return found.span.start
    return found.call.start if isinstance(found, FileRead) else -1


def _table(source: Source, table: exp.Table, ctes: set[str]) -> Reference | FileRead | Finding | None:
    inner = table.this
    if not isinstance(inner, exp.Identifier | exp.Dot):
        name = inner.name.lower() if isinstance(inner, exp.Anonymous) else ""
        if name not in _DYNAMIC:
            return None
        at = inner.meta.get("start", 0)
        message = f"{name}() hides from the plan which tables the model reads"
        return source.finding(Span(at, at + len(name)), message, hint="write the table's name in FROM")
    parts = table.parts
    places = [part.meta for part in parts if "start" in part.meta]
    if len(places) != len(parts) or not parts:
        return None
    span = Span(places[0]["start"], places[-1]["end"] + 1)
    # `recurring.t` is what DuckDB calls all rows so far of a recursive CTE t
    if len(parts) == 1 or (len(parts) == 2 and parts[0].name.lower() == "recurring"):
        name = parts[-1].name
        if name.lower() in ctes and meant_cte(table, name.lower()):
            return None
        if len(parts) == 1 and source.text[span.start] in "\"'" and _FILE.search(name):
            return FileRead((name,), span, span)
    return Reference(".".join(_part(part.name) for part in parts), span)


def _part(name: str) -> str:
    """A part of a name; quoted where a dot in it would read as two parts."""
    return '"' + name.lower().replace('"', '""') + '"' if "." in name or '"' in name else name.lower()


def meant_cte(table: exp.Table, name: str) -> exp.CTE | None:
    """The CTE that an unqualified name, in lower case, means at its place; None where it means a table.

    A WITH reaches the whole of the query it belongs to; a CTE sees the ones before it, and itself only on the
    right-hand side of the UNION of a recursive one (as DuckDB has it).
    """
    for query, come_from, repeats in _upwards(table):
        with_ = query.args.get("with_")
        if not isinstance(with_, exp.With):
            continue
        ctes: list[exp.CTE] = with_.expressions
        for cte in ctes:
            same = cte.alias.lower() == name
            if cte is come_from:
                if same and with_.recursive and repeats:
                    return cte
                break
            if same:
                return cte
    return None


def _upwards(table: exp.Table) -> Iterator[tuple[exp.Expr, exp.CTE | None, bool]]:
    """The nodes above a table, each with the CTE of it the table is in, and whether in its recursive part."""
    node: exp.Expr = table
    cte: exp.CTE | None = None
    repeats = False
    chain: list[exp.Expr] = [table]
    while node.parent is not None:
        parent = node.parent
        if isinstance(parent, exp.CTE):
            cte, repeats = parent, _repeats(parent, chain)
        elif not isinstance(parent, exp.With):
            yield parent, cte, repeats
            cte, repeats = None, False
        chain.append(parent)
        node = parent


def _repeats(cte: exp.CTE, chain: list[exp.Expr]) -> bool:
    """Whether a chain of nodes, innermost first, goes up through the recursive part of a CTE."""
    body = cte.this
    at = len(chain) - 1
    while isinstance(body, exp.Subquery) and at > 0:
        body, at = body.this, at - 1
    return isinstance(body, exp.Union) and at > 0 and chain[at - 1] is body.expression


def _is_spelled(node: exp.Identifier, relations: set[str], pivots: bool) -> bool:
    """Whether the letter case of a name can show in the result.

    Names of tables and plain uses of columns do not: DuckDB gives a column the spelling of where it was made. An
    alias does, a struct's key does (`to_json`), and what stands behind a dot may be a key of JSON.
    """
    parent = node.parent
    if isinstance(parent, exp.Table):
        return False
    if isinstance(parent, exp.TableAlias):
        return node.arg_key != "this"
    if isinstance(parent, exp.Column):
        # PIVOT and UNPIVOT turn names into values and values into names
        if pivots and isinstance(parent.find_ancestor(exp.Pivot, exp.Query, exp.Table), exp.Pivot):
            return True
        qualifier = parent.args.get("table")
        return node.arg_key == "this" and qualifier is not None and qualifier.name.lower() not in relations
    if isinstance(parent, exp.Dot):
        return not isinstance(parent.find_ancestor(exp.Table, exp.Column, exp.Query), exp.Table)
    return True
