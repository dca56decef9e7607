"""Maintenance and drops beside an environment: what it points to is in use, and production's tables are not its own."""

from __future__ import annotations

import time

import pytest

from lakeorch.errors import LakeorchError
from tests.environments.site import BETTER, Site


def maintained(site: Site) -> None:
    """Takes away all that may go, at once."""
    time.sleep(1.1)
    site.production.maintain(grace="0")


def test_what_an_environment_shows_survives_maintenance_and_can_be_promoted(site: Site) -> None:
    site.write("lakeorch.yml", "models: models\nkeep_snapshots: 1\nkeep_for: 1s\n")
    for day in (2, 3, 4, 5, 6):
        site.write(f"raw/day{day}.csv", f"id,store,amount\n{day + 1},a,{day}\n")
        assert site.production.run().status == "published"
    site.edit("marts.revenue", BETTER)
    site.edit("marts.new", "SELECT count(*) AS n FROM staging.sales")
    site.run_dev()
    expected = {name: site.rows(name, "dev") for name in ("marts.revenue", "marts.new", "staging.sales")}
    before = site.rows("marts.revenue")
    maintained(site)
    assert {name: site.rows(name, "dev") for name in expected} == expected
    assert site.dev.run().status == "nothing to do"
    found = site.production.promote("dev")
    assert (found.status, found.recomputed) == ("promoted", 0)
    maintained(site)
    assert {name: site.rows(name) for name in expected} == expected
    assert site.foreign("marts.revenue") == expected["marts.revenue"]
    assert site.production.run().status == "nothing to do"
    site.edit("marts.revenue", "SELECT store, sum(amount)::BIGINT AS revenue FROM staging.sales GROUP BY store")
    assert site.production.run().status == "published"
    assert site.rows("marts.revenue") == before


def test_what_an_environment_tried_takes_no_version_of_productions_place(site: Site) -> None:
    site.write("lakeorch.yml", "models: models\nkeep_snapshots: 2\nkeep_for: 1s\n")
    before = site.rows("marts.revenue")
    for factor in (2, 3, 100):
        site.edit("marts.revenue", BETTER.replace("100", str(factor)))
        site.run_dev()
    promotion = site.promote()
    maintained(site)
    assert site.rows("marts.revenue") == [("a", 1000, 1), ("b", 2000, 1)]
    site.production.rollback(promotion)
    assert site.rows("marts.revenue") == before
    # two later versions, and it goes with all that came along
    for factor in (4, 5):
        site.edit("marts.revenue", BETTER.replace("100", str(factor)))
        assert site.production.run(unpin=True).status == "published"
    maintained(site)
    assert [version.environment for version in site.production.history("marts.revenue")] == ["", ""]


def test_what_a_dropped_environment_alone_had_is_swept(site: Site) -> None:
    site.write("lakeorch.yml", "models: models\nkeep_snapshots: 1\nkeep_for: 1s\n")
    maintained(site)
    files = site.parquet()
    site.edit("marts.revenue", BETTER)
    site.run_dev()
    more = site.parquet() - files
    maintained(site)
    assert more <= site.parquet()
    site.production.drop_environment("dev")
    maintained(site)
    assert not more & site.parquet()


def test_only_tables_of_its_own_can_be_dropped_in_an_environment(site: Site) -> None:
    site.edit("marts.new", "SELECT 1 AS x")
    site.run_dev()
    (site.folder / "marts" / "new.sql").unlink()
    before = site.tables()
    assert site.dev.drop("marts.new").to_dict()
    assert site.tables("lakeorch_dev") == {}
    site.edit("marts.other", "SELECT 1 AS x")
    site.run_dev()
    (site.folder / "marts" / "days.sql").unlink()
    with pytest.raises(LakeorchError, match="it is production's"):
        site.dev.drop("marts.days")
    assert site.tables() == before
