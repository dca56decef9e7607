"""`rows`: the table has at least `min` and at most `max` rows."""

from __future__ import annotations

from lakeorch.model import Check


def query(relation: str, check: Check) -> str:
    """One row with the number of rows, where that is out of bounds."""
    low, high = check.options.get("min"), check.options.get("max")
    bounds = [f"count(*) < {int(str(low))}"] if low is not None else []
    bounds += [f"count(*) > {int(str(high))}"] if high is not None else []
    if not bounds:
        raise ValueError("rows needs min, max or both")
    return f"SELECT count(*) AS rows FROM {relation} HAVING {' OR '.join(bounds)}"
