"""Which tables a query names: by rule, and against DuckDB's own answer."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeorch.parse import parse_query


def names(sql: str) -> list[str]:
    facts = parse_query(sql)
    assert facts.findings == ()
    return [reference.name for reference in facts.references]


CASES = {
    "plain": ("SELECT * FROM a.t", ["a.t"]),
    "lower case": ('SELECT * FROM A."T"', ["a.t"]),
    "deep": ("SELECT * FROM a.b.c.t", ["a.b.c.t"]),
    "a dot in a quoted part": ('SELECT * FROM a."b.c"', ['a."b.c"']),
    "twice": ("SELECT * FROM t, t AS u", ["t", "t"]),
    "alias first": ("SELECT * FROM x: a.t", ["a.t"]),
    "from first": ("FROM a.t SELECT x", ["a.t"]),
    "from only": ("FROM a.t", ["a.t"]),
    "table": ("TABLE a.t", ["a.t"]),
    "text": ("SELECT * FROM 't'", ["t"]),
    "set operations": (
        "SELECT 1 FROM a UNION ALL BY NAME FROM b EXCEPT (SELECT 1 FROM c) ORDER BY 1",
        ["a", "b", "c"],
    ),
    "scalar sub-query": ("SELECT (SELECT max(x) FROM u) FROM t", ["u", "t"]),
    "exists, in, any": (
        "SELECT 1 FROM t WHERE EXISTS (FROM u) AND x IN (FROM v) AND y > ALL (SELECT 1 FROM w)",
        ["t", "u", "v", "w"],
    ),
    "qualify": (
        "SELECT * FROM t QUALIFY row_number() OVER (PARTITION BY a ORDER BY (SELECT max(x) FROM u)) = 1",
        ["t", "u"],
    ),
    "lateral": ("SELECT * FROM t, LATERAL (SELECT t.a + u.b FROM u) x", ["t", "u"]),
    "joins": (
        "SELECT * FROM a SEMI JOIN b USING (x) ANTI JOIN c USING (x) POSITIONAL JOIN d "
        "ASOF LEFT JOIN e ON a.t >= e.t CROSS JOIN f NATURAL JOIN g FULL JOIN h ON true",
        ["a", "b", "c", "d", "e", "f", "g", "h"],
    ),
    "join in brackets": ("SELECT * FROM (a JOIN (b JOIN c ON true) ON true)", ["a", "b", "c"]),
    "pivot": ("PIVOT a.t ON k USING sum(v) GROUP BY g", ["a.t"]),
    "pivot in from": ("SELECT * FROM a.t PIVOT (sum(v) FOR k IN (1, 2))", ["a.t"]),
    "pivot of a query": ("PIVOT (SELECT * FROM a.t) ON k USING sum(v)", ["a.t"]),
    "unpivot": ("UNPIVOT a.t ON x, y INTO NAME n VALUE v", ["a.t"]),
    "sample": ("SELECT * FROM t USING SAMPLE 10", ["t"]),
    "table functions": ("SELECT * FROM range(5) r, unnest([1]) u, generate_series(1, 2), t", ["t"]),
    "values": ("SELECT * FROM (VALUES (1)) v(x), t", ["t"]),
    "qualified columns": ("SELECT a.t.x, t.y, t.* FROM a.t", ["a.t"]),
    "comprehension": ("SELECT [x FOR x IN l IF x > 1] FROM t", ["t"]),
    "hidden by a CTE": ("WITH t AS (SELECT 1) SELECT * FROM t, T, \"t\"", []),
    "not hidden when qualified": ("WITH t AS (SELECT 1) SELECT * FROM a.t", ["a.t"]),
    "a CTE over the table it is named after": ("WITH t AS (SELECT * FROM t) SELECT * FROM t", ["t"]),
    "the same, qualified": ("WITH t AS (SELECT * FROM a.t) SELECT * FROM t", ["a.t"]),
    "a CTE sees the ones before": ("WITH x AS (SELECT 1), y AS (FROM x) FROM y", []),
    "but not the ones behind": ("WITH x AS (FROM y), y AS (SELECT 1) FROM x, y", ["y"]),
    "nor even a recursive one": ("WITH RECURSIVE x AS (FROM y), y AS (SELECT 1) FROM x, y", ["y"]),
    "nested WITH": ("WITH x AS (WITH y AS (FROM t) FROM y) FROM x, y", ["t", "y"]),
    "nested WITH of the same name": ("WITH t AS (WITH t AS (FROM t) FROM t) FROM t", ["t"]),
    "WITH inside brackets ends there": ("(WITH x AS (SELECT 1) FROM x) UNION ALL FROM x", ["x"]),
    "WITH before a union reaches both": ("WITH x AS (SELECT 1) FROM x UNION ALL FROM x", []),
    "WITH reaches sub-queries": ("WITH x AS (SELECT 1) SELECT (FROM x) FROM t WHERE EXISTS (FROM x)", ["t"]),
    "recursion": ("WITH RECURSIVE t AS (SELECT 1 n UNION ALL SELECT n + 1 FROM t WHERE n < 9) FROM t", []),
    "the base of a recursion": ("WITH RECURSIVE t AS (FROM t UNION ALL SELECT n FROM t WHERE n < 9) FROM t", ["t"]),
    "recursive without a union": ("WITH RECURSIVE t AS (FROM t) FROM t", ["t"]),
    "recursive with except": ("WITH RECURSIVE t AS (SELECT 1 EXCEPT FROM t) FROM t", ["t"]),
    "a union that is not recursive": ("WITH t AS (SELECT 1 UNION ALL FROM t) FROM t", ["t"]),
    "all rows so far of a recursion": (
        "WITH RECURSIVE t(k, v) USING KEY (k) AS (SELECT 1, 1 UNION FROM recurring.t WHERE v < 2) FROM t",
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_rule(case: str) -> None:
    sql, wanted = CASES[case]
    assert names(sql) == wanted


def test_spans_cover_the_name_alone() -> None:
    sql = 'WITH x AS (SELECT * FROM "Raw Data" . sales s) SELECT * FROM x JOIN A.b.C AS c USING (k)'
    found = [sql[ref.span.start : ref.span.end] for ref in parse_query(sql).references]
    assert found == ['"Raw Data" . sales', "A.b.C"]


def test_a_function_that_hides_tables_is_a_finding() -> None:
    for call in ("query_table('a.t')", "query('FROM a.t')"):
        (finding,) = parse_query(f"SELECT * FROM {call}").findings
        assert "hides" in finding.message
        assert finding.place.column == 15


# ---- against DuckDB ---------------------------------------------------------------------------------------------

POOL = ("a", "b", "c", "d")
table = st.sampled_from((*POOL, "s.a", "s.b"))


def queries(depth: int) -> st.SearchStrategy[str]:
    """Queries over few names, so that WITHs hide tables and each other all the time."""
    if depth == 0:
        return st.one_of(st.just("SELECT 1 AS k"), table.map(lambda name: f"SELECT k FROM {name}"))
    inner = queries(depth - 1)
    return st.one_of(
        inner,
        st.tuples(inner, inner).map(lambda both: f"({both[0]}) UNION ALL ({both[1]})"),
        st.tuples(inner, inner).map(lambda both: f"{both[0]} UNION {both[1]}" if "(" not in "".join(both) else both[0]),
        st.tuples(inner, table).map(lambda both: f"SELECT x.k FROM ({both[0]}) x, {both[1]} y"),
        st.tuples(inner, table).map(lambda both: f"SELECT k FROM {both[1]} WHERE k IN ({both[0]})"),
        st.tuples(
            st.booleans(),
            st.lists(st.tuples(st.sampled_from(POOL), inner), min_size=1, max_size=3, unique_by=lambda cte: cte[0]),
            inner,
        ).map(with_clause),
    )


def with_clause(parts: tuple[bool, list[tuple[str, str]], str]) -> str:
    recursive, ctes, body = parts
    listed = ", ".join(f"{name} AS ({query})" for name, query in ctes)
    # DuckDB does not look into a CTE that nothing uses
    used = " AND ".join(f"k IN (SELECT k FROM {name})" for name, _ in ctes)
    return f"SELECT k FROM (WITH {'RECURSIVE ' if recursive else ''}{listed} SELECT * FROM ({body}) z WHERE {used})"


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA s")
    for name in (*POOL, "s.a", "s.b"):
        connection.execute(f"CREATE TABLE {name} AS SELECT 1 AS k")
    return connection


@settings(max_examples=250, deadline=None)
@given(sql=queries(3))
def test_duckdb_finds_the_same(database: duckdb.DuckDBPyConnection, sql: str) -> None:
    try:
        wanted = database.get_table_names(sql, qualified=True)
    except duckdb.Error as error:
        # what DuckDB forbids inside a recursive part is no concern of names
        if "recursive" in str(error).lower():
            return
        raise
    assert set(names(sql)) == {name.split(" AS ")[0].lower() for name in wanted}
