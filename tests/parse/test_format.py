"""The layout of queries: it may never change what a query means, lose a comment, or be different the second time."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from lakeorch.errors import ProjectError, Source
from lakeorch.parse.block import find_block
from lakeorch.parse.facts import Facts
from lakeorch.parse.format import format_sql, lay_out
from lakeorch.parse.format.printer import WIDTH
from lakeorch.parse.format.words import comments
from lakeorch.parse.query import read_query
from lakeorch.parse.tokens import tokenize

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parents[1] / "golden" / "format"
FILES = sorted([*ROOT.glob("sql_models/*/*.sql"), *ROOT.glob("examples/*/models/*/*.sql"), *GOLDEN.glob("*.sql")])

ODD = [
    "SELECT a-1, -b, a- -1, a*-1, +c, 5!=-1, a<-1, ~x, @y, a !~~ b, a ^@ b, a ** 2, a // 2 FROM t",
    "SELECT .5, a.b.c, t.*, x[1:2], x[-1], [1, 2][1:][:2], {'k': 1, j: [.5]}, MAP {'a': 1}, 1_000 FROM t",
    "SELECT a::INT[3], cast(b as decimal(18,2)), try_cast(c as struct(x int, Y text)), d::double precision FROM t",
    "SELECT * EXCLUDE (a) REPLACE (b+1 AS c), t.* exclude a, 3 * replace(x, 'a', 'b'), COLUMNS('a.*'), *COLUMNS(*)",
    "SELECT left(a,1), right (b, 2), date, time, interval '1' day, interval 5 hour, timestamptz '2020-01-01' FROM t",
    "FROM t SELECT a, b: c+1, date_trunc('day', d) AS Date, x->>'$.a', list_transform(l, lambda x: x+1), f(x -> x+1)",
    "select a between 1 and 2 and b not between symmetric c and d or e is not distinct from f, not g from t",
    "select sum(a) filter (where b and c) over (partition by d order by e desc nulls last rows between unbounded "
    "preceding and current row), array_agg(x order by y), string_agg(distinct a, ',') within group (order by b)",
    "with recursive a(n) as not materialized (select 1 union all select n+1 from a where n < 5), b as (values (1, 2)) "
    "select distinct on (a, b) a from a, b left join c using (x) asof join d on d.t >= c.t and d.k = c.k",
    "select 1 as a union all by name (select 2 except select 3) intersect select 4 order by 1 limit 5 offset 2",
    "pivot t on year in (2000, 2010) using sum(x) as total group by country",
    "unpivot t on columns(* exclude id) into name k value v",
    "select case a when 1 then 'x' when 2 then 'y' end, case when a then case when b then 1 end else 2 end::int from t",
    "select $since, e'a\\n', $$a b$$, $x$y$x$, 'it''s', \"odd \"\" name\", 'two\nlines' from \"a.b\".c using sample 9%",
    "select exists (select 1 from u where u.a = t.a), (select max(b) from v), a in (select 1), a = any (select 2)",
    "select extract(year from d), substring(a from 1 for 2), trim(both ' ' from b) from t at (version => 3)",
    "(select 1) union (select 2)",
    "values (1, 'a'), (2, 'b')",
    'select not_a_keyword, unnest(l) as l, #1, a.first, b as "last", c as left from t positional join u',
    "select a, from t where a = 'x' and (b or c) group by all having count(*) > 1 qualify row_number() over w = 1 "
    "window w as (partition by a), v as (order by b groups 2 preceding)",
    "select [x + 1 for x in l if x > 2], a at time zone 'UTC', struct_pack(k := 1, v := f(a => 2)) from range(3) r(i)",
    "select '--not a comment', '/* nor this */' -- but this, /* and not that */\n from t /* a /* in */ one */ where b",
]


def read(source: Source) -> Facts:
    block, findings = find_block(source)
    assert not findings
    return read_query(source, block.end if block else 0)


def parts(source: Source, facts: Facts) -> tuple[list[str], list[str]]:
    """The tokens of a query as written, and the comments between them."""
    tokens = tokenize(Source("x", source.text[: facts.body.end]), facts.body.start)
    assert isinstance(tokens, list)
    gaps = [source.text[one.end + 1 : other.start] for one, other in itertools.pairwise(tokens)]
    gaps.append(source.text[facts.body.end :])
    found = [gap[start:end].rstrip() for gap in gaps for start, end in comments(gap)]
    return [source.text[token.start : token.end + 1] for token in tokens], found


def check(text: str) -> str:
    """Lays a query out and holds the result against the promises; returns it."""
    source = Source("m.sql", text)
    facts = read(source)
    assert facts.findings == (), text
    once = Source("m.sql", lay_out(source, facts.body))
    again = read(once)
    assert again.query_hash == facts.query_hash, once.text
    assert Counter(parts(once, again)[1]) == Counter(parts(source, facts)[1]), once.text
    assert lay_out(once, again.body) == once.text, once.text
    assert not [line for line in once.text.splitlines() if line != line.rstrip() and "'" not in line]
    return once.text


QUERIES = [*(path.read_text(encoding="utf-8") for path in FILES), *ODD]


@pytest.mark.parametrize("text", QUERIES, ids=[*(path.stem for path in FILES), *map(str, range(len(ODD)))])
def test_a_query_keeps_its_meaning_and_comments_and_is_laid_out_once(text: str) -> None:
    source = Source("m.sql", text)
    assert check(text) == format_sql(source)


GAPS = [
    " ",
    "\n",
    "  \n\n ",
    "\t",
    "\r\n",
    " /* in */ ",
    " -- it's \"so\n",
    "\n-- own\n",
    "\n/* own */\n",
    " /* a\n b */ ",
]
GAPS += [" /* /* x */ */\n", " -- one\n-- two\n\n-- three\n", " /**/", "\n  /* line */ -- and more\n"]


def scattered(text: str, gaps: Sequence[str], chance: float, seed: int) -> str:
    """The query with other gaps between its tokens, where it has any: elsewhere one could make other tokens."""
    source = Source("m.sql", text)
    body = read(source).body
    draw = random.Random(seed)
    tokens = tokenize(Source("x", text[: body.end]), body.start)
    assert isinstance(tokens, list)
    written = text[: tokens[0].end + 1]
    for before, token in itertools.pairwise(tokens):
        gap = text[before.end + 1 : token.start]
        written += draw.choice(gaps) if gap and draw.random() < chance else gap
        written += text[token.start : token.end + 1]
    return written + text[body.end :]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("chance", [0.02, 0.1, 0.5, 1.0])
def test_any_layout_with_any_comments(seed: int, chance: float) -> None:
    for text in random.Random(seed).sample(QUERIES, 10):
        check(scattered(text, GAPS, chance, seed))


@pytest.mark.parametrize("seed", range(2))
def test_the_layout_does_not_depend_on_the_one_before(seed: int) -> None:
    for text in QUERIES:
        if "--" not in text[read(Source("x", text)).body.start :] and "/*" not in text[-400:]:
            other = scattered(text, [" ", "\n", "\n\n   "], 1.0, seed)
            assert check(other) == check(text)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.in.sql")), ids=lambda path: path.name)
def test_golden(path: Path) -> None:
    """`python tests/parse/test_format.py` writes the expected files down again."""
    expected = path.with_name(path.name.replace(".in.", ".out."))
    assert format_sql(Source(path.name, path.read_text(encoding="utf-8"))) == expected.read_text(encoding="utf-8")


def test_lines_are_not_too_long() -> None:
    for path in FILES:
        source = Source(path.name, path.read_text(encoding="utf-8"))
        laid = lay_out(source, read(source).body)
        assert [line for line in laid[read(source).body.start :].splitlines() if len(line) > WIDTH] == []


def test_the_settings_block_and_what_surrounds_the_query_stay() -> None:
    block = "/* ---\nowner:   me # a comment\ntags: [a,\n  b]\n--- */\n"
    assert (
        format_sql(Source("m.sql", f"\n{block}select 1 as x  ;  \n\n\n-- end"))
        == f"{block}SELECT 1 AS x;  \n\n\n-- end\n"
    )


def test_line_ends_stay_as_most_of_the_file_has_them() -> None:
    text = "/* ---\r\nowner: me\r\n--- */\r\nselect a, b, c, d from t where a = 'x\ny'\r\n"
    laid = format_sql(Source("m.sql", text))
    assert laid.startswith("/* ---\r\nowner: me\r\n--- */\r\nSELECT\r\n    a,\r\n")
    assert laid.endswith("WHERE a = 'x\ny'\r\n")


def test_many_words_take_no_more_than_their_share_of_time() -> None:
    names = " || ".join(f"column_{number}" for number in range(2000))
    laid = format_sql(Source("m.sql", f"select {names} as x from t"))
    assert len(laid.splitlines()) == 2002
    brackets = f"select {'(' * 400}1{')' * 400} as x"
    assert format_sql(Source("m.sql", brackets)) == brackets


@pytest.mark.parametrize("text", ["select (1", "select 1; select 2", "/* ---\nowner: me\nselect 1", "drop table t", ""])
def test_what_cannot_be_read_is_told_and_not_touched(text: str) -> None:
    with pytest.raises(ProjectError):
        format_sql(Source("m.sql", text))


def test_the_file_stays_where_the_layout_would_change_the_query(monkeypatch: pytest.MonkeyPatch) -> None:
    from lakeorch.parse import format as formatting

    text = "select a  from t"
    for wrong in ("SELECT b FROM t\n", "SELECT a FROM t -- new\n"):
        monkeypatch.setattr(formatting, "lay_out", lambda source, body, wrong=wrong: wrong)
        assert formatting.format_sql(Source("m.sql", text)) == text


if __name__ == "__main__":
    for each in sorted(GOLDEN.glob("*.in.sql")):
        laid_out = format_sql(Source(each.name, each.read_text(encoding="utf-8")))
        each.with_name(each.name.replace(".in.", ".out.")).write_text(laid_out, encoding="utf-8")
