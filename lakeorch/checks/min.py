"""`min`: no value of the column is less than the bound."""

from __future__ import annotations

from lakeorch.model import Check
from lakeorch.types import identifier, literal


def condition(check: Check) -> str:
    """True where the value is less than `value`, a number or a date. NULL passes; NaN is never less."""
    return f"{identifier(check.columns[0])} < {literal(check.options['value'])}"
