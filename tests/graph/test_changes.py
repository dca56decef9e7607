"""What an edit of a query changes: columns and clauses."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lakeorch.graph.changes import query_change

TABLES = {"s.t": ("a", "b", "c"), "s.u": ("a", "d")}
SHORT = {"t": "s.t", "u": "s.u"}


def tables(name: str) -> tuple[str, Sequence[str] | None]:
    full = SHORT.get(name, name)
    return full, TABLES.get(full)


SAME = [
    ("SELECT a, b FROM s.t", "select A,\n b from S.T -- nothing"),
    ("SELECT a FROM s.t", "SELECT x.a FROM t AS x"),
    ("SELECT a FROM s.t", "WITH q AS (SELECT a, b FROM s.t) SELECT a FROM q"),
    ("WITH q AS (SELECT a FROM s.t) SELECT a FROM q", "WITH r AS (SELECT a FROM s.t) SELECT r.a FROM r"),
    ("SELECT a FROM s.t", "WITH unused AS (SELECT 1 AS z) SELECT a FROM s.t"),
    ("SELECT * FROM s.t", "SELECT a, b, c FROM s.t"),
    ("SELECT a, sum(b) AS b FROM s.t GROUP BY a", "SELECT a, sum(b) AS b FROM s.t GROUP BY ALL"),
    ("SELECT a, sum(b) AS b FROM s.t GROUP BY a", "SELECT a, sum(b) AS b FROM s.t GROUP BY 1"),
    ("SELECT a, b FROM s.t ORDER BY a", "SELECT a, b FROM s.t ORDER BY b"),
    ("SELECT a FROM s.t", "SELECT a, b AS fresh FROM s.t"),
    ("SELECT a, b FROM s.t", "SELECT b, a FROM s.t"),
    ("WITH q(x) AS (SELECT a FROM s.t) SELECT x FROM q", "SELECT x FROM (SELECT a FROM s.t) AS q(x)"),
    ("WITH q(x) AS (SELECT a, b FROM s.t) SELECT x, b FROM q", "SELECT a AS x, b FROM s.t"),
    ("SELECT * FROM other.t", "SELECT * FROM other.t AS o"),
    (
        "SELECT a FROM s.t UNION ALL BY NAME SELECT a FROM s.u",
        "(SELECT a FROM s.t) UNION ALL BY NAME SELECT a FROM s.u",
    ),
]

CHANGED = [
    ("SELECT a, b FROM s.t", "SELECT a, b + 1 AS b FROM s.t", {"b"}, ()),
    ("SELECT a, b FROM s.t", "SELECT b AS a, a AS b FROM s.t", {"a", "b"}, ()),
    ("SELECT * FROM s.t", "SELECT * REPLACE (a + 1 AS a) FROM s.t", {"a"}, ()),
    ("SELECT * FROM s.t", "SELECT * RENAME (a AS b, b AS a) FROM s.t", {"a", "b"}, ()),
    ("SELECT a + 1 AS x, x * 2 AS y FROM s.t", "SELECT a + 2 AS x, x * 2 AS y FROM s.t", {"x", "y"}, ()),
    (
        "WITH q AS (SELECT a, b AS x FROM s.t) SELECT a, x FROM q",
        "WITH q AS (SELECT a, c AS x FROM s.t) SELECT a, x FROM q",
        {"x"},
        (),
    ),
    ("SELECT a FROM s.t", "SELECT a FROM s.t WHERE a > 1", set(), ("WHERE",)),
    ("SELECT a FROM s.t", "WITH q AS (SELECT a FROM s.t WHERE b > 1) SELECT a FROM q", set(), ("WHERE",)),
    ("SELECT a FROM s.t WHERE a > 1", "SELECT a FROM s.t WHERE a > 2", set(), ("WHERE",)),
    (
        "SELECT a, count(b) AS n FROM s.t GROUP BY a",
        "SELECT a, count(b) AS n FROM s.t GROUP BY a, b",
        set(),
        ("GROUP BY",),
    ),
    (
        "SELECT a, sum(c) AS n FROM s.t GROUP BY 1",
        "SELECT b AS a, sum(c) AS n FROM s.t GROUP BY 1",
        {"a"},
        ("GROUP BY",),
    ),
    ("SELECT a FROM s.t", "SELECT DISTINCT a FROM s.t", set(), ("DISTINCT",)),
    (
        "SELECT a, d AS b FROM s.u UNION ALL BY NAME SELECT b FROM s.t",
        "SELECT a, d AS b FROM s.u UNION ALL BY NAME SELECT c AS b FROM s.t",
        {"b"},
        (),
    ),
    ("SELECT other.t.a FROM other.t", "SELECT other.t.b AS a FROM other.t", {"a"}, ()),
    ("SELECT x FROM other.t AS q(x)", "SELECT x FROM other.t AS q(y, x)", {"x"}, ()),
    ("FROM s.t SELECT a USING SAMPLE 3", "FROM s.t SELECT a USING SAMPLE 4", set(), ("SAMPLE",)),
    ("SELECT a FROM s.t", "SELECT t.a FROM s.t JOIN s.u ON t.a = u.a", set(), ("JOIN",)),
    ("SELECT t.a FROM s.t JOIN s.u USING (a)", "SELECT t.a FROM s.t LEFT JOIN s.u USING (a)", set(), ("JOIN",)),
    ("SELECT a FROM s.t", "SELECT a FROM s.u", {"a"}, ("FROM",)),
    ("SELECT a FROM s.t UNION ALL SELECT a FROM s.u", "SELECT a FROM s.t UNION SELECT a FROM s.u", set(), ("UNION",)),
    ("SELECT a FROM s.t UNION ALL SELECT a FROM s.u", "SELECT a FROM s.t UNION ALL SELECT d FROM s.u", {"a"}, ()),
    ("SELECT a FROM s.t ORDER BY a LIMIT 3", "SELECT a FROM s.t ORDER BY b LIMIT 3", set(), ("LIMIT",)),
    ("SELECT a FROM s.t", "SELECT a FROM s.t QUALIFY row_number() OVER (ORDER BY b) = 1", set(), ("QUALIFY",)),
    ("SELECT x.a FROM s.t x, s.t y", "SELECT y.a FROM s.t x, s.t y", {"a"}, ()),
    ("SELECT a FROM read_csv('x.csv')", "SELECT a FROM read_csv('y.csv')", {"a"}, ("FROM",)),
    ("SELECT a, (SELECT max(d) FROM s.u) AS m FROM s.t", "SELECT a, (SELECT min(d) FROM s.u) AS m FROM s.t", {"m"}, ()),
    (
        "WITH RECURSIVE r AS (SELECT a FROM s.t UNION ALL SELECT a + 1 FROM r WHERE a < 9) SELECT a FROM r",
        "WITH RECURSIVE r AS (SELECT a FROM s.t UNION ALL SELECT a + 2 FROM r WHERE a < 9) SELECT a FROM r",
        {"a"},
        (),
    ),
]


@pytest.mark.parametrize(("old", "new"), SAME)
def test_what_does_not_count(old: str, new: str) -> None:
    change = query_change(old, new, ["a", "b"], tables)
    assert (change.columns, change.clauses) == (frozenset(), ())


@pytest.mark.parametrize(("old", "new", "columns", "clauses"), CHANGED)
def test_what_counts(old: str, new: str, columns: set[str], clauses: tuple[str, ...]) -> None:
    change = query_change(old, new, ["A", "b", "c", "x", "y", "n", "m"], tables)
    assert (set(change.columns), change.clauses) == (columns, clauses)
    back = query_change(new, old, ["A", "b", "c", "x", "y", "n", "m"], tables)
    assert (set(back.columns), back.clauses) == (columns, clauses)


def test_a_variable_with_another_value_changes_what_uses_it() -> None:
    sql = "SELECT a * $rate AS x, b AS y FROM s.t WHERE c > $least"
    assert not query_change(sql, sql, ["x", "y"], tables).columns
    assert query_change(sql, sql, ["x", "y"], tables, ["rate"]).columns == {"x"}
    assert query_change(sql, sql, ["x", "y"], tables, ["least"]).clauses == ("WHERE",)


def test_of_a_query_that_cannot_be_read_everything_counts() -> None:
    assert query_change("SELECT FROM FROM", "SELECT a FROM s.t", ["a", "b"], tables).columns == {"a", "b"}


def test_a_long_chain_of_ctes_stays_quick() -> None:
    links = ", ".join(f"q{n} AS (SELECT a + a AS a, b FROM q{n - 1})" for n in range(1, 60))
    old = f"WITH q0 AS (SELECT a, b FROM s.t), {links} SELECT a, b FROM q59"
    change = query_change(old, old.replace("SELECT a, b FROM s.t", "SELECT c AS a, b FROM s.t"), ["a", "b"], tables)
    assert change.columns == {"a"}
