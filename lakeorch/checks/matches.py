"""`matches`: the text fits a regular expression."""

from __future__ import annotations

from lakeorch.model import Check
from lakeorch.types import identifier, literal


def condition(check: Check) -> str:
    """True where `pattern` is found nowhere in the text; write `^…$` to match all of it. NULL passes."""
    return f"NOT regexp_matches({identifier(check.columns[0])}, {literal(check.options['pattern'])})"
