"""`sql`: a SELECT of FOLDER/checks yields no row."""

from __future__ import annotations

from lakeorch.model import Check


def query(relation: str, check: Check) -> str:
    """The rows of the SELECT `sql` itself; it names the tables that it is about."""
    del relation
    return f"SELECT * FROM (\n{check.options['sql']}\n)"
