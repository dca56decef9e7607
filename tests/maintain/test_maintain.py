"""Maintenance: kept versions read the same, plans see nothing, files go that nothing needs, and no others."""

from __future__ import annotations

import json
import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.manifest import ManifestContent
from pyiceberg.table import Table
from pyiceberg.table.update import SetSnapshotRefUpdate

from lakeorch.errors import CatalogError, UsageError
from lakeorch.lake.upkeep import compact
from lakeorch.project import Project
from tests.conftest import Make, picture

from .ledger import Ledger

LOG = "/* ---\nmaterialized: append\n{0}--- */\nSELECT id, what FROM read_csv('raw/log/*.csv')"
MODELS = {
    "models/a/log.sql": LOG.format(""),
    "models/a/copy.sql": "/* ---\nmaterialized: append\n--- */\nSELECT id, what FROM a.log",
    "models/a/total.sql": "SELECT what, count(*) AS n FROM a.log GROUP BY ALL",
    "models/a/last.sql": "/* ---\nmaterialized: merge\nunique_key: [what]\n--- */\n"
    "SELECT what, max(id) AS id FROM a.log GROUP BY ALL",
}
SHORT = "keep_for: 1s\nkeep_snapshots: 2\n"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A project of seven runs (an append, one made of it, an aggregate, a merge), and a copy to put it back from."""
    root = tmp_path_factory.mktemp("built") / "project"
    for name, text in MODELS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    for number in range(7):
        add(Ledger(root), number)
    stash = root.with_name("stash")
    shutil.copytree(root, stash)
    return root, stash


@pytest.fixture
def lake(built: tuple[Path, Path]) -> Ledger:
    """That project, at its own place since metadata holds paths."""
    root, stash = built
    shutil.rmtree(root)
    shutil.copytree(stash, root)
    return Ledger(root)


def add(ledger: Ledger, number: int, *, tag: str = "") -> str:
    """One more raw file and a run; its id."""
    (ledger.folder.parent / "raw/log").mkdir(parents=True, exist_ok=True)
    (ledger.folder.parent / f"raw/log/{number}.csv").write_text(f"id,what\n{number},x{number % 3}\n")
    result = ledger.project().run()
    assert result.status == "published", result
    if tag:
        ledger.project().tag(tag)
    return result.run_id


def settings(ledger: Ledger, text: str) -> None:
    (ledger.folder.parent / "lakeorch.yml").write_text(f"models: models\n{text}")


def foreign(ledger: Ledger, name: str = "a.log") -> Table:
    return SqlCatalog("lakeorch", uri=f"sqlite:///{ledger.warehouse}/catalog.db").load_table(name)


def test_a_dry_run_writes_nothing_and_says_what_is_then_done(lake: Ledger) -> None:
    settings(lake, SHORT)
    time.sleep(1.1)
    before = picture(lake.warehouse)
    asked = lake.project().maintain(dry_run=True, grace="0")
    assert picture(lake.warehouse) == before
    done = lake.project().maintain(grace="0")
    assert asked.dry_run
    assert asked.status == done.status == "maintained"
    assert [(t.table, t.expired, t.packed, t.files, t.manifests) for t in asked.tables] == [
        (t.table, t.expired, t.packed, t.files, t.manifests) for t in done.tables
    ]
    assert sum(t.packed for t in done.tables) > 0


def test_small_files_become_one_and_nobody_notices(lake: Ledger) -> None:
    runs = [run.run_id for run in lake.project().runs()]
    before = {run: lake.rows("a.copy", run) for run in runs}
    shown = [(v.snapshot_id, v.run_id, v.state, v.rows, v.added) for v in lake.project().history("a.log")]
    done = {table.table: table for table in lake.project().maintain().tables}
    assert (done["a.log"].packed, done["a.log"].files) == (7, 1)
    assert len(list(foreign(lake).scan().plan_files())) == 1
    head = foreign(lake).current_snapshot()
    assert head is not None
    assert head.summary is not None
    assert head.summary.operation.value == "replace"
    assert lake.plan() == {"skip"}
    assert lake.project().run().status == "nothing to do"
    assert {run: lake.rows("a.copy", run) for run in runs} == before
    after = [v for v in lake.project().history("a.log") if v.changes_rows]
    assert [(v.snapshot_id, v.run_id, v.state, v.rows, v.added) for v in after] == shown
    rows = lake.project().diff("a.log", key=[]).rows
    assert (rows.added, rows.removed) == (1, 0)
    assert lake.project().maintain().status == "nothing to do"


def test_what_is_built_after_a_compaction_reads_only_what_is_new(lake: Ledger) -> None:
    settings(lake, SHORT)
    lake.project().maintain()
    time.sleep(1.1)
    lake.project().maintain(grace="0")
    assert lake.project().run().status == "nothing to do"
    add(lake, 50)
    rows = {table: lake.rows(table) for table in ("a.log", "a.copy", "a.total", "a.last")}
    assert rows["a.log"] == rows["a.copy"]
    assert len(rows["a.log"]) == 8
    newest = {v.table: v.added for v in lake.project().runs()[0].versions}
    assert newest["a.copy"] == 1
    assert all(found.status == "same" for found in lake.project().verify("a.log", "a.copy", "a.total", "a.last"))


def test_old_snapshots_expire_and_their_files_go(lake: Ledger) -> None:
    settings(lake, SHORT)
    runs = [run.run_id for run in lake.project().runs()]
    lake.project().tag("third", runs[4])
    kept = {at: lake.rows("a.copy", at) for at in (runs[0], runs[1], "third")}
    lake.project().maintain()
    time.sleep(1.1)
    lake.project().maintain(grace="0")
    done = lake.project().maintain(grace="0")
    assert done.status == "nothing to do"
    assert {at: lake.rows("a.copy", at) for at in kept} == kept
    with pytest.raises(UsageError, match=r"expired|no run"):
        lake.rows("a.copy", runs[3])
    assert lake.missing() == set()
    assert lake.unaccounted() == set()
    assert lake.plan() == {"skip"}
    # the tag's snapshots hang in the air, yet nobody takes them for rolled back
    assert {v.state for v in lake.project().history("a.copy")} <= {"current", "published"}
    lake.project().untag("third")
    lake.project().maintain(grace="0")
    assert lake.missing() | lake.unaccounted() == set()
    with pytest.raises(UsageError):
        lake.rows("a.copy", "third")


def test_a_kept_version_can_be_gone_back_to(lake: Ledger) -> None:
    settings(lake, SHORT)
    runs = [run.run_id for run in lake.project().runs()]
    lake.project().tag("third", runs[4])
    kept = {at: lake.rows("a.copy", at) for at in (runs[0], runs[1], "third")}
    for _ in range(2):
        lake.project().maintain()
        time.sleep(1.1)
    lake.project().maintain(grace="0")
    for at in (runs[1], "third", runs[0]):
        lake.project().rollback(to=at)
        assert lake.rows("a.copy") == kept[at]
    assert lake.project().run(unpin=True).status in {"published", "nothing to do"}
    assert lake.plan() == {"skip"}


def test_what_a_table_was_made_from_is_kept_for_its_next_refresh(lake: Ledger) -> None:
    settings(lake, SHORT)
    (lake.folder / "a/copy.sql").rename(lake.folder.parent / "copy.sql")
    for number in range(10, 14):
        add(lake, number)
    time.sleep(1.1)
    for _ in range(2):
        lake.project().maintain(grace="0")
    (lake.folder.parent / "copy.sql").rename(lake.folder / "a/copy.sql")
    result = lake.project().run()
    assert result.status == "published"
    assert {o.model: o.rows for o in result.outcomes}["a.copy"] == 4
    assert lake.rows("a.copy") == lake.rows("a.log")


def test_rows_that_were_rolled_back_are_still_known_as_such(make: Make) -> None:
    folder = make({key: MODELS[key] for key in ("models/a/log.sql", "models/a/copy.sql")})
    lake = Ledger(folder.parent)
    runs = [add(lake, number) for number in range(3)]
    settings(lake, SHORT)
    time.sleep(1.1)
    (folder / "a/copy.sql").rename(folder.parent / "copy.sql")
    catalog = lake.project()
    catalog.rollback(to=runs[1])
    lake.project().rollback(to=runs[2])
    assert lake.rows("a.log") == lake.rows("a.copy")


def test_partitions_and_order_stay(make: Make) -> None:
    model = LOG.format("partition_by: [what]\nsort_by: [id desc]\n")
    lake = Ledger(make({"models/a/log.sql": model}).parent)
    for number in range(0, 18, 3):
        add(lake, number)
    add(lake, 1)
    rows = lake.rows("a.log")
    [done] = lake.project().maintain().tables
    assert (done.packed, done.files) == (6, 1)
    files = sorted((task.file.record_count, str(task.file.partition[0])) for task in foreign(lake).scan().plan_files())
    assert files == [(1, "x1"), (6, "x0")]
    assert lake.rows("a.log") == rows
    ids = foreign(lake).scan(row_filter="what = 'x0'").to_arrow()["id"].to_pylist()
    assert ids == sorted(ids, reverse=True)


def test_large_files_are_left() -> None:
    class File:
        def __init__(self, size: int) -> None:
            self.file_size_in_bytes = size
            self.file_path = f"f{size}"

    def taken(*sizes: int) -> list[int]:
        return [file.file_size_in_bytes for file in compact.worth([File(size) for size in sizes])]  # type: ignore[list-item]

    assert taken(1, 1, 1, 1) == []
    assert taken(1, 1, 1, 1, 1) == [1, 1, 1, 1, 1]
    assert taken(1, 1, 1, 1, 1, 20) == [1, 1, 1, 1, 1, 20]
    assert taken(1, 1, 1, 1, 1, 21) == [1, 1, 1, 1, 1]
    assert taken(1, 2, 100, 101, 102, 103, 104) == [100, 101, 102, 103, 104]


def test_another_engines_deleted_rows_are_not_rewritten(lake: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    table = foreign(lake)
    assert compact.is_compactable(table)
    deletes = SimpleNamespace(content=ManifestContent.DELETES, has_added_files=lambda: True)
    monkeypatch.setattr("pyiceberg.table.snapshots.Snapshot.manifests", lambda *_: [deletes])
    assert not compact.is_compactable(table)


def test_another_writers_rows_branches_and_tags_are_respected(lake: Ledger) -> None:
    settings(lake, SHORT)
    table = foreign(lake)
    first = table.metadata.snapshots[0].snapshot_id
    second = table.metadata.snapshots[1].snapshot_id
    third = table.metadata.snapshots[2].snapshot_id
    with table.manage_snapshots() as change:
        change.create_tag(first, "forever")
        change.create_tag(second, "brief", max_ref_age_ms=1)
        change.create_branch(third, "work")
    foreign(lake).append(pa.table({"id": [77], "what": ["foreign"]}))
    time.sleep(1.1)
    done = {each.table: each for each in lake.project().maintain(grace="0").tables}
    lake.project().maintain(grace="0")
    after = foreign(lake)
    assert done["a.log"].branches == ("brief",)
    assert {*after.metadata.refs} == {"main", "forever", "work"}
    assert after.metadata.snapshot_by_id(second) is not None  # the branch keeps two, as the policy does
    assert done["a.log"].packed == 0  # a foreign head
    assert "foreign" in str(lake.rows("a.log"))
    assert lake.missing() | lake.unaccounted() == set()


def test_retention_that_another_tool_wrote_is_kept_to(lake: Ledger) -> None:
    settings(lake, SHORT)
    with foreign(lake).transaction() as change:
        change.set_properties({"history.expire.min-snapshots-to-keep": "5"})
    time.sleep(1.1)
    lake.project().maintain(grace="0")
    lake.project().maintain(grace="0")
    assert len([v for v in lake.project().history("a.log") if v.changes_rows]) == 5
    assert len([v for v in lake.project().history("a.total") if v.changes_rows]) == 2


def test_rejected_rows_go_with_the_policy(make: Make) -> None:
    checked = "/* ---\ncolumns: {x: {checks: [{max: 3}]}}\n--- */\nSELECT x FROM read_csv('raw/*.csv')"
    folder = make({"raw/a.csv": "x\n1\n", "models/a/t.sql": checked})
    lake = Ledger(folder.parent)
    assert lake.project().run().status == "published"
    (folder.parent / "raw/a.csv").write_text("x\n9\n")
    (folder / "a/new.sql").write_text(checked)
    assert lake.project().run().status == "failed"
    assert len(foreign(lake, "a.t").metadata.refs) == 2
    lake.project().maintain(grace="0")
    assert len(foreign(lake, "a.t").metadata.refs) == 2
    assert lake.project().run().status == "failed"  # from what was kept
    settings(lake, "keep_for: 1s\n")
    time.sleep(1.1)
    lake.project().maintain(grace="0")
    assert [*foreign(lake, "a.t").metadata.refs] == ["main"]
    assert lake.unaccounted() == set()
    assert lake.project().run().status == "failed"  # built once more
    (folder.parent / "raw/a.csv").write_text("x\n2\n")
    assert lake.project().run().status == "published"
    time.sleep(1.1)
    lake.project().maintain(grace="0")
    assert lake.missing() | lake.unaccounted() == set()


def test_young_files_and_what_is_not_lakeorchs_are_left(lake: Ledger) -> None:
    data, strange = lake.warehouse / "a/log/data/x.parquet", lake.warehouse / "notes.txt"
    other = lake.warehouse / "b/theirs/metadata/00001-x.metadata.json"
    other.parent.mkdir(parents=True)
    for path in (data, strange, other):
        path.write_text("x")
    assert lake.project().maintain().deleted == 0
    for path in (data, strange, other):
        os.utime(path, (1, 1))
    done = lake.project().maintain()
    assert (done.deleted, done.unknown) == (1, 2)
    assert not data.exists()
    assert strange.exists()
    assert other.exists()


def test_a_run_under_way_protects_what_came_since_it_began(lake: Ledger) -> None:
    runs = lake.warehouse / "_lakeorch/runs"
    orphan = lake.warehouse / "a/log/data/orphan.parquet"
    orphan.write_text("x")
    os.utime(orphan, (time.time() - 1000,) * 2)
    lease = {"run_id": "r", "pid": 1, "host": "h", "started": time.time() - 2000, "touched": time.time()}
    (runs / "r.json").write_text(json.dumps(lease))
    [note] = lake.project().maintain(grace="0").notes
    assert "run r (process 1 on h) began then, and is under way or was killed" in note
    assert lake.project().maintain(grace="1d").notes == ()
    assert orphan.exists()
    (runs / "r.json").write_text(json.dumps({**lease, "touched": time.time() - 4000}))
    assert lake.project().maintain(grace="0").notes == ()
    assert not orphan.exists()
    assert list(runs.iterdir()) == []


def test_what_cannot_be_read_stops_it(lake: Ledger) -> None:
    [manifest, *_] = sorted((lake.warehouse / "a/log/metadata").glob("*-m0.avro"))
    orphan = lake.warehouse / "a/total/data/orphan.parquet"
    orphan.write_text("x")
    manifest.write_bytes(manifest.read_bytes()[:100])
    with pytest.raises(CatalogError, match="cannot be read"):
        lake.project().maintain(grace="0")
    assert orphan.exists()


def test_where_another_catalog_wrote_nothing_is_deleted(lake: Ledger) -> None:
    orphan = lake.warehouse / "a/total/data/orphan.parquet"
    orphan.write_text("x")
    settings(lake, "catalog: sqlite:///other.db\n")
    lake.project().run()
    done = lake.project().maintain(grace="0")
    assert done.deleted == 0
    assert "no file was deleted" in done.notes[0]
    assert orphan.exists()
    settings(lake, "")
    assert "other.db" in lake.project().maintain(grace="0").notes[0]
    assert lake.missing() == set()


def test_only_selected_tables(lake: Ledger) -> None:
    for name in ("log", "total"):
        (lake.warehouse / f"a/{name}/data/orphan.parquet").write_text("x")
    done = lake.project().maintain("a.log", grace="0")
    assert [table.table for table in done.tables] == ["a.log"]
    assert (lake.warehouse / "a/total/data/orphan.parquet").exists()
    assert not (lake.warehouse / "a/log/data/orphan.parquet").exists()


def test_a_model_has_a_policy_of_its_own(lake: Ledger) -> None:
    settings(lake, "keep_for: 1s\nkeep_snapshots: 3\ndefaults:\n  a: {keep_snapshots: 2}\n")
    (lake.folder / "a/log.sql").write_text(LOG.format("keep_snapshots: 4\n"))
    time.sleep(1.1)
    for _ in range(2):
        lake.project().maintain(grace="0")
    kept = {name: len([v for v in lake.project().history(name) if v.changes_rows]) for name in ("a.log", "a.total")}
    assert kept == {"a.log": 4, "a.total": 2}
    assert lake.plan() == {"skip"}


def test_it_runs_when_it_is_due(lake: Ledger) -> None:
    settings(lake, "maintain: {every: 1h}\n")
    (lake.folder.parent / "raw/log/20.csv").write_text("id,what\n20,x\n")
    result = lake.project().run()
    assert result.notes[0].startswith("maintained: ")
    assert any(v.operation == "replace" for v in lake.project().history("a.log"))
    (lake.folder.parent / "raw/log/21.csv").write_text("id,what\n21,x\n")
    assert lake.project().run().notes == ()
    assert lake.plan() == {"skip"}


def test_an_empty_lake_needs_nothing(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT 1 AS x"})
    assert Project(folder).maintain().status == "nothing to do"
    assert not (folder.parent / "warehouse").exists()


@pytest.mark.parametrize("grace", ["x", "-1s", ""])
def test_a_wrong_grace_is_refused(lake: Ledger, grace: str) -> None:
    with pytest.raises(UsageError, match="grace"):
        lake.project().maintain(grace=grace)


def test_a_compaction_beside_a_merge_makes_the_run_plan_again(lake: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that rewrites a file which is compacted before it publishes: no conflict, and nothing lost."""
    from lakeorch.lake import commit

    monkeypatch.setattr(compact, "MIN_FILES", 2)
    publish, done = commit.publish, []

    def late(*args: object) -> object:
        if not done:
            done.append(lake.project().maintain())
        return publish(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(commit, "publish", late)
    result = add(lake, 30)
    assert result
    assert done[0].status == "maintained"
    assert sorted(lake.rows("a.last"))[0].startswith("{'what': 'x0', 'id': 30")
    assert Path(lake.warehouse).exists()
    assert lake.plan() == {"skip"}


def test_a_run_leaves_the_terms_of_main_as_they_are(lake: Ledger) -> None:
    table = foreign(lake)
    change = SetSnapshotRefUpdate(
        ref_name="main",
        type="branch",
        snapshot_id=table.current_snapshot().snapshot_id,  # type: ignore[union-attr]
        max_ref_age_ms=None,
        max_snapshot_age_ms=None,
        min_snapshots_to_keep=6,
    )
    with table.transaction() as transaction:
        transaction._apply((change,))
    add(lake, 60)
    assert foreign(lake).metadata.refs["main"].min_snapshots_to_keep == 6
    settings(lake, SHORT)
    time.sleep(1.1)
    for _ in range(2):
        lake.project().maintain(grace="0")
    assert len([v for v in lake.project().history("a.log") if v.changes_rows]) == 6


def test_the_last_table_that_was_dropped_goes_too(make: Make) -> None:
    folder = make(
        {"models/a/t.sql": "SELECT 1 AS x", "models/b/v.sql": "/* ---\nmaterialized: view\n--- */\nSELECT 1 AS x"}
    )
    lake = Ledger(folder.parent)
    lake.project().run()
    (folder / "a/t.sql").unlink()
    lake.project().drop("t")
    lake.project().maintain(grace="0")
    assert lake.on_disk() == set()


def test_a_time_at_which_a_table_was_at_what_has_expired_is_told_so(make: Make) -> None:
    """Rolled back, and what it was rolled back from expired: the log then tells of no move there."""
    lake = Ledger(make({key: MODELS[key] for key in ("models/a/log.sql", "models/a/copy.sql")}).parent)
    runs = [add(lake, number) for number in range(3)]
    undone = lake.project().runs()[0].at
    lake.project().rollback(to=runs[0])
    settings(lake, SHORT)
    time.sleep(1.1)
    lake.project().maintain(grace="0")
    with pytest.raises(UsageError, match="expired"):
        lake.rows("a.log", datetime.fromtimestamp(undone / 1000, UTC).isoformat())
    assert len(lake.rows("a.log", runs[0])) == 1
    assert len(lake.rows("a.log")) == 1
