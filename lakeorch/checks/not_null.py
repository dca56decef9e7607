"""`not_null`: the column, or each of several, holds a value in every row."""

from __future__ import annotations

from lakeorch.model import Check
from lakeorch.types import identifier


def condition(check: Check) -> str:
    """True where any of the columns is NULL. The only check that a NULL breaks."""
    return " OR ".join(f"{identifier(column)} IS NULL" for column in check.columns)
