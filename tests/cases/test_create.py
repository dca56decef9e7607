"""Cases written from published rows: the fewest that are needed, and they pass."""

from __future__ import annotations

from typing import Any

import pytest

from lakeorch.errors import UsageError
from lakeorch.parse import load_yaml, read_source
from lakeorch.project import Project
from tests.conftest import Make

MODELS = {
    "in/a.csv": "store,day,amount\n1,2025-10-01,10\n1,2025-10-02,20\n2,2025-10-01,5\n",
    "in/b.csv": "store,day,amount\n2,2025-10-03,7\n3,2025-10-03,\n",
    "models/raw/sales.sql": (
        "SELECT store, day, amount, parse_filename(filename) AS file FROM read_csv('in/*.csv', filename = true)"
    ),
    "models/raw/stores.sql": (
        "SELECT * FROM (VALUES (1, 'Bern', 'x'), (2, 'Genf', 'y'), (3, 'Chur', 'z')) AS v(store, city, note)"
    ),
    "models/staging/known.sql": "/* ---\nmaterialized: view\n--- */\nSELECT * FROM raw.sales WHERE amount > $least",
    "models/marts/cities.sql": (
        "SELECT s.city, sum(k.amount) AS total, current_date AS asked "
        "FROM known AS k JOIN raw.stores AS s USING (store) GROUP BY s.city"
    ),
    "models/marts/ranks.sql": (
        "SELECT store, day, rank() OVER (PARTITION BY day ORDER BY amount DESC) AS place FROM raw.sales"
    ),
    "lakeorch.yml": "models: models\nvariables: {least: 1}\n",
}


def create(make: Make, model: str, where: str) -> tuple[Project, dict[str, Any]]:
    """The project after a run, and the case that was written."""
    project = Project(make(MODELS))
    assert project.run().status == "published"
    created = project.create_test(model, where)
    source, _ = read_source(created.path, "t.yml")
    assert source is not None
    data, _ = load_yaml(source)
    return project, data


def test_the_fewest_rows_and_columns_that_give_the_chosen_ones(make: Make) -> None:
    project, data = create(make, "marts.cities", "city = 'Bern'")
    case = data["cases"]["city = 'Bern'"]
    assert case["given"] == {
        "raw.sales": [{"store": 1, "amount": 10}, {"store": 1, "amount": 20}],
        "raw.stores": [{"store": 1, "city": "Bern"}],
    }
    assert [{**row, "asked": ""} for row in case["expect"]] == [{"city": "Bern", "total": 30, "asked": ""}]
    assert data["variables"] == {"least": 1}
    tested = project.test()
    assert tested.findings == ()
    assert [result.status for result in tested.results] == ["passed"]


def test_a_condition_on_inputs(make: Make) -> None:
    project, data = create(make, "marts.cities", "note = 'y'")
    case = data["cases"]["note = 'y'"]
    assert [row["city"] for row in case["expect"]] == ["Genf"]
    assert not project.test().failed


def test_rows_that_the_condition_does_not_choose_but_the_result_needs(make: Make) -> None:
    project, data = create(make, "marts.ranks", "store = 2 AND place = 2")
    case = data["cases"]["store = 2 AND place = 2"]
    assert len(case["given"]["raw.sales"]) == 2
    assert len(case["expect"]) == 2
    assert not project.test().failed


def test_rows_of_files(make: Make) -> None:
    project, data = create(make, "raw.sales", "file = 'b.csv' AND amount IS NULL")
    [rows] = data["cases"]["file = 'b.csv' AND amount IS NULL"]["files"].values()
    assert rows == [{"store": 3, "filename": "in/b.csv", "day": rows[0]["day"]}]
    assert not project.test().failed


def test_a_second_case_gets_a_file_of_its_own(make: Make) -> None:
    project, _ = create(make, "raw.stores", "store = 1")
    assert project.create_test("stores", "store = 2").path.name == "raw_stores_2.yml"
    assert len(project.test().results) == 2


WRONG = [
    ("marts.cities", "citi = 'Bern'", "the condition fits neither marts.cities nor what it reads"),
    ("marts.cities", "city = 'Basel'", "no row of marts.cities fits"),
    ("marts.*", "city = 'Bern'", "means 2 models"),
    ("marts.citis", "city = 'Bern'", 'no model is called "marts.citis"'),
]


@pytest.mark.parametrize(("model", "where", "message"), WRONG)
def test_what_cannot_be_done(make: Make, model: str, where: str, message: str) -> None:
    project = Project(make(MODELS))
    project.run()
    with pytest.raises(UsageError) as error:
        project.create_test(model, where)
    assert message in error.value.message
    assert not (project.folder / "tests").exists()


def test_an_input_that_is_not_published(make: Make) -> None:
    with pytest.raises(UsageError) as error:
        Project(make(MODELS)).create_test("marts.cities", "city = 'Bern'")
    assert error.value.hint in ("lakeorch run -s +raw.sales", "lakeorch run -s +raw.stores")
