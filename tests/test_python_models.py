"""Python models: what they are given, what they may return, where their mistakes are, what makes them stale."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from lakeorch.errors import ProjectError
from lakeorch.project import Project
from lakeorch.project.result import Result
from tests.conftest import Make

ONE = "SELECT i AS id, i % 3 AS grp, (i * 1.5)::DECIMAL(9, 2) AS amount, 'n' || i AS name FROM range(10) t(i)"
IMPORTS = "import duckdb\nimport pyarrow as pa\nimport polars as pl\nfrom datetime import datetime\n"


def python(settings: str, code: str) -> str:
    return f'"""---\n{settings}\n---"""\n{IMPORTS}\n\n{code}\n'


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in Project(folder).query(sql).read_all().to_pylist()]


def findings(folder: Path) -> list[str]:
    return [f"{each.place}: {each.message}" for each in Project(folder).validate()]


def actions(result: Result) -> dict[str, str]:
    return {outcome.model: str(outcome.action) for outcome in result.outcomes}


@pytest.mark.parametrize(
    ("annotation", "body"),
    [
        ("pl.LazyFrame", "one.filter(pl.col('id') > 6).select('id', 'name')"),
        ("pl.DataFrame", "one.filter(pl.col('id') > 6).select('id', 'name')"),
        ("duckdb.DuckDBPyRelation", "one.filter('id > 6').select('id, name')"),
        ("pa.Table", "one.slice(7).select(['id', 'name'])"),
        ("pa.RecordBatchReader", "(b.slice(7).select(['id', 'name']) for b in one)"),
        ("'pa.RecordBatchReader'", "[r for r in one.read_all().select(['name', 'id']).to_pylist() if r['id'] > 6]"),
    ],
)
def test_every_form_of_input_and_result(make: Make, annotation: str, body: str) -> None:
    code = f"def model(one: {annotation}):\n    return {body}"
    folder = make({"models/a/one.sql": ONE, "models/a/two.py": python("columns: {id: long, name: string}", code)})
    assert Project(folder).run().status == "published"
    assert rows(folder, "SELECT id, name FROM a.two ORDER BY id") == [(7, "n7"), (8, "n8"), (9, "n9")]
    assert Project(folder).run().status == "nothing to do"


@pytest.mark.parametrize("annotation", ["pl.LazyFrame", "duckdb.DuckDBPyRelation", "pa.RecordBatchReader", "pa.Table"])
def test_a_view_is_given_like_a_table_and_an_empty_one_has_its_columns(make: Make, annotation: str) -> None:
    view = "/* ---\nmaterialized: view\n--- */\nSELECT id, name FROM one WHERE id > $least"
    same = python("columns: {id: long, name: string}", f"def model(seen: {annotation}):\n    return seen")
    least = {"lakeorch.yml": "models: models\nvariables: {least: 8}\n"}
    folder = make({**least, "models/a/one.sql": ONE, "models/a/seen.sql": view, "models/a/two.py": same})
    Project(folder).run()
    assert rows(folder, "FROM a.two") == [(9, "n9")]
    assert Project(folder, variables={"least": "99"}).run().status == "published"
    assert rows(folder, "FROM a.two") == []


def test_variables_the_clock_and_a_table_by_another_name(make: Make) -> None:
    settings = "inputs: {sales: b.one}\ncolumns: {id: long, rate: double, word: string, stamp: timestamptz, day: date}"
    code = (
        "def model(sales: pl.LazyFrame, rate: float, word: str, now: datetime):\n"
        "    assert str(now.tzinfo) == 'UTC'\n"
        "    return sales.head(1).select('id', rate=pl.lit(rate), word=pl.lit(word), stamp=pl.lit(now),"
        " day=pl.lit(now.date()))"
    )
    files = {"lakeorch.yml": "models: models\nvariables: {rate: 1.5, word: x}\n"}
    folder = make({**files, "models/b/one.sql": ONE, "models/a/two.py": python(settings, code)})
    Project(folder).run()
    assert rows(folder, "SELECT id, rate, word, stamp::DATE = day FROM a.two") == [(0, 1.5, "x", True)]
    assert Project(folder).run().status == "nothing to do"
    changed = Project(folder, variables={"rate": "2.5"}).run()
    assert actions(changed)["a.two"] == "build"
    assert "variable changed: rate" in next(each.reason for each in changed.outcomes if each.model == "a.two")


def test_types_are_those_that_are_declared_or_an_error_names_the_column(make: Make) -> None:
    declared = 'columns: {i: long, d: "decimal(18,4)", s: string, n: date, l: "list<long>"}'
    code = (
        "def model():\n    from decimal import Decimal\n"
        "    yield pl.DataFrame({'i': [1], 'd': [Decimal('1.25')], 's': ['x'], 'n': [None], 'l': [[1, 2]]},"
        " schema_overrides={'i': pl.Int16, 'l': pl.List(pl.Int8)})"
    )
    folder = make({"models/a/two.py": python(declared, code)})
    Project(folder).run()
    [row] = rows(folder, "SELECT i, d::VARCHAR, s, n, l FROM a.two")
    assert row == (1, "1.2500", "x", None, [1, 2])
    for column, value, message in [
        ("long", "[1.5]", "column x came as double, the model declares long"),
        ("date", "['2025-01-01']", "column x came as string, the model declares date"),
        ("int", "[2**40]", "out of range"),
        ("float", "[1.5]", "column x came as double, the model declares float"),
    ]:
        code = f"def model():\n    return pl.DataFrame({{'x': {value}}})"
        folder = make({"models/a/two.py": python(f"columns: {{x: {column}}}", code)})
        [outcome] = Project(folder).run(full=True).outcomes
        assert message in outcome.error, outcome.error


@pytest.mark.parametrize(
    ("type", "returned", "message"),
    [
        ("long", "[{'x': 1.5}]", "column x: 1.5 would become 1: the model declares long"),
        ("long", "[{'x': Decimal('1.5')}]", "column x: Decimal('1.5') would become 1"),
        ("date", "[{'x': datetime(2024, 1, 31, 5)}]", "would become datetime.date(2024, 1, 31)"),
        ("date", "[{'x': 5}]", "column x: 5 would become"),
        (
            "timestamp",
            "[{'x': datetime(2024, 1, 31, tzinfo=UTC)}]",
            "would become datetime.datetime(2024, 1, 31, 0, 0)",
        ),
        ("float", "[{'x': 1e300}]", "column x: 1e+300 would become inf"),
        ("list<long>", "[{'x': [1, 2.5]}]", "column x: [1, 2.5] would become [1, 2]"),
        ('"struct<a: long>"', "[{'x': {'b': 1}}]", "column x: {'b': 1} would become {'a': None}"),
        ("int", "[{'x': 2**40}]", "column x: Value 1099511627776 too large"),
        ("timestamp", "pa.table({'x': pa.array([1], pa.timestamp('ns'))})", "column x: Casting from timestamp[ns]"),
        ("time", "pa.table({'x': pa.array([1], pa.time64('ns'))})", "column x: Casting from time64[ns]"),
        ("long", "(pa.table({'x': [n]}) for n in (1, 1.5))", "column x: Float value 1.500000 was truncated"),
    ],
)
def test_nothing_is_rounded_or_cut_in_silence(make: Make, type: str, returned: str, message: str) -> None:
    code = f"from datetime import UTC\nfrom decimal import Decimal\ndef model():\n    return {returned}"
    folder = make({"models/a/two.py": python(f"columns: {{x: {type}}}", code)})
    [outcome] = Project(folder).run().outcomes
    assert message in outcome.error, outcome.error


def test_what_stays_the_same_is_taken_as_it_comes(make: Make) -> None:
    declared = (
        'columns: {n: long, f: float, d: "decimal(9,1)", t: timestamptz, l: "list<long>", s: "struct<a: int, b: int>"}'
    )
    code = (
        "from datetime import UTC\nfrom decimal import Decimal\ndef model():\n"
        "    nan = float('nan')\n"
        "    yield [{'n': 2.0, 'f': 0.1, 'd': Decimal('1.50'), 't': datetime(2024, 1, 31, tzinfo=UTC)}]\n"
        "    yield [{'f': nan, 'l': (1, 2), 's': {'b': 1}}]\n"
        "    whole = pl.DataFrame({'t': [1000]}).select(pl.col('t').cast(pl.Datetime('ns', 'UTC')))\n"
        "    yield [{'t': whole['t'][0]}]"
    )
    folder = make({"models/a/two.py": python(declared, code)})
    assert Project(folder).run().status == "published"
    assert rows(folder, "SELECT n, d::VARCHAR, l, s.b FROM a.two WHERE n = 2 OR l IS NOT NULL ORDER BY n") == [
        (2, "1.5", None, None),
        (None, None, [1, 2], 1),
    ]


def test_a_variable_is_what_the_parameter_says_or_a_mistake(make: Make) -> None:
    code = "def model(a: int, b: float, c: str):\n    return [{'x': a}]"
    config = "models: models\nvariables: {a: 2.5, b: 1, c: x}\n"
    folder = make({"lakeorch.yml": config, "models/a/two.py": python("columns: {x: long}", code)})
    assert findings(folder) == ["models/a/two.py:10:11: the variable $a is of type float, the parameter says int"]
    assert Project(folder, variables={"a": "2"}).validate() == ()


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("pl.DataFrame({'x': [1]})", "model returned no column y"),
        ("pl.DataFrame({'x': [1], 'y': [1], 'z': [1]})", "a column z that it does not declare"),
        ("None", "TypeError: model returned nothing: expected a polars.LazyFrame"),
        ("7", "TypeError: model returned a builtins.int"),
        ("1 / 0", "models/a/two.py:11:12: ZeroDivisionError: division by zero"),
        ("pl.LazyFrame({'x': [1]}).select('q')", "models/a/two.py:10:1: ColumnNotFoundError"),
        ("(1 / each for each in [1, 0])", "models/a/two.py:10:1: TypeError: model returned a builtins.float"),
        ("([{'x': 1, 'y': 1 / each}] for each in [1, 0])", "models/a/two.py:11:28: ZeroDivisionError"),
        ("__import__('sys').exit(3)", "models/a/two.py:11:12: SystemExit: 3"),
        ("[{'x': 1, 'y': 2}] if __import__('nowhere') else 1", "11:34: ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_other_models_go_on(make: Make, returned: str, message: str) -> None:
    bad = python("columns: {x: long, y: long}", f"def model():\n    return {returned}")
    after = {"models/a/three.sql": "SELECT x FROM two", "models/b/other.sql": "SELECT 1 AS one"}
    folder = make({"models/a/two.py": bad, **after})
    result = Project(folder).run()
    told = {outcome.model: outcome for outcome in result.outcomes}
    assert message in told["a.two"].error, told["a.two"].error
    assert (str(told["a.three"].action), str(told["b.other"].action)) == ("held", "build")
    assert result.status == "failed"


def test_mistakes_are_found_before_anything_runs(make: Make) -> None:
    ran = 'open("ran", "w")\n'
    folder = make(
        {
            "models/a/one.sql": ONE,
            "models/a/args.py": python("columns: {x: long}", "def model(onee: pl.LazyFrame, rate: float): pass"),
            "models/a/bare.py": python("owner: me", "def model(): pass"),
            "models/a/loose.py": python("columns: {x: int}", "def model(one, *more: int): pass"),
            "models/a/typed.py": python("columns: {x: {}}", "def model(): pass"),
            "models/a/none.py": ran + "def modle(): pass",
            "models/a/parse.py": "def model(:",
            "models/a/view.py": python("materialized: view\nengine: duckdb\ninputs: {q: a.one}", "def model(): pass"),
            "models/a/__init__.py": "",
            "models/a/_shared.py": "1 / 0",
            "models/checks/x.py": "1 / 0",
        }
    )
    found = findings(folder)
    wanted = [
        'args.py:10:11: there is no table "onee"',
        "args.py:10:31: the variable $rate has no value",
        "bare.py:4:1: nobody knows the columns of a Python model before it runs",
        "typed.py:2:11: x: a column of a Python model needs a type",
        "loose.py:10:11: the parameter one has no annotation",
        "loose.py:10:17: the tables it reads must be named one by one",
        "none.py:1:1: there is no function `model` here",
        "parse.py:1:11: this is not Python",
        "view.py:2:1: a Python model is no view",
        "view.py:3:1: engine does not apply to a Python model",
        'view.py:4:13: inputs: model takes no table as "q"',
    ]
    for each in wanted:
        assert any(line.startswith(f"models/a/{each}") for line in found), (each, found)
    with pytest.raises(ProjectError):
        Project(folder).run()
    assert not (folder.parent / "ran").exists()
    assert not Path("ran").exists()


def test_planning_and_looking_never_call_the_function(make: Make) -> None:
    folder = make({"models/a/two.py": python("columns: {x: long}", "1 / 0\ndef model(): return 1 / 0")})
    project = Project(folder)
    assert project.validate() == ()
    assert [str(step.action) for step in project.plan().steps] == ["build"]
    assert project.lint() is not None
    assert [line.model for line in project.list()] == ["a.two"]
    assert project.show("a.two").columns[0].name == "x"
    assert project.format(check=True).changed == ()


def test_the_fingerprint_moves_with_code_and_imported_modules_only(make: Make) -> None:
    code = "from lib.rates import RATE\ndef model():\n    return pl.DataFrame({'x': [RATE]})"
    files = {"lib/rates.py": "from lib import deep\nRATE = deep.ONE", "lib/deep.py": "ONE = 1"}
    folder = make({**files, "models/a/two.py": python("columns: {x: long}", code)})
    Project(folder).run()
    assert rows(folder, "FROM a.two") == [(1,)]
    noted = code.replace("():", "():  # a note\n    '''what it does'''\n")
    make({"models/a/two.py": python("columns: {x: long}", noted), "lib/deep.py": "'''doc'''\nONE  =  1"})
    assert Project(folder).run().status == "nothing to do"
    assert Project(folder).run().status == "nothing to do"  # by now out of the idle cache
    make({"lib/deep.py": "ONE = 2"})
    assert actions(Project(folder).run()) == {"a.two": "build"}
    assert rows(folder, "FROM a.two") == [(2,)]


def test_a_module_of_the_same_size_and_second_is_loaded_anew(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    code = "from lib.rates import RATE\ndef model():\n    return pl.DataFrame({'x': [RATE]})"
    folder = make({"lib/rates.py": "RATE = 1", "models/a/two.py": python("columns: {x: long}", code)})
    module = folder.parent / "lib/rates.py"
    os.utime(module, (1_700_000_000, 1_700_000_000))
    Project(folder).run()
    make({"lib/rates.py": "RATE = 2"})
    os.utime(module, (1_700_000_000, 1_700_000_000))
    assert actions(Project(folder).run()) == {"a.two": "build"}
    assert rows(folder, "FROM a.two") == [(2,)]


def test_append_is_called_with_the_new_rows_merge_puts_them_in_place_and_history_keeps(make: Make) -> None:
    read = "def model(one: pl.LazyFrame):\n    return one.select('id', 'name')"
    columns = "columns: {id: long, name: string}\n"
    append = python(columns + "materialized: append", read)
    merge = python(columns + "materialized: merge\nunique_key: id", read)
    history = python(columns + "materialized: history\nunique_key: id", read)
    seen = python(
        "columns: {n: long}\nmaterialized: append",
        "def model(one: pl.LazyFrame):\n    return one.select(n=pl.len().cast(pl.Int64))",
    )
    models = {"add": append, "put": merge, "keep": history, "seen": seen}
    folder = make({f"models/a/{name}.py": text for name, text in models.items()} | {"models/a/one.sql": ONE})
    Project(folder).run()
    make({"models/a/one.sql": ONE.replace("range(10)", "range(12)").replace("'n' || i", "'n' || (i // 9 * 9)")})
    Project(folder).run()
    assert rows(folder, "SELECT list(n ORDER BY n) FROM a.seen") == [([10, 10],)]  # 8 changed, 2 came
    assert rows(folder, "SELECT count(*) FROM a.put") == [(12,)]
    assert rows(folder, "SELECT name, current FROM a.keep WHERE id = 1 ORDER BY valid_from") == [
        ("n1", False),
        ("n0", True),
    ]
    assert rows(folder, "SELECT count(*) FROM a.add") == [(20,)]


def test_a_model_that_fetches_by_itself_merges_when_its_time_has_come(make: Make) -> None:
    settings = "columns: {id: int, at: timestamptz}\nmaterialized: merge\nunique_key: id\nrefresh: {every: 1h}"
    code = "def model(now: datetime):\n    yield [{'id': 1, 'at': now}]\n    yield [{'id': 2, 'at': now}]"
    folder = make({"models/a/two.py": python(settings, code)})
    Project(folder).run()
    assert rows(folder, "SELECT id FROM a.two ORDER BY id") == [(1,), (2,)]
    assert Project(folder).run().status == "nothing to do"


def test_a_view_of_the_driving_table_is_refused(make: Make) -> None:
    view = "/* ---\nmaterialized: view\n--- */\nSELECT * FROM one"
    both = python(
        "columns: {id: long}\nmaterialized: append\nappend_from: one", "def model(one: pa.Table, v: pa.Table): 1"
    )
    folder = make({"models/a/one.sql": ONE, "models/a/v.sql": view, "models/a/two.py": both})
    assert any("reads once and through no view" in each for each in findings(folder))


def test_many_rows_are_streamed_and_partitioned(make: Make) -> None:
    settings = "columns: {id: long, part: int}\npartition_by: [part]\nsort_by: [id desc]\nchecks: [unique: [id]]"
    code = (
        "def model(one: pa.RecordBatchReader):\n"
        "    for batch in one:\n"
        "        yield pl.DataFrame(batch).select('id', part=(pl.col('id') % 4).cast(pl.Int32))"
    )
    one = "SELECT i AS id FROM range(300000) t(i)"
    folder = make({"models/a/one.sql": one, "models/a/two.py": python(settings, code)})
    assert Project(folder).run().status == "published"
    assert rows(folder, "SELECT count(*), sum(id), max(part) FROM a.two") == [(300000, 44999850000, 3)]
    assert len(Project(folder).show("a.two").files) == 4


def test_lineage_says_what_the_declared_inputs_allow(make: Make) -> None:
    code = "def model(one: pl.LazyFrame):\n    return one.select('id')"
    folder = make(
        {"models/a/one.sql": "SELECT 1 AS id, 2 AS grp", "models/a/two.py": python("columns: {id: int}", code)}
    )
    text = str(Project(folder).lineage("a.two.id").to_dict())
    assert "'derived'" in text
    assert "'copied', 'a.two" not in text
    assert "grp" in text


def test_cases_call_the_function(make: Make) -> None:
    code = "def model(one: pl.LazyFrame, least: int):\n    return one.filter(pl.col('id') >= least).select('id')"
    cases = """
model: a.two
cases:
  keeps: {given: {one: [{id: 1}, {id: 2}]}, variables: {least: 2}, expect: [{id: 2}]}
  wrong: {given: {one: [{id: 1}]}, variables: {least: 0}, expect: [{id: 2}]}
  error: {given: {one: []}, variables: {least: x}, expect: {error: two.py}}
"""
    two = python("columns: {id: long}", code)
    folder = make({"models/a/one.sql": ONE, "models/a/two.py": two, "models/tests/two.yml": cases})
    tested = Project(folder).test()
    assert {result.name: result.status for result in tested.results} == {
        "keeps": "passed",
        "wrong": "failed",
        "error": "passed",
    }, tested
    assert tested.findings == ()


def test_verify_says_that_it_does_not_call_functions(make: Make) -> None:
    folder = make({"models/a/two.py": python("columns: {x: int}", "def model(): return [{'x': 1}]")})
    Project(folder).run()
    [verified] = Project(folder).verify("a.two")
    assert (verified.status, verified.reason) == ("unknown", "a Python model is not run again to verify its rows")


def test_print_does_not_reach_standard_output(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    code = "def model():\n    print('seen')\n    return [{'x': 1}]"
    folder = make({"models/a/two.py": python("columns: {x: int}", code)})
    Project(folder).run()
    out = capsys.readouterr()
    assert (out.out, out.err) == ("", "seen\n")
