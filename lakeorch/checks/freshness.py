"""`freshness`: the newest value of a date or time is not older than so long before the run."""

from __future__ import annotations

from datetime import datetime

from lakeorch.model import Check
from lakeorch.types import identifier, literal


def query(relation: str, check: Check) -> str:
    """One row with the newest value and the oldest accepted, where it is older than `seconds` before the run.

    NULLs do not count. A table without any value breaks it: there is nothing fresh. A date counts as its midnight,
    a timestamp without time zone as UTC.
    """
    now, seconds = check.options["now"], int(str(check.options["seconds"]))
    if not isinstance(now, datetime):
        raise ValueError("freshness needs the time of the run")
    newest = f"max(CAST({identifier(check.columns[0])} AS TIMESTAMPTZ))"
    oldest = f"{literal(now)} - to_seconds({seconds})"
    return (
        f"SELECT {newest} AS newest, {oldest} AS oldest_accepted FROM {relation} "
        f"HAVING {newest} IS NULL OR {newest} < {oldest}"
    )
