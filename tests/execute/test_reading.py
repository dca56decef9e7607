"""A model is handed the files that its own WHERE needs, and its rows are those that it would have without that."""

from __future__ import annotations

from typing import Any

import pytest

from lakeorch import Project
from lakeorch.engines import Files
from lakeorch.engines.duckdb import DuckDB
from lakeorch.execute.reading import Reading
from tests.conftest import Make

DAYS = """/* ---
partition_by: ["{by}"]
--- */
SELECT ts, ts::DATE AS day, ts AT TIME ZONE 'UTC' AS tz, x,
    CASE WHEN x % 3 > 0 THEN repeat('long word ', x) END AS word
FROM (SELECT TIMESTAMP '2024-02-27 00:00:00' + INTERVAL 6 HOUR * (i - 1) AS ts, i::INTEGER AS x FROM range(1, 21) t(i)
    UNION ALL VALUES (NULL, NULL), (NULL, 7), (TIMESTAMP '1969-12-31 23:59:59.999999', -1))
"""
WHERES = (
    "day = '2024-02-29'",
    "day = DATE '2024-02-29'",
    "day >= DATE '2024-02-29' AND day < DATE '2024-03-01'",
    "ts < TIMESTAMP '2024-02-28 00:00:00'",
    "ts <= '2024-02-28'",
    "ts = TIMESTAMP '1969-12-31 23:59:59.999999'",
    "ts BETWEEN '2024-02-28 12:00:00' AND '2024-02-28 18:00:00'",
    "tz >= '2024-03-02 18:00:00'",
    "tz < '1970-01-01'",
    "x = 7",
    "x > 19 OR x IS NULL",
    "x IS NULL AND day IS NULL",
    "x >= 7 AND day IS NULL",
    "x = -1",
    "x < 0 AND x > 0",
    "word = 'long word long word '",
    "word > 'long word long word'",
    "NOT (day < DATE '2024-03-01')",
    "day = '2024-02-29' AND x = (SELECT max(x) FROM a.days WHERE day = '2024-02-29')",
)
OTHERS = {
    "left_join": "SELECT o.x, d.ts FROM a.other o LEFT JOIN a.days d ON o.x = d.x WHERE d.day = '2024-02-29'",
    "full_join": "SELECT o.x, d.ts FROM a.other o FULL JOIN a.days d ON o.x = d.x WHERE o.x > 12",
    "anti_join": "SELECT o.x FROM a.other o ANTI JOIN a.days d ON o.x = d.x WHERE o.x > 3",
    "twice": "SELECT x FROM a.days WHERE x = 1 UNION ALL SELECT x FROM a.days WHERE x = 20",
    "shadowed": "WITH days AS (FROM a.days) SELECT x FROM days WHERE x = 1 UNION ALL SELECT count(*) FROM a.days",
    "seen": "SELECT d.x, v.n FROM a.days d, a.counted v WHERE d.x = 1",
    "by_month": "SELECT count(*) AS n FROM a.days WHERE date_trunc('month', day) = '2024-02-01'",
    "renamed": "SELECT x FROM a.days AS d(tz, day, ts) WHERE tz >= '2024-03-02 18:00:00'",
    "window_above": "SELECT * FROM (SELECT x, count(*) OVER () AS n FROM a.days) WHERE x = 3",
}


def project(make: Make, by: str) -> Project:
    queries = {f"w{at}": f"SELECT * FROM a.days WHERE {where}" for at, where in enumerate(WHERES)} | OTHERS
    files = {f"models/b/{name}.sql": f"{query}\n" for name, query in queries.items()}
    files["models/a/days.sql"] = DAYS.format(by=by)
    files["models/a/other.sql"] = "SELECT i AS x FROM range(30) t(i)\n"
    files["models/a/counted.sql"] = "/* ---\nmaterialized: view\n--- */\nSELECT count(*) AS n FROM a.days\n"
    return Project(make(files))


def tables(found: Project) -> dict[str, list[str]]:
    names = [*(f"w{at}" for at in range(len(WHERES))), *OTHERS]
    return {name: sorted(map(repr, found.query(f"FROM b.{name}").read_all().to_pylist())) for name in names}


@pytest.mark.parametrize("by", ["day", "truncate(12, word)", "month(tz)"])
def test_the_rows_are_the_same_without_the_files(make: Make, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = project(make, by)
    assert found.run().status == "published"
    narrow = tables(found)
    assert all(narrow[name] for name in ("w0", "w9", "w13"))
    assert not narrow["w14"]
    monkeypatch.setattr(Reading, "needed", Reading.whole)
    assert found.run(full=True).status == "published"
    assert tables(found) == narrow


def test_only_the_files_that_are_needed_are_handed_over(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    handed: list[int] = []
    session = DuckDB.session

    def spied(self: DuckDB, relations: Any, *rest: Any) -> Any:
        handed.extend(len(each.paths) for each in relations if isinstance(each, Files) and each.name == "a.days")
        return session(self, relations, *rest)

    monkeypatch.setattr(DuckDB, "session", spied)
    found = project(make, "day")

    def files(model: str) -> int:
        handed.clear()
        assert found.run([model], full=True).status == "published"
        [count] = handed
        return count

    found.run()
    whole = files("b.twice")
    assert whole == 7  # five days, 1969, and the rows without a day
    assert files("b.w0") == files("b.w1") == files("b.w2") == 1
    assert files("b.w13") == 1
    assert files("b.w14") == 0
    assert files("b.left_join") == 1
    for model in ("b.shadowed", "b.seen", "b.anti_join", "b.full_join", "b.by_month", "b.renamed", "b.window_above"):
        assert files(model) == whole
