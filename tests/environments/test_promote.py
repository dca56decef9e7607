"""Promotion: production becomes what the environment showed, at once, and its past stays its own."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from lakeorch.cli import main
from lakeorch.errors import ProjectError, UsageError
from lakeorch.lake.catalog import DatabaseCatalog
from lakeorch.lake.database import DatabaseError
from lakeorch.project.past import iso
from tests.conftest import Make, picture
from tests.environments.site import BETTER, FILES, Site
from tests.postgres import NewDatabase

DEV = "lakeorch_dev"
ALL = {"marts.days", "marts.revenue", "marts.stores", "staging.sales"}


def changed(site: Site) -> str:
    """Code, schema, a new table and new input, run in dev."""
    site.edit("marts.revenue", BETTER)
    site.edit("marts.new", "SELECT sum(revenue)::BIGINT AS all_of_it FROM marts.revenue")
    site.write("raw/day2.csv", "id,store,amount\n3,a,5\n")
    return site.run_dev()


def shown(site: Site, env: str | None) -> dict[str, list[tuple[Any, ...]]]:
    return {name: site.rows(name, env) for name in sorted(ALL | {"marts.new"})}


def test_nothing_is_computed_again_and_it_is_one_commit(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    changed(site)
    expected, files = shown(site, "dev"), site.parquet()
    ids = {name: site.table(name, DEV).metadata.current_snapshot_id for name in site.tables(DEV)}
    swap, calls = DatabaseCatalog.swap, []
    monkeypatch.setattr(DatabaseCatalog, "swap", lambda self, swaps: calls.append(swaps) or swap(self, swaps))
    found = site.production.promote("dev")
    monkeypatch.undo()
    assert (found.status, found.recomputed, len(calls)) == ("promoted", 0, 1)
    assert {table.model for table in found.tables} == set(ids)
    assert (site.tables(DEV), site.parquet()) == ({}, files)
    assert shown(site, None) == expected
    assert {name: site.table(name).metadata.current_snapshot_id for name in ids} == ids
    assert all(site.foreign(name) == sorted(expected[name]) for name in expected)
    assert not any("lakeorch.clone" in site.table(name).metadata.properties for name in ids)
    assert site.production.run().status == "nothing to do"
    assert site.production.promote("dev").status == "nothing to do"
    assert {check.status for check in site.production.verify(found.run_id)} == {"same"}


def test_the_past_of_production_never_shows_what_the_environment_was_at(site: Site) -> None:
    before = {name: site.rows(name) for name in ALL}
    times = []
    for factor in (2, 3, 100):
        site.edit("marts.revenue", BETTER.replace("100", str(factor)))
        site.edit("marts.new", f"SELECT {factor} AS x")
        site.run_dev()
        times.append(site.table("marts.revenue", DEV).metadata.last_updated_ms)
    run = site.promote()
    metadata = {name: site.table(name).metadata for name in ("marts.revenue", "marts.new")}
    assert [len(found.snapshot_log) for found in metadata.values()] == [2, 1]
    [when] = {found.snapshot_log[-1].timestamp_ms for found in metadata.values()}
    assert {s.timestamp_ms for f in metadata.values() for s in f.snapshots if s.timestamp_ms > times[0] - 1} == {when}
    for time in (*times, when - 1):
        assert {name: site.rows(name, at=iso(time)) for name in ALL} == before
        with pytest.raises(ProjectError) as caught:
            site.rows("marts.new", at=iso(time))
        assert "was not there yet" in caught.value.findings[0].message
    assert site.rows("marts.revenue", at=run) == site.rows("marts.revenue", at=iso(when)) == site.rows("marts.revenue")
    # every snapshot that the rows came by is there for readers of increments, the newest first
    assert [version.state for version in site.production.history("marts.revenue")] == ["current", *["published"] * 3]
    assert [version.run_id for version in site.production.history("marts.revenue")][:3] == [run] * 3
    [promotion, first] = site.production.runs()
    differs = site.production.diff("marts.revenue", key=["store"])
    assert (differs.before.run_id, differs.after.run_id) == (first.run_id, run)
    assert (promotion.run_id, promotion.environment, len(promotion.made_by)) == (run, "dev", 3)
    assert len(promotion.versions) == 2
    assert first.environment == ""


@pytest.mark.parametrize("by", ["the run in dev", "the promotion"])
def test_a_promotion_is_taken_back_by_either_name(site: Site, by: str) -> None:
    before = {name: site.rows(name) for name in ALL}
    site.edit("marts.days", "SELECT 9 AS day")
    first = site.run_dev()
    site.edit("marts.revenue", BETTER)
    site.run_dev()
    run = site.promote()
    after = {name: site.rows(name) for name in ALL}
    told = site.production.rollback(first if by == "the run in dev" else run)
    assert told.undone == run
    assert {name: site.rows(name) for name in ALL} == before
    assert site.plan() == {}
    site.production.rollback(to=run)
    assert {name: site.rows(name) for name in ALL} == after


def test_what_production_did_in_metadata_alone_is_kept(site: Site) -> None:
    site.edit("marts.revenue", BETTER)
    site.run_dev()
    for change in ("docs", "tag", "compaction"):
        site.metadata_only(change)
    with site.table("marts.revenue").transaction() as transaction:
        transaction.set_properties({"team": "sales"})
    last = site.table("marts.revenue").metadata.last_updated_ms
    run = site.promote()
    metadata = site.table("marts.revenue").metadata
    assert metadata.properties["team"] == "sales"
    assert site.rows("marts.revenue") == [("a", 1000, 1), ("b", 2000, 1)] == site.foreign("marts.revenue")
    assert (
        site.rows("marts.revenue", at="closing") == site.rows("marts.revenue", at=iso(last)) == [("a", 10), ("b", 20)]
    )
    assert metadata.schema().column_names == ["store", "revenue", "sales"]
    assert len({schema.schema_id for schema in metadata.schemas}) == len(metadata.schemas)
    assert site.production.run().status == "nothing to do"
    site.production.rollback(run)
    assert site.rows("marts.revenue") == [("a", 10), ("b", 20)]


def test_where_no_rows_changed_a_compaction_is_kept(site: Site) -> None:
    site.edit("marts.revenue", "SELECT store, (sum(amount) + 0)::BIGINT AS revenue FROM staging.sales GROUP BY store")
    site.run_dev()
    site.metadata_only("compaction")
    run = site.promote()
    assert site.table("marts.revenue").metadata.current_snapshot_id == 5
    assert site.production.run().status == "nothing to do"
    assert (site.rows("marts.revenue"), run != "") == ([("a", 10), ("b", 20)], True)


def test_code_that_moved_on_is_built_first(site: Site) -> None:
    site.edit("marts.revenue", BETTER)
    run = site.run_dev()
    site.edit("marts.revenue", BETTER.replace("100", "7"))
    planned = site.production.promote("dev", dry_run=True)
    assert [(table.model, table.reason) for table in planned.tables] == [
        ("marts.revenue", "query changed"),
        ("marts.stores", "input marts.revenue will be rebuilt"),
    ]
    found = site.production.promote("dev")
    assert [table.reason for table in found.tables][:1] == ["query changed"]
    assert site.rows("marts.revenue") == [("a", 70, 1), ("b", 140, 1)]
    assert run not in {table.run_id for table in found.tables}
    assert site.production.run().status == "nothing to do"


def test_the_settings_are_productions(site: Site) -> None:
    site.write("lakeorch.yml", "variables: {n: 1}\nenvironments: {dev: {variables: {n: 2}}}\n")
    site.edit("marts.days", "SELECT $n AS n")
    site.run_dev()
    found = site.production.promote("dev")
    assert [(table.model, table.reason) for table in found.tables] == [("marts.days", "variable changed: n")]
    assert site.rows("marts.days") == [(1,)]
    assert site.production.run().status == "nothing to do"


def test_where_production_moved_it_is_built_anew(site: Site) -> None:
    site.edit("marts.revenue", BETTER)
    site.run_dev()
    site.edit("marts.revenue", "SELECT store, 0::BIGINT AS revenue FROM staging.sales")
    moved = site.production.run().run_id
    site.edit("marts.revenue", BETTER)
    found = site.production.promote("dev")
    reasons = {table.model: table.reason for table in found.tables}
    assert reasons["marts.revenue"] == f"production moved since this environment built it: run {moved}; query changed"
    assert site.rows("marts.revenue") == [("a", 1000, 1), ("b", 2000, 1)]
    assert site.production.run().status == "nothing to do"


def test_what_fails_stays_with_all_that_is_connected(site: Site) -> None:
    site.edit("marts.revenue", BETTER)
    site.edit("marts.stores", "SELECT count(*) + 1 AS stores FROM marts.revenue")
    site.edit("marts.days", "SELECT 9 AS day")
    site.run_dev()
    before = {name: site.tables()[name] for name in ("marts.revenue", "marts.stores")}
    site.edit(
        "marts.stores", "/* ---\nchecks: [{rows: {min: 2}}]\n--- */\nSELECT count(*) + 1 AS stores FROM marts.revenue"
    )
    found = site.production.promote("dev")
    assert found.status == "failed"
    assert [table.model for table in found.tables] == ["marts.days"]
    assert found.kept == {
        "marts.revenue": "kept back with marts.stores, which failed",
        "marts.stores": "it failed",
    }
    assert {name: site.tables()[name] for name in before} == before
    assert set(site.tables(DEV)) == set(before)
    assert main(["promote", "dev", "-p", str(site.folder)]) == 1
    site.edit("marts.stores", "SELECT count(*) + 1 AS stores FROM marts.revenue")
    assert site.production.promote("dev").status == "promoted"
    assert site.rows("marts.revenue") == [("a", 1000, 1), ("b", 2000, 1)]


def test_what_is_no_longer_in_the_project_stays(site: Site) -> None:
    site.edit("marts.new", "SELECT 1 AS x")
    site.edit("marts.days", "SELECT 9 AS day")
    site.run_dev()
    (site.folder / "marts" / "new.sql").unlink()
    found = site.production.promote("dev")
    assert (found.status, [table.model for table in found.tables]) == ("promoted", ["marts.days"])
    assert list(found.kept) == ["marts.new"] == list(site.tables(DEV))


def test_a_state_that_was_gone_back_to_is_promoted_as_it_is(site: Site) -> None:
    site.edit("marts.revenue", BETTER)
    site.production.run()
    site.edit("marts.days", "SELECT 9 AS day")
    site.run_dev()
    site.dev.rollback(to=site.production.runs()[-1].run_id)
    expected = {name: site.rows(name, "dev") for name in ALL - {"marts.days"}}
    assert expected["marts.revenue"] == [("a", 10), ("b", 20)]
    site.promote()
    assert {name: site.rows(name) for name in expected} == expected
    assert set(site.plan()) == set()


def _at_the_commit(monkeypatch: pytest.MonkeyPatch, act: Callable[[Callable[[], None]], None]) -> None:
    """Does something else with the first commit to production."""
    swap, calls = DatabaseCatalog.swap, itertools.count()

    def swapped(self: DatabaseCatalog, swaps: Any) -> None:
        promotes = any(each.catalog == "lakeorch" and each.old != each.new for each in swaps)
        if promotes and next(calls) == 0:
            act(lambda: swap(self, swaps))
        else:
            swap(self, swaps)

    monkeypatch.setattr(DatabaseCatalog, "swap", swapped)


def test_a_lost_reply_is_a_promotion_that_was_made(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    changed(site)
    expected = shown(site, "dev")

    def lost(go_on: Callable[[], None]) -> None:
        go_on()
        raise DatabaseError("the connection was lost")

    _at_the_commit(monkeypatch, lost)
    assert site.promote()
    assert shown(site, None) == expected
    assert len(site.table("marts.new").metadata.snapshot_log) == 1


@pytest.mark.parametrize("landed", [True, False])
def test_killed_at_the_commit_all_is_old_or_new(site: Site, monkeypatch: pytest.MonkeyPatch, landed: bool) -> None:
    changed(site)
    old, new = site.tables(), shown(site, "dev")

    def killed(go_on: Callable[[], None]) -> None:
        if landed:
            go_on()
        raise SystemExit(9)

    _at_the_commit(monkeypatch, killed)
    with pytest.raises(SystemExit):
        site.production.promote("dev")
    monkeypatch.undo()
    assert (site.tables() == old) is not landed
    again = site.production.promote("dev")
    assert again.status == ("nothing to do" if landed else "promoted")
    assert (again.recomputed, shown(site, None)) == (0, new)


def test_production_that_moves_meanwhile_is_planned_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.edit("marts.revenue", BETTER)
    site.run_dev()

    def late(go_on: Callable[[], None]) -> None:
        site.write("raw/day2.csv", "id,store,amount\n3,a,5\n")
        assert site.production.run(["staging.sales"]).status == "published"
        go_on()

    _at_the_commit(monkeypatch, late)
    found = site.production.promote("dev")
    assert found.status == "promoted"
    assert site.rows("marts.revenue") == [("a", 1500, 2), ("b", 2000, 1)]
    assert site.production.run().status == "nothing to do"


def test_an_environment_that_moves_meanwhile_is_planned_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.edit("marts.revenue", BETTER)
    site.run_dev()

    def late(go_on: Callable[[], None]) -> None:
        text = (site.folder / "marts" / "revenue.sql").read_text()
        site.edit("marts.revenue", BETTER.replace("100", "7"))
        site.run_dev()
        site.edit("marts.revenue", text)
        go_on()

    _at_the_commit(monkeypatch, late)
    assert site.production.promote("dev").status == "promoted"
    assert site.rows("marts.revenue") == [("a", 1000, 1), ("b", 2000, 1)]


def test_a_dry_run_writes_nothing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    changed(site)
    before = picture(site.root / "warehouse")
    assert main(["promote", "dev", "--dry-run", "-p", str(site.folder)]) == 0
    out = capsys.readouterr().out
    assert "would promote 4 tables from dev: 0 models recomputed" in out
    assert picture(site.root / "warehouse").keys() == before.keys()


def test_a_dry_run_counts_what_is_built_first(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.edit("marts.revenue", BETTER)
    site.run_dev()
    site.edit("marts.revenue", "SELECT store, 0::BIGINT AS revenue FROM staging.sales")
    site.production.run()
    site.edit("marts.revenue", BETTER)
    site.edit("marts.new", "SELECT 1 AS x")
    planned = site.production.promote("dev", dry_run=True)
    assert main(["promote", "dev", "--dry-run", "-p", str(site.folder)]) == 0
    assert "would promote 3 tables from dev: 3 models recomputed" in capsys.readouterr().out
    found = site.production.promote("dev")
    assert [table.model for table in planned.tables] == [table.model for table in found.tables]


def test_a_dry_run_knows_what_will_stay(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.edit("marts.revenue", BETTER)
    site.edit("marts.days", "SELECT 9 AS day")
    site.edit("marts.new", "SELECT 1 AS x")
    site.run_dev()
    (site.folder / "marts" / "new.sql").unlink()
    opened = site.catalog(DEV)
    table = opened.load_table("marts.revenue")
    table.append(table.scan().to_arrow())
    opened.engine.dispose()
    planned = site.production.promote("dev", dry_run=True)
    assert main(["promote", "dev", "--dry-run", "-p", str(site.folder)]) == 0
    assert "would promote 1 table from dev" in capsys.readouterr().out
    assert planned.kept["marts.revenue"].startswith("another writer changed it")
    found = site.production.promote("dev")
    assert (found.status, [table.model for table in found.tables]) == ("failed", ["marts.days"])
    assert [table.model for table in planned.tables] == [table.model for table in found.tables]
    assert planned.kept.keys() == found.kept.keys() == {"marts.revenue", "marts.stores", "marts.new"}


def test_what_stays_behind_is_told_where_nothing_else_is_there(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.edit("marts.new", "SELECT 1 AS x")
    site.run_dev()
    (site.folder / "marts" / "new.sql").unlink()
    assert main(["promote", "dev", "-p", str(site.folder)]) == 0
    out = capsys.readouterr().out
    assert "nothing was promoted" in out
    assert "marts.new: no longer in the project: it stays in the environment" in out


def test_the_command_line(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(site.folder)
    run = changed(site)
    assert main(["env", "list", "-p", folder]) == 0
    assert "dev               4     4" in capsys.readouterr().out
    assert main(["env", "list", "--json", "-p", folder]) == 0
    [told] = json.loads(capsys.readouterr().out)["environments"]
    assert (told["name"], told["last_run"], told["rows"]) == ("dev", run, 4)
    assert main(["promote", "dev", "--json", "-p", folder]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["recomputed"], len(told["promoted"])) == ("promoted", 0, 4)
    assert main(["promote", "dev", "-p", folder]) == 0
    assert "nothing to do" in capsys.readouterr().out
    assert main(["promote", "dve", "-p", folder]) == 2
    assert main(["env", "drop", "dve", "-p", folder]) == 2
    site.edit("marts.days", "SELECT 9 AS day")
    site.run_dev()
    capsys.readouterr()
    assert main(["env", "drop", "dev", "-p", folder]) == 0
    assert "dropped 1 table of dev: marts.days" in capsys.readouterr().out


def test_a_promotion_starts_from_production(site: Site) -> None:
    with pytest.raises(UsageError, match="goes to production"):
        site.dev.promote("other")


def test_postgres(make: Make, postgres: NewDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(make({**FILES, "lakeorch.yml": f"models: models\ncatalog: {postgres()}\n"}))
    assert site.production.run().status == "published"
    changed(site)
    expected = shown(site, "dev")

    def lost(go_on: Callable[[], None]) -> None:
        go_on()
        raise DatabaseError("the connection was lost")

    _at_the_commit(monkeypatch, lost)
    assert site.promote()
    assert shown(site, None) == expected
    assert site.production.run().status == "nothing to do"
    assert site.production.environments() == ()
