"""Histories, runs, and all tables as they were at a run, a tag or a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from lakeorch.errors import ProjectError, UsageError
from lakeorch.lake.versions import timeline_of
from lakeorch.project.past import Moment, iso, moment, runs
from tests.versions.shop import TABLES, Shop


def test_history_and_runs_come_from_the_snapshots(shop: Shop) -> None:
    first = shop.run()
    second = shop.day(2, [(3, "a", 1.0)])
    versions = shop.project.history("staging.sales")
    assert [(v.run_id, v.state, v.rows, v.added) for v in versions] == [
        (second, "current", 3, 1),
        (first, "published", 2, 2),
    ]
    assert versions[1].facts["lakeorch.reason"] == "never built"
    assert shop.project.history("sales") == versions
    found = shop.project.runs()
    assert [(run.run_id, run.state) for run in found] == [(second, "published"), (first, "published")]
    assert tuple(version.table for version in found[0].versions) == TABLES
    assert len({version.at for version in found[0].versions}) == 1


def test_nothing_of_it_lives_outside_the_warehouse(shop: Shop) -> None:
    shop.run()
    before = shop.project.runs()
    for path in (shop.root / ".lakeorch").rglob("*"):
        path.unlink()
    for model in shop.folder.rglob("*.sql"):
        model.unlink()
    assert shop.project.runs() == before
    assert [v.run_id for v in shop.project.history("marts.revenue")] == [before[0].run_id]


def test_an_unknown_table_is_told_with_the_nearest_name(shop: Shop) -> None:
    shop.run()
    with pytest.raises(UsageError) as caught:
        shop.project.history("staging.sale")
    assert "staging.sales" in caught.value.hint
    with pytest.raises(UsageError, match="no table"):
        shop.project.history("marts.named")


def test_a_rejected_snapshot_is_no_version_that_was_published(shop: Shop) -> None:
    first = shop.run()
    shop.write("models/staging/sales.sql", shop.folder.joinpath("staging/sales.sql").read_text().replace(
        "materialized: append", "materialized: append\nchecks: [{rows: {max: 2}}]"))  # fmt: skip
    shop.write("raw/day2.csv", "id,store,amount\n3,a,1.0\n")
    result = shop.project.run()
    assert result.status == "failed"
    assert [(v.state, v.run_id) for v in shop.project.history("sales")] == [
        ("rejected", result.run_id),
        ("current", first),
    ]
    assert [(run.run_id, run.state) for run in shop.project.runs()] == [
        (result.run_id, "rejected"),
        (first, "published"),
    ]
    with pytest.raises(UsageError, match="never published"):
        shop.rows("staging.sales", at=result.run_id)


# ---- all tables as of one moment ----


def test_three_earlier_runs(shop: Shop) -> None:
    ids = [shop.run()]
    states = [shop.state()]
    for day in (2, 3, 4):
        ids.append(shop.day(day, [(day * 10, "a", 0.5), (day * 10 + 1, "c", 2.0)]))
        states.append(shop.state())
    assert len({str(state) for state in states}) == 4
    for id, state in zip(ids, states, strict=True):
        assert shop.state(at=id) == state
        assert shop.rows("marts.named", at=id) == shop.rows(
            "(SELECT *, upper(store) AS name FROM staging.sales)", at=id
        )


def test_a_time_is_utc_unless_it_says_otherwise(shop: Shop) -> None:
    first = shop.run()
    shop.day(2, [(3, "a", 1.0)])
    at = datetime.fromtimestamp(shop.project.history("sales")[-1].at / 1000, UTC)
    assert len(shop.rows("staging.sales", at=at.replace(tzinfo=None).isoformat())) == 2
    elsewhere = at.astimezone(timezone(timedelta(hours=5)))
    assert len(shop.rows("staging.sales", at=elsewhere.isoformat())) == 2
    assert len(shop.rows("staging.sales", at="2999-01-01")) == 3
    before = at - timedelta(milliseconds=1)
    with pytest.raises(ProjectError) as caught:
        shop.rows("staging.sales", at=before.isoformat())
    assert "was not there yet" in caught.value.findings[0].message
    assert first[:8] in iso(int(at.timestamp() * 1000)).replace("-", "")


def test_a_table_that_came_later_was_not_there(shop: Shop) -> None:
    first = shop.run()
    shop.write("models/marts/late.sql", "SELECT count(*) AS n FROM staging.sales")
    second = shop.run()
    assert shop.rows("marts.late", at=second) == [(2,)]
    with pytest.raises(ProjectError, match="1 finding") as caught:
        shop.rows("marts.late", at=first)
    assert "marts.late was not there yet" in caught.value.findings[0].message
    assert len(shop.rows("staging.sales", at=first)) == 2


def test_a_table_that_a_run_left_alone_is_as_it_was(shop: Shop) -> None:
    shop.run()
    shop.write("models/marts/late.sql", "SELECT 1 AS n")
    second = shop.run()
    shop.day(2, [(3, "a", 1.0)])
    assert len(shop.rows("staging.sales", at=second)) == 2
    assert len(shop.rows("staging.sales")) == 3


def test_a_run_by_the_beginning_of_its_id(shop: Shop) -> None:
    first = shop.run()
    second = shop.day(2, [(3, "a", 1.0)])
    assert len(shop.rows("staging.sales", at=first[:-1])) == 2
    with pytest.raises(UsageError, match="the beginning of 2 runs") as caught:
        shop.rows("staging.sales", at=first[:6])
    assert first in caught.value.message
    assert second in caught.value.message
    with pytest.raises(UsageError, match="no run, tag or time"):
        shop.rows("staging.sales", at="yesterday")


def test_a_tag_of_another_tool(shop: Shop) -> None:
    shop.run()
    for name in TABLES[1:]:
        table = shop.table(name)
        table.manage_snapshots().create_tag(table.metadata.current_snapshot_id or 0, "closing").commit()
    state = shop.state()
    shop.day(2, [(3, "a", 1.0)])
    assert shop.state(at="closing") == state


def test_columns_are_those_of_the_time(shop: Shop) -> None:
    first = shop.run()
    shop.write("models/marts/revenue.sql", "SELECT name, max(id) AS top FROM marts.named GROUP BY name")
    shop.run()
    assert shop.project.query("FROM marts.revenue", at=first).schema.names == ["name", "revenue", "sales"]
    assert shop.project.query("FROM marts.revenue").schema.names == ["name", "top"]


def test_what_expired_is_told_and_not_guessed(shop: Shop) -> None:
    first, second = shop.run(), shop.day(2, [(3, "a", 1.0)])
    third = shop.day(3, [(4, "a", 1.0)])
    versions = shop.project.history("sales")
    table = shop.table("staging.sales")
    table.maintenance.expire_snapshots().by_id(versions[1].snapshot_id).commit()
    assert len(shop.rows("staging.sales", at=third)) == 4
    with pytest.raises(UsageError, match="expired"):
        shop.rows("staging.sales", at=second)
    # between the first run and the one after the lost one it cannot be told any more either
    with pytest.raises(UsageError, match="expired"):
        shop.rows("staging.sales", at=iso(versions[2].at + 1))
    table = shop.table("staging.sales")
    table.maintenance.expire_snapshots().by_id(versions[2].snapshot_id).commit()
    with pytest.raises(UsageError, match="expired"):
        shop.rows("staging.sales", at=first)
    assert len(shop.rows("marts.revenue", at=first)) == 2


# ---- without a lake ----


def _table(snapshots: list[dict[str, object]], log: list[tuple[int, int]], current: int) -> dict[str, object]:
    return {
        "snapshots": snapshots,
        "current-snapshot-id": current,
        "snapshot-log": [{"timestamp-ms": at, "snapshot-id": id} for at, id in log],
    }


def _snapshot(id: int, parent: int | None, at: int, operation: str = "append", run: str = "r") -> dict[str, object]:
    return {
        "snapshot-id": id,
        "parent-snapshot-id": parent,
        "timestamp-ms": at,
        "sequence-number": id,
        "summary": {"operation": operation, "lakeorch.run-id": run},
    }


def test_a_rolled_back_table_shows_each_state_at_its_time() -> None:
    snapshots = [_snapshot(1, None, 10), _snapshot(2, 1, 20), _snapshot(3, 1, 40)]
    line = timeline_of("n.t", "", _table(snapshots, [(10, 1), (20, 2), (30, 1), (40, 3)], 3))
    seen = {ms: (found.snapshot_id if (found := line.at(ms)) else None) for ms in (9, 10, 19, 20, 29, 30, 39, 40, 99)}
    assert seen == {9: None, 10: 1, 19: 1, 20: 2, 29: 2, 30: 1, 39: 1, 40: 3, 99: 3}
    assert {v.snapshot_id: v.state for v in line.versions} == {1: "published", 2: "undone", 3: "current"}


def test_a_compaction_changes_no_row() -> None:
    snapshots = [_snapshot(1, None, 10), _snapshot(2, 1, 20, "replace")]
    line = timeline_of("n.t", "", _table(snapshots, [(10, 1), (20, 2)], 2))
    assert line.head == 1
    assert [version.changes_rows for version in line.versions] == [False, True]
    assert line.newer(1) == ()


def test_without_a_log_the_line_of_main_tells() -> None:
    line = timeline_of("n.t", "", {**_table([_snapshot(1, None, 10), _snapshot(2, 1, 20)], [], 2), "snapshot-log": []})
    assert [line.at(ms) and line.at(ms).snapshot_id for ms in (5, 15, 25)] == [None, 1, 2]  # type: ignore[union-attr]


def test_a_table_without_snapshots_has_no_past() -> None:
    line = timeline_of("n.t", "", {"snapshots": [], "current-snapshot-id": -1})
    assert (line.head, line.versions, line.at(99)) == (None, (), None)


def test_a_run_that_is_partly_undone() -> None:
    kept = timeline_of("n.a", "", _table([_snapshot(1, None, 10)], [(10, 1)], 1))
    gone = timeline_of(
        "n.b", "", _table([_snapshot(1, None, 5, run="q"), _snapshot(2, 1, 10)], [(5, 1), (10, 2), (20, 1)], 1)
    )
    found = {run.run_id: run.state for run in runs({"n.a": kept, "n.b": gone})}
    assert found == {"q": "published", "r": "partly undone"}


def test_a_run_id_goes_before_a_time() -> None:
    line = timeline_of("n.t", "", _table([_snapshot(1, None, 10, run="20251001t000000-aaaaaa")], [(10, 1)], 1))
    assert moment({"n.t": line}, "20251001") == Moment(10, "run 20251001t000000-aaaaaa", "20251001t000000-aaaaaa")
    assert moment({"n.t": line}, "2025-10-01").ms == 1759276800000
