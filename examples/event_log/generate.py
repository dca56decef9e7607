"""Writes the event log of a shop, a day at a time: `python generate.py DAY` for DAY 1, 2 or 3.

The same day gives the same bytes. Every day brings one file of events, and the list of customers as it is that evening.
From day 2 on it also brings the day before, from a collector that is a day late.
"""

from __future__ import annotations

import json
import random
import sys
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parent
START = datetime(2025, 3, 1)
CUSTOMERS = 20
CITIES = ("Berlin", "Lyon", "Oslo", "Porto")
STATES = ("placed", "paid", "shipped")


def events(day: int, collector: str, number: int) -> list[dict[str, object]]:
    """A day's events of one collector, in the order of time."""
    chance = random.Random(f"{day} {collector}")
    moments = sorted(chance.randrange(86_400) for _ in range(number))
    return [
        {
            "event_id": f"{collector}-{day}-{place:03}",
            "at": (START + timedelta(days=day - 1, seconds=second)).isoformat(),
            "customer_id": chance.randint(1, CUSTOMERS),
            # a third of the orders are those of the day before, a step further
            "order_id": (day - (1 if day > 1 and place % 3 == 0 else 0)) * 1000 + chance.randint(1, 30),
            "state": chance.choice(STATES),
            "amount": round(chance.uniform(5, 200), 2),
        }
        for place, second in enumerate(moments)
    ]


def customers(day: int) -> list[dict[str, object]]:
    """The list of customers on a day's evening: some have moved since, one has left by day 3."""
    chance = random.Random("customers")
    found: list[dict[str, object]] = []
    for number in range(1, CUSTOMERS + 1):
        home, moved = chance.choice(CITIES), chance.randint(2, 6)
        city = home if day < moved else CITIES[(CITIES.index(home) + 1) % len(CITIES)]
        changed = START + timedelta(days=moved - 1, hours=12) if day >= moved else START
        found.append({"customer_id": number, "city": city, "updated_at": changed.isoformat()})
    return found[1:] if day >= 3 else found


def write(path: Path, rows: list[dict[str, object]]) -> None:
    """One JSON object per line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def main(day: int) -> None:
    """Writes what a day brings, over what is there."""
    write(ROOT / f"raw/events/day{day}-web.jsonl", events(day, "web", 120))
    if day > 1:
        # the collector in the app is a day late
        write(ROOT / f"raw/events/day{day - 1}-app.jsonl", events(day - 1, "app", 40))
    write(ROOT / "raw/customers.jsonl", customers(day))


if __name__ == "__main__":
    main(int(sys.argv[1]))
