"""Cases run on a real engine: what is given, what is expected, what is wrong with a case and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakeorch.cases.running import CaseResult
from lakeorch.errors import ProjectError
from lakeorch.project import Project
from tests.conftest import Make, picture

MODELS = {
    "models/raw/sales.sql": (
        "/* ---\ncolumns: {store: {type: int}, day: {type: date}, amount: {type: 'decimal(10,2)'}}\n--- */\n"
        "SELECT store, day, amount FROM read_csv('in/*.csv', columns = {'store': 'INTEGER', 'day': 'DATE', "
        "'amount': 'DECIMAL(10,2)'})"
    ),
    "models/raw/stores.sql": "SELECT 1 AS store, 'Bern' AS city",
    "models/staging/big.sql": "/* ---\nmaterialized: view\n--- */\nSELECT * FROM raw.sales WHERE amount >= $least",
    "models/marts/cities.sql": (
        "SELECT s.city, CAST(sum(b.amount) AS DECIMAL(18,2)) AS total, count(*) AS n FROM big AS b "
        "JOIN raw.stores AS s USING (store) GROUP BY s.city ORDER BY total DESC"
    ),
    "models/marts/recent.sql": "SELECT store, current_date - day AS age FROM raw.sales",
    "models/marts/strict.sql": "SELECT CAST(city AS INTEGER) AS code FROM raw.stores",
    "models/other/recent.sql": "SELECT $least + $more AS n",
    "lakeorch.yml": "models: models\nvariables: {least: 10}\n",
}


def run(make: Make, text: str, *, select: tuple[str, ...] = (), **files: str) -> tuple[CaseResult, ...]:
    """The results of the cases in one file; nothing may be wrong with them."""
    tested = Project(make({**MODELS, "models/tests/t.yml": text, **files})).test(select)
    assert tested.findings == ()
    return tested.results


def wrong(make: Make, text: str) -> list[tuple[str, str, str]]:
    """Where in a file of cases something is wrong, what, and what to do."""
    tested = Project(make({**MODELS, "models/tests/t.yml": text})).test()
    found = []
    for finding in tested.findings:
        assert finding.place.file == "models/tests/t.yml"
        start = finding.place.column - 1
        found.append((finding.line[start : start + finding.width], finding.message, finding.hint))
    return found


def test_through_a_view_with_a_variable_and_no_file_anywhere(make: Make) -> None:
    text = """
model: marts.cities
given:
  raw.stores: |
    store, city
    1, Bern
    2, Genf
cases:
  sums per city:
    given:
      raw.sales:
        - {store: 1, amount: 10}
        - {store: 1, amount: 20.5}
        - {store: 2, amount: 9.99}
    expect: [{city: Bern, total: 30.5}]
  another limit:
    variables: {least: 1}
    given:
      raw.sales:
        - {store: 2, amount: 9.99}
    expect: [{city: Genf, total: "9.99", n: 1}]
  a given view takes the place of what is behind it:
    given:
      staging.big: [{store: 2, amount: 1}]
    expect: [{city: Genf, total: 1}]
  nothing in, nothing out:
    expect: []
"""
    assert [(r.name[:7], r.status) for r in run(make, text)] == [
        ("sums pe", "passed"),
        ("another", "passed"),
        ("a given", "passed"),
        ("nothing", "passed"),
    ]


def test_nothing_is_written_or_read(make: Make) -> None:
    folder = make({**MODELS, "models/tests/t.yml": "model: marts.cities\ncases: {a: {expect: []}}"})
    before = picture(folder.parent)
    assert not Project(folder).test().failed
    assert picture(folder.parent) == before


def test_a_failure_tells_the_rows(make: Make) -> None:
    text = """
cases:
  wrong:
    model: cities
    given:
      raw.stores: [{store: 1, city: Bern}, {store: 2, city: Genf}]
      big: [{store: 1, amount: 1}, {store: 2, amount: 2}]
    expect: [{city: Bern, total: 5}, {city: Basel, total: 7}]
"""
    [result] = run(make, text)
    assert (result.status, result.columns, str(result.place)) == ("failed", ("city", "total"), "models/tests/t.yml:3:3")
    assert [
        (d.kind, d.expected and d.expected[0], d.actual and d.actual[0], d.columns) for d in result.differences
    ] == [
        ("changed", "Bern", "Bern", (1,)),
        ("missing", "Basel", None, ()),
        ("unexpected", None, "Genf", ()),
    ]
    shown = result.to_dict()["rows"]
    assert isinstance(shown, list)
    assert shown[0] == {
        "kind": "changed",
        "expected": {"city": "Bern", "total": "5.00"},
        "actual": {"city": "Bern", "total": "1.00"},
        "columns": ["total"],
    }


def test_order(make: Make) -> None:
    text = """
model: marts.cities
given:
  raw.stores: [{store: 1, city: Bern}, {store: 2, city: Genf}]
  staging.big: [{store: 1, amount: 1}, {store: 2, amount: 2}]
cases:
  any: {expect: [{city: Bern}, {city: Genf}]}
  right: {ordered: true, expect: [{city: Genf}, {city: Bern}]}
  other: {ordered: true, expect: [{city: Bern}, {city: Genf}]}
"""
    results = run(make, text)
    assert [result.status for result in results] == ["passed", "passed", "failed"]
    assert {difference.kind for difference in results[2].differences} == {"moved"}


def test_the_clock_shows_what_the_case_says(make: Make) -> None:
    text = """
model: marts.recent
cases:
  a week:
    now: 2025-10-26T23:30:00+02:00
    given: {raw.sales: [{store: 1, day: 2025-10-19}]}
    expect: [{age: 7}]
"""
    assert [result.status for result in run(make, text)] == ["passed"]


def test_an_expected_error(make: Make) -> None:
    text = """
model: marts.strict
given: {raw.stores: [{city: Bern}]}
cases:
  right: {expect: {error: "bern"}}
  other: {expect: {error: "no such thing"}}
  none: {given: {raw.stores: [{city: "3"}]}, expect: {error: "Bern"}}
  rows: {expect: [{code: 1}]}
"""
    results = run(make, text)
    assert [result.status for result in results] == ["passed", "failed", "failed", "failed"]
    assert "no such thing" in results[1].message
    assert "Bern" in results[1].message
    assert "the query yields 1 row" in results[2].message
    assert "Bern" in results[3].message


FILES = """
model: raw.sales
cases:
  rows instead of files:
    files:
      in/*.csv:
        - {store: 1, day: 2025-10-01, amount: 1.5}
    expect: [{store: 1, day: 2025-10-01, amount: 1.50}]
"""


def test_rows_in_the_place_of_files_that_are_there(make: Make) -> None:
    results = run(make, FILES, **{"in/a.csv": "store,day,amount\n7,2025-01-01,7\n"})
    assert [result.status for result in results] == ["passed"]


def test_rows_in_the_place_of_files_that_are_not(make: Make) -> None:
    assert [result.status for result in run(make, FILES)] == ["passed"]


def test_files_that_no_case_gives_yield_no_row(make: Make) -> None:
    text = "model: raw.sales\ncases: {none: {expect: []}}"
    results = run(make, text, **{"in/a.csv": "store,day,amount\n7,2025-01-01,7\n"})
    assert [result.status for result in results] == ["passed"]
    [(_, message, hint)] = wrong_without_files(make, text)
    assert "no file matches 'in/*.csv'" in message
    assert hint == 'give its rows: `files: {"in/*.csv": […]}`'


def wrong_without_files(make: Make, text: str) -> list[tuple[str, str, str]]:
    folder = make({})
    for path in (folder.parent / "in").glob("*.csv"):
        path.unlink()
    return wrong(make, text)


def test_only_the_cases_of_selected_models_run(make: Make) -> None:
    text = "cases:\n  a: {model: marts.cities, expect: []}\n  b: {model: marts.strict, expect: []}"
    assert [result.name for result in run(make, text, select=("marts.strict",))] == ["b"]
    assert [result.name for result in run(make, text, select=("+marts.cities",))] == ["a"]


WRONG = [
    ("cases: {a: {expect: []}}", "a", "which model is this case about?"),
    ("model: recent\ncases: {a: {expect: []}}", "model", '"recent" could mean marts.recent, other.recent'),
    ("model: marts.citis\ncases: {a: {expect: []}}", "model", 'no model is called "marts.citis"'),
    ("model: marts.cities\ncases: {a: {expct: []}}", "expct", 'unknown key "expct"'),
    ("model: marts.cities\ncases: {a: {}}", "a", 'key "expect" is missing'),
    ("model: marts.cities\ncases: {a: {expect: 3}}", "3", "expected a list of rows"),
    ("model: marts.cities\ncases: {a: {expect: {eror: x}}}", "{eror: x}", "expected a list of rows"),
    ("model: marts.cities\ncases: {a: {expect: [{citi: x}]}}", "citi", 'marts.cities has no column "citi"'),
    ("model: marts.cities\ncases: {a: {expect: [{n: 1}, {n: x}]}}", "x", 'n: expected a whole number, got "x"'),
    ("model: marts.cities\ncases: {a: {expect: [], given: {raw.sale: []}}}", "raw.sale", "does not read raw.sale"),
    ("model: marts.cities\ncases: {a: {expect: [], given: {raw.sales: [{dai: 1}]}}}", "dai", 'no column "dai"'),
    ("model: marts.cities\ncases: {a: {expect: [], given: {raw.sales: [{day: x}]}}}", "x", "day: expected a date"),
    ("model: marts.cities\ncases: {a: {expect: [], variables: {lest: 1}}}", "lest", "does not use $lest"),
    ("model: marts.cities\ncases: {a: {expect: [], files: {x.csv: []}}}", "x.csv", "does not read 'x.csv'"),
    ("model: marts.recent\ncases: {a: {expect: []}}", "a", "reads the clock: say what it shows"),
    ("model: other.recent\ncases: {a: {expect: []}}", "a", "the variable $more has no value"),
    ("model: marts.recent\ncases: {a: {now: soon, expect: []}}", "soon", "expected a time such as"),
    ("model: marts.cities\ncases: {a: {expect: [}}", "}", "not valid YAML"),
    (
        "model: marts.cities\ncases:\n  a:\n    expect: |\n      city, n\n      Bern, x\n",
        "Bern, x",
        "n: expected a whole",
    ),
    ("model: marts.cities\ncases:\n  a:\n    expect: |\n      city, m\n      Bern, 1\n", "city, m", 'no column "m"'),
]


@pytest.mark.parametrize(("text", "place", "message"), WRONG)
def test_what_is_wrong_with_a_case_is_told_with_its_place(make: Make, text: str, place: str, message: str) -> None:
    found = wrong(make, text)
    assert len(found) == 1
    assert message in found[0][1]
    assert found[0][0] == place


def test_a_near_name_is_offered(make: Make) -> None:
    [(_, _, hint)] = wrong(make, "model: marts.cities\ncases: {a: {expect: [], given: {raw.sale: []}}}")
    assert hint == 'did you mean "raw.sales"?'


def test_a_model_that_cannot_be_read(make: Make) -> None:
    broken = {
        **MODELS,
        "models/marts/cities.sql": "SELECT (",
        "models/tests/t.yml": "model: strict\ncases: {a: {expect: []}}",
    }
    assert not Project(make(broken)).test().failed
    folder = make({"models/tests/t.yml": "model: marts.cities\ncases: {a: {expect: []}}"})
    with pytest.raises(ProjectError) as error:
        Project(folder).test()
    assert error.value.findings[0].place.file == "models/marts/cities.sql"


def test_an_input_whose_columns_nobody_knows(make: Make) -> None:
    given = "given: {elsewhere.t: [{x: 1, d: 2025-01-01}]}"
    text = f"model: marts.m\ncases:\n  a: {{expect: []}}\n  b: {{{given}, expect: [{{y: 2}}]}}"
    files = {"models/marts/m.sql": "SELECT x + 1 AS y FROM elsewhere.t", "models/tests/t.yml": text}
    tested = Project(make(files)).test()
    assert [result.status for result in tested.results] == ["passed"]
    [finding] = tested.findings
    assert finding.message == "marts.m reads elsewhere.t, whose columns are not known"


def test_the_sample_project_passes_its_own_cases() -> None:
    tested = Project(Path(__file__).parents[2] / "sql_models").test()
    assert tested.findings == ()
    assert [result.name for result in tested.failed] == []
    assert len(tested.results) >= 14


def test_a_hundred_cases_take_about_a_second(make: Make) -> None:
    rows = "{store: 1, amount: 10}, {store: 2, amount: 20}"
    cases = [f"  c{i}: {{given: {{raw.sales: [{rows}]}}, expect: [{{total: 10}}]}}" for i in range(100)]
    given = "given: {raw.stores: [{store: 1, city: Bern}]}"
    tested = Project(
        make({**MODELS, "models/tests/t.yml": "\n".join(["model: cities", given, "cases:", *cases])})
    ).test()
    assert (len(tested.results), tested.failed, tested.findings) == (100, (), ())
    # five times what it takes here, for machines that do other things beside
    assert tested.seconds < 5
