"""`max`: no value of the column is more than the bound."""

from __future__ import annotations

from lakeorch.model import Check
from lakeorch.types import identifier, literal


def condition(check: Check) -> str:
    """True where the value is more than `value`, a number or a date. NULL passes; NaN is more than any number."""
    return f"{identifier(check.columns[0])} > {literal(check.options['value'])}"
