"""Every fact points at exactly its own text, whatever stands around it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from lakeorch.errors import Span
from lakeorch.parse import parse_query

CLOCK = {
    "now()": "timestamptz",
    "NOW( )": "timestamptz",
    "get_current_timestamp()": "timestamptz",
    "transaction_timestamp ()": "timestamptz",
    "current_timestamp": "timestamptz",
    "today()": "date",
    "CURRENT_DATE": "date",
    "current_date()": "date",
    "current_localtimestamp()": "timestamp",
    "localtimestamp": "timestamp",
    "current_time": "time",
    "localtime": "time",
    "get_current_time()": "time",
    "current_localtime()": "time",
}
NOT_CLOCK = ["t.now", "t.current_date", "'now()'", "1 AS current_date", "{current_date: 1}", "now", "$current_date"]
TABLES = ["sales", "Staging.Sales", '"a b".c', 'a . "B"', "a.b.c.d", '"ü😀"']
FILES = {
    "'raw/x.parquet'": ("raw/x.parquet", None),
    '"x.csv"': ("x.csv", None),
    "'x.json.gz'": ("x.json.gz", None),
    "read_csv('a/*.csv', header = true)": ("a/*.csv", "'a/*.csv'"),
    "READ_PARQUET ( 'it''s.parquet' )": ("it's.parquet", "'it''s.parquet'"),
    "read_json(['a.json', 'b.json'], columns = {x: 'INT'})": ("a.json|b.json", "['a.json', 'b.json']"),
    "read_text($$x (1).txt$$)": ("x (1).txt", "$$x (1).txt$$"),
    "read_blob('a' , b := (1))": ("a", "'a'"),
    "read_ndjson_objects('C:\\new\\a.json')": ("C:\\new\\a.json", "'C:\\new\\a.json'"),
}
gap = st.sampled_from(
    [" ", "\n", "\r\n", "\t", " /* now() $x FROM a.b */ ", " -- 'q' $y\n", " /* /* nested */ ü😀 */ "]
)
column = st.one_of(
    st.sampled_from(sorted(CLOCK)).map(lambda text: ("clock", text)),
    st.sampled_from(["$name", "$From", "$x1"]).map(lambda text: ("variable", text)),
    st.sampled_from([*NOT_CLOCK[:5], "1", "'$x'", "'😀'", "a.b.c"]).map(lambda text: ("", text)),
)
source = st.one_of(
    st.sampled_from(TABLES).map(lambda text: ("table", text)),
    st.sampled_from(sorted(FILES)).map(lambda text: ("file", text)),
    st.sampled_from(["range(3)", "(SELECT 1)", "unnest([1])"]).map(lambda text: ("", text)),
)


@settings(max_examples=150, deadline=None)
@given(
    data=st.data(),
    columns=st.lists(column, min_size=1, max_size=5),
    sources=st.lists(source, min_size=1, max_size=4),
)
def test_text_at_a_span_is_what_was_written(
    data: st.DataObject, columns: list[tuple[str, str]], sources: list[tuple[str, str]]
) -> None:
    written = ["SELECT"]
    for kind, listed in (("column", columns), ("source", sources)):
        for number, (_, text) in enumerate(listed):
            written += [",", text] if number else [text]
        written += ["FROM"] if kind == "column" else []
    sql = "".join(word + data.draw(gap) for word in written)

    def at(span: Span) -> str:
        return sql[span.start : span.end]

    facts = parse_query(sql)
    assert facts.findings == ()
    assert [at(each.span) for each in facts.references] == [text for kind, text in sources if kind == "table"]
    assert [(at(each.span), each.type) for each in facts.clock] == [
        (text, CLOCK[text]) for kind, text in columns if kind == "clock"
    ]
    variables = [text for kind, text in columns if kind == "variable"]
    assert [at(each.span) for each in facts.variables] == variables
    assert [f"${each.name}" for each in facts.variables] == variables
    wanted = [(text, *FILES[text]) for kind, text in sources if kind == "file"]
    assert [(at(each.call), "|".join(each.patterns), at(each.argument)) for each in facts.files] == [
        (call, patterns, argument or call) for call, patterns, argument in wanted
    ]
    assert at(facts.body).startswith("SELECT")
    assert at(facts.body).endswith(sources[-1][1])


def test_the_body_is_the_statement_alone() -> None:
    sql = "\ufeff -- before\n/* x */ SELECT 1 -- inside\n , 2\n;; -- behind\n"
    facts = parse_query(sql.removeprefix("\ufeff"))
    text = sql.removeprefix("\ufeff")
    assert text[facts.body.start : facts.body.end] == "SELECT 1 -- inside\n , 2"


def test_words_that_look_like_the_clock() -> None:
    for text in NOT_CLOCK:
        assert parse_query(f"SELECT {text} FROM t").clock == (), text


def test_a_file_must_be_told_before_the_run() -> None:
    for argument in ("x", "'a' || 'b'", "['a', x]", "[]", "$file", "getenv('X')", "list_value('a')", ""):
        findings = parse_query(f"SELECT * FROM read_csv({argument})").findings
        assert findings, argument
        assert "read_csv needs its files" in findings[0].message
        assert findings[0].place.column == 24


def test_a_quoted_name_without_a_path_is_a_table() -> None:
    facts = parse_query("""SELECT * FROM 'sales', "sales", "a"."x.csv" """)
    assert facts.files == ()
    assert [reference.name for reference in facts.references] == ["sales", "sales", 'a."x.csv"']


def test_variables_have_names() -> None:
    for sql, column in (("SELECT $1", 8), ("SELECT 1, ?", 11), ("SELECT ?1", 8)):
        (finding,) = parse_query(sql).findings
        assert "variables have names" in finding.message
        assert finding.place.column == column


def test_what_would_hide_an_input_is_a_finding() -> None:
    for sql, word in (("SELECT getvariable('x')", "getvariable"), ("SELECT age(ts) FROM t", "age()")):
        (finding,) = parse_query(sql).findings
        assert word in finding.message
        assert (finding.place.column, finding.hint[:5]) == (8, "write")
    assert parse_query("SELECT age(current_date, (ts)) FROM t").findings == ()
