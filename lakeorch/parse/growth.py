"""Whether the rows that a query yields can be told by the new rows of one of its inputs. Imports sqlglot."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from lakeorch.model import Growth

_VOLATILE = {"uuid", "gen_random_uuid", "uuidv4", "uuidv7", "random", "nextval", "rand"}


def growth(nodes: Sequence[exp.Expr]) -> Growth:
    """How a query's rows follow from its inputs' rows.

    Args:
        nodes: of the query's tree, its root first.
    """
    loose: set[str] = set()
    calls: set[str] = set()
    ctes: dict[str, exp.CTE] = {}
    joins, branches = False, 0
    for node in nodes:
        if isinstance(node, exp.Join):
            joins = True
            loose |= _loosened(node, nodes[0])
        elif isinstance(node, exp.CTE):
            ctes[node.alias.lower()] = node
        elif isinstance(node, exp.SetOperation):
            branches += 1 + isinstance(node.this, exp.Select)
        elif isinstance(node, exp.Exists | exp.In | exp.Subquery):
            inside = isinstance(node, exp.Subquery) and isinstance(node.parent, exp.From | exp.Join | exp.CTE)
            if not inside and node.find(exp.Select):
                loose |= _names(node)
        if isinstance(node, exp.Func):
            calls.add((str(node.this) if isinstance(node, exp.Anonymous) else node.sql_name()).lower())
    waiting = [*loose]
    while waiting:  # a name of a CTE stands for what is in it
        cte = ctes.pop(waiting.pop(), None)
        found = _names(cte.this) - loose if cte is not None else set()
        loose |= found
        waiting += found
    return Growth(joins, max(1, branches), frozenset(loose), volatile=bool(_VOLATILE & calls))


def _loosened(join: exp.Join, tree: exp.Expr) -> set[str]:
    """The names of what a join brings rows with, or without, that are not told by its own."""
    side, kind = (join.side or "").upper(), (join.kind or "").upper()
    if side in {"RIGHT", "FULL"}:
        return _names(tree)
    return _names(join.this) if side == "LEFT" or kind in {"SEMI", "ANTI"} else set()


def _names(tree: exp.Expr) -> set[str]:
    """Names of tables as they are written, and the texts in them: paths of files."""
    found: set[str] = set()
    for node in tree.find_all(exp.Table, exp.Literal):
        if isinstance(node, exp.Table):
            found.add(".".join(part.name for part in node.parts).lower())
        elif node.is_string:
            found.add(str(node.this))
    return found
