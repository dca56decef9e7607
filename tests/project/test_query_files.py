"""A query opens only files that can hold its rows: the others are taken away, so that opening one is an error."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lakeorch.errors import LakeorchError
from lakeorch.project import Project
from tests.conftest import Make

TABLE = """/* ---
partition_by: [day(ts)]
sort_by: [id desc]
--- */
SELECT x AS id, TIMESTAMP '2025-01-01' + x * INTERVAL 1 HOUR AS ts, DATE '2025-01-01' + (x // 24)::INT AS day,
    'name ' || x AS name, x::DOUBLE AS d FROM range(240) t(x)"""
DAY = "WHERE day = '2025-01-05'"


@pytest.fixture
def project(make: Make) -> Project:
    folder = make({"models/a/t.sql": TABLE, "models/a/v.sql": "/* ---\nmaterialized: view\n--- */\nFROM a.t"})
    project = Project(folder)
    project.run()
    return project


def files(project: Project) -> dict[str, Path]:
    """The one file of each day."""
    found = {}
    for path in (project.root / "warehouse/a/t/data").glob("*.parquet"):
        table = pq.read_table(path)
        [day] = set(map(str, table["day"].to_pylist()))
        assert day not in found
        ids = table["id"].to_pylist()
        assert ids == sorted(ids, reverse=True)
        found[day] = path
    return found


def count(project: Project, sql: str) -> int:
    return project.query(f"SELECT count(*) AS n {sql}").read_all()["n"][0].as_py()


@pytest.mark.parametrize(
    ("sql", "days", "rows"),
    [
        (f"FROM a.t {DAY}", {"2025-01-05"}, 24),
        ("FROM a.t WHERE ts >= '2025-01-05' AND ts < TIMESTAMP '2025-01-06 00:00:00'", {"2025-01-05"}, 24),
        ("FROM t AS s WHERE DATE '2025-01-09' <= s.day", {"2025-01-09", "2025-01-10"}, 48),
        ("FROM a.t WHERE id BETWEEN 30 AND 40", {"2025-01-02"}, 11),
        ("FROM a.t WHERE day = '2031-01-01'", set(), 0),
        ("FROM a.t JOIN (VALUES (100), (101)) v(id) USING (id) WHERE t.day = '2025-01-05'", {"2025-01-05"}, 2),
    ],
)
def test_only_files_of_the_days_asked_for_are_opened(project: Project, sql: str, days: set[str], rows: int) -> None:
    found = files(project)
    assert len(found) == 10
    for day, path in found.items():
        if day not in days:
            path.unlink()
    assert count(project, sql) == rows


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        (f"FROM a.t {DAY} OR id = 0", 25),
        ("FROM a.t WHERE d > 200", 39),
        (f"FROM (SELECT * FROM a.t {DAY} UNION ALL SELECT * FROM t WHERE day = '2025-01-06')", 48),
        ("FROM a.t a, a.v v WHERE a.day = '2025-01-05' AND v.id = 1", 24),
        ("FROM a.t WHERE day = '2025-02-31'", -1),
    ],
)
def test_where_it_is_not_certain_every_file_is_read(project: Project, sql: str, rows: int) -> None:
    if rows < 0:
        with pytest.raises(LakeorchError):
            count(project, sql)
    else:
        assert count(project, sql) == rows


def test_columns_that_were_widened_since_are_still_told_rightly(make: Make) -> None:
    log = "/* ---\nmaterialized: append\n--- */\nFROM a.src"
    folder = make({"models/a/src.sql": "SELECT g::INT AS k FROM range(3) t(g)", "models/a/log.sql": log})
    project = Project(folder)
    project.run()
    make({"models/a/src.sql": "SELECT g AS k FROM range(3, 6) t(g)"})
    project.run()
    assert count(project, "FROM a.log WHERE k = 2") == 1
    assert count(project, "FROM a.log WHERE k = 5") == 1
    assert count(project, "FROM a.log WHERE k >= 3_000_000_000") == 0
