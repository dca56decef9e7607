"""The hash of a query: still for layout, moved by anything else."""

from __future__ import annotations

import re
import subprocess
import sys

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeorch.parse import parse_query

SQL = """
WITH typed AS (
    SELECT store_id, CAST(sold_at AS TIMESTAMP) AS sold, amount::DECIMAL(18,2) AS amount, 'Ünï''t' AS unit
    FROM staging.sales s WHERE s.amount IS NOT NULL AND note NOT LIKE '%--x%' AND day >= $since
)
SELECT t.store_id, date_trunc('day', t.sold - INTERVAL 4 HOUR) AS day, sum(t.amount * 1.5e0) AS revenue,
    {'Key': 1, other: [1, 2][1:2]} AS facts, CASE WHEN t.amount // 2 > 1 THEN -1 ELSE 2 ** 3 END AS kind,
    list_transform([1], x -> x + 1), t.* EXCLUDE (sold), "Odd Name", count(*) FILTER (WHERE NOT t.closed)
FROM typed AS t ASOF LEFT JOIN core.rates r ON t.unit = r.unit AND t.sold >= r.since
GROUP BY ALL HAVING count(*) > 0 QUALIFY row_number() OVER (PARTITION BY 1 ORDER BY day DESC NULLS LAST) = 1
ORDER BY 1 LIMIT 10
"""


def digest(sql: str) -> str:
    facts = parse_query(sql)
    assert facts.findings == (), sql
    return facts.query_hash


def words(sql: str) -> list[str]:
    """The tokens as written, without layout."""
    from lakeorch.errors import Source
    from lakeorch.parse.tokens import tokenize

    found = tokenize(Source("x", sql), 0)
    assert isinstance(found, list)
    return [sql[token.start : token.end + 1] for token in found]


WORDS = words(SQL)
KEYWORDS = set(
    re.findall(
        r"\w+",
        "with as select cast timestamp decimal from where is not null and like interval hour case when then else end "
        "exclude count filter asof left join on group by all having qualify row_number over partition order desc nulls "
        "last limit sum date_trunc list_transform typed t s r staging sales core rates store_id sold_at amount",
    )
)
gap = st.sampled_from(["\n", "  ", "\t", "\r\n", " /* it's; */ ", ' -- say "x\n', " /* a /* b */ c */ "])


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_layout_comments_and_case_of_keywords_do_not_count(data: st.DataObject) -> None:
    gaps = data.draw(st.lists(gap, min_size=len(WORDS), max_size=len(WORDS)))
    flips = data.draw(st.lists(st.booleans(), min_size=len(WORDS), max_size=len(WORDS)))
    written = ""
    for number, (word, between, flip) in enumerate(zip(WORDS, gaps, flips, strict=True)):
        plain = set(word.lower().split()) <= KEYWORDS
        glued = word == "$" or (number and WORDS[number - 1] == "$")
        # an alias keeps its case: it is the column's name
        named = number and WORDS[number - 1].lower() in ("as", "since")
        written += (word.swapcase() if flip and plain and not named else word) + (
            "" if glued and word == "$" else between
        )
    assert digest(written) == digest(SQL)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_changed_word_counts(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(WORDS) - 1))
    kind = data.draw(st.sampled_from(["drop", "double", "longer"]))
    changed = list(WORDS)
    changed[at : at + 1] = {"drop": [], "double": [WORDS[at]] * 2, "longer": [WORDS[at] + "1"]}[kind]
    facts = parse_query(" ".join(changed).replace("$ ", "$"))
    assert facts.findings or facts.query_hash != digest(SQL)


EQUAL = [
    ("SELECT a FROM t", "select A from T"),
    ('SELECT "a" FROM "T"', 'select "A" from "t"'),
    ("SELECT s.A FROM b.C AS s", "SELECT S.a FROM B.c AS S"),
    ("SELECT sum(x) FROM t GROUP  BY y", "SELECT SUM(x) FROM t GROUP\n\tBY y"),
    ("SELECT 1", "SELECT 1;"),
    ("SELECT 1", "-- c\nSELECT /* c */ 1 -- c"),
    ("SELECT a -1 FROM t", "SELECT a - 1 FROM t"),
    ("SELECT a*-1, a=-1 FROM t", "SELECT a * - 1, a = - 1 FROM t"),
    ("SELECT CAST(x AS INTEGER) FROM t", "SELECT cast(x AS integer) FROM t"),
    ("WITH Q AS (SELECT 1 AS x) SELECT x FROM Q", "WITH q AS (SELECT 1 AS x) SELECT x FROM q"),
]
DIFFERENT = [
    ("SELECT 'a'", "SELECT 'A'"),
    ("SELECT 'a b'", "SELECT 'a  b'"),
    ("SELECT 'a'", 'SELECT "a"'),
    ("SELECT '--x' AS y", "SELECT '' AS y"),
    ("SELECT $$A$$", "SELECT $$a$$"),
    ("SELECT e'A'", "SELECT e'a'"),
    ("SELECT 5 / 2", "SELECT 5 // 2"),
    ("SELECT 1", "SELECT 1.0"),
    ("SELECT 1.0", "SELECT 1.00"),
    ("SELECT 1e2", "SELECT 100"),
    ("SELECT 2 ^ 3", "SELECT 2 ** 3"),
    ("SELECT x::INT FROM t", "SELECT TRY_CAST(x AS INT) FROM t"),
    ("SELECT a - -1 FROM t", "SELECT a -1 FROM t"),
    ("SELECT a, b FROM t", "SELECT b, a FROM t"),
    ("SELECT 1 AS a", "SELECT 1 AS A"),
    ("SELECT 1 a", "SELECT 1 A"),
    ("SELECT a: 1", "SELECT A: 1"),
    ("SELECT {Key: 1}", "SELECT {key: 1}"),
    ("SELECT struct_pack(K := 1)", "SELECT struct_pack(k := 1)"),
    ("SELECT j.Family FROM t", "SELECT j.family FROM t"),
    ("SELECT t.j.Family FROM t", "SELECT t.j.family FROM t"),
    ("SELECT (j).Family FROM t", "SELECT (j).family FROM t"),
    ("SELECT * FROM (VALUES (1)) v(A)", "SELECT * FROM (VALUES (1)) v(a)"),
    ("UNPIVOT t ON a INTO NAME N VALUE v", "UNPIVOT t ON a INTO NAME n VALUE v"),
    ("PIVOT t ON k IN (Jan, Feb) USING sum(x)", "PIVOT t ON k IN (jan, Feb) USING sum(x)"),
    ("PIVOT t ON k USING sum(x) AS Total", "PIVOT t ON k USING sum(x) AS total"),
    ("SELECT * RENAME (a AS B) FROM t", "SELECT * RENAME (a AS b) FROM t"),
    ("SELECT x::STRUCT(Aa INT) FROM t", "SELECT x::STRUCT(aa INT) FROM t"),
    ("SELECT * FROM 'X.csv'", "SELECT * FROM 'x.csv'"),
    ('SELECT * FROM "X.csv"', 'SELECT * FROM "x.csv"'),
    ('SELECT "É" FROM t', 'SELECT "é" FROM t'),
    ("SELECT É FROM t", "SELECT é FROM t"),
    ("SELECT $a", "SELECT $A"),
    ("SELECT $a", "SELECT a"),
    ("FROM t SELECT 1", "FROM t"),
    ("SELECT 1 UNION SELECT 1", "SELECT 1 UNION ALL SELECT 1"),
    ("SELECT count(x) FROM t", "SELECT count(DISTINCT x) FROM t"),
    ("SELECT -*a FROM t", "SELECT - *a FROM t"),
    ("SELECT a *-* b FROM t", "SELECT a * -* b FROM t"),
    ("SELECT a !~~ b FROM t", "SELECT a ~~ b FROM t"),
    ("SELECT a FROM b.c", 'SELECT a FROM "b.c"'),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal(one: str, other: str) -> None:
    assert digest(one) == digest(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different(one: str, other: str) -> None:
    assert digest(one) != digest(other)


PIECES = [
    "a",
    "A",
    "'a'",
    '"a"',
    "1",
    "1.0",
    "-",
    "+",
    "*",
    "/",
    "//",
    "!",
    "~",
    "@",
    "(",
    ")",
    ",",
    "::",
    "INT",
    "x",
    "AS",
]


@settings(max_examples=200, deadline=None)
@given(
    one=st.lists(st.sampled_from(PIECES), min_size=1, max_size=5),
    other=st.lists(st.sampled_from(PIECES), min_size=1, max_size=5),
    glue=st.sampled_from(["", " "]),
)
def test_what_is_equal_to_us_is_equal_to_duckdb(one: list[str], other: list[str], glue: str) -> None:
    first, second = (f"SELECT {glue.join(words)} FROM t" for words in (one, other))
    facts, others = parse_query(first), parse_query(second)
    if facts.query_hash and facts.query_hash == others.query_hash:
        assert len({tree(first), tree(second)} - {""}) < 2


@settings(max_examples=200, deadline=None)
@given(pieces=st.lists(st.sampled_from(PIECES), min_size=2, max_size=6), at=st.integers(1, 5))
def test_a_gap_that_does_not_count_to_us_does_not_count_to_duckdb(pieces: list[str], at: int) -> None:
    first = f"SELECT {''.join(pieces)} FROM t"
    second = f"SELECT {''.join(pieces[:at])} {''.join(pieces[at:])} FROM t"
    facts, others = parse_query(first), parse_query(second)
    if facts.query_hash and facts.query_hash == others.query_hash:
        assert len({tree(first), tree(second)} - {""}) < 2


def tree(sql: str) -> str:
    """DuckDB's own parse tree without places and letter case; empty where it refuses the query, which never runs."""
    found = duckdb.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchone()
    assert found is not None
    text = re.sub(r'"query_location":\d+', "", str(found[0]).lower())
    return "" if text.startswith('{"error":true') else text


def test_the_hash_is_the_same_in_every_process() -> None:
    code = "from lakeorch.parse import parse_query; print(parse_query('SELECT a FROM s.t').query_hash)"
    outs = {
        subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, env={"PYTHONHASHSEED": seed}
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert outs == {digest("SELECT a FROM s.t")}


def test_the_hash_of_a_known_query_is_pinned() -> None:
    """Whoever changes the normal form must raise its version: a published fingerprint may not change its meaning."""
    assert digest("SELECT a FROM s.t") == "1:9671654d81b0e746f90aed4993290c65"
