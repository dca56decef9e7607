"""The Polars engine in whole runs: beside DuckDB, in every kind of table, and what it refuses with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lakeorch.project import Project
from lakeorch.project.result import Result
from tests.conftest import Make

ONE = (
    "SELECT i AS id, i % 3 AS grp, (i * 1.5)::DECIMAL(9, 2) AS amount, 'n' || i AS name, "
    "DATE '2024-01-01' + i::INTEGER AS day FROM range(20) t(i)"
)
POLARS = "/* ---\nengine: polars\n--- */\n"


def kind(settings: str) -> str:
    return f"/* ---\nengine: polars\n{settings}\n--- */\n"


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in Project(folder).query(sql).read_all().to_pylist()]


def done(result: Result) -> dict[str, str]:
    assert result.status == "published", [(o.model, o.error) for o in result.outcomes if o.error]
    return {outcome.model: str(outcome.action) for outcome in result.outcomes}


def test_engines_meet_in_files(make: Make) -> None:
    folder = make(
        {
            "models/a/one.sql": ONE,
            "models/a/two.sql": POLARS + "SELECT grp, sum(amount) AS total, count(*) AS n FROM one GROUP BY grp",
            "models/a/three.sql": "SELECT max(total) AS most, median(n) AS usual FROM two",
            "models/a/four.sql": POLARS + "SELECT o.name, t.total / n AS mean FROM one o JOIN two t USING (grp)",
        }
    )
    done(Project(folder).run())
    assert rows(folder, "SELECT grp, total, n FROM a.two ORDER BY grp") == rows(
        folder, "SELECT grp, sum(amount), count(*) FROM a.one GROUP BY grp ORDER BY grp"
    )
    assert len(rows(folder, "FROM a.four")) == 20
    assert Project(folder).run().status == "nothing to do"
    assert Project(folder).show("a.two").facts["lakeorch.engine"].startswith("polars ")
    assert Project(folder).show("a.three").facts["lakeorch.engine"].startswith("duckdb ")
    assert all(verified.status == "same" for verified in Project(folder).verify())
    for path in Project(folder).show("a.two").files:
        schema = pq.read_schema(path)
        assert [int(column.metadata[b"PARQUET:field_id"]) for column in schema] == [1, 2, 3]
        assert schema.field("total").type.precision == 38


def test_a_project_an_environment_a_folder_and_a_model_choose(make: Make) -> None:
    config = (
        "models: models\nengine: polars\ndefaults:\n  raw: {engine: duckdb}\n"
        "environments:\n  small: {engine: duckdb, warehouse: small}\n"
    )
    files = {
        "lakeorch.yml": config,
        "raw/x.csv": "a,b\n1,x\n2,y\n",
        "models/raw/x.sql": "SELECT a, b FROM 'raw/x.csv'",
        "models/core/y.sql": "SELECT b, sum(a) AS a FROM raw.x GROUP BY b",
        "models/core/z.sql": "/* ---\nengine: duckdb\n--- */\nSELECT b, a FROM y",
    }
    folder = make(files)

    def engines(project: Project) -> dict[str, str]:
        found = (project.show(name) for name in ("raw.x", "core.y", "core.z"))
        return {shown.listed.model: shown.facts["lakeorch.engine"].partition(" ")[0] for shown in found}

    done(Project(folder).run())
    assert engines(Project(folder)) == {"raw.x": "duckdb", "core.y": "polars", "core.z": "duckdb"}
    done(Project(folder, env="small").run())
    assert set(engines(Project(folder, env="small")).values()) == {"duckdb"}
    assert Project(folder).validate() == ()
    assert Project(folder).test().findings == ()


@pytest.mark.parametrize(
    ("query", "place", "message"),
    [
        ("SELECT upper(name) AS x FROM one", "4:8", "upper() is not known to give the same answer"),
        ("SELECT id,\n  upper(name) AS x\nFROM one", "5:3", "upper()"),
        ("SELECT a FROM 'raw/x.csv'", "4:8", "raw/x.csv in FROM"),
        ("SELECT id FROM one WHERE name ILIKE 'x'", "4:26", "ILIKE"),
        ("SELECT nested FROM one2", "4:8", "the column nested is of type list<int>"),
    ],
)
def test_what_polars_does_not_take_is_said_with_its_place(make: Make, query: str, place: str, message: str) -> None:
    one2 = "SELECT [1, 2] AS nested, now() AS seen"
    files = {"models/a/one.sql": ONE, "models/a/one2.sql": one2, "raw/x.csv": "a\n1\n"}
    folder = make({**files, "models/a/two.sql": POLARS + query})
    [finding] = Project(folder).validate()
    assert finding.place.file == "models/a/two.sql"
    assert message in finding.message
    assert "`engine: duckdb`" in finding.hint
    assert f"{finding.place.line}:{finding.place.column}" == place


def test_a_variable_without_a_value_is_said_as_everywhere(make: Make) -> None:
    folder = make({"models/a/one.sql": ONE, "models/a/two.sql": POLARS + "SELECT id FROM one WHERE id = $nope"})
    [finding] = Project(folder).validate()
    assert finding.message == "the variable $nope has no value"


def test_partitions_order_append_merge_and_history(make: Make) -> None:
    read = "SELECT id, grp, name, day FROM one"
    folder = make(
        {
            "models/a/one.sql": ONE,
            "models/a/parts.sql": kind("partition_by: [month(day), grp]\nsort_by: [id desc]") + read,
            "models/a/add.sql": kind("materialized: append") + read,
            "models/a/put.sql": kind("materialized: merge\nunique_key: id") + read,
            "models/a/keep.sql": kind("materialized: history\nunique_key: id") + read,
        }
    )
    done(Project(folder).run())
    assert len(Project(folder).show("a.parts").files) == 3
    for path in Project(folder).show("a.parts").files:
        ids = pq.read_table(path)["id"].to_pylist()
        assert ids == sorted(ids, reverse=True)
    make({"models/a/one.sql": ONE.replace("range(20)", "range(22)").replace("'n' || i", "'n' || (i // 2)")})
    done(Project(folder).run())
    assert rows(folder, "SELECT count(*), count(DISTINCT id) FROM a.put") == [(22, 22)]
    assert rows(folder, "SELECT name FROM a.put WHERE id = 9") == [("n4",)]
    assert rows(folder, "SELECT name, current FROM a.keep WHERE id = 9 ORDER BY current") == [
        ("n9", False),
        ("n4", True),
    ]
    assert rows(folder, "SELECT count(*) FROM a.add") == [(20 + 21,)]


def test_views_columns_that_came_later_and_tables_with_no_rows(make: Make) -> None:
    view = "/* ---\nmaterialized: view\n--- */\nSELECT id, upper(name) AS name FROM one WHERE id < 2"
    easy = "/* ---\nmaterialized: view\n--- */\nSELECT id AS easy FROM one WHERE id < 3"
    grown = "/* ---\nmaterialized: append\n--- */\n"
    folder = make(
        {
            "models/a/one.sql": ONE,
            "models/a/hard.sql": view,
            "models/a/easy.sql": easy,
            "models/a/grown.sql": grown + "SELECT id FROM one WHERE id < 3 OR id > 19",
            "models/a/none.sql": "SELECT id, name FROM one WHERE id > 100",
            "models/a/two.sql": POLARS + "SELECT h.id, h.name, e.easy FROM hard h LEFT JOIN easy e ON h.id = e.easy",
            "models/a/three.sql": POLARS + "SELECT n.name, g.id FROM none n JOIN grown g ON n.id = g.id",
        }
    )
    done(Project(folder).run())
    assert rows(folder, "FROM a.two ORDER BY id") == [(0, "N0", 0), (1, "N1", 1)]
    assert rows(folder, "FROM a.three") == []
    make(
        {
            "models/a/grown.sql": grown + "SELECT id, name FROM one WHERE id < 5 OR id > 19",
            "models/a/one.sql": ONE.replace("range(20)", "range(21)"),
            "models/a/three.sql": POLARS + "SELECT id, name FROM grown",
        }
    )
    done(Project(folder).run())
    # files with and without the column
    assert rows(folder, "SELECT id, name FROM a.three ORDER BY id") == [(0, None), (1, None), (2, None), (20, "n20")]
    assert all(verified.status == "same" for verified in Project(folder).verify("a.three"))


def test_an_error_on_the_data_fails_the_model_and_leaves_no_file(make: Make) -> None:
    folder = make(
        {
            "models/a/one.sql": "SELECT 2147483647 AS i UNION ALL SELECT 1",
            "models/a/two.sql": POLARS + "SELECT i + 1 AS i FROM one",
        }
    )
    result = Project(folder).run()
    failed = next(outcome for outcome in result.outcomes if outcome.model == "a.two")
    # without names of columns that nobody gave
    assert failed.error.startswith("a value does not fit i32: [")
    assert list((folder.parent / "warehouse" / "a").glob("two*/**/*.parquet")) == []
