"""Dropping tables and bringing them back; tags as every reader sees them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import StaticTable

from lakeorch.cli import main, program
from lakeorch.errors import UsageError
from tests.conftest import Make

from .ledger import Ledger


@pytest.fixture
def lake(make: Make) -> Ledger:
    """Three tables, two runs."""
    folder = make(
        {
            "raw/n.csv": "x\n1\n",
            "models/a/one.sql": "SELECT x FROM read_csv('raw/n.csv')",
            "models/a/two.sql": "SELECT x + 1 AS y FROM a.one",
            "models/b/alone.sql": "SELECT 1 AS z",
        }
    )
    ledger = Ledger(folder.parent)
    ledger.project().run()
    (folder.parent / "raw/n.csv").write_text("x\n5\n")
    ledger.project().run()
    return ledger


def catalog(lake: Ledger) -> SqlCatalog:
    return SqlCatalog("lakeorch", uri=f"sqlite:///{lake.warehouse}/catalog.db")


def command(lake: Ledger, *arguments: str) -> dict[str, object]:
    done = CliRunner().invoke(program, [*arguments, "-p", str(lake.folder), "--json"])
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_dropped_table_can_be_brought_back_until_its_files_go(lake: Ledger) -> None:
    (lake.folder / "b/alone.sql").unlink()
    [dropped] = lake.project().drop("alone").tables
    assert [*lake.project().list()][-1].model == "a.two"
    for path in (lake.warehouse / "b/alone").rglob("*.*"):
        os.utime(path, (1, 1))
    assert lake.project().maintain().deleted == 0
    catalog(lake).register_table("b.alone", dropped.location)
    assert lake.rows("b.alone") == ["{'z': 1}"]
    lake.project().drop("b.alone")
    lake.project().maintain(grace="0")
    assert not [path for path in (lake.warehouse / "b/alone").rglob("*") if path.is_file()]
    assert not list((lake.warehouse / "_lakeorch/dropped").iterdir())
    assert lake.missing() | lake.unaccounted() == set()


def test_a_tag_that_loses_a_table_is_told(lake: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    lake.project().tag("closing")
    (lake.folder / "b/alone.sql").unlink()
    (lake.folder / "a/two.sql").unlink()
    assert main(["drop", "alone", "-p", str(lake.folder)]) == 0
    assert "tagged, and lost with the files: closing" in capsys.readouterr().out
    assert lake.project().drop("two").to_dict()["tags"] == ["closing"]


def test_a_table_that_came_back_is_kept(lake: Ledger) -> None:
    (lake.folder / "b/alone.sql").rename(lake.folder.parent / "alone.sql")
    lake.project().drop("alone")
    (lake.folder.parent / "alone.sql").rename(lake.folder / "b/alone.sql")
    lake.project().run()
    lake.project().maintain(grace="0")
    assert lake.rows("b.alone") == ["{'z': 1}"]
    assert lake.missing() | lake.unaccounted() == set()


def test_what_the_project_makes_or_reads_is_not_dropped(lake: Ledger) -> None:
    with pytest.raises(UsageError, match="is a model of this project"):
        lake.project().drop("one")
    (lake.folder / "a/one.sql").unlink()
    with pytest.raises(UsageError, match=r"is read by a\.two"):
        lake.project().drop("one")
    with pytest.raises(UsageError, match="no table"):
        lake.project().drop("on")
    with pytest.raises(UsageError, match="name the tables"):
        lake.project().drop()


def test_all_that_left_at_once(lake: Ledger) -> None:
    assert lake.project().drop(departed=True).tables == ()
    for name in ("a/two.sql", "b/alone.sql"):
        (lake.folder / name).unlink()
    assert [table.table for table in lake.project().drop(departed=True).tables] == ["a.two", "b.alone"]
    assert {line.model for line in lake.project().list()} == {"a.one"}


def test_a_tag_is_icebergs_own_and_moves_nothing(lake: Ledger) -> None:
    first = lake.project().runs()[-1].run_id
    done = lake.project().tag("closing", first)
    assert (done.status, [*done.tag.tables]) == ("tagged", ["a.one", "a.two", "b.alone"])
    table = catalog(lake).load_table("a.two")
    assert StaticTable.from_metadata(table.metadata_location).scan().use_ref("closing").to_arrow().to_pylist() == [
        {"y": 2}
    ]
    assert lake.rows("a.two") == ["{'y': 6}"]
    assert lake.rows("a.two", "closing") == ["{'y': 2}"]
    assert lake.plan() == {"skip"}
    assert lake.project().diff("a.two", "closing", key=[]).rows.added == 1
    lake.project().rollback(to="closing")
    assert lake.rows("a.two") == ["{'y': 2}"]
    assert [tag.name for tag in lake.project().tags()] == ["closing"]


def test_a_tag_is_not_moved_unasked(lake: Ledger) -> None:
    first = lake.project().runs()[-1].run_id
    lake.project().tag("closing", first)
    assert lake.project().tag("closing", first).status == "nothing to do"
    with pytest.raises(UsageError, match="already"):
        lake.project().tag("closing")
    assert lake.project().tag("closing", force=True).status == "moved"
    assert lake.rows("a.two", "closing") == ["{'y': 6}"]
    assert lake.project().untag("closing").status == "deleted"
    assert lake.project().tags() == ()
    with pytest.raises(UsageError, match="no tag"):
        lake.project().untag("closing")


def test_a_table_that_was_not_there_then_has_no_tag(lake: Ledger) -> None:
    (lake.folder / "b/young.sql").write_text("SELECT 7 AS q")
    before = lake.project().runs()[0].run_id
    lake.project().run()
    done = lake.project().tag("before", before)
    assert done.absent == ("b.young",)
    lake.project().tag("before", force=True)
    assert len(lake.project().tags()[0].tables) == 4
    lake.project().tag("before", before, force=True)
    assert len(lake.project().tags()[0].tables) == 3


@pytest.mark.parametrize("name", ["main", "rejected-x", "2026-01-01", "20260101t000000", "a b", "", "x" * 65, "ä"])
def test_a_name_that_could_mean_something_else_is_refused(lake: Ledger, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        lake.project().tag(name)


def test_a_branch_of_the_same_name_is_left(lake: Ledger) -> None:
    table = catalog(lake).load_table("a.one")
    with table.manage_snapshots() as change:
        change.create_branch(table.metadata.snapshots[0].snapshot_id, "work")
    with pytest.raises(UsageError, match="branch"):
        lake.project().tag("work")
    assert lake.project().tags() == ()


def test_the_commands_say_the_same(lake: Ledger, tmp_path: Path) -> None:
    assert command(lake, "tag", "closing")["status"] == "tagged"
    [tag] = command(lake, "tag")["tags"]  # type: ignore[misc]
    assert tag["name"] == "closing"
    assert command(lake, "tag", "--delete", "closing")["status"] == "deleted"
    (lake.folder / "b/alone.sql").unlink()
    assert command(lake, "drop", "--departed")["status"] == "dropped"
    assert command(lake, "maintain", "--grace", "0")["status"] == "maintained"
    assert command(lake, "maintain", "--grace", "0")["status"] == "nothing to do"
    for words in (["tag", "a", "--list"], ["tag", "a", "--delete", "b"], ["maintain", "--grace", "x"]):
        with pytest.raises(UsageError):
            CliRunner().invoke(program, [*words, "-p", str(lake.folder)], catch_exceptions=False, standalone_mode=False)
    for words in (
        ["tag"],
        ["tag", "x"],
        ["tag", "x"],
        ["tag"],
        ["maintain", "--dry-run", "--grace", "0"],
        ["drop", "--departed"],
    ):
        done = CliRunner().invoke(program, [*words, "-p", str(lake.folder)])
        assert done.exit_code == 0
        assert done.stdout.strip()
    assert tmp_path.exists()


def test_a_run_that_is_not_there_is_no_time(lake: Ledger) -> None:
    """Six digits behind a run's time could be an offset."""
    with pytest.raises(UsageError, match="there is no run"):
        lake.rows("a.two", "20991121t100344-110708")
