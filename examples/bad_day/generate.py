"""Writes a day's sales of three shops: `python generate.py DAY [--in-cents]`. The same day gives the same data."""

from __future__ import annotations

import random
import sys
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).parent
MONDAY = date(2025, 6, 2)


def main(day: int, *, in_cents: bool) -> None:
    """Writes `raw/sales/<date>.csv`; in cents (as after the update of the tills), each amount is 100 times as much."""
    chance = random.Random(day)
    told = MONDAY + timedelta(days=day - 1)
    lines = ["sale_id,shop,sold_on,amount"]
    for number in range(60):
        amount = chance.randint(150, 9_000)
        lines.append(f"{day * 1000 + number},{chance.choice('ABC')},{told},{amount if in_cents else amount / 100:.2f}")
    path = ROOT / f"raw/sales/{told}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(int(sys.argv[1]), in_cents="--in-cents" in sys.argv)
