"""Small projects before and after an edit, and what their tables hold then, written down by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Files = Mapping[str, str]
Tables = Mapping[str, Any]


@dataclass(frozen=True)
class Scenario:
    """An edit of a project, and the run after it in which something goes wrong.

    Attributes:
        before: files, in the order of the runs that published them; none for a first run ever.
        prepared: commands after those runs, each with files that are written first.
        after: what the edit adds or overwrites.
        old, new: what the tables hold before and after the run.
        ends: the status of a run in which nothing goes wrong, and of every later one.
        branches, rejected: what else is readable afterwards, by a branch or by a metadata file.
        edit: what the user edits next, perhaps before the run that failed is done again; none for no such trial.
        edited: what the tables hold after that.
        command: what is done in place of the run; see `commands`.
    """

    name: str
    before: tuple[Files, ...]
    after: Files
    old: Tables
    new: Tables
    ends: tuple[str, str] = ("published", "nothing to do")
    branches: Sequence[Any] = ()
    rejected: Sequence[Any] = ()
    edit: Files = field(default_factory=dict)
    edited: Tables = field(default_factory=dict)
    command: tuple[str, ...] = ("run",)
    prepared: tuple[tuple[Files, tuple[str, ...]], ...] = ()


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
    edit={
        "raw/log/3.csv": "id,what\n4,d\n",
        "models/a/sales.sql": SALES + "SELECT id, amount, amount * 3 AS thrice FROM read_csv('raw/sales.csv')",
        "models/a/fresh.sql": "SELECT id, what, thrice FROM a.sales JOIN a.log USING (id)",
    },
    edited={
        "a.fresh": table("id what thrice", "1 a 30", "2 b 60", "3 c 90"),
        "a.log": table("id what", "1 a", "2 b", "3 c", "4 d"),
        "a.sales": table("id amount thrice", "1 10 30", "2 20 60", "3 30 90"),
    },
)

FIRST = Scenario(
    "the first run ever",
    before=(),
    after={
        "raw/log/1.csv": "id,what\n1,a\n2,b\n",
        "models/a/log.sql": LOG,
        "models/b/count.sql": "SELECT count(*) AS n FROM a.log",
    },
    old={},
    new={"a.log": table("id what", "1 a", "2 b"), "b.count": table("n", "2")},
    edit={"raw/log/2.csv": "id,what\n3,c\n"},
    edited={"a.log": table("id what", "1 a", "2 b", "3 c"), "b.count": table("n", "3")},
)

MERGE_QUERY = "SELECT k, v FROM read_csv('raw/m/*.csv')"
MERGE = Scenario(
    "a merge that rewrites one file of two, and its reader",
    before=(
        {
            "raw/m/1.csv": "k,v\n1,10\n2,20\n",
            "models/a/m.sql": f"/* ---\nmaterialized: merge\nunique_key: [k]\n--- */\n{MERGE_QUERY}",
            "models/a/total.sql": "SELECT sum(v)::BIGINT AS total FROM a.m",
        },
        {"raw/m/2.csv": "k,v\n3,30\n4,40\n"},
    ),
    after={"raw/m/3.csv": "k,v\n1,11\n5,50\n"},
    old={"a.m": table("k v", "1 10", "2 20", "3 30", "4 40"), "a.total": table("total", "100")},
    new={"a.m": table("k v", "1 11", "2 20", "3 30", "4 40", "5 50"), "a.total": table("total", "151")},
    edit={"raw/m/4.csv": "k,v\n2,22\n6,60\n"},
    edited={
        "a.m": table("k v", "1 11", "2 22", "3 30", "4 40", "5 50", "6 60"),
        "a.total": table("total", "213"),
    },
)

OVERWRITE = Scenario(
    "an overwrite of a partitioned table, and its reader",
    before=(
        {
            "raw/sales.csv": "id,region\n1,n\n2,s\n3,n\n",
            "models/a/sales.sql": "/* ---\npartition_by: [region]\n--- */\n"
            "SELECT id, region FROM read_csv('raw/sales.csv')",
            "models/b/count.sql": "SELECT region, count(*) AS n FROM a.sales GROUP BY ALL",
        },
    ),
    after={"raw/sales.csv": "id,region\n1,n\n2,w\n3,w\n4,n\n"},
    old={"a.sales": table("id region", "1 n", "2 s", "3 n"), "b.count": table("region n", "n 2", "s 1")},
    new={"a.sales": table("id region", "1 n", "2 w", "3 w", "4 n"), "b.count": table("region n", "n 2", "w 2")},
)

VERSION = "valid_from valid_to current"
CHECKED = "/* ---\ncolumns: {x: {checks: [{max: 3}]}}\n--- */\nSELECT x FROM a.src"
REJECTED = Scenario(
    "two rejected steps, one of a new table, beside one that is published",
    before=(
        {
            "raw/a.csv": "x\n1\n",
            "models/a/src.sql": "SELECT x FROM read_csv('raw/*.csv')",
            "models/a/bad.sql": CHECKED,
            "models/a/reader.sql": "SELECT sum(x)::BIGINT AS s FROM a.bad",
            "models/z/alone.sql": "SELECT count(*) AS n FROM read_csv('raw/*.csv')",
        },
    ),
    after={"raw/b.csv": "x\n7\n", "models/a/fresh.sql": CHECKED},
    old={"a.bad": table("x", "1"), "a.reader": table("s", "1"), "a.src": table("x", "1"), "z.alone": table("n", "1")},
    new={"a.bad": table("x", "1"), "a.reader": table("s", "1"), "a.src": table("x", "1"), "z.alone": table("n", "2")},
    ends=("failed", "failed"),
    branches=(table("x", "1", "7"),),
    rejected=(table("x", "1", "7"),),
    edit={f"models/a/{name}.sql": CHECKED.replace("max: 3", "max: 9") for name in ("bad", "fresh")},
    edited={
        "a.bad": table("x", "1", "7"),
        "a.fresh": table("x", "1", "7"),
        "a.reader": table("s", "8"),
        "a.src": table("x", "1", "7"),
        "z.alone": table("n", "2"),
    },
)

DESCRIBED = "/* ---\ndescription: {0}\ncolumns: {{x: {{description: {0} column}}}}\n--- */\n"
DESCRIPTIONS = Scenario(
    "other descriptions of two tables, and nothing else",
    before=(
        {
            "models/a/t.sql": DESCRIBED.format("old") + "SELECT 1 AS x",
            "models/a/u.sql": DESCRIBED.format("old") + "SELECT x FROM a.t",
        },
    ),
    after={
        "models/a/t.sql": DESCRIBED.format("new") + "SELECT 1 AS x",
        "models/a/u.sql": DESCRIBED.format("new") + "SELECT x FROM a.t",
    },
    old={"a.t": table("x", "1"), "a.u": table("x", "1")},
    new={"a.t": table("x", "1"), "a.u": table("x", "1")},
    edit={
        "models/a/t.sql": DESCRIBED.format("newest") + "SELECT 1 AS x",
        "models/a/u.sql": DESCRIBED.format("newest") + "SELECT x FROM a.t",
    },
)

CUT_OFF = Scenario(
    "a rebuild that yields the same rows, and a reader that yields others",
    before=(
        {
            "models/a/same.sql": "SELECT i % 2 AS grp, count(*) AS n FROM range(4) t(i) GROUP BY ALL",
            "models/a/reader.sql": "SELECT sum(n)::BIGINT AS total FROM a.same",
            "models/a/other.sql": "SELECT count(*) AS x FROM a.same",
        },
    ),
    after={
        "models/a/same.sql": "SELECT i % 2 AS grp, count(i) AS n FROM range(4) t(i) GROUP BY ALL",
        "models/a/other.sql": "SELECT count(*) + 1 AS x FROM a.same",
    },
    old={"a.other": table("x", "2"), "a.reader": table("total", "4"), "a.same": table("grp n", "0 2", "1 2")},
    new={"a.other": table("x", "3"), "a.reader": table("total", "4"), "a.same": table("grp n", "0 2", "1 2")},
    edit={"models/a/same.sql": "SELECT i % 2 AS grp, count(i) + 1 AS n FROM range(4) t(i) GROUP BY ALL"},
    edited={"a.other": table("x", "3"), "a.reader": table("total", "6"), "a.same": table("grp n", "0 3", "1 3")},
)

HISTORY = Scenario(
    "a history that closes one version and opens two, and its reader",
    before=(
        {
            "raw/stores.csv": "id,city\n1,Rome\n2,Oslo\n",
            "models/a/stores.sql": "/* ---\nmaterialized: history\nunique_key: [id]\n--- */\n"
            "SELECT id, city FROM read_csv('raw/stores.csv')",
            "models/b/now.sql": "SELECT id, city FROM a.stores WHERE current",
        },
    ),
    after={"raw/stores.csv": "id,city\n1,Rome\n2,Bergen\n3,Wien\n"},
    old={
        "a.stores": table(f"id city {VERSION}", "1 Rome time None True", "2 Oslo time None True"),
        "b.now": table("id city", "1 Rome", "2 Oslo"),
    },
    new={
        "a.stores": table(
            f"id city {VERSION}",
            "1 Rome time None True",
            "2 Oslo time time False",
            "2 Bergen time None True",
            "3 Wien time None True",
        ),
        "b.now": table("id city", "1 Rome", "2 Bergen", "3 Wien"),
    },
)

IDLE = Scenario(
    "a run that has nothing to do", OVERWRITE.before, {}, OVERWRITE.old, OVERWRITE.old, ("nothing to do",) * 2
)

ROLLBACK = Scenario(
    "a run with an added column is taken back",
    before=(*THREE.before, {**THREE.after, "models/a/fresh.sql": "SELECT id FROM a.log"}),
    after={},
    old={
        "a.fresh": table("id", "1", "2", "3"),
        "a.log": table("id what", "1 a", "2 b", "3 c"),
        "a.sales": table("id amount twice", "1 10 20", "2 20 40", "3 30 60"),
    },
    new={
        "a.fresh": table("id", "1", "2", "3"),
        "a.log": table("id what", "1 a", "2 b"),
        "a.sales": table("id amount", "1 10", "2 20", "3 30"),
    },
    ends=("rolled back", "raised"),
    command=("rollback",),
)

PROMOTE = Scenario(
    "what was made in an environment becomes production's",
    before=THREE.before,
    prepared=((THREE.after, ("run", "dev")),),
    after={},
    old=THREE.old,
    new=THREE.new,
    ends=("promoted", "nothing to do"),
    command=("promote", "dev"),
)

SCENARIOS = (THREE, FIRST, MERGE, HISTORY, OVERWRITE, REJECTED, DESCRIPTIONS, CUT_OFF, IDLE, ROLLBACK, PROMOTE)
