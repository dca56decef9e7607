from __future__ import annotations

from typing import Any

import pytest
from pyiceberg.table.snapshots import Operation, Summary
from pyiceberg.table.update import AddSnapshotUpdate, SetSnapshotRefUpdate

from lakeorch.lake.published import published_of
from lakeorch.model import Column

from .workshop import Workshop

ONE = "SELECT range AS id, 1::BIGINT AS gen FROM range(3)"


def _metadata(*snapshots: tuple[int, str, dict[str, str]], head: int | None = None, **more: Any) -> dict[str, Any]:
    """A metadata file with these snapshots, oldest first, each the parent of the next."""
    chain = [
        {
            "snapshot-id": id,
            "parent-snapshot-id": snapshots[index - 1][0] if index else None,
            "timestamp-ms": 1000 + id,
            "summary": {"operation": operation, "total-records": str(id * 10), "total-files-size": "7", **facts},
        }
        for index, (id, operation, facts) in enumerate(snapshots)
    ]
    current = head if head is not None else (snapshots[-1][0] if snapshots else None)
    schema = {"schema-id": 0, "type": "struct", "fields": [
        {"id": 1, "name": "a", "type": "long", "required": False, "doc": "doc"}]}  # fmt: skip
    return {"current-snapshot-id": current, "snapshots": chain, "schemas": [schema], "current-schema-id": 0, **more}


OURS = {"lakeorch.run-id": "r1", "lakeorch.fingerprint": "f1", "other": "x"}


def test_a_table_without_snapshots() -> None:
    for none in (None, -1):
        published = published_of("n.t", "loc", _metadata() | {"current-snapshot-id": none})
        assert (published.snapshot_id, published.head_id, published.history) == (None, None, ())
        assert (published.rows, published.bytes, published.committed_at) == (0, 0, 0)
        assert published.columns == (Column("a", "long", "doc"),)


def test_ours_then_foreign_then_compacted() -> None:
    published = published_of(
        "n.t", "loc",
        _metadata((1, "append", {}), (2, "overwrite", OURS), (3, "append", {}), (4, "append", {}), (5, "replace", {})),
    )  # fmt: skip
    assert (published.snapshot_id, published.head_id) == (4, 5)
    assert published.history == (4, 3, 2, 1)
    assert published.foreign == (4, 3)
    assert published.foreign_appends
    assert published.properties == {"lakeorch.run-id": "r1", "lakeorch.fingerprint": "f1"}
    assert (published.rows, published.bytes, published.committed_at) == (50, 7, 1004)


def test_foreign_overwrites_are_told_from_appends() -> None:
    published = published_of("n.t", "loc", _metadata((2, "append", OURS), (3, "delete", {}), (4, "append", {})))
    assert published.foreign == (4, 3)
    assert not published.foreign_appends


def test_a_table_that_is_all_foreign() -> None:
    published = published_of("n.t", "loc", _metadata((1, "append", {}), (2, "append", {})))
    assert published.foreign == (2, 1)
    assert published.properties == {}


def test_only_a_compaction_is_left_after_expiry() -> None:
    metadata = _metadata((2, "append", OURS), (5, "replace", {}))
    metadata["snapshots"] = metadata["snapshots"][1:]
    published = published_of("n.t", "loc", metadata)
    assert (published.snapshot_id, published.history, published.foreign) == (5, (5,), (5,))


def test_other_branches_do_not_count() -> None:
    published = published_of("n.t", "loc", _metadata((1, "append", OURS), (2, "append", {}), head=1))
    assert (published.snapshot_id, published.foreign) == (1, ())


@pytest.mark.parametrize(
    ("same_as", "fingerprint"),
    [
        ('{"snapshot-id": "2", "lakeorch.fingerprint": "f2"}', "f2"),
        ('{"snapshot-id": "1", "lakeorch.fingerprint": "f2"}', "f1"),
        ("not json", "f1"),
        ("[]", "f1"),
        ("{}", "f1"),
    ],
)
def test_same_as_holds_for_its_snapshot_only(same_as: str, fingerprint: str) -> None:
    properties = {"lakeorch.same-as": same_as, "lakeorch.sql": "SELECT", "comment": "c", "write.x": "y"}
    published = published_of("n.t", "loc", _metadata((2, "append", OURS), (3, "append", {}), properties=properties))
    assert published.properties == {
        "lakeorch.run-id": "r1", "lakeorch.fingerprint": fingerprint, "lakeorch.sql": "SELECT", "comment": "c",
    }  # fmt: skip


def test_the_first_format_version_has_one_schema() -> None:
    metadata = _metadata((1, "append", {}))
    schema = metadata.pop("schemas")[0]
    published = published_of("n.t", "loc", metadata | {"schema": schema})
    assert published.columns == (Column("a", "long", "doc"),)


def _compact(shop: Workshop) -> None:
    """As another engine's compaction would: a snapshot of operation `replace`, here of the same files."""
    table = shop.table()
    head = table.metadata.current_snapshot()
    assert head is not None
    compacted = head.model_copy(
        update={
            "snapshot_id": 5,
            "parent_snapshot_id": head.snapshot_id,
            "sequence_number": (head.sequence_number or 0) + 1,
            "summary": Summary(Operation.REPLACE, **{"total-records": "3"}),
        }
    )
    moved = SetSnapshotRefUpdate.model_validate({"ref-name": "main", "type": "branch", "snapshot-id": 5})
    table._do_commit((AddSnapshotUpdate(snapshot=compacted), moved), ())


def test_a_real_compaction_is_not_a_change_of_data(shop: Workshop) -> None:
    first = shop.publish(ONE)
    _compact(shop)
    published = shop.lake.published_one("n.t")
    assert published is not None
    assert (published.snapshot_id, published.head_id) == (first.snapshot_id, 5)
    assert published.foreign == ()
    assert published.properties["lakeorch.inputs"] == "{}"


@pytest.mark.parametrize(("mode", "rows"), [("replace", 1), ("append", 4)])
def test_a_step_staged_before_a_compaction_is_replayed_on_it(shop: Workshop, mode: str, rows: int) -> None:
    shop.publish(ONE)
    staged = shop.stage("SELECT 7::BIGINT AS id, 7::BIGINT AS gen", mode=mode)  # type: ignore[arg-type]
    _compact(shop)
    staged = shop.recorded(staged)
    assert shop.lake.publish([staged], "r2") == {"n.t": staged.snapshot_id}
    table = shop.table()
    assert table.scan().to_arrow().num_rows == rows
    assert table.current_snapshot().parent_snapshot_id == 5  # type: ignore[union-attr]
