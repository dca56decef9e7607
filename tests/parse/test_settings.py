"""The settings block: what it gives, and where and how it says that something is wrong."""

from __future__ import annotations

import pytest

from lakeorch.errors import Finding, Source
from lakeorch.model import Check, Model
from lakeorch.parse import parse_model


def read(block: str, sql: str = "SELECT 1 AS a", **defaults: object) -> tuple[Model, list[Finding]]:
    model, findings = parse_model(Source("m/a/t.sql", f"/* ---\n{block}\n--- */\n{sql}\n"), "a.t", defaults)
    assert model is not None
    return model, list(findings)


def good(block: str, **defaults: object) -> Model:
    model, findings = read(block, **defaults)
    assert findings == []
    return model


FULL = """\
description: Sales per store and day
owner: sales
materialized: merge
unique_key: Store_ID
partition_by: [day(Sold_At), "bucket(16, store_id)", region]
sort_by: [sold_at desc, Region ASC]
columns:
  Store_ID: {type: integer, description: Store number, checks: [not_null]}
  revenue: {type: "NUMERIC(18, 2)", checks: [{min: 0, max: 5.5, severity: warn}]}
  plain: varchar
  bare:
checks:
  - unique: [Store_ID, day]
  - rows: {min: 1}
tags: [daily, b]
engine: duckdb
refresh: {every: 2h}
append_from: raw/*.csv
"""


def test_everything_that_can_be_said() -> None:
    settings = good(FULL).settings
    assert settings.description == "Sales per store and day"
    assert settings.owner == "sales"
    assert settings.materialized == "merge"
    assert settings.unique_key == ("store_id",)
    assert settings.partition_by == ("day(sold_at)", "bucket(16, store_id)", "region")
    assert settings.sort_by == ("sold_at desc", "region")
    assert [(c.name, c.type, c.description) for c in settings.columns] == [
        ("store_id", "int", "Store number"),
        ("revenue", "decimal(18,2)", ""),
        ("plain", "string", ""),
        ("bare", "", ""),
    ]
    assert [(c.kind, c.columns, dict(c.options), c.severity) for c in settings.checks] == [
        ("not_null", ("store_id",), {}, "error"),
        ("min", ("revenue",), {"value": 0}, "warn"),
        ("max", ("revenue",), {"value": 5.5}, "warn"),
        ("unique", ("store_id", "day"), {}, "error"),
        ("rows", (), {"min": 1}, "error"),
    ]
    assert (settings.tags, settings.engine) == (("daily", "b"), "duckdb")
    assert (settings.refresh_every, settings.append_from) == (7200, ("raw/*.csv",))


def test_places_are_of_the_file() -> None:
    settings = good(FULL).settings
    assert str(settings.places["materialized"]) == "m/a/t.sql:4:1"
    assert str(settings.columns[1].place) == "m/a/t.sql:10:3"
    assert [str(check.place) for check in settings.checks] == [
        "m/a/t.sql:9:65",
        "m/a/t.sql:10:47",
        "m/a/t.sql:10:55",
        "m/a/t.sql:14:5",
        "m/a/t.sql:15:5",
    ]


def test_a_pattern_in_the_block_is_no_comment() -> None:
    model = good("materialized: append\nappend_from: [raw/*.csv, b/*.json]")
    assert model.sql == "SELECT 1 AS a"


def test_an_empty_block_says_nothing() -> None:
    assert good("").settings == good("# nothing yet").settings


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_block_may_follow_other_comments(end: str) -> None:
    text = end.join(["-- licence", "/* years */", "/* ---", "owner: ö", "ownr: x", "--- */", "SELECT 1"])
    _, findings = parse_model(Source("t.sql", text), "a.t")
    assert [(str(f.place), f.line, f.width) for f in findings] == [("t.sql:5:1", "ownr: x", 4)]


# ---- mistakes: block → (line, column, part of the message, part of the hint) ------------------------------------

WRONG = {
    "unknown key": ("ownr: x", 2, 1, 'unknown key "ownr"', '"owner"'),
    "unknown key, nothing near": ("zzz: x", 2, 1, 'unknown key "zzz"', "known keys: append_from"),
    "unknown key of a column": ("columns:\n  a: {typ: int}", 3, 7, 'unknown key "typ"', '"type"'),
    "unknown key of refresh": ("refresh: {evry: 1h}", 2, 11, 'unknown key "evry"', '"every"'),
    "wrong value": (
        "materialized: tabel",
        2,
        15,
        "expected table, view, append, merge or history, got",
        '"table"',
    ),
    "history without a key": ("materialized: history", 2, 1, "history needs unique_key", ""),
    "a change time elsewhere": ("updated_at: ts", 2, 1, "updated_at goes with materialized: history, not table", ""),
    "deleted elsewhere": ("deleted: keep", 2, 1, "deleted goes with materialized: history", ""),
    "deleted": ("deleted: clos", 2, 10, "expected close or keep", '"close"'),
    "wrong kind": ("owner: 5", 2, 8, "expected text, got 5", "quotes"),
    "wrong kind in a list": ("tags: [a, 2]", 2, 11, "expected text, got 2", "quotes"),
    "a list wanted": ("tags: {a: b}", 2, 7, "expected a list", ""),
    "keys wanted": ("columns: [a]", 2, 10, "expected keys with values, got a list", ""),
    "nothing there": ("columns:", 2, 1, "expected keys with values, got nothing", ""),
    "a key is missing": ("refresh: {}", 2, 1, 'key "every" is missing', ""),
    "no keys at all": ("- a", 2, 1, "expected settings", ""),
    "a duration": ("refresh: {every: 1 hour}", 2, 18, "expected a duration", ""),
    "a type": ("columns:\n  a: integr", 3, 6, '"integr" is not a type: did you mean "integer"?', ""),
    "a type inside": ("columns:\n  a: {type: list<strng>}", 3, 13, 'did you mean "string"?', ""),
    "a decimal": ('columns:\n  a: "decimal(50,2)"', 3, 6, "precision goes from 1 to 38", ""),
    "a partition": ("partition_by: [dy(ts)]", 2, 16, 'did you mean "day"?', ""),
    "a sort column": ("sort_by: a descending", 2, 10, "is not a sort column", ""),
    "an engine": ("engine: duckbd", 2, 9, 'no engine is called "duckbd"', ""),
    "merge without key": ("materialized: merge", 2, 1, "merge needs unique_key", ""),
    "key without merge": ("unique_key: a", 2, 1, "goes with materialized: merge or history, not table", "unique"),
    "a cut partition": ("partition_by: [truncate(2, s)]", 2, 15, '["truncate(2, column)"]', ""),
    "a partitioned view": ("materialized: view\npartition_by: a", 3, 1, "a view has no rows of its own", ""),
    "a sorted view": ("materialized: view\nsort_by: a", 3, 1, "sort_by does not apply", ""),
    "append_from of a table": ("append_from: a.b", 2, 1, "append or merge, not table", ""),
    "a column twice": ("columns:\n  A: int\n  a: int", 4, 3, 'column "a" is here twice', ""),
    "a key twice": ("owner: a\nowner: b", 3, 1, 'key "owner" is here twice (first in line 2)', ""),
    "YAML": ("owner: [a", 2, 10, "not valid YAML", ""),
    "YAML: a tab": ("columns:\n\ta: int", 3, 1, "not valid YAML", "spaces"),
    "YAML: a colon": ("description: so: it goes", 2, 16, "not valid YAML", "quotes"),
    "YAML: a control character": ("owner: \x07", 2, 8, "control character", ""),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistake(case: str) -> None:
    block, line, column, message, hint = WRONG[case]
    _, findings = read(block)
    assert len(findings) == 1, findings
    (finding,) = findings
    assert (finding.place.line, finding.place.column) == (line, column)
    assert message in finding.message
    assert hint in finding.hint
    assert finding.model == "a.t"


def test_all_mistakes_are_told_at_once_and_in_order() -> None:
    _, findings = read("matrialized: view\ncolumns:\n  a: {type: in, checks: [not_nul]}\ntags: 5", "SELECT a FROM")
    assert [(f.place.line, f.message.split(":")[0]) for f in findings] == [
        (2, 'unknown key "matrialized"'),
        (4, '"in" is not a type'),
        (4, 'no check is called "not_nul"'),
        (5, "expected a list, got 5"),
        (7, "syntax error"),
    ]


def test_a_block_that_is_not_closed() -> None:
    _, findings = parse_model(Source("t.sql", "\n/* ---\nowner: a\n*/\nSELECT 1"), "a.t")
    assert [(str(f.place), f.message) for f in findings] == [
        ("t.sql:2:1", 'the settings block is not closed: expected "--- */"')
    ]


def test_a_block_where_nothing_reads_it() -> None:
    _, findings = parse_model(Source("t.sql", "SELECT 1\n/* ---\nowner: a\n--- */"), "a.t")
    assert [(str(f.place), "read only from one block" in f.message) for f in findings] == [("t.sql:2:1", True)]


# ---- defaults ---------------------------------------------------------------------------------------------------


def test_defaults_hold_where_the_file_says_nothing() -> None:
    assert good("owner: me", owner="you", tags=["x"]).settings.owner == "me"
    assert good("owner: me", owner="you", tags=["x"]).settings.tags == ("x",)
    model, findings = parse_model(Source("t.sql", "SELECT 1"), "a.t", {"owner": "you"})
    assert findings == ()
    assert model is not None
    assert model.settings.owner == "you"


def test_defaults_that_do_not_apply_are_left_out() -> None:
    model = good("materialized: view", partition_by=["a"], sort_by=["b"], unique_key=["c"], append_from=["d"])
    assert model.settings.partition_by == model.settings.sort_by == ()
    assert model.settings.unique_key == model.settings.append_from == ()
    assert good("materialized: merge", unique_key="k").settings.unique_key == ("k",)


# ---- forms of checks ---------------------------------------------------------------------------------------------

COLUMN = {
    "not_null": ("not_null", ("c",), {}),
    "unique": ("unique", ("c",), {}),
    "{not_null: true}": ("not_null", ("c",), {}),
    "{min: 0}": ("min", ("c",), {"value": 0}),
    "{max: -1.5}": ("max", ("c",), {"value": -1.5}),
    "{accepted: [new, 1, NO, 007]}": ("accepted", ("c",), {"values": ["new", 1, "NO", "007"]}),
    "{matches: '^[A-Z]{2}$'}": ("matches", ("c",), {"pattern": "^[A-Z]{2}$"}),
    "{relationship: core.Stores.Store_ID}": ("relationship", ("c",), {"to": "core.stores", "column": "store_id"}),
    "{relationship: {to: core.stores, column: id}}": ("relationship", ("c",), {"to": "core.stores", "column": "id"}),
    "{freshness: 2d}": ("freshness", ("c",), {"seconds": 172800, "column": "c"}),
    '{expression: "c > 0"}': ("expression", ("c",), {"sql": "c > 0"}),
    "{min: 1, name: positive}": ("min", ("c",), {"value": 1, "name": "positive"}),
}
TABLE = {
    "{unique: [A, b]}": ("unique", ("a", "b"), {}),
    "{not_null: [a]}": ("not_null", ("a",), {}),
    "{rows: {min: 1, max: 9}}": ("rows", (), {"min": 1, "max": 9}),
    '{expression: "a = b - c"}': ("expression", (), {"sql": "a = b - c"}),
    "{freshness: {column: TS, within: 30m}}": ("freshness", ("ts",), {"seconds": 1800, "column": "ts"}),
}


@pytest.mark.parametrize("form", COLUMN)
def test_form_under_a_column(form: str) -> None:
    (check,) = good(f"columns:\n  C: {{checks: [{form}]}}").settings.checks
    assert (check.kind, check.columns, dict(check.options)) == COLUMN[form]


@pytest.mark.parametrize("form", TABLE)
def test_form_of_the_table(form: str) -> None:
    (check,) = good(f"checks: [{form}]").settings.checks
    assert (check.kind, check.columns, dict(check.options)) == TABLE[form]


def test_a_lone_check_may_stand_without_a_list() -> None:
    assert [check.kind for check in good("columns:\n  c: {checks: not_null}").settings.checks] == ["not_null"]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("5", "expected a check"),
        ("{}", "expected a check"),
        ("{severity: warn}", "says no check"),
        ("{min: 1, severity: wrn}", "severity error or warn"),
        ("{min: 1, name: 5}", "name as text"),
        ("min", "number or a date"),
        ("{min: x}", "number or a date"),
        ("{min: true}", "number or a date"),
        ("{accepted: []}", "list of values"),
        ("{accepted: new}", "list of values"),
        ("{matches: 5}", "regular expression"),
        ("{relationship: stores}", "a table and column"),
        ("{relationship: {to: a.b}}", "a table and column"),
        ("{relationship: {to: a.b, colum: c}}", 'unknown key "colum"'),
        ("{rows: {min: 1}}", "about the table"),
        ("{freshness: soon}", "a duration"),
        ("{not_null: [a]}", "write `not_null` alone"),
        ('{expression: ""}', "a condition"),
        ("{notnull: true}", 'no check is called "notnull"'),
    ],
)
def test_mistake_under_a_column(form: str, message: str) -> None:
    _, findings = read(f"columns:\n  c: {{checks: [{form}]}}")
    assert len(findings) == 1
    assert message in findings[0].message
    assert findings[0].place.line == 3


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("unique", "which columns?"),
        ("{unique: []}", "list of columns"),
        ("{unique: [1]}", "list of columns"),
        ("{min: 1}", "write it under `columns:`"),
        ("{rows: 5}", "expected `rows:"),
        ("{rows: {mn: 5}}", 'unknown key "mn"'),
        ("{rows: {min: -1}}", "expected `rows:"),
        ("{rows: {min: 2, max: 1}}", "no table can pass"),
        ("{freshness: 1d}", "expected `freshness:"),
        ("{freshness: {column: a, within: 0d}}", "a duration"),
    ],
)
def test_mistake_of_the_table(form: str, message: str) -> None:
    _, findings = read(f"checks: [{form}]")
    assert len(findings) == 1
    assert message in findings[0].message


def test_a_plugged_in_kind_takes_any_options(monkeypatch: pytest.MonkeyPatch) -> None:
    from lakeorch import plugins

    monkeypatch.setattr(plugins, "names", lambda kind: ("spread", "not_null"))
    checks = good(
        "columns:\n  c: {checks: [spread, {spread: 3}, {spread: {within: 3}}]}\n"
        "checks: [{spread: {columns: [A, b], within: 3}}, {spread: {column: A}}, spread]"
    ).settings.checks
    assert [(check.columns, dict(check.options)) for check in checks] == [
        (("c",), {}),
        (("c",), {"value": 3}),
        (("c",), {"within": 3}),
        (("a", "b"), {"within": 3}),
        (("a",), {}),
        ((), {}),
    ]
    assert all(isinstance(check, Check) and check.kind == "spread" for check in checks)
