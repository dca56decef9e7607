"""A check in SQL: its plug-in, applied to one relation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, cast

from lakeorch import plugins
from lakeorch.model import Check


class _OneRow(Protocol):
    def condition(self, check: Check) -> str: ...


class _AnyRows(Protocol):
    def query(self, relation: str, check: Check) -> str: ...


@dataclass(frozen=True, slots=True)
class Rule:
    """A check in SQL.

    Attributes:
        query: selects the rows that break it.
        condition: true for such a row, where the check judges one row at a time; empty otherwise.
    """

    query: str
    condition: str = ""


def rule(check: Check, relation: str, now: datetime) -> Rule:
    """A check's plug-in applied to a relation.

    Raises:
        UsageError: no plug-in has the check's kind.
        ValueError: the check's options make no sense.
    """
    module = plugins.load("checks", check.kind)
    timed = replace(check, options={**check.options, "now": now})
    try:
        if "condition" in vars(module):
            text = cast(_OneRow, module).condition(timed)
            return Rule(f"SELECT * FROM {relation} WHERE {text}", text)
        return Rule(cast(_AnyRows, module).query(relation, timed))
    except (KeyError, IndexError) as error:
        raise ValueError(f"{check.kind} lacks {error}") from error
