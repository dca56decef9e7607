"""`expression`: a condition in SQL holds in every row."""

from __future__ import annotations

from lakeorch.model import Check


def condition(check: Check) -> str:
    """True where the condition `sql` is false. Where it is NULL, the row passes."""
    # on lines of its own: it may end in a line comment
    return f"NOT (\n{check.options['sql']}\n)"
