"""---
description: The pauses of each bicycle between two rides, in minutes
columns:
  bike:    {type: string, checks: [not_null]}
  ride:    {type: long, description: The ride that ended the pause, checks: [not_null, unique]}
  minutes: {type: long, checks: [not_null, {min: 0}]}
---"""

from collections.abc import Iterator

import duckdb


def model(rides: duckdb.DuckDBPyRelation) -> Iterator[list[dict[str, object]]]:
    """Yields pauses a thousand rides at a time, so that their number does not matter."""
    ordered = rides.order("bike, started_at").project("bike, ride, started_at")
    last_bike, last_start = "", None
    while rows := ordered.fetchmany(1000):
        pauses: list[dict[str, object]] = []
        for bike, ride, started_at in rows:
            if bike == last_bike:
                minutes = int((started_at - last_start).total_seconds() // 60)
                pauses.append({"bike": bike, "ride": ride, "minutes": minutes})
            last_bike, last_start = bike, started_at
        yield pauses
