"""Whether the rows that a query yields can be told by the new rows of one of its inputs. Imports sqlglot."""

from __future__ import annotations

from sqlglot import exp

from lakeorch.model import Growth

_VOLATILE = {"uuid", "gen_random_uuid", "uuidv4", "uuidv7", "random", "nextval", "rand"}


def growth(tree: exp.Expr) -> Growth:
    """How a query's rows follow from its inputs' rows.

    Args:
        tree: of the query.
    """
    branches = sum(1 + isinstance(node.this, exp.Select) for node in tree.find_all(exp.SetOperation))
    loose: set[str] = set()
    for join in tree.find_all(exp.Join):
        side = (join.side or "").upper()
        kind = (join.kind or "").upper()
        if side in {"RIGHT", "FULL"}:
            loose |= _names(tree)
        elif side == "LEFT" or kind in {"SEMI", "ANTI"}:
            loose |= _names(join.this)
    for query in tree.find_all(exp.Exists, exp.In, exp.Subquery):
        inside = isinstance(query, exp.Subquery) and isinstance(query.parent, exp.From | exp.Join | exp.CTE)
        if not inside and query.find(exp.Select):
            loose |= _names(query)
    ctes = {cte.alias.lower(): _names(cte.this) for cte in tree.find_all(exp.CTE)}
    for _ in ctes:  # a name of a CTE stands for what is in it
        loose |= {name for alias, names in ctes.items() if alias in loose for name in names}
    calls = {str(call.this).lower() for call in tree.find_all(exp.Anonymous)}
    kinds = {call.sql_name().lower() for call in tree.find_all(exp.Func) if not isinstance(call, exp.Anonymous)}
    return Growth(
        joins=tree.find(exp.Join) is not None,
        branches=max(1, branches),
        loose=frozenset(loose),
        volatile=bool(_VOLATILE & (calls | kinds)),
    )


def _names(node: exp.Expr) -> set[str]:
    """Names of tables as they are written, and the texts in them: paths of files."""
    tables = {".".join(part.name for part in table.parts).lower() for table in node.find_all(exp.Table)}
    return tables | {str(text.this) for text in node.find_all(exp.Literal) if text.is_string}
