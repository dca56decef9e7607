"""`unique`: no two rows have the same value, or the same values of several columns."""

from __future__ import annotations

from lakeorch.model import Check
from lakeorch.types import identifier


def query(relation: str, check: Check) -> str:
    """All rows of every group of equals, not only the surplus ones. Rows with a NULL among the columns pass."""
    columns = ", ".join(identifier(column) for column in check.columns)
    present = " AND ".join(f"{identifier(column)} IS NOT NULL" for column in check.columns)
    repeated = f"SELECT {columns} FROM {relation} WHERE {present} GROUP BY {columns} HAVING count(*) > 1"
    # grouping first: few rows are repeated, and a window over all rows would hold every one of them in memory
    return f"SELECT * FROM {relation} SEMI JOIN ({repeated}) AS repeated USING ({columns}) ORDER BY {columns}"
