"""Compactions that stand for what expired: metadata as everything but writers should see it."""

from __future__ import annotations

from typing import Any

import pytest

from lakeorch.lake.published import published_of
from lakeorch.lake.standing import Claim, claim_of, settled
from lakeorch.lake.versions import timeline_of

FACTS = {"lakeorch.run-id": "r", "lakeorch.inputs": "{}"}


def snapshot(id: int, parent: int | None, *, stands: Claim | None = None, **summary: str) -> dict[str, Any]:
    """A snapshot at the time and with the sequence number of its id."""
    said: dict[str, Any] = {"operation": "append", **FACTS, "lakeorch.run-id": f"r{id}", **summary}
    if stands:
        run = f"r{stands.snapshot_id}"
        said |= {"operation": "replace", "lakeorch.run-id": run, "lakeorch.stands-for": stands.to_json()}
    return {"snapshot-id": id, "parent-snapshot-id": parent, "sequence-number": id, "timestamp-ms": id, "summary": said}


def claim(id: int, parent: int | None, since: int = 0) -> Claim:
    return Claim(id, parent, id, since or id, "append", "1", "0")


def metadata(*snapshots: dict[str, Any], log: list[int], properties: dict[str, str] | None = None) -> dict[str, Any]:
    """A table whose `main` was at the snapshots of the log, at the times of their places."""
    head = log[-1]
    return {
        "snapshots": list(snapshots),
        "current-snapshot-id": head,
        "snapshot-log": [{"snapshot-id": id, "timestamp-ms": 100 + place} for place, id in enumerate(log)],
        "refs": {"main": {"snapshot-id": head, "type": "branch"}},
        "properties": properties or {},
    }


def history(document: dict[str, Any]) -> tuple[int, ...]:
    return published_of("a.t", "at", document).history


def test_a_claim_is_read_back_and_nothing_else_is() -> None:
    made = Claim(2**62, None, 7, 8, "append", "1", "0")
    assert claim_of({"lakeorch.stands-for": made.to_json()}) == made
    for text in ("", "{}", "[]", "7", '{"snapshot-id": "x"}'):
        assert claim_of({"lakeorch.stands-for": text}) is None
    assert claim_of({}) is None


def test_a_bare_compaction_changes_nothing() -> None:
    document = metadata(snapshot(1, None), snapshot(2, 1), snapshot(3, 2, stands=claim(2, 1)), log=[1, 2, 3])
    found = published_of("a.t", "at", document)
    assert (found.snapshot_id, found.head_id, found.history, found.undone) == (2, 3, (2, 1), frozenset())
    assert found.properties["lakeorch.run-id"] == "r2"
    versions = {version.snapshot_id: version.run_id for version in timeline_of("a.t", "at", document).versions}
    assert versions == {3: "", 2: "r2", 1: "r1"}


@pytest.mark.parametrize("parent", [None, 2])
def test_it_has_the_name_of_what_expired(parent: int | None) -> None:
    """pyiceberg takes the parent away from a snapshot whose parent expires; others leave it."""
    document = metadata(snapshot(1, None), snapshot(3, parent, stands=claim(2, 1)), snapshot(4, 3), log=[1, 3, 4])
    found = published_of("a.t", "at", document)
    assert (found.history, found.undone) == ((4, 2, 1), frozenset())
    line = timeline_of("a.t", "at", document)
    assert [(v.snapshot_id, v.at, v.operation, v.run_id, v.added, v.state) for v in line.versions] == [
        (4, 4, "append", "r4", 0, "current"),
        (2, 2, "append", "r2", 1, "published"),
        (1, 1, "append", "r1", 0, "published"),
    ]
    assert line.moves[1] == (101, 2)  # as soon as can be: the rows were there before they were rewritten


def test_it_takes_no_time_from_what_main_was_at_in_between() -> None:
    """`main` was at 2, 3, 2 again, and its compaction 4; then 2 expired, and with it what the log said of it."""
    document = metadata(snapshot(3, None), snapshot(4, None, stands=claim(2, 1, since=150)), log=[3, 4])
    line = timeline_of("a.t", "at", document)
    assert line.moves == ((100, 3), (150, 2))
    early = metadata(snapshot(3, None), snapshot(4, None, stands=claim(2, 1)), log=[3, 4])
    assert timeline_of("a.t", "at", early).moves == ((100, 3), (101, 2))


def test_of_several_the_newest_on_main_has_the_name() -> None:
    document = metadata(
        snapshot(3, None, stands=claim(2, 1)), snapshot(5, 3, stands=claim(2, 1)), snapshot(6, 5), log=[3, 5, 6]
    )
    assert history(document) == (6, 2)
    assert len(settled(document)["snapshots"]) == 3
    document = metadata(snapshot(3, None, stands=claim(2, 1)), snapshot(5, 3, stands=claim(2, 1)), log=[3, 5, 3])
    assert history(document) == (2,)


def test_a_snapshot_that_grew_from_what_expired_grows_from_what_stands_for_it() -> None:
    document = metadata(snapshot(1, None), snapshot(3, None, stands=claim(2, 1)), snapshot(4, 2), log=[3, 4])
    assert history(document) == (4, 2, 1)
    same = metadata(
        snapshot(1, None), {**snapshot(3, 2, stands=claim(2, 1)), "sequence-number": 4}, snapshot(4, 2), log=[3, 4]
    )
    assert history(same) == (4, 2, 1)


def test_what_is_kept_behind_a_gap_was_not_rolled_back() -> None:
    document = metadata(snapshot(1, None), snapshot(5, None), log=[1, 5])
    assert published_of("a.t", "at", document).undone == {1}
    document = metadata(snapshot(1, None), snapshot(5, None), log=[1, 5], properties={"lakeorch.ancestors": '["1"]'})
    assert published_of("a.t", "at", document).undone == frozenset()
    assert [v.state for v in timeline_of("a.t", "at", document).versions] == ["current", "published"]


def test_what_main_was_rolled_back_behind_is_no_ancestor() -> None:
    said = {"lakeorch.ancestors": '["1", "3"]'}
    document = metadata(snapshot(1, None), snapshot(3, None), snapshot(5, None), log=[1, 3, 5, 1], properties=said)
    assert published_of("a.t", "at", document).undone == {3, 5}
    for text in ("x", "{}", '["y"]', "7"):
        document = metadata(snapshot(1, None), log=[1], properties={"lakeorch.ancestors": text})
        assert history(document) == (1,)


def test_what_is_on_no_branch_was_rolled_back_also_where_the_log_is_short() -> None:
    document = metadata(snapshot(1, None), snapshot(2, 1), snapshot(3, 1), log=[3])
    document["refs"]["rejected-r4"] = {"snapshot-id": 4, "type": "branch"}
    document["snapshots"] += [snapshot(4, 3), {**snapshot(9, 3), "summary": {"operation": "append"}}]
    assert published_of("a.t", "at", document).undone == {2}
    states = {v.snapshot_id: v.state for v in timeline_of("a.t", "at", document).versions}
    assert states == {1: "published", 2: "undone", 3: "current", 4: "rejected", 9: "branch"}
