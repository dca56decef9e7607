"""What `Project.query` gives goes on to Polars and DuckDB as it is."""

from __future__ import annotations

import duckdb
import polars

from lakeorch.project import Project
from tests.conftest import Make


def test_rows_go_on_to_polars_and_duckdb(make: Make) -> None:
    project = Project(make({"models/a/x.sql": "SELECT i, i * 2 AS j FROM range(3) AS r(i)"}))
    assert project.run("a.x").status == "published"
    frame = polars.from_arrow(project.query("SELECT * FROM a.x ORDER BY i"))
    assert isinstance(frame, polars.DataFrame)
    assert frame.to_dict(as_series=False) == {"i": [0, 1, 2], "j": [0, 2, 4]}
    with duckdb.connect() as connection:
        relation = connection.from_arrow(project.query("SELECT * FROM a.x"))
        assert relation.sum("j").fetchall() == [(6,)]
