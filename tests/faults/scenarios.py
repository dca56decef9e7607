"""Small projects before and after an edit, and what their tables hold then, written down by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Files = Mapping[str, str]
Tables = Mapping[str, Any]


@dataclass(frozen=True)
class Scenario:
    """An edit of a project, and the run after it in which something goes wrong.

    Attributes:
        before: files, in the order of the runs that published them; none for a first run ever.
        after: what the edit adds or overwrites.
        old, new: what the tables hold before and after the run.
        ends: the status of a run in which nothing goes wrong, and of every later one.
        branches: what else is readable afterwards.
    """

    name: str
    before: tuple[Files, ...]
    after: Files
    old: Tables
    new: Tables
    ends: tuple[str, str] = ("published", "nothing to do")
    branches: Tables = field(default_factory=dict)


def table(columns: str, *rows: str) -> list[Any]:
    """`table("id what", "1 a")`, as `reader.look` gives it."""
    return [columns.split(), sorted(row.split() for row in rows)]


LOG = "/* ---\nmaterialized: append\nchecks: [{rows: {min: 1}}]\n--- */\nSELECT id, what FROM read_csv('raw/log/*.csv')"
SALES = "/* ---\ncolumns: {id: {checks: [not_null]}}\nchecks: [{unique: [id]}]\n--- */\n"

THREE = Scenario(
    "an append, an added column and a new table",
    before=(
        {
            "raw/log/1.csv": "id,what\n1,a\n2,b\n",
            "raw/sales.csv": "id,amount\n1,10\n2,20\n3,30\n",
            "models/a/log.sql": LOG,
            "models/a/sales.sql": SALES + "SELECT id, amount FROM read_csv('raw/sales.csv')",
        },
    ),
    after={
        "raw/log/2.csv": "id,what\n3,c\n",
        "models/a/sales.sql": SALES + "SELECT id, amount, amount * 2 AS twice FROM read_csv('raw/sales.csv')",
        "models/a/fresh.sql": "SELECT id, what, twice FROM a.sales JOIN a.log USING (id)",
    },
    old={
        "a.log": table("id what", "1 a", "2 b"),
        "a.sales": table("id amount", "1 10", "2 20", "3 30"),
    },
    new={
        "a.fresh": table("id what twice", "1 a 20", "2 b 40", "3 c 60"),
        "a.log": table("id what", "1 a", "2 b", "3 c"),
        "a.sales": table("id amount twice", "1 10 20", "2 20 40", "3 30 60"),
    },
)
