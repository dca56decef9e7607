from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.types import StringType

from lakeorch.errors import CatalogError, ConflictError, MovedError
from lakeorch.lake import Lake, commit
from lakeorch.lake.catalog import DatabaseCatalog
from lakeorch.lake.database import Connection, DatabaseError
from lakeorch.lake.port import CommitMissedError
from lakeorch.model import Column
from lakeorch.types import Transform

from .workshop import ID_GEN, Workshop, rows

ONE = "SELECT range AS id, 1::BIGINT AS gen FROM range(3)"
TWO = "SELECT range AS id, 2::BIGINT AS gen FROM range(2)"
APPENDED = "SELECT range + 100 AS id, 9::BIGINT AS gen FROM range(2)"


def test_nothing_is_seen_before_publish_and_everything_after(shop: Workshop) -> None:
    staged = [shop.stage(ONE, name=name, key=name) for name in ("n.a", "n.b", "m.c")]
    assert shop.lake.published() == {}
    assert rows(staged[0].scan()) == [(0, 1), (1, 1), (2, 1)]

    ids = shop.lake.publish(staged, "r1")

    assert ids == {change.name: change.snapshot_id for change in staged}
    published = shop.lake.published()
    assert {name: table.snapshot_id for name, table in published.items()} == ids
    assert {table.properties["lakeorch.run-id"] for table in published.values()} == {"r1"}
    assert len({table.committed_at for table in published.values()}) == 1
    assert rows(shop.lake.scan("m.c")) == [(0, 1), (1, 1), (2, 1)]


def test_the_first_publish_makes_one_snapshot_and_the_namespace(shop: Workshop) -> None:
    shop.publish(ONE, name="a.b.t")
    table = shop.table("a.b.t")
    assert len(table.metadata.snapshots) == 1
    assert table.metadata.format_version == 2
    catalog = shop.foreign()
    assert catalog.list_tables("a.b") == [("a", "b", "t")]
    assert catalog.namespace_exists("a.b")
    catalog.engine.dispose()


def test_publishing_again_changes_nothing(shop: Workshop) -> None:
    staged = shop.stage(ONE)
    first = shop.lake.publish([staged], "r1")
    before = shop.lake.published_one("n.t")
    assert shop.lake.publish([staged], "r2") == first
    assert shop.lake.published_one("n.t") == before


def test_a_lost_reply_is_read_back(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = shop.stage(ONE)
    swap, calls = DatabaseCatalog.swap, itertools.count(1)

    def loses_the_reply(self: DatabaseCatalog, swaps: object) -> None:
        swap(self, swaps)  # type: ignore[arg-type]
        if next(calls) == 1:
            raise DatabaseError("connection reset")

    monkeypatch.setattr(DatabaseCatalog, "swap", loses_the_reply)
    assert shop.lake.publish([staged], "r1") == {"n.t": staged.snapshot_id}
    assert next(calls) == 2
    assert len(shop.table().metadata.snapshots) == 1


def test_a_missed_swap_is_tried_again(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    swap, calls = DatabaseCatalog.swap, itertools.count(1)

    def misses(self: DatabaseCatalog, swaps: object) -> None:
        if next(calls) < 3:
            raise CommitMissedError
        swap(self, swaps)  # type: ignore[arg-type]

    monkeypatch.setattr(DatabaseCatalog, "swap", misses)
    monkeypatch.setattr(commit, "_FIRST_WAIT_S", 0.0)
    shop.publish(ONE)
    assert next(calls) == 4


def test_misses_without_end_become_an_error(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    def misses(self: DatabaseCatalog, swaps: object) -> None:
        raise CommitMissedError

    monkeypatch.setattr(DatabaseCatalog, "swap", misses)
    monkeypatch.setattr(commit, "PATIENCE_S", 0.2)
    with pytest.raises(CatalogError, match="coming first"):
        shop.publish(ONE)


def test_a_database_that_fails_for_good_is_told_plainly(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: DatabaseCatalog, connection: Connection, *row: str) -> None:
        raise DatabaseError("database or disk is full")

    monkeypatch.setattr(DatabaseCatalog, "_add", full)
    monkeypatch.setattr(commit, "_FIRST_WAIT_S", 0.0)
    with pytest.raises(CatalogError, match="disk is full"):
        shop.publish(ONE)
    assert shop.lake.published() == {}


def _between(shop: Workshop, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Runs `act` once, after a publish has looked at all tables and before it swaps."""
    swap, calls = DatabaseCatalog.swap, itertools.count(1)

    def late(self: DatabaseCatalog, swaps: object) -> None:
        if next(calls) == 1:
            act()
        swap(self, swaps)  # type: ignore[arg-type]

    monkeypatch.setattr(DatabaseCatalog, "swap", late)


def test_all_or_nothing_when_one_table_of_three_moves_at_the_last_moment(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("n.a", "n.b"):
        shop.publish(ONE, name=name, key=name)
    staged = [shop.stage(TWO, name=name, key=name) for name in ("n.a", "n.b", "n.c")]
    before = shop.lake.published()
    _between(shop, monkeypatch, lambda: shop.append_foreign({"id": [77], "gen": [7]}, "n.b"))
    with pytest.raises(ConflictError, match="another writer") as caught:
        shop.lake.publish(staged, "r2")
    after = shop.lake.published()
    assert caught.value.table == "n.b"
    assert "n.c" not in after
    assert after["n.a"] == before["n.a"]
    assert (77, 7) in rows(shop.lake.scan("n.b"))


@pytest.mark.parametrize("rows_of_theirs", [0, 1])
def test_a_table_made_by_another_writer_at_the_last_moment_is_refused(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch, rows_of_theirs: int
) -> None:
    """Empty, it may be what another run is about to fill: planning again finds out. Rows of theirs are theirs."""

    def create() -> None:
        catalog = shop.foreign()
        catalog.create_namespace_if_not_exists("n")
        table = catalog.create_table("n.t", schema=pa.schema([("id", pa.int64())]))
        if rows_of_theirs:
            table.append(pa.table({"id": [77]}))
        catalog.engine.dispose()

    other = shop.stage(ONE, name="n.other", key="o")
    staged = shop.stage(ONE)
    _between(shop, monkeypatch, create)
    with pytest.raises(ConflictError, match="another writer created" if rows_of_theirs else "another run") as caught:
        shop.lake.publish([other, staged], "r1")
    assert isinstance(caught.value, MovedError) == (not rows_of_theirs)
    assert set(shop.lake.published()) == {"n.t"}


def test_foreign_rows_survive_an_append_and_stop_a_replace(shop: Workshop) -> None:
    shop.publish(ONE)
    append = shop.stage(APPENDED, mode="append", key="a")
    replace = shop.stage(TWO, key="b")
    foreign = shop.append_foreign({"id": [77], "gen": [7]})

    shop.lake.publish([append], "r2")
    assert rows(shop.lake.scan("n.t")) == [(0, 1), (1, 1), (2, 1), (77, 7), (100, 9), (101, 9)]
    assert shop.table().current_snapshot().snapshot_id == append.snapshot_id  # type: ignore[union-attr]
    sequence = [s.sequence_number for s in shop.table().metadata.snapshots]
    assert sequence == sorted(set(sequence))  # type: ignore[type-var]

    with pytest.raises(ConflictError) as caught:
        shop.lake.publish([replace], "r3")
    assert isinstance(caught.value, MovedError)  # our own append came in between as well: plan again

    again = shop.stage(TWO, key="c")
    last = shop.append_foreign({"id": [78], "gen": [7]})
    with pytest.raises(ConflictError) as caught:
        shop.lake.publish([again], "r4")
    assert not isinstance(caught.value, MovedError)
    assert caught.value.snapshots == (last,)
    assert str(last) in str(caught.value)
    assert foreign != last
    assert len(rows(shop.lake.scan("n.t"))) == 7


def test_a_foreign_overwrite_stops_a_rewrite(shop: Workshop) -> None:
    shop.publish(ONE)
    staged = shop.stage(TWO, mode="rewrite", removed=shop.lake.scan("n.t").paths)
    table = shop.table()
    table.overwrite(pa.table({"id": [5], "gen": [5]}).cast(table.schema().as_arrow()))
    with pytest.raises(ConflictError, match="another writer changed"):
        shop.lake.publish([staged], "r2")
    assert rows(shop.lake.scan("n.t")) == [(5, 5)]


def test_two_runs_that_append_the_same_new_rows_do_so_once(shop: Workshop) -> None:
    shop.publish(ONE)
    mine = shop.stage(APPENDED, mode="append", key="a")
    theirs = shop.stage(APPENDED, mode="append", key="b")
    shop.lake.publish([theirs], "r2")
    with pytest.raises(MovedError):
        shop.lake.publish([mine], "r3")
    assert len(rows(shop.lake.scan("n.t"))) == 5


def test_twin_runs_of_one_record_publish_it_once(shop: Workshop) -> None:
    staged = shop.stage(ONE)
    shop.recorded(staged)
    twin = Lake.open(shop.uri, str(shop.warehouse), create=True)
    record = twin.recall("key")
    assert record is not None
    assert record.staged is not None
    shop.lake.publish([staged], "r1")
    assert twin.publish([record.staged], "r2") == {"n.t": staged.snapshot_id}
    twin.close()
    table = shop.lake.published_one("n.t")
    assert table is not None
    assert (table.history, table.properties["lakeorch.run-id"]) == ((staged.snapshot_id,), "r1")


def test_twin_runs_that_both_made_a_new_table(shop: Workshop) -> None:
    mine, theirs = shop.stage(ONE, key="a"), shop.stage(ONE, key="b")
    shop.lake.publish([theirs], "r1")
    with pytest.raises(MovedError, match="another run created"):
        shop.lake.publish([mine], "r2")


@pytest.mark.parametrize("mode", ["replace", "append", "rewrite"])
def test_moves_of_metadata_alone_are_replayed_upon(shop: Workshop, mode: str) -> None:
    shop.publish(ONE)
    removed = shop.lake.scan("n.t").paths if mode == "rewrite" else ()
    staged = shop.stage(TWO, mode=mode, removed=removed)  # type: ignore[arg-type]
    staged = shop.recorded(staged)
    table = shop.table()
    with table.transaction() as tx:
        tx.set_properties({"team": "blue"})
    head = table.refresh().current_snapshot()
    assert head is not None
    table.manage_snapshots().create_branch(head.snapshot_id, "side").commit()
    shop.append_foreign({"id": [1], "gen": [1]}, branch="side")  # takes the next sequence number

    shop.lake.publish([staged], "r2")

    table = shop.table()
    assert table.properties["team"] == "blue"
    assert table.metadata.current_snapshot_id == staged.snapshot_id
    expected = [(0, 1), (0, 2), (1, 1), (1, 2), (2, 1)] if mode == "append" else [(0, 2), (1, 2)]
    assert rows(shop.lake.scan("n.t")) == expected
    assert sorted(tuple(row.values()) for row in table.scan().to_arrow().to_pylist()) == expected
    log = [entry.timestamp_ms for entry in table.metadata.snapshot_log]
    assert log == sorted(log)


def test_a_schema_that_moved_means_planning_again(shop: Workshop) -> None:
    shop.publish(ONE)
    columns = (*ID_GEN, Column("x", "string"))
    staged = shop.stage("SELECT 1::BIGINT AS id, 1::BIGINT AS gen, 'v' AS x", columns=columns)
    with shop.table().update_schema() as update:
        update.add_column("y", StringType())
    with pytest.raises(MovedError, match="columns"):
        shop.lake.publish([staged], "r2")


def test_a_rolled_back_or_dropped_table_is_a_conflict(shop: Workshop) -> None:
    first = shop.publish(ONE)
    shop.publish(TWO, key="b")
    staged = shop.stage(APPENDED, mode="append", key="c")
    assert first.snapshot_id is not None
    shop.table().manage_snapshots().rollback_to_snapshot(first.snapshot_id).commit()
    with pytest.raises(ConflictError, match="rolled back"):
        shop.lake.publish([staged], "r3")

    staged = shop.stage(APPENDED, mode="append", key="d")
    catalog = shop.foreign()
    catalog.drop_table("n.t")
    with pytest.raises(ConflictError, match="dropped"):
        shop.lake.publish([staged], "r4")
    catalog.create_table("n.t", schema=pa.schema([("id", pa.int64()), ("gen", pa.int64())]))
    catalog.engine.dispose()
    with pytest.raises(ConflictError, match="dropped and created again"):
        shop.lake.publish([staged], "r5")


def test_inputs_that_moved_stop_the_publish(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    read = shop.publish(ONE, name="n.read").snapshot_id
    staged = shop.stage(ONE, key="b")
    with pytest.raises(MovedError) as caught:
        shop.lake.publish([staged], "r", unmoved={"n.read": 1})
    assert caught.value.table == "n.read"
    with pytest.raises(MovedError):
        shop.lake.publish([staged], "r", unmoved={"n.read": read, "n.none": 5})
    with pytest.raises(MovedError):
        shop.lake.publish([staged], "r", unmoved={"n.read": None})
    assert set(shop.lake.published()) == {"n.read"}

    # a property moves the pointer, but no data
    with shop.table("n.read").transaction() as tx:
        tx.set_properties({"team": "blue"})
    before = shop.table("n.read")
    shop.lake.publish([staged], "r", unmoved={"n.read": read, "n.none": None, "n.t": 5})
    assert shop.table("n.read").metadata_location == before.metadata_location


def test_an_input_that_moves_between_the_check_and_the_commit_is_noticed(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = shop.publish(ONE, name="n.read").snapshot_id
    staged = shop.stage(ONE, key="b")
    _between(shop, monkeypatch, lambda: shop.append_foreign({"id": [1], "gen": [1]}, "n.read"))
    with pytest.raises(MovedError) as caught:
        shop.lake.publish([staged], "r", unmoved={"n.read": read})
    assert caught.value.table == "n.read"
    assert set(shop.lake.published()) == {"n.read"}


def test_a_table_that_appears_where_none_was_read_is_noticed(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = shop.stage(ONE)
    other = shop.stage(ONE, name="n.read", key="other")
    twin = Lake.open(shop.uri, str(shop.warehouse), create=False)
    swap, calls = DatabaseCatalog.swap, itertools.count(1)

    def late(self: DatabaseCatalog, swaps: object) -> None:
        if next(calls) == 1:
            twin.publish([other], "twin")
        swap(self, swaps)  # type: ignore[arg-type]

    monkeypatch.setattr(DatabaseCatalog, "swap", late)
    with pytest.raises(MovedError):
        shop.lake.publish([staged], "r", unmoved={"n.read": None})
    twin.close()


def test_thirty_replaces_leave_two_manifests(shop: Workshop) -> None:
    for index in range(30):
        staged = shop.publish(f"SELECT {index}::BIGINT AS id, 1::BIGINT AS gen", key=str(index))
        snapshot = staged.snapshot
        assert snapshot is not None
        assert len(snapshot.manifests(staged.io)) <= 2
    assert rows(shop.lake.scan("n.t")) == [(29, 1)]


def test_writers_at_once_lose_nothing(shop: Workshop) -> None:
    shop.publish(ONE)

    def write(number: int) -> None:
        for _ in range(50):
            staged = shop.stage(
                f"SELECT {number}::BIGINT + 1000 AS id, 1::BIGINT AS gen", mode="append", key=f"w{number}"
            )
            try:
                shop.lake.publish([staged], f"w{number}")
            except MovedError:
                continue
            return
        raise AssertionError("never came through")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(8)))
    assert [row[0] for row in rows(shop.lake.scan("n.t"))] == [0, 1, 2, *range(1000, 1008)]


def test_two_changes_of_one_table_are_a_mistake(shop: Workshop) -> None:
    staged = shop.stage(ONE)
    with pytest.raises(ValueError, match="two changes"):
        shop.lake.publish([staged, staged], "r")


def test_a_foreign_program_on_the_same_catalog_sees_whole_publishes(shop: Workshop) -> None:
    shop.publish(ONE)
    catalog: SqlCatalog = shop.foreign()
    assert catalog.load_table("n.t").scan().count() == 3
    shop.publish(TWO, key="b")
    assert catalog.load_table("n.t").scan().count() == 2
    catalog.engine.dispose()


def test_everything_a_step_changed_is_replayed(shop: Workshop) -> None:
    columns = (*ID_GEN, Column("x", "string"))
    shop.publish(ONE, properties={"owner": "me", "comment": "old"}, sort_by=("id",))
    staged = shop.stage(
        "SELECT 1::BIGINT AS id, 5::BIGINT AS gen, 'v' AS x",
        columns=columns,
        partition_by=(Transform("identity", "gen"),),
        sort_by=("x desc",),
        properties={"owner": None, "comment": "new"},
    )
    staged = shop.recorded(staged)
    with shop.table().transaction() as tx:
        tx.set_properties({"team": "blue"})

    shop.lake.publish([staged], "r2")

    table = shop.table()
    assert table.properties["team"] == "blue"
    assert table.properties["comment"] == "new"
    assert "owner" not in table.properties
    assert [f.name for f in table.spec().fields] == ["gen"]
    assert [f.source_id for f in table.sort_order().fields] == [3]
    assert table.scan(row_filter="gen = 5").to_arrow().to_pylist() == [{"id": 1, "gen": 5, "x": "v"}]


def test_back_to_an_earlier_shape_reuses_its_ids(shop: Workshop) -> None:
    wider = (*ID_GEN, Column("x", "string"))
    by_id = (Transform("identity", "id"),)
    for key, columns, partition_by, sort_by in (
        ("a", ID_GEN, (), ("id",)),
        ("b", wider, by_id, ("gen",)),
        ("c", ID_GEN, (), ("id",)),
        ("d", ID_GEN, by_id, ()),
    ):
        x = ", 'v' AS x" if columns is wider else ""
        sql = f"SELECT 1::BIGINT AS id, 1::BIGINT AS gen{x}"
        shop.publish(sql, columns=columns, partition_by=partition_by, sort_by=sort_by, key=key)
    metadata = shop.table().metadata
    assert (len(metadata.schemas), len(metadata.partition_specs), len(metadata.sort_orders)) == (2, 2, 3)


def test_a_reject_survives_misses_and_failures(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.publish(ONE)
    staged = shop.stage(TWO, key="b")
    monkeypatch.setattr(commit, "_FIRST_WAIT_S", 0.0)
    swap, calls = DatabaseCatalog.swap, itertools.count(1)
    failures = {1: CommitMissedError(), 2: DatabaseError("database is locked")}

    def fails_first(self: DatabaseCatalog, swaps: object) -> None:
        if error := failures.get(next(calls)):
            raise error
        swap(self, swaps)  # type: ignore[arg-type]

    monkeypatch.setattr(DatabaseCatalog, "swap", fails_first)
    assert shop.lake.reject(staged, "r2") == "branch rejected-r2 of n.t"

    def always(self: DatabaseCatalog, swaps: object) -> None:
        raise DatabaseError("disk I/O error")

    monkeypatch.setattr(DatabaseCatalog, "swap", always)
    with pytest.raises(CatalogError, match="disk is full or failed"):
        shop.lake.reject(shop.stage(TWO, key="c"), "r3")


def test_a_twin_that_makes_the_table_inside_the_transaction(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The table appears after the last look: the insert itself must fail, and everything with it."""
    other, staged = shop.stage(ONE, name="n.a", key="o"), shop.stage(ONE)
    twin = Lake.open(shop.uri, str(shop.warehouse), create=False)
    theirs = shop.stage(TWO, key="twin")
    _between(shop, monkeypatch, lambda: twin.publish([theirs], "twin"))
    with pytest.raises(MovedError, match="another run created"):
        shop.lake.publish([other, staged], "r1")
    twin.close()
    assert set(shop.lake.published()) == {"n.t"}
    assert len(rows(shop.lake.scan("n.t"))) == 2


def test_the_catalog_is_asked_no_more_for_more_tables(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    catalog = shop.lake._catalog
    assert isinstance(catalog, DatabaseCatalog)
    run = Connection._run

    def counted(self: Connection, statement: str, act: Any) -> Any:
        asked.append(statement)
        return run(self, statement, act)

    monkeypatch.setattr(Connection, "_run", counted)

    def publish(space: str, tables: int) -> int:
        staged = [shop.stage(ONE, name=f"{space}.t{at}", key=f"{space}{at}") for at in range(tables)]
        asked.clear()
        shop.lake.publish(staged, space)
        return len(asked)

    assert publish("few", 2) == publish("many", 6)
    assert len(shop.lake.pointers()) == 8
