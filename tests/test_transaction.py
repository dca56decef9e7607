"""A run is one transaction: failures keep back what is connected, nothing half-published, work is reused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from lakeorch.engines.duckdb import DuckDBSession
from lakeorch.errors import EngineError
from lakeorch.project import Project
from tests.conftest import Make, picture
from tests.test_run import actions, load, reasons, rows, snapshots

# a.src -> a.bad (its check fails on b.csv) -> a.after; a.src -> a.beside; z.alone is connected with nothing
GRAPH = {
    "raw/a.csv": "x\n1\n",
    "models/a/src.sql": "SELECT x FROM read_csv('raw/*.csv')",
    "models/a/bad.sql": "/* ---\ncolumns: {x: {checks: [{max: 3}]}}\n--- */\nSELECT x FROM src",
    "models/a/after.sql": "SELECT sum(x)::BIGINT AS s FROM bad",
    "models/a/beside.sql": "SELECT count(*) AS n FROM src",
    "models/z/alone.sql": "SELECT count(*) AS n FROM read_csv('raw/*.csv')",
}


def broken(make: Make) -> Path:
    """Publishes everything, then adds a row that breaks the check of a.bad."""
    folder = make(GRAPH)
    assert Project(folder).run().status == "published"
    make({"raw/b.csv": "x\n7\n8\n"})
    return folder


def test_connected_keeps_back_everything_the_failure_touches(make: Make) -> None:
    folder = broken(make)
    kept = {name: snapshots(folder, name)[-1] for name in ("a.src", "a.bad", "a.after", "a.beside")}
    result = Project(folder).run()
    assert result.status == "failed"
    assert actions(result) == {
        "a.src": "held",
        "a.bad": "failed",
        "a.after": "held",
        "a.beside": "held",
        "z.alone": "build",
    }
    for name, snapshot in kept.items():
        assert load(folder, name).current_snapshot().snapshot_id == snapshot
    assert rows(folder, "FROM z.alone") == [(3,)]
    [check] = next(o for o in result.outcomes if o.model == "a.bad").checks
    assert (check.failed_rows, sorted(check.sample)) == (2, [("7",), ("8",)])


def test_rejected_rows_are_readable_on_a_branch_and_main_is_as_it_was(make: Make) -> None:
    folder = broken(make)
    schema = load(folder, "a.bad").schema()
    result = Project(folder).run()
    table = load(folder, "a.bad")
    branch = f"rejected-{result.run_id}"
    assert sorted(table.scan().use_ref(branch).to_arrow()["x"].to_pylist()) == [1, 7, 8]
    assert table.scan().to_arrow()["x"].to_pylist() == [1]
    assert table.schema() == schema
    assert branch in next(o for o in result.outcomes if o.model == "a.bad").kept_at


def test_rejected_rows_of_a_new_table_are_readable_by_their_metadata_file(make: Make) -> None:
    from pyiceberg.table import StaticTable

    folder = make({"models/a/t.sql": "/* ---\nchecks: [{rows: {min: 5}}]\n--- */\nSELECT 1 AS x"})
    result = Project(folder).run()
    assert result.status == "failed"
    place = result.outcomes[0].kept_at
    assert StaticTable.from_metadata(place).scan().to_arrow()["x"].to_pylist() == [1]
    assert "t" not in [p.name for p in (folder.parent / "warehouse").rglob("*.db")]


def test_an_unchanged_run_after_a_failed_check_fails_again_without_building(make: Make) -> None:
    folder = broken(make)
    Project(folder).run()
    before = picture(folder.parent / "warehouse")
    result = Project(folder).run()
    assert result.status == "failed"
    assert actions(result)["a.bad"] == "failed"
    after = picture(folder.parent / "warehouse")
    assert {p for p in after if p.endswith(".parquet")} == {p for p in before if p.endswith(".parquet")}
    assert not result.outcomes[0].error


def test_a_check_that_could_not_be_run_is_run_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network was down, the disk full: nothing was said about the rows, and nothing need be built again."""
    folder = make(
        {
            "raw/a.csv": "x\n1\n",
            "models/a/t.sql": "/* ---\nchecks: [{rows: {min: 1}}, {unique: [x]}]\n--- */\nFROM read_csv('raw/*.csv')",
        }
    )
    fetch = DuckDBSession.fetch

    def lost(self: DuckDBSession, sql: str) -> pa.RecordBatchReader:
        if "failed" in sql and "GROUP BY" in sql.upper():
            raise EngineError("Connection reset by peer")
        return fetch(self, sql)

    with monkeypatch.context() as patched:
        patched.setattr(DuckDBSession, "fetch", lost)
        [outcome] = Project(folder).run().outcomes
        assert [(check.passed, check.message) for check in outcome.checks] == [
            (True, ""),
            (False, "the check itself failed: Connection reset by peer"),
        ]
    before = {name for name in picture(folder.parent / "warehouse") if name.endswith(".parquet")}
    result = Project(folder).run()
    assert result.status == "published"
    assert [check.passed for check in result.outcomes[0].checks] == [True, True]
    assert {name for name in picture(folder.parent / "warehouse") if name.endswith(".parquet")} == before
    make({"raw/a.csv": "x\n1\n1\n"})
    assert Project(folder).run().status == "failed"
    assert Project(folder).run().status == "failed"


def test_what_was_kept_back_is_reused_once_the_check_is_relaxed(make: Make) -> None:
    folder = broken(make)
    Project(folder).run()
    parquet = {p for p in picture(folder.parent / "warehouse") if p.endswith(".parquet")}
    make({"models/a/bad.sql": GRAPH["models/a/bad.sql"].replace("max: 3", "max: 30")})
    result = Project(folder).run()
    assert result.status == "published"
    assert rows(folder, "FROM a.after") == [(16,)]
    assert "finished by an earlier run" in reasons(result)["a.src"]
    new = {p for p in picture(folder.parent / "warehouse") if p.endswith(".parquet")} - parquet
    assert not [p for p in new if "/src/" in p or "/beside/" in p], new
    assert Project(folder).run().status == "nothing to do"


def test_passed_publishes_all_but_the_failure_and_its_readers(make: Make) -> None:
    folder = broken(make)
    result = Project(folder).run(publish="passed")
    assert result.status == "failed"
    assert actions(result) == {
        "a.src": "build",
        "a.bad": "failed",
        "a.after": "held",
        "a.beside": "build",
        "z.alone": "build",
    }
    assert rows(folder, "FROM a.beside") == [(3,)]
    assert rows(folder, "FROM a.after") == [(1,)]


def test_all_publishes_what_failed_too_and_still_says_so(make: Make) -> None:
    folder = broken(make)
    result = Project(folder).run(publish="all")
    assert result.status == "failed"
    assert rows(folder, "FROM a.after") == [(16,)]
    again = Project(folder).run()
    assert (again.status, actions(again)["a.bad"]) == ("failed", "failed")  # published or not, it is still wrong
    make({"models/a/bad.sql": GRAPH["models/a/bad.sql"].replace("max: 3", "max: 30")})
    assert actions(Project(folder).run())["a.bad"] == "amend"
    assert Project(folder).run().status == "nothing to do"


def test_a_warning_is_told_and_stops_nothing(make: Make) -> None:
    text = "/* ---\nchecks: [{rows: {min: 5}, severity: warn}]\n--- */\nSELECT 1 AS x"
    result = Project(make({"models/a/t.sql": text})).run()
    assert result.status == "published"
    assert not result.outcomes[0].checks[0].passed


def test_a_failing_view_keeps_back_its_readers(make: Make) -> None:
    files = {
        "models/a/one.sql": "SELECT 1 AS x",
        "models/a/v.sql": "/* ---\nmaterialized: view\nchecks: [{rows: {min: 5}}]\n--- */\nSELECT x FROM one",
        "models/a/t.sql": "SELECT x FROM v",
    }
    folder = make(files)
    for _ in range(2):
        result = Project(folder).run()
        assert result.status == "failed"
        assert actions(result) == {"a.one": "held", "a.v": "failed", "a.t": "held"}


def test_singular_checks_and_relationships_see_staged_rows(make: Make) -> None:
    files = {
        "models/a/parent.sql": "SELECT unnest([1, 2]) AS id",
        "models/a/child.sql": "/* ---\ncolumns: {id: {checks: [{relationship: a.parent.id}]}}\n--- */\n"
        "SELECT unnest([1, 2]) AS id",
        "models/checks/same_count.sql": "SELECT 1 AS differs WHERE (SELECT count(*) FROM a.parent) <> "
        "(SELECT count(*) FROM a.child)",
    }
    folder = make(files)
    assert Project(folder).run().status == "published"
    make({"models/a/child.sql": files["models/a/child.sql"].replace("[1, 2]) AS id", "[1, 3]) AS id")})
    result = Project(folder).run()
    assert {c.name: c.passed for o in result.outcomes for c in o.checks} == {
        "relationship(id in a.parent.id)": False,
        "sql(same_count)": True,
    }
    make({"models/a/child.sql": files["models/a/child.sql"].replace("[1, 2]) AS id", "[1, 2, 2]) AS id")})
    result = Project(folder).run()
    assert {c.name: c.passed for o in result.outcomes for c in o.checks} == {
        "relationship(id in a.parent.id)": True,
        "sql(same_count)": False,
    }


def test_a_broken_query_on_data_fails_its_model_and_publishes_the_unconnected(make: Make) -> None:
    folder = make(
        {
            "models/a/t.sql": "SELECT x::INT AS x FROM (VALUES ('1'), ('no')) v(x)",
            "models/z/u.sql": "SELECT 1 AS y",
        }
    )
    result = Project(folder).run()
    assert result.status == "failed"
    assert actions(result) == {"a.t": "failed", "z.u": "build"}
    assert "'no'" in result.outcomes[0].error


def test_fail_fast_starts_nothing_after_a_failure(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT error('stop')::INT AS x", "models/b/u.sql": "SELECT 1 AS y"})
    result = Project(folder, threads=1).run(fail_fast=True)
    assert actions(result) == {"a.t": "failed", "b.u": "held"}


def test_two_runs_on_one_input_do_not_skew(make: Make) -> None:
    """What a step read must not have moved when it is published: the other run's publish makes it plan again."""
    folder = make({"raw/a.csv": "x\n1\n", **{k: v for k, v in GRAPH.items() if "bad" not in k and "after" not in k}})
    Project(folder).run()
    make({"models/a/beside.sql": "SELECT count(*) + 0 AS n, 'new' AS v FROM src"})
    done: list[str] = []

    def meddle(event: object) -> None:
        if getattr(event, "kind", "") == "publish_started" and not done:
            done.append("once")
            make({"raw/b.csv": "x\n2\n"})
            done.append(Project(folder).run(["a.src"]).status)

    result = Project(folder).run(["a.beside"], observers=[meddle])
    assert done == ["once", "published"]
    assert result.status == "published"
    assert rows(folder, "FROM a.beside") == [(2, "new")]


SLOW = "SELECT count(*) AS n FROM range(20000000000) t(i) WHERE i % 7 = 3"


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_run_publishes_nothing_and_the_next_reuses_what_finished(make: Make, sign: int) -> None:
    folder = make({"models/a/quick.sql": "SELECT 1 AS x", "models/a/slow.sql": SLOW})
    command = [sys.executable, "-m", "lakeorch", "run", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as run:
        records = folder.parent / "warehouse/_lakeorch/staged"
        deadline = time.monotonic() + 60
        while not list(records.glob("*.json")) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(run.pid, sign)
        output, _ = run.communicate(timeout=30)
    assert "Traceback" not in output
    assert run.returncode == (130 if sign == signal.SIGINT else -9)
    make({"models/a/slow.sql": "SELECT 2 AS y"})
    parquet = [p for p in picture(folder.parent / "warehouse") if "quick" in p and p.endswith(".parquet")]
    result = Project(folder).run()
    assert result.status == "published"
    assert "finished by an earlier run" in reasons(result)["a.quick"]
    assert [p for p in picture(folder.parent / "warehouse") if "quick" in p and p.endswith(".parquet")] == parquet


def test_a_check_between_models_is_judged_anew_when_the_other_model_changed(make: Make) -> None:
    """The child's rows were kept back for want of a parent: when the parent comes, nothing stands in the way."""
    folder = make(
        {
            "raw/p.csv": "id\n1\n",
            "raw/c.csv": "id\n1\n2\n",
            "models/a/parent.sql": "SELECT id FROM read_csv('raw/p.csv')",
            "models/a/child.sql": "/* ---\ncolumns: {id: {checks: [{relationship: a.parent.id}]}}\n--- */\n"
            "SELECT id FROM read_csv('raw/c.csv')",
            "models/a/down.sql": "SELECT count(*) AS n FROM a.child",
        }
    )
    assert Project(folder).run().status == "failed"
    make({"raw/p.csv": "id\n1\n2\n"})
    assert Project(folder).run().status == "published"
    assert rows(folder, "FROM a.down") == [(2,)]
    make({"raw/p.csv": "id\n1\n"})  # now the parent breaks the check of a child that stays as it is
    result = Project(folder).run()
    assert result.status == "failed"
    assert actions(result)["a.parent"] == "failed"
    assert rows(folder, "SELECT count(*) FROM a.parent") == [(2,)]
