from __future__ import annotations

from pathlib import Path

import pytest
from pyiceberg.table import StaticTable

from lakeorch.errors import ConflictError
from lakeorch.lake import Record
from lakeorch.model import Column
from tests.conftest import picture

from .workshop import FAILED, ID_GEN, PASSED, Workshop, rows

ONE = "SELECT range AS id, 1::BIGINT AS gen FROM range(3)"
WIDER = (*ID_GEN, Column("x", "string"))
WITH_X = "SELECT range AS id, 2::BIGINT AS gen, 'v' AS x FROM range(4)"


def test_rejected_rows_of_a_table_stay_on_a_branch_and_main_stays(shop: Workshop) -> None:
    first = shop.publish(ONE)
    before = shop.lake.published_one("n.t")
    staged = shop.stage(WITH_X, columns=WIDER, properties={"comment": "new words"})

    assert shop.lake.reject(staged, "r2") == "branch rejected-r2 of n.t"

    table = shop.table()
    assert table.scan().to_arrow().schema.names == ["id", "gen"]
    branch = table.scan().use_ref("rejected-r2").to_arrow()
    assert (branch.num_rows, branch.schema.names) == (4, ["id", "gen", "x"])
    assert len(rows(shop.lake.scan("n.t", staged.snapshot_id))) == 4
    after = shop.lake.published_one("n.t")
    assert before is not None
    assert after is not None
    assert (after.snapshot_id, after.columns, after.history) == (first.snapshot_id, before.columns, before.history)
    assert "comment" not in after.properties
    said = table.metadata.snapshot_by_id(staged.snapshot_id).summary  # type: ignore[union-attr, arg-type]
    assert said is not None
    assert said["lakeorch.run-id"] == "r2"


def test_rejected_rows_of_a_new_table_stay_in_a_metadata_file(shop: Workshop) -> None:
    staged = shop.stage(WITH_X, columns=WIDER)
    path = shop.lake.reject(staged, "r1")
    assert shop.lake.published() == {}
    assert StaticTable.from_metadata(path).scan().to_arrow().num_rows == 4

    before = picture(shop.warehouse)
    assert shop.lake.reject(staged, "r2") == path
    assert picture(shop.warehouse) == before


@pytest.mark.parametrize("part", [0.0, 0.5])
def test_a_torn_metadata_file_of_rejected_rows_is_written_again(shop: Workshop, part: float) -> None:
    staged = shop.stage(WITH_X, columns=WIDER)
    path = Path(shop.lake.reject(staged, "r1"))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    shop.lake.reject(staged, "r2")
    assert StaticTable.from_metadata(str(path)).scan().to_arrow().num_rows == 4


def test_a_rejected_step_is_known_again_and_not_rejected_twice(shop: Workshop) -> None:
    shop.publish(ONE)
    staged = shop.recorded(shop.stage(WITH_X, columns=WIDER), FAILED)
    kept_at = shop.lake.reject(staged, "r2")
    shop.lake.record(Record("key", "n.t", staged, FAILED, kept_at))

    record = shop.lake.recall("key")

    assert record is not None
    assert record.staged is not None
    assert (record.verdict, record.kept_at) == (FAILED, kept_at)
    assert not record.verdict.ok
    assert record.staged.snapshot_id == staged.snapshot_id
    assert rows(record.staged.scan()) == rows(staged.scan())
    before = picture(shop.warehouse)
    assert shop.lake.reject(record.staged, "r3") == kept_at
    assert picture(shop.warehouse) == before


@pytest.mark.parametrize("mode", ["replace", "append"])
def test_a_rejected_step_that_passes_later_is_published_with_its_snapshot(shop: Workshop, mode: str) -> None:
    shop.publish(ONE)
    staged = shop.stage(WITH_X, columns=WIDER, mode=mode)  # type: ignore[arg-type]
    shop.lake.record(Record("key", "n.t", staged, FAILED))
    shop.lake.reject(staged, "r2")
    record = shop.lake.recall("key")
    assert record is not None
    assert record.staged is not None
    shop.lake.record(Record("key", "n.t", record.staged, PASSED))

    assert shop.lake.publish([record.staged], "r3") == {"n.t": staged.snapshot_id}

    table = shop.table()
    published = shop.lake.published_one("n.t")
    assert published is not None
    assert published.properties["lakeorch.run-id"] == "r3"
    assert published.properties["lakeorch.audit"] == PASSED.to_json()
    assert set(table.metadata.refs) == {"main"}
    assert len({s.schema_id for s in table.metadata.schemas}) == len(table.metadata.schemas) == 2
    assert table.scan().to_arrow().num_rows == (4 if mode == "replace" else 7)
    assert len(rows(shop.lake.scan("n.t"))) == (4 if mode == "replace" else 7)


def test_the_next_try_after_a_reject_publishes(shop: Workshop) -> None:
    shop.publish(ONE)
    shop.lake.reject(shop.stage(WITH_X, columns=WIDER), "r2")
    shop.publish(WITH_X, "r3", columns=WIDER, key="k3")
    table = shop.table()
    assert table.scan().to_arrow().schema.names == ["id", "gen", "x"]
    ids = [field.field_id for schema in table.metadata.schemas for field in schema.fields if field.name == "x"]
    assert len(set(ids)) == 2  # the rejected column's id is spent
    assert table.scan().use_ref("rejected-r2").to_arrow().num_rows == 4


def test_column_ids_taken_by_others_make_a_record_useless(shop: Workshop) -> None:
    shop.publish(ONE)
    mine = shop.stage(WITH_X, columns=WIDER, key="mine")
    shop.lake.record(Record("mine", "n.t", mine, PASSED))
    other = shop.stage(WITH_X.replace("'v' AS x", "'v' AS y"), columns=(*ID_GEN, Column("y", "string")), key="other")
    shop.lake.reject(other, "r2")
    assert shop.lake.recall("mine") is None


def test_rejecting_does_not_mind_foreign_rows_on_main(shop: Workshop) -> None:
    shop.publish(ONE)
    staged = shop.stage(WITH_X, columns=WIDER)
    shop.append_foreign({"id": [77], "gen": [7]})
    shop.lake.reject(staged, "r2")
    assert shop.table().scan().to_arrow().num_rows == 4
    assert shop.table().scan().use_ref("rejected-r2").to_arrow().num_rows == 4


def test_a_change_of_metadata_alone_has_no_rows_to_keep(shop: Workshop) -> None:
    first = shop.publish(ONE)
    staged = shop.lake.amend("n.t", first.snapshot_id, properties={"comment": "x"}, docs=None, key="a")
    assert shop.lake.reject(staged, "r2") == ""


def test_rejecting_for_a_dropped_table_is_a_conflict(shop: Workshop) -> None:
    shop.publish(ONE)
    staged = shop.stage(WITH_X, columns=WIDER)
    catalog = shop.foreign()
    catalog.drop_table("n.t")
    catalog.engine.dispose()
    with pytest.raises(ConflictError, match="dropped"):
        shop.lake.reject(staged, "r2")
