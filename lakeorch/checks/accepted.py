"""`accepted`: the column holds only the values listed."""

from __future__ import annotations

from lakeorch.model import Check
from lakeorch.types import identifier, literal


def condition(check: Check) -> str:
    """True where the value is not one of `values`. NULL passes, listed or not."""
    values = check.options["values"]
    if not isinstance(values, list | tuple):
        raise ValueError("values must be a list")
    column = identifier(check.columns[0])
    # one NULL in the list of NOT IN would let every value pass
    known = [value for value in values if value is not None]
    return f"{column} NOT IN ({literal(known)})" if known else f"{column} IS NOT NULL"
