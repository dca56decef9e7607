"""How tables are read: a table of one file as one of many."""

from __future__ import annotations

from pathlib import Path

import duckdb

from lakeorch.engines import Files, Target
from lakeorch.engines.duckdb import _EMPTY, DuckDB
from lakeorch.model import Field

FIELDS = (Field(1, "id", "long"), Field(2, "t", "string"))


def test_the_empty_file_beside_a_single_one_adds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    duckdb.execute(
        f"COPY (SELECT i AS id, 't' AS t FROM range(3) r(i)) TO '{path}' (FORMAT parquet, FIELD_IDS {{id: 1, t: 2}})"
    )
    engine = DuckDB(2)
    with engine.session([Files("n.t", FIELDS, (str(path),), "at")], {}, str(tmp_path)) as session:
        rows = session.fetch("SELECT * FROM n.t ORDER BY id").read_all().to_pylist()
        columns = [column.name for column in session.columns("FROM n.t")]
    engine.close()
    assert rows == [{"id": i, "t": "t", "at": str(path)} for i in range(3)]
    assert columns == ["id", "t", "at"]


def test_the_empty_file_is_empty_and_its_column_is_nobodys() -> None:
    [(rows,)] = duckdb.execute(f"SELECT count(*) FROM '{_EMPTY}'").fetchall()
    [(column,)] = duckdb.execute(
        f"SELECT field_id FROM parquet_schema('{_EMPTY}') WHERE field_id IS NOT NULL"
    ).fetchall()
    assert (rows, column) == (0, 2147483000)


def test_a_wrong_number_of_rows_changes_no_answer(tmp_path: Path) -> None:
    fields = (Field(1, "x", "long"),)
    engine = DuckDB(2)
    joined = 'SELECT count(*) FROM "a"."t" p JOIN "a"."t" q USING (x)'
    with engine.session([], {}, str(tmp_path)) as session:
        paths = session.write("SELECT x FROM range(1000) t(x)", Target(str(tmp_path), "t", fields))
        for rows in (0, 7, 1000, 10**12):
            session.add(Files("a.t", fields, paths, rows=rows))
            found = session.fetch(f'SELECT count(*) AS n, max(x) AS m, ({joined}) AS j FROM "a"."t"').read_all()
            assert found.to_pylist() == [{"n": 1000, "m": 999, "j": 1000}]
    engine.close()
