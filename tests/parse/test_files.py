"""Which files are models and checks, what they are called, and what is said of the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lakeorch.parse import Parsed, parse_folder, parse_query

Make = Callable[[Mapping[str, str]], Path]


def parse(make: Make, files: Mapping[str, str]) -> Parsed:
    folder = make({f"models/{name}": text for name, text in files.items()})
    return parse_folder(folder, folder.parent)


def said(parsed: Parsed) -> list[tuple[str, str]]:
    return [(str(finding.place), finding.message) for finding in parsed.findings]


def test_every_sql_file_in_a_namespace_is_a_model(make: Make) -> None:
    parsed = parse(
        make,
        {
            "marts/Daily_Sales.sql": "SELECT 1",
            "staging/pos/sales.SQL": "SELECT 1",
            "staging/_draft/x.sql": "not sql",
            ".hidden/x.sql": "not sql",
            "_landing/x.sql": "not sql",
            "_landing/data.csv": "a",
            "staging/.swap.sql": "not sql",
            "staging/README.md": "text",
            "tests/x/y.sql": "not sql",
            "README.md": "text",
        },
    )
    assert parsed.findings == ()
    assert [model.name for model in parsed.models] == ["marts.daily_sales", "staging.pos.sales"]
    assert [model.source.file for model in parsed.models] == [
        "models/marts/Daily_Sales.sql",
        "models/staging/pos/sales.SQL",
    ]
    assert parsed.checks == ()


def test_checks_are_apart(make: Make) -> None:
    parsed = parse(
        make,
        {
            "checks/counts.sql": "/* ---\ndescription: d\nseverity: warn\n--- */\nSELECT * FROM a.t WHERE x < 0",
            "checks/plain.sql": "SELECT 1",
            "a/t.sql": "SELECT 1",
        },
    )
    assert parsed.findings == ()
    assert [model.name for model in parsed.checks] == ["checks.counts", "checks.plain"]
    (check,) = parsed.checks[0].settings.checks
    assert (check.kind, check.name, check.severity) == ("sql", "sql(counts)", "warn")
    assert str(check.place) == "models/checks/counts.sql:5:1"
    assert parsed.checks[0].settings.description == "d"
    assert parsed.checks[1].settings.checks[0].severity == "error"


def test_settings_of_a_check_are_few(make: Make) -> None:
    parsed = parse(
        make,
        {
            "checks/a.sql": "/* ---\nmaterialized: view\n--- */\nSELECT 1",
            "checks/b.sql": "/* ---\nseverity: wrn\n--- */\nSELECT 1",
            "checks/c.sql": "/* ---\nsevrity: warn\n--- */\nSELECT 1",
            "checks/d.sql": "/* ---\nowner: 5\n--- */\nSELECT 1",
        },
    )
    assert said(parsed) == [
        ("models/checks/a.sql:2:1", 'unknown key "materialized" in the settings of a check'),
        ("models/checks/b.sql:2:11", "expected severity error or warn"),
        ("models/checks/c.sql:2:1", 'unknown key "sevrity" in the settings of a check'),
        ("models/checks/d.sql:2:8", "expected text, got 5"),
    ]
    assert parsed.findings[2].hint == 'did you mean "severity"?'


def test_what_stands_in_the_wrong_place(make: Make) -> None:
    parsed = parse(
        make,
        {
            "sales.sql": "SELECT 1",
            "a/my-table.sql": "SELECT 1",
            "a/1st.sql": "SELECT 1",
            "b c/x.sql": "SELECT 1",
            "a/täble.sql": "SELECT 1",
            "a/model.py": "x",
            "a/seed.csv": "x",
        },
    )
    assert [(place, message[:34]) for place, message in said(parsed)] == [
        ("models/sales.sql:1:1", "a model stands in a folder, which "),
        ("models/a/1st.sql:1:1", '"1st" is not a name: expected lett'),
        ("models/a/model.py:1:1", "there is no function `model` here:"),
        ("models/a/my-table.sql:1:1", '"my-table" is not a name: expected'),
        ("models/a/seed.csv:1:1", "seeds are not supported in this ve"),
        ("models/a/täble.sql:1:1", '"täble" is not a name: expected le'),
        ("models/b c/x.sql:1:1", '"b c" is not a name: expected lett'),
    ]
    hints = {str(finding.place).split(":")[0]: finding.hint for finding in parsed.findings}
    assert hints["models/sales.sql"].startswith("move it to models/staging/sales.sql")
    assert hints["models/a/my-table.sql"] == 'rename it to "my_table"'
    assert hints["models/a/1st.sql"] == ""


def test_two_files_of_one_name(make: Make) -> None:
    parsed = parse(make, {"a/T.sql": "SELECT 1", "a/t.sql": "SELECT 2"})
    assert said(parsed) == [
        ("models/a/t.sql:1:1", "a.t is already the name of models/a/T.sql: letter case does not count")
    ]
    assert [model.sql for model in parsed.models] == ["SELECT 1"]


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("", "1:1", "there is no query here", ""),
        ("-- only this\n;", "1:1", "there is no query here", ""),
        ("SELECT 1;\nSELECT 2", "2:1", "a second one begins here", "WITH"),
        ("INSERT INTO x SELECT 1", "1:1", "expected a SELECT, got INSERT", "write only the SELECT"),
        ("\n  create table x as select 1", "2:3", "expected a SELECT, got CREATE", "write only the SELECT"),
        ("UPDATE x SET a = 1", "1:1", "expected a SELECT, got UPDATE", "write only the SELECT"),
        ("WITH y AS (SELECT 1) INSERT INTO x FROM y", "1:22", "expected a SELECT, got INSERT", "only the SELECT"),
        ("DESCRIBE x", "1:1", "expected a SELECT, got DESCRIBE", ""),
        ("SET x = 1", "1:1", "expected a SELECT, got SET", ""),
        ("SELCT 1", "1:1", 'expected a SELECT, got "SELCT"', '"select"'),
        ("SELECT a FROM t WHERE", "1:17", 'something is missing behind "WHERE"', ""),
        ("SELECT a FRM t x", "1:14", 'at or near "t"', ""),
        ("SELECT (1", "1:9", "Expecting )", ""),
        ("SELECT f({: 1})", "1:14", "syntax error", ""),
        ("SELECT 'a", "1:8", "this is not closed: ' is missing", ""),
        ('SELECT\n "a', "2:2", 'this is not closed: " is missing', ""),
        ("SELECT 1 /* x\n", "1:10", "this is not closed: */ is missing", ""),
        ("SELECT 1, -- c '\n $q$ x", "2:2", "this is not closed: $q$ is missing", ""),
        ("WITH a AS (SELECT 1) DELETE FROM a", "1:22", "expected a SELECT, got DELETE", "only the SELECT"),
        ("SELECT e'a", "1:8", "this is not closed: ' is missing", ""),
        ("SELECT {{ ref('x') }}", "1:8", "without templating", "the table's name"),
        ("{% if x %} SELECT 1", "1:1", "without templating", ""),
        ("SELECT 1 AS a FROM a.t", "1:20", "a.t names itself as its input", ""),
        ("SELECT 1 AS a FROM T", "1:20", "a.t names itself as its input", "namespace"),
        (f"SELECT {'(' * 9999}1{')' * 9999}", "1:1", "nested too deeply", ""),
    ],
)
def test_no_model(make: Make, text: str, place: str, message: str, hint: str) -> None:
    parsed = parse(make, {"a/t.sql": text})
    (finding,) = parsed.findings
    assert str(finding.place) == f"models/a/t.sql:{place}"
    assert message in finding.message
    assert hint in finding.hint
    assert finding.model == "a.t"


def test_a_file_that_is_not_utf8(make: Make) -> None:
    folder = make({"models/a/t.sql": ""})
    (folder / "a" / "t.sql").write_bytes("\ufeffSELECT 1,\n 'ü".encode() + b"\xff'")
    parsed = parse_folder(folder, folder.parent)
    (finding,) = parsed.findings
    assert str(finding.place) == "models/a/t.sql:2:4"
    assert "byte 0xff" in finding.message
    assert parsed.models == ()


def test_a_file_that_cannot_be_read(make: Make) -> None:
    folder = make({"models/a/u.sql": "SELECT 1"})
    (folder / "a" / "t.sql").symlink_to(folder / "a" / "gone.sql")
    parsed = parse_folder(folder, folder.parent)
    assert "cannot be read" in said(parsed)[0][1]
    assert [model.name for model in parsed.models] == ["a.u"]


def test_byte_order_mark_and_line_ends(make: Make) -> None:
    folder = make({"models/a/t.sql": ""})
    (folder / "a" / "t.sql").write_bytes(
        "\ufeff/* ---\r\nowner: x\r\n--- */\r\nSELECT\r\n  b.u.c FROM b.u\r\n".encode()
    )
    parsed = parse_folder(folder, folder.parent)
    assert parsed.findings == ()
    (model,) = parsed.models
    (reference,) = model.references
    assert str(model.source.place(reference.span.start)) == "models/a/t.sql:5:14"
    assert model.sql == "SELECT\r\n  b.u.c FROM b.u"
    assert model.query_hash == parse_query("select b.u.c from b.u").query_hash


def test_defaults_are_asked_by_folder(make: Make) -> None:
    folder = make({"models/a/b/t.sql": "SELECT 1", "models/c/u.sql": "SELECT 1"})
    parsed = parse_folder(folder, folder.parent, lambda path: {"owner": path})
    assert [model.settings.owner for model in parsed.models] == ["a/b", "c"]


def test_a_namespace_may_be_called_like_a_reserved_folder_below(make: Make) -> None:
    parsed = parse(make, {"a/tests/t.sql": "SELECT 1", "a/checks/u.sql": "SELECT 1"})
    assert [model.name for model in parsed.models] == ["a.checks.u", "a.tests.t"]
    assert parsed.checks == ()


def test_findings_of_many_files_come_in_order(make: Make) -> None:
    parsed = parse(make, {"b/t.sql": "SELEC", "a/u.sql": "SELEC", "a/t.sql": "SELEC"})
    assert [finding.model for finding in parsed.findings] == ["a.t", "a.u", "b.t"]


def test_a_linked_folder_holds_models_too(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT 1", "shared/u.sql": "SELECT 2", "shared/deep/v.sql": "SELECT 3"})
    for name in ("b", "c"):
        (folder / name).symlink_to("../shared", target_is_directory=True)
    names = [model.name for model in parse_folder(folder, folder.parent).models]
    assert names == ["a.t", "b.deep.v", "b.u", "c.deep.v", "c.u"]


def test_links_that_lead_back_are_not_entered(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT 1", "shared/u.sql": "SELECT 2"})
    (folder / "a/self").symlink_to(".", target_is_directory=True)
    (folder / "b").symlink_to("../shared", target_is_directory=True)
    (folder.parent / "shared/up").symlink_to(folder, target_is_directory=True)
    names = [model.name for model in parse_folder(folder, folder.parent).models]
    assert names == ["a.t", "b.u"]


def test_a_folder_outside_the_root(make: Make, tmp_path: Path) -> None:
    folder = make({"models/a/t.sql": "SELECT 1"})
    (model,) = parse_folder(folder, tmp_path / "elsewhere").models
    assert model.source.file.endswith("models/a/t.sql")
