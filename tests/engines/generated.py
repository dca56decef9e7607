"""Queries that nobody wrote: expressions of all kinds over `t`, joined, grouped, sorted; see `test_same_answers`."""

from __future__ import annotations

from hypothesis import strategies as st


def words(text: str) -> st.SearchStrategy[str]:
    """One of several texts, which stand in lines, or with ` ; ` between them."""
    return st.sampled_from([each.strip() for line in text.strip().split("\n") for each in line.split(" ; ")])


def joined(*parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """The parts with a blank between them."""
    return st.tuples(*parts).map(" ".join)


WHOLE = words("a.i ; a.j ; a.z ; a.l % 100 ; 3 ; 0 ; -2 ; length(a.s) ; year(a.dt) ; 2147483647")
EXACT = words("a.d ; a.e ; a.h ; 1.5 ; 0.05 ; -10.25 ; CAST(a.i AS DECIMAL(9,2))")
REAL = words("a.f ; a.g ; CAST(a.d AS DOUBLE) ; 1e3 ; a.i / 3")
TEXT = words("a.s ; a.u ; 'abc' ; '' ; left(a.u, 2) ; a.s || a.u ; CAST(a.i AS VARCHAR)")
TIME = words("a.dt ; a.ts ; DATE '2024-02-01' ; a.dt + INTERVAL 1 MONTH ; date_trunc('month', a.ts)")


def arithmetic(leaf: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.recursive(
        leaf,
        lambda inner: st.one_of(
            joined(st.just("("), inner, words("+ ; - ; *"), inner, st.just(")")),
            st.tuples(condition, inner, inner).map(lambda p: f"CASE WHEN {p[0]} THEN {p[1]} ELSE {p[2]} END"),
            st.tuples(inner, inner).map(lambda p: f"coalesce({p[0]}, {p[1]})"),
            inner.map(lambda x: f"abs({x})"),
        ),
        max_leaves=3,
    )


numbers = st.one_of(WHOLE, EXACT, REAL, st.deferred(lambda: arithmetic(st.one_of(WHOLE, EXACT))))
plain = st.one_of(
    joined(numbers, words("< ; <= ; = ; <> ; > ; >="), numbers),
    joined(TEXT, words("< ; = ; <> ; >="), TEXT),
    joined(TIME, words("< ; = ; >="), TIME),
    joined(TEXT, words("LIKE ; NOT LIKE"), words("'a%' ; '%b' ; '_b%' ; '%'")),
    joined(WHOLE, words("IN (1, 2, NULL) ; NOT IN (1, 7) ; IS NULL ; IS NOT NULL ; BETWEEN 0 AND 5")),
    joined(EXACT, st.just("IS DISTINCT FROM"), EXACT),
    words("""
        a.b ; NOT a.b ; a.i IN (SELECT z FROM t) ; a.z NOT IN (SELECT b.i FROM t b WHERE b.i IS NOT NULL)
        EXISTS (SELECT 1 FROM t b WHERE b.z = a.i AND b.n <> a.n)
        NOT EXISTS (SELECT 1 FROM t b WHERE b.j = a.z)
        a.d > (SELECT avg(b.d) FROM t b WHERE b.b = a.b)
        a.n >= (SELECT 0.5 * max(b.n) FROM t b)
    """),
)
condition: st.SearchStrategy[str] = st.recursive(
    plain, lambda c: joined(st.just("("), c, words("AND ; OR"), c, st.just(")")), max_leaves=3
)
values = st.one_of(
    numbers,
    TEXT,
    TIME,
    condition.map(lambda c: f"({c})"),
    st.tuples(EXACT, words("DECIMAL(12,1) ; INTEGER ; DOUBLE ; VARCHAR")).map(lambda p: f"CAST({p[0]} AS {p[1]})"),
    joined(numbers, st.just("/"), numbers),
    st.tuples(st.one_of(EXACT, REAL), st.integers(0, 3)).map(lambda p: f"round({p[0]}, {p[1]})"),
    TIME.map(lambda x: f"extract(month FROM {x})"),
    st.tuples(
        words("row_number() ; rank() ; dense_rank() ; lag(a.i) ; sum(a.k) ; count(a.s) ; min(a.e)"),
        words("PARTITION BY a.b ; PARTITION BY a.s, a.j ; PARTITION BY 1"),
        words("a.n ; a.n DESC ; a.i, a.n"),
    ).map(lambda p: f"{p[0]} OVER ({p[1]} ORDER BY {p[2]})"),
    words("sum(a.d) OVER (PARTITION BY a.j) ; avg(a.i) OVER () ; count(*) OVER (PARTITION BY a.s)"),
)
keys = words("""
    a.i ; a.b ; a.s ; a.g ; a.d ; year(a.dt) ; a.i + 1 ; CASE WHEN a.b THEN 'x' END ; date_trunc('year', a.ts)
""")
aggregates = st.one_of(
    st.tuples(words("sum ; avg ; min ; max ; count"), st.one_of(WHOLE, EXACT)).map(lambda p: f"{p[0]}({p[1]})"),
    words("""
        count(*) ; count(DISTINCT a.s) ; sum(a.k) ; sum(a.l) ; max(a.g) ; min(a.f) ; max(a.u) ; min(a.ts)
        sum(a.i) FILTER (WHERE a.b) ; count(*) FILTER (WHERE a.i > 1) ; sum(a.d) / count(*)
        CASE WHEN sum(a.i) > 2 THEN max(a.s) END ; round(avg(a.d), 2) ; sum(a.d * (1 - a.e))
    """),
)
sources = words("""
    t a ; t a JOIN t b ON a.i = b.z ; t a LEFT JOIN t b ON a.j = b.i AND b.n > 1 ; t a CROSS JOIN t b
    t a LEFT JOIN t b ON a.i = b.i AND a.d > 1 ; t a SEMI JOIN t b ON a.z = b.i ; t a ANTI JOIN t b ON a.z = b.i
    t a FULL JOIN t b ON a.i = b.z ; t a FULL JOIN t b ON a.j = b.i AND a.d > b.e ; t a RIGHT JOIN t b ON a.z = b.j
    t a RIGHT JOIN t b ON a.i = b.i AND a.b ; (SELECT * FROM t) a FULL JOIN (SELECT z, n AS m FROM t) b USING (z)
    (SELECT * FROM t WHERE i > 0) a ; t a JOIN (SELECT j, sum(i) AS si FROM t GROUP BY j) b ON a.j = b.j
""")


@st.composite
def queries(draw: st.DrawFn) -> str:
    """A query over `t` alone: rows, or groups."""
    source, where = draw(sources), draw(st.one_of(st.just(""), condition.map(lambda c: f" WHERE {c}")))
    if draw(st.booleans()):
        items = draw(st.lists(values, min_size=1, max_size=3))
        if "OVER" in " ".join(items) and (" b ON" in source or " b" in source):
            source = "t a"  # joined rows have no order that a window could rely on
        named = ", ".join(f"{item} AS c{at}" for at, item in enumerate(items))
        sql = f"SELECT {draw(st.sampled_from(['', '', 'DISTINCT ']))}{named} FROM {source}{where}"
        if draw(st.integers(0, 3)) == 0:
            sql += f" ORDER BY {', '.join(f'c{at} DESC' for at in range(len(items)))} LIMIT 3"
        return sql
    by, items = draw(st.lists(keys, max_size=2, unique=True)), draw(st.lists(aggregates, min_size=1, max_size=3))
    named = ", ".join(f"{item} AS c{at}" for at, item in enumerate([*by, *items]))
    group = f" GROUP BY {', '.join(by)}" if by else ""
    having = draw(st.sampled_from(["", " HAVING count(*) > 1", " HAVING sum(a.i) > 0"]))
    return f"SELECT {named} FROM {source}{where}{group}{having}"
