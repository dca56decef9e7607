"""Whole runs over small projects: what becomes stale, what is rebuilt, what is published."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lakeorch.errors import ProjectError
from lakeorch.observe import Event
from lakeorch.project import Project
from lakeorch.project.result import Result
from tests.conftest import Make, picture

CHAIN = {
    "models/a/one.sql": "SELECT i AS id, i % 3 AS grp FROM range(10) t(i)",
    "models/a/two.sql": "SELECT grp, count(*) AS n FROM one GROUP BY grp",
    "models/b/three.sql": "SELECT sum(n)::BIGINT AS total FROM a.two",
}


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in Project(folder).query(sql).read_all().to_pylist()]


def actions(result: Result) -> dict[str, str]:
    return {outcome.model: str(outcome.action) for outcome in result.outcomes}


def reasons(result: Result) -> dict[str, str]:
    return {outcome.model: outcome.reason for outcome in result.outcomes}


def test_first_run_publishes_and_the_second_writes_nothing(make: Make) -> None:
    folder = make(CHAIN)
    first = Project(folder).run()
    assert first.status == "published"
    assert actions(first) == {"a.one": "build", "a.two": "build", "b.three": "build"}
    assert [outcome.rows for outcome in first.outcomes] == [10, 3, 1]
    assert rows(folder, "SELECT total FROM b.three") == [(10,)]
    before = picture(folder.parent / "warehouse")
    second = Project(folder).run()
    assert second.status == "nothing to do"
    assert set(actions(second).values()) == {"skip"}
    assert picture(folder.parent / "warehouse") == before


def test_the_cache_is_disposable(make: Make) -> None:
    folder = make({**CHAIN, "raw/x.csv": "a\n1\n", "models/a/files.sql": "FROM read_csv('raw/*.csv')"})
    Project(folder).run()
    shutil.rmtree(folder.parent / ".lakeorch", ignore_errors=True)
    assert Project(folder).run().status == "nothing to do"
    cache = folder.parent / ".lakeorch"
    for path in cache.rglob("*"):
        if path.is_file():
            path.write_bytes(b"\0garbage")
    assert Project(folder).run().status == "nothing to do"


def test_layout_and_comments_change_nothing(make: Make) -> None:
    folder = make(CHAIN)
    Project(folder).run()
    make({"models/a/two.sql": "-- why\nselect   grp,\n  COUNT(*) as n -- all\nfrom one group by grp;\n"})
    assert Project(folder).run().status == "nothing to do"


def test_an_edited_query_rebuilds_it_and_what_depends_on_it(make: Make) -> None:
    folder = make(CHAIN)
    Project(folder).run()
    make({"models/a/two.sql": "SELECT grp, count(*) + 1 AS n FROM one GROUP BY grp"})
    plan = Project(folder).plan()
    assert {s.model: (str(s.action), s.reason) for s in plan.steps} == {
        "a.one": ("skip", "up to date"),
        "a.two": ("build", "query changed"),
        "b.three": ("build", "input a.two will be rebuilt"),
    }
    result = Project(folder).run()
    assert actions(result) == {"a.one": "skip", "a.two": "build", "b.three": "build"}
    assert rows(folder, "SELECT total FROM b.three") == [(13,)]


def test_same_rows_after_a_rebuild_publish_no_snapshot_and_stop_the_work(make: Make) -> None:
    folder = make(CHAIN)
    Project(folder).run()
    make({"models/a/two.sql": "SELECT grp, count(id) AS n FROM one GROUP BY 1"})
    before = snapshots(folder, "a.two")
    result = Project(folder).run()
    assert actions(result) == {"a.one": "skip", "a.two": "build", "b.three": "skip"}
    assert "the rows stayed the same" in reasons(result)["a.two"]
    assert snapshots(folder, "a.two") == before
    assert Project(folder).run().status == "nothing to do"


def test_same_statistics_but_other_rows_are_seen(make: Make) -> None:
    # equal counts, bounds and nulls: only the rows themselves tell
    folder = make({"models/a/t.sql": "SELECT * FROM (VALUES (1, 1), (2, 2), (3, 3)) v(x, y)"})
    Project(folder).run()
    make({"models/a/t.sql": "SELECT * FROM (VALUES (1, 3), (2, 2), (3, 1)) v(x, y)"})
    assert actions(Project(folder).run()) == {"a.t": "build"}
    assert rows(folder, "SELECT x, y FROM a.t ORDER BY x") == [(1, 3), (2, 2), (3, 1)]


def test_a_new_a_changed_and_a_removed_raw_file_rebuild_what_reads_them(make: Make) -> None:
    folder = make({"raw/a.csv": "x\n1\n", "models/r/t.sql": "SELECT x FROM read_csv('raw/*.csv')"})
    Project(folder).run()
    make({"raw/b.csv": "x\n2\n"})
    result = Project(folder).run()
    assert reasons(result) == {"r.t": "new files: 1"}
    make({"raw/b.csv": "x\n5\n"})
    assert reasons(Project(folder).run()) == {"r.t": "changed files: 1"}
    (folder.parent / "raw/a.csv").unlink()
    assert reasons(Project(folder).run()) == {"r.t": "removed files: 1"}
    assert rows(folder, "FROM r.t") == [(5,)]


def test_a_touched_raw_file_with_the_same_content_changes_nothing(make: Make) -> None:
    folder = make({"raw/a.csv": "x\n1\n", "models/r/t.sql": "SELECT x FROM read_csv('raw/*.csv')"})
    Project(folder).run()
    (folder.parent / "raw/a.csv").write_text("x\n1\n")
    assert Project(folder).run().status == "nothing to do"


def test_full_rebuilds_what_is_up_to_date(make: Make) -> None:
    folder = make(CHAIN)
    Project(folder).run()
    result = Project(folder).run(["a.two"], full=True)
    assert actions(result) == {"a.two": "build"}
    assert result.status == "published"


def test_append_reads_only_new_files(make: Make) -> None:
    sql = "/* ---\nmaterialized: append\n--- */\nSELECT x FROM read_csv('raw/*.csv')"
    folder = make({"raw/a.csv": "x\n1\n2\n", "models/r/t.sql": sql})
    Project(folder).run()
    first = files(folder, "r.t")
    make({"raw/b.csv": "x\n3\n"})
    result = Project(folder).run()
    assert reasons(result) == {"r.t": "new files: 1"}
    assert result.outcomes[0].rows == 1
    assert first < files(folder, "r.t")  # the old file stands as it was
    assert rows(folder, "FROM r.t ORDER BY x") == [(1,), (2,), (3,)]


def test_append_keeps_the_rows_of_a_file_that_went_away_and_does_not_read_it_twice(make: Make) -> None:
    sql = "/* ---\nmaterialized: append\n--- */\nSELECT x FROM read_csv('raw/*.csv')"
    folder = make({"raw/a.csv": "x\n1\n", "raw/b.csv": "x\n2\n", "models/r/t.sql": sql})
    Project(folder).run()
    (folder.parent / "raw/a.csv").unlink()
    assert Project(folder).run().status == "nothing to do"
    make({"raw/c.csv": "x\n3\n"})
    Project(folder).run()
    make({"raw/a.csv": "x\n1\n"})
    assert Project(folder).run().status == "nothing to do"
    assert rows(folder, "FROM r.t ORDER BY x") == [(1,), (2,), (3,)]


def test_append_names_a_file_that_changed_and_full_reads_all_again(make: Make) -> None:
    sql = "/* ---\nmaterialized: append\n--- */\nSELECT x FROM read_csv('raw/*.csv')"
    folder = make({"raw/a.csv": "x\n1\n", "models/r/t.sql": sql})
    Project(folder).run()
    make({"raw/a.csv": "x\n7\n"})
    before = picture(folder.parent / "warehouse")
    with pytest.raises(ProjectError) as error:
        Project(folder).run()
    [finding] = error.value.findings
    assert "raw/a.csv" in finding.message
    assert str(finding.place) == "models/r/t.sql:4:24"
    assert picture(folder.parent / "warehouse") == before
    assert Project(folder).run(full=True).status == "published"
    assert rows(folder, "FROM r.t") == [(7,)]


def test_append_from_a_table_adds_only_its_new_rows(make: Make) -> None:
    sql = "/* ---\nmaterialized: append\n--- */\nSELECT x * 10 AS y FROM a.src"
    folder = make({"models/a/src.sql": "SELECT unnest([1, 1, 2]) AS x", "models/b/log.sql": sql})
    Project(folder).run()
    make({"models/a/src.sql": "SELECT unnest([1, 2, 3, 3]) AS x"})
    Project(folder).run()
    assert rows(folder, "FROM b.log ORDER BY y") == [(10,), (10,), (20,), (30,), (30,)]


def test_an_edited_append_query_holds_for_new_input_only(make: Make) -> None:
    block = "/* ---\nmaterialized: append\n--- */\n"
    folder = make({"raw/a.csv": "x\n1\n", "models/r/t.sql": block + "SELECT x FROM read_csv('raw/*.csv')"})
    Project(folder).run()
    make({"models/r/t.sql": block + "SELECT x, x + 1 AS y FROM read_csv('raw/*.csv')", "raw/b.csv": "x\n5\n"})
    result = Project(folder).run()
    assert "query changed" in reasons(result)["r.t"]
    assert rows(folder, "SELECT x, y FROM r.t ORDER BY x") == [(1, None), (5, 6)]
    assert Project(folder).run().status == "nothing to do"


MERGE = "/* ---\nmaterialized: merge\nunique_key: id\n--- */\nSELECT id, v FROM read_csv('raw/*.csv')"


def test_merge_upserts(make: Make) -> None:
    folder = make({"raw/a.csv": "id,v\n1,a\n2,b\n3,c\n", "models/m/t.sql": MERGE})
    Project(folder).run()
    make({"raw/b.csv": "id,v\n2,B\n4,d\n"})
    Project(folder).run()
    assert rows(folder, "FROM m.t ORDER BY id") == [(1, "a"), (2, "B"), (3, "c"), (4, "d")]
    make({"raw/c.csv": "id,v\n2,B\n"})
    before = snapshots(folder, "m.t")
    result = Project(folder).run()
    assert "the rows stayed the same" in reasons(result)["m.t"]
    assert snapshots(folder, "m.t") == before
    assert Project(folder).run().status == "nothing to do"
    # its rows lie in two files now: a row of each
    make({"raw/d.csv": "id,v\n1,A\n4,D\n"})
    Project(folder).run()
    assert rows(folder, "FROM m.t ORDER BY id") == [(1, "A"), (2, "B"), (3, "c"), (4, "D")]


def test_merge_matches_null_keys(make: Make) -> None:
    folder = make({"raw/a.csv": "id,v\n,a\n2,b\n", "models/m/t.sql": MERGE})
    Project(folder).run()
    make({"raw/b.csv": "id,v\n,z\n3,c\n"})
    Project(folder).run()
    assert rows(folder, "FROM m.t ORDER BY id NULLS FIRST") == [(None, "z"), (2, "b"), (3, "c")]


@pytest.mark.parametrize("when", ["first build", "later"])
def test_merge_refuses_two_rows_with_one_key(make: Make, when: str) -> None:
    folder = make({"raw/a.csv": "id,v\n1,a\n", "models/m/t.sql": MERGE})
    if when == "later":
        Project(folder).run()
    make({"raw/b.csv": "id,v\n7,a\n7,b\n"})
    result = Project(folder).run()
    assert result.status == "failed"
    assert "id=7" in result.outcomes[0].error


def test_a_view_is_inlined(make: Make) -> None:
    folder = make(
        {
            "models/a/one.sql": "SELECT 1 AS x",
            "models/a/v.sql": "/* ---\nmaterialized: view\n--- */\nSELECT x + 1 AS x FROM one",
            "models/a/t.sql": "SELECT x * 10 AS y FROM v",
        }
    )
    result = Project(folder).run()
    assert actions(result) == {"a.one": "build", "a.v": "view", "a.t": "build"}
    assert rows(folder, "FROM a.t") == [(20,)]
    assert rows(folder, "FROM a.v") == [(2,)]
    assert sorted(tables(folder)) == ["a.one", "a.t"]
    make({"models/a/v.sql": "/* ---\nmaterialized: view\n--- */\nSELECT x + 2 AS x FROM one"})
    result = Project(folder).run()
    assert reasons(result)["a.t"] == "view changed: a.v"
    assert rows(folder, "FROM a.t") == [(30,)]


def test_a_model_waits_for_what_it_reads_through_a_view_that_is_not_selected(make: Make) -> None:
    folder = make(
        {
            "models/a/slow.sql": "SELECT count(*) AS n FROM range(3_000_000) a(x) WHERE hash(x) > 0",
            "models/a/v.sql": "/* ---\nmaterialized: view\n--- */\nFROM a.slow",
            "models/b/top.sql": "SELECT n + 1 AS n FROM a.v",
        }
    )
    result = Project(folder).run(["a.slow", "b.top"])
    assert [(o.model, o.action, o.error) for o in result.outcomes] == [("a.slow", "build", ""), ("b.top", "build", "")]
    make({"models/a/slow.sql": "SELECT CAST('x' AS INT) AS n"})
    result = Project(folder).run(["a.slow", "b.top"])
    assert [(o.model, o.action, o.reason) for o in result.outcomes][1] == ("b.top", "held", "not built: a.slow failed")


def test_variables_reach_models_and_views_and_make_them_stale(make: Make) -> None:
    files = {
        "lakeorch.yml": 'models: models\nvariables: {n: 3, word: "it\'s"}\n',
        "models/a/v.sql": "/* ---\nmaterialized: view\n--- */\nSELECT i FROM range($n) t(i)",
        "models/a/t.sql": "SELECT count(*) AS c, $word AS w FROM v",
    }
    folder = make(files)
    Project(folder).run()
    assert rows(folder, "FROM a.t") == [(3, "it's")]
    result = Project(folder, variables={"n": "5"}).run()
    assert reasons(result)["a.t"].startswith(("variable changed: n", "view changed"))
    assert rows(folder, "SELECT c FROM a.t") == [(5,)]


def test_a_model_that_reads_the_clock_is_bound_once_a_run_and_fresh_the_same_day(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT now() AS a, current_timestamp AS b, current_date AS d, today() AS e"})
    Project(folder).run()
    [(a, b, d, e)] = rows(folder, "FROM a.t")
    assert a == b
    assert d == e
    assert Project(folder).run().status == "nothing to do"


def test_settings_that_change_data_say_so(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT DATE '2026-01-01' + i::INT AS d FROM range(3) t(i)"})
    Project(folder).run()
    make(
        {
            "models/a/t.sql": "/* ---\npartition_by: [day(d)]\n--- */\n"
            "SELECT DATE '2026-01-01' + i::INT AS d FROM range(3) t(i)"
        }
    )
    result = Project(folder).run()
    assert reasons(result) == {"a.t": "settings changed: partition_by"}
    assert len(files(folder, "a.t")) == 3
    assert Project(folder).run().status == "nothing to do"


def test_a_description_or_a_check_alone_commits_metadata_only(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT 1 AS x"})
    Project(folder).run()
    before = snapshots(folder, "a.t")
    make({"models/a/t.sql": "/* ---\ndescription: One\ncolumns: {x: {description: it}}\n--- */\nSELECT 1 AS x"})
    result = Project(folder).run()
    assert actions(result) == {"a.t": "amend"}
    assert snapshots(folder, "a.t") == before
    table = load(folder, "a.t")
    assert table.properties["comment"] == "One"
    assert table.schema().find_field("x").doc == "it"
    assert Project(folder).run().status == "nothing to do"
    make(
        {
            "models/a/t.sql": "/* ---\ndescription: One\ncolumns: {x: {description: it, checks: [{min: 2}]}}\n--- */\n"
            "SELECT 1 AS x"
        }
    )
    result = Project(folder).run()
    assert result.status == "failed"
    assert not result.outcomes[0].checks[0].passed
    assert Project(folder).run().status == "failed"


def test_schema_changes_of_a_table(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT 1::INT AS x, 'a' AS gone"})
    Project(folder).run()
    old = load(folder, "a.t").schema()
    make({"models/a/t.sql": "SELECT 5::BIGINT AS x, 2.5::DOUBLE AS fresh"})
    Project(folder).run()
    new = load(folder, "a.t").schema()
    assert [(f.name, str(f.field_type)) for f in new.fields] == [("x", "long"), ("fresh", "double")]
    assert new.find_field("x").field_id == old.find_field("x").field_id
    assert rows(folder, "FROM a.t") == [(5, 2.5)]
    make({"models/a/t.sql": "SELECT 'text' AS x, 2.5::DOUBLE AS fresh"})
    Project(folder).run()
    assert load(folder, "a.t").schema().find_field("x").field_id != old.find_field("x").field_id
    assert rows(folder, "FROM a.t") == [("text", 2.5)]


def test_an_empty_result_is_published(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT 1 AS x WHERE false", "models/a/u.sql": "SELECT count(*) AS n FROM t"})
    assert Project(folder).run().status == "published"
    assert rows(folder, "FROM a.t") == []
    assert rows(folder, "FROM a.u") == [(0,)]
    assert Project(folder).run().status == "nothing to do"


def test_a_project_in_a_folder_with_an_awkward_name(tmp_path: Path) -> None:
    folder = tmp_path / 'per%20cent ünd [space]\'s, "q"' / "models"
    (folder / "a").mkdir(parents=True)
    (folder / "a/t.sql").write_text("SELECT x FROM read_csv('raw/*.csv')")
    (folder.parent / "raw").mkdir()
    (folder.parent / "raw/a.csv").write_text("x\n1\n")
    assert Project(folder).run().status == "published"
    assert rows(folder, "FROM a.t") == [(1,)]
    assert Project(folder).run().status == "nothing to do"


def test_a_departed_model_is_kept_and_named(make: Make) -> None:
    folder = make(CHAIN)
    Project(folder).run()
    (folder / "b/three.sql").unlink()
    result = Project(folder).run()
    assert result.status == "nothing to do"
    assert result.departed == ("b.three",)
    assert rows(folder, "FROM b.three") == [(10,)]


def test_a_foreign_overwrite_is_reported_and_full_builds_over_it(make: Make) -> None:
    import pyarrow as pa

    folder = make({"models/a/t.sql": "SELECT 1::BIGINT AS x"})
    Project(folder).run()
    load(folder, "a.t").append(pa.table({"x": pa.array([9], pa.int64())}))
    result = Project(folder).run()
    assert result.status == "failed"
    assert "another writer" in result.outcomes[0].error
    assert rows(folder, "FROM a.t ORDER BY x") == [(1,), (9,)]
    assert Project(folder).run(full=True).status == "published"
    assert rows(folder, "FROM a.t") == [(1,)]


def test_every_snapshot_says_what_it_is_made_of_to_pyiceberg_alone(make: Make) -> None:
    folder = make(CHAIN)
    run = Project(folder).run()
    two = load(folder, "a.two").current_snapshot()
    assert two is not None
    facts = two.summary.additional_properties
    one = load(folder, "a.one").current_snapshot()
    assert one is not None
    assert facts["lakeorch.run-id"] == run.run_id
    assert json.loads(facts["lakeorch.inputs"]) == {"tables": {"a.one": str(one.snapshot_id)}, "files": {}}
    assert json.loads(facts["lakeorch.audit"]) == {"run": 0, "passed": 0, "failed": 0, "warned": 0}
    for key in ("model", "fingerprint", "refresh", "reason", "engine", "code-version", "version"):
        assert facts[f"lakeorch.{key}"]
    assert len(load(folder, "a.two").history()) == 1  # one snapshot per run, the creating run included
    assert {load(folder, n).current_snapshot().timestamp_ms for n in ("a.one", "a.two", "b.three")} == {
        two.timestamp_ms
    }


# ---- what the catalog says without lakeorch -------------------------------------------------------------------


def catalog(folder: Path) -> Any:
    from pyiceberg.catalog.sql import SqlCatalog

    root = folder.parent
    return SqlCatalog("lakeorch", uri=f"sqlite:///{root}/warehouse/catalog.db", warehouse=str(root / "warehouse"))


def load(folder: Path, name: str) -> Any:
    return catalog(folder).load_table(name)


def tables(folder: Path) -> list[str]:
    found = catalog(folder)
    return [".".join(t) for ns in found.list_namespaces() for t in found.list_tables(ns)]


def snapshots(folder: Path, name: str) -> list[int]:
    return [snapshot.snapshot_id for snapshot in load(folder, name).snapshots()]


def files(folder: Path, name: str) -> set[str]:
    return {task.file.file_path for task in load(folder, name).scan().plan_files()}


def test_a_step_at_work_tells_what_it_has_written_and_what_to_expect(make: Make) -> None:
    query = "SELECT x, hash(x) AS h, sum(x) OVER (ORDER BY hash(x)) AS s FROM range({}) t(x) ORDER BY h"
    folder = make({"models/a/t.sql": query.format(1_500_000)})
    Project(folder).run()
    summary = load(folder, "a.t").current_snapshot().summary
    took = float(summary["lakeorch.seconds"])
    assert took > 0
    seen: list[Event] = []
    make({"models/a/t.sql": query.format(1_500_001)})
    Project(folder).run(observers=[seen.append])
    told = [event for event in seen if event.kind == "step_progress"]
    assert {event.expected for event in told} == {took}
    assert all(event.fraction is None or 0 <= event.fraction <= 1 for event in told)
