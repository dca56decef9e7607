"""What an environment shows, and what it leaves alone: everything of production."""

from __future__ import annotations

import json

import pytest

from lakeorch.cli import main
from lakeorch.errors import LakeorchError, UsageError
from lakeorch.project import Project
from lakeorch.project.past import iso
from tests.environments.site import BETTER, Site

DEV = "lakeorch_dev"


def test_a_first_run_without_a_change_makes_nothing(site: Site) -> None:
    before = site.tables()
    assert site.dev.run().status == "nothing to do"
    assert (site.tables(), site.tables(DEV)) == (before, {})


def test_only_what_changed_and_its_downstream_is_built_and_nobody_else_sees_it(site: Site) -> None:
    production, files = site.tables(), site.parquet()
    schema, rows = site.table("marts.revenue").schema(), site.foreign("marts.revenue")
    site.edit("marts.revenue", BETTER)
    assert site.plan("dev")["marts.revenue"] == ("build", "query changed")
    run = site.run_dev()
    # the rows of marts.stores stayed the same: its fact is metadata alone
    assert len(site.parquet() - files) == 1
    assert set(site.tables(DEV)) == {"marts.revenue", "marts.stores"}
    assert site.tables() == production
    assert site.table("marts.revenue").schema() == schema
    assert site.foreign("marts.revenue") == rows == site.rows("marts.revenue")
    assert site.rows("marts.revenue", "dev") == [("a", 1000, 1), ("b", 2000, 1)] == site.foreign("marts.revenue", DEV)
    assert site.rows("marts.days", "dev") == site.rows("marts.days")
    assert site.dev.run().status == "nothing to do"
    clone = json.loads(site.table("marts.revenue", DEV).metadata.properties["lakeorch.clone"])
    base = site.table("marts.revenue").metadata.current_snapshot_id
    assert (clone["environment"], clone["base"]) == ("dev", str(base))
    [version, first] = site.dev.history("marts.revenue")
    assert (version.environment, version.run_id, first.environment) == ("dev", run, "")
    assert [past.environment for past in site.dev.runs()] == ["dev", ""]
    assert [past.environment for past in site.production.runs()] == [""]


def test_a_new_table_is_the_environments_alone(site: Site) -> None:
    site.edit("marts.new", "SELECT 1 AS x")
    site.run_dev()
    assert (list(site.tables(DEV)), "marts.new" in site.tables()) == (["marts.new"], False)
    with pytest.raises(LakeorchError):
        site.rows("marts.new")
    assert site.rows("marts.new", "dev") == [(1,)]


def test_new_input_is_read_in_the_environment_without_production(site: Site) -> None:
    site.write("raw/day2.csv", "id,store,amount\n3,a,5\n")
    site.run_dev()
    assert site.rows("staging.sales", "dev") == [(1, "a", 10), (2, "b", 20), (3, "a", 5)]
    assert site.rows("staging.sales") == [(1, "a", 10), (2, "b", 20)]
    assert site.production.run().status == "published"
    assert site.rows("staging.sales") == [(1, "a", 10), (2, "b", 20), (3, "a", 5)]


def test_where_production_moved_its_table_shows_again_and_the_plan_says_why(site: Site) -> None:
    site.edit("marts.revenue", BETTER)
    site.run_dev()
    site.edit("marts.revenue", "SELECT store, 0::BIGINT AS revenue FROM staging.sales")
    moved = site.production.run().run_id
    assert site.rows("marts.revenue", "dev") == [("a", 0), ("b", 0)]
    site.edit("marts.revenue", BETTER)
    reason = f"production moved since this environment built it: run {moved}; query changed"
    assert site.plan("dev")["marts.revenue"] == ("build", reason)
    [held] = site.production.environments()
    assert (held.name, held.tables, held.void) == ("dev", ("marts.revenue", "marts.stores"), ("marts.revenue",))
    site.run_dev()
    assert site.rows("marts.revenue", "dev") == [("a", 1000, 1), ("b", 2000, 1)]
    assert site.production.environments()[0].void == ()
    assert site.dev.run().status == "nothing to do"


@pytest.mark.parametrize("change", ["docs", "tag", "compaction"])
def test_a_move_of_production_in_metadata_alone_voids_nothing(site: Site, change: str) -> None:
    site.edit("marts.revenue", BETTER)
    site.run_dev()
    site.metadata_only(change)
    assert site.rows("marts.revenue", "dev") == [("a", 1000, 1), ("b", 2000, 1)]
    assert site.production.environments()[0].void == ()


def test_history_diff_verify_and_at_are_of_the_environment(site: Site) -> None:
    before = site.tables()
    first = site.production.runs()[0].run_id
    site.edit("marts.revenue", BETTER)
    run = site.run_dev()
    [version, _] = site.dev.history("marts.revenue")
    assert site.rows("marts.revenue", "dev", at=first) == [("a", 10), ("b", 20)]
    assert site.rows("marts.revenue", "dev", at=run) == [("a", 1000, 1), ("b", 2000, 1)]
    assert site.rows("marts.revenue", "dev", at=iso(version.at - 1)) == [("a", 10), ("b", 20)]
    assert site.dev.diff("marts.revenue").columns_added == {"sales": "long"}
    assert [found.status for found in site.dev.verify("marts.revenue", first)] == ["same"] * 5
    with pytest.raises(UsageError, match="no run"):
        site.rows("marts.revenue", at=run)
    assert site.tables() == before


def test_rollback_and_pins_in_an_environment_leave_production_alone(site: Site) -> None:
    before = site.tables()
    first = site.production.runs()[0].run_id
    site.edit("marts.revenue", BETTER)
    run = site.run_dev()
    site.dev.rollback(run)
    assert site.rows("marts.revenue", "dev") == [("a", 10), ("b", 20)]
    assert site.plan("dev") == {}
    assert site.plan()["marts.revenue"] == ("build", "query changed")
    assert site.dev.run(unpin=True).status == "published"
    assert site.rows("marts.revenue", "dev") == [("a", 1000, 1), ("b", 2000, 1)]
    site.dev.rollback(to=first)
    assert site.rows("marts.revenue", "dev") == [("a", 10), ("b", 20)]
    assert site.tables() == before


def test_rejected_rows_stay_on_a_branch_of_the_environment(site: Site) -> None:
    before = site.tables()
    site.edit(
        "marts.revenue", "/* ---\nchecks: [{unique: [store]}]\n--- */\nSELECT 'a' AS store, 1 AS revenue FROM range(2)"
    )
    result = site.dev.run()
    assert result.status == "failed"
    assert site.rows("marts.revenue", "dev") == [("a", 10), ("b", 20)]
    branches = site.table("marts.revenue", DEV).metadata.refs
    assert any(name.startswith("rejected-") for name in branches)
    assert site.tables() == before
    assert site.plan("dev")["marts.revenue"][0] == "build"


def test_production_rejects_for_itself_what_failed_in_an_environment(site: Site) -> None:
    twice = "SELECT 'a' AS store, 1 AS revenue FROM range(2)"
    site.edit("marts.revenue", f"/* ---\nchecks: [{{unique: [store]}}]\n--- */\n{twice}")
    assert (site.dev.run().status, site.production.run().status) == ("failed", "failed")
    for catalog in ("lakeorch", DEV):
        assert [ref for ref in site.table("marts.revenue", catalog).metadata.refs if ref.startswith("rejected-")]


def test_an_environment_that_nobody_began(site: Site) -> None:
    site.edit("marts.revenue", BETTER)
    site.run_dev()
    for read in (lambda p: p.list(), lambda p: p.query("SELECT 1"), lambda p: p.runs(), lambda p: p.rollback("x")):
        with pytest.raises(UsageError, match='no environment "dve"') as caught:
            read(site.project("dve"))
        assert caught.value.hint == 'did you mean "dev"?'
    assert site.project("staging").plan().steps
    with pytest.raises(UsageError, match="is no name"):
        site.project("a b")


def test_environments_do_not_see_each_other(site: Site) -> None:
    site.edit("marts.revenue", BETTER)
    site.run_dev()
    site.edit("marts.revenue", "SELECT store, 7 AS revenue FROM staging.sales")
    assert site.project("other").run().status == "published"
    assert site.rows("marts.revenue", "dev") == [("a", 1000, 1), ("b", 2000, 1)]
    assert site.rows("marts.revenue", "other") == [("a", 7), ("b", 7)]
    assert [held.name for held in site.production.environments()] == ["dev", "other"]


def test_a_lake_of_its_own_is_never_mixed_with_production(site: Site) -> None:
    yml = "catalog: sqlite:///warehouse/catalog.db\nenvironments:\n  trial: {warehouse: trial}\n  near: {}\n"
    site.write("lakeorch.yml", yml)
    before = site.tables()
    trial = site.project("trial")
    assert trial.run().status == "published"
    assert site.tables() == before
    assert len(site.tables("lakeorch_trial")) == 4
    told = {held.name: (held.declared, held.shares) for held in site.production.environments()}
    assert told == {"trial": (True, False), "near": (True, True)}
    for refused in (lambda: site.production.promote("trial"), lambda: site.production.drop_environment("trial")):
        with pytest.raises(UsageError, match="lake of its own"):
            refused()
    assert site.project("near").run().status == "nothing to do"


@pytest.mark.parametrize("lake", ["{warehouse: warehouse}", "{catalog: 'sqlite:///./warehouse/catalog.db'}"])
def test_an_environment_with_productions_own_address_leaves_its_tables_alone(site: Site, lake: str) -> None:
    site.write("lakeorch.yml", f"environments: {{trial: {lake}}}\n")
    before, rows = site.tables(), site.rows("marts.days")
    site.edit("marts.days", "SELECT 9 AS day")
    assert site.project("trial").run().status == "published"
    assert (site.tables(), site.rows("marts.days")) == (before, rows)
    assert site.rows("marts.days", "trial") == [(9,)]


def test_an_empty_name_is_not_production(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    before = site.tables()
    site.edit("marts.days", "SELECT 9 AS day")
    folder = str(site.folder)
    for words in (["run", folder, "--env", ""], ["promote", "", "-p", folder], ["env", "drop", "", "-p", folder]):
        assert main(words) == 2
        assert 'error: "" is no name for an environment' in capsys.readouterr().err
    assert site.tables() == before


def test_a_dropped_environment_shows_production(site: Site) -> None:
    site.edit("marts.revenue", BETTER)
    site.edit("marts.new", "SELECT 1 AS x")
    site.run_dev()
    [held] = site.production.environments()
    assert (held.rows, held.bytes > 0) == (3, True)
    before = site.tables()
    dropped = site.production.drop_environment("dev")
    assert dropped.tables == ("marts.new", "marts.revenue", "marts.stores")
    assert (site.tables(DEV), site.tables()) == ({}, before)
    assert site.production.environments() == ()
    with pytest.raises(UsageError, match="no environment"):
        site.production.drop_environment("dev")


def test_what_to_paste_opens_the_catalog_that_knows_the_table(site: Site) -> None:
    site.edit("marts.revenue", BETTER)
    site.run_dev()
    for table, expected in {"marts.revenue": [1000, 2000], "marts.days": None}.items():
        scope: dict[str, object] = {}
        exec(site.dev.connect("pyiceberg", table).code, scope)
        rows = scope["rows"]
        if expected:
            assert sorted(rows["revenue"].to_pylist()) == expected  # type: ignore[index]
        scope["catalog"].engine.dispose()  # type: ignore[attr-defined]
    assert '"lakeorch_dev"' in site.dev.connect("pyiceberg", "marts.revenue").code
    assert '"lakeorch"' in site.dev.connect("pyiceberg", "marts.days").code


def test_the_quick_answer_knows_both_catalogs(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from lakeorch.project import idle

    monkeypatch.setattr(idle, "GRAIN_NS", 0)
    site.edit("marts.revenue", BETTER)
    site.run_dev()
    assert site.dev.run().status == "nothing to do"
    assert idle.recall(site.dev.config, ((), ())) is not None
    assert idle.recall(site.production.config, ((), ())) is None
    # production's row moves under the clone: nothing of the environment's own did
    table = site.table("marts.revenue")
    table.append(table.scan().to_arrow())
    assert idle.recall(site.dev.config, ((), ())) is None
    assert site.plan("dev")["marts.revenue"][0] != "skip"


def test_variables_of_an_environment(site: Site) -> None:
    site.write("lakeorch.yml", "variables: {n: 1}\nenvironments: {dev: {variables: {n: 2}}}\n")
    site.edit("marts.days", "SELECT $n AS n")
    assert site.production.run().status == "published"
    assert site.plan("dev")["marts.days"] == ("build", "variable changed: n")
    site.run_dev()
    assert (site.rows("marts.days"), site.rows("marts.days", "dev")) == ([(1,)], [(2,)])
    assert isinstance(site.dev, Project)
