"""History models (SCD 2): real runs against a small reference in Python, and what must hold whatever happens."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakeorch.errors import ProjectError
from lakeorch.project import Project
from lakeorch.project.result import Result
from tests.conftest import Make, picture
from tests.test_run import actions, files, load, reasons, rows, snapshots

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TYPES = "{'id': 'INTEGER', 'v': 'VARCHAR', 'u': 'TIMESTAMPTZ'}"
SOURCE = f"SELECT * FROM read_csv('raw/now.csv', columns = {TYPES}, nullstr = '')"

State = Mapping[int | None, tuple[str | None, datetime | None]]


def model(*, updated_at: bool = False, deleted: str = "close", query: str = SOURCE, more: str = "") -> str:
    block = f"materialized: history\nunique_key: id\ndeleted: {deleted}\n" + more
    return f"/* ---\n{block}{'updated_at: u' if updated_at else ''}\n--- */\n{query}"


@dataclass(frozen=True, order=True)
class Version:
    """A version of one key, as the reference and the table tell it."""

    begins: datetime
    ends: datetime | None
    v: str | None
    u: datetime | None


class Place:
    """A project with one history model, whose source and clock a test sets."""

    def __init__(self, root: Path, text: str) -> None:
        self.root, self.folder, self.now = root, root / "models", START
        (root / "raw").mkdir()
        (root / "models/h").mkdir(parents=True)
        self.write(text)

    def write(self, text: str) -> None:
        (self.root / "models/h/t.sql").write_text(text, encoding="utf-8")

    def run(self, state: State, now: datetime | None = None, *, full: bool = False) -> Result:
        self.now = now or self.now + DAY
        with (self.root / "raw/now.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "v", "u"])
            writer.writerows([(key, v, u and u.isoformat()) for key, (v, u) in state.items()])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lakeorch.project.survey.datetime", SimpleNamespace(now=lambda _: self.now))
            result = Project(self.folder, threads=1).run(full=full)
        assert not [outcome.error for outcome in result.outcomes if outcome.error]
        return result

    def versions(self) -> dict[int | None, list[Version]]:
        found: dict[int | None, list[Version]] = {}
        for row in Project(self.folder).query("FROM h.t ORDER BY id, valid_from").read_all().to_pylist():
            assert row["current"] is (row["valid_to"] is None)
            version = Version(row["valid_from"], row["valid_to"], row["v"], row["u"])
            found.setdefault(row["id"], []).append(version)
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, model())


def at(day: float) -> datetime:
    return START + day * DAY


def told(place: Place, key: int = 1) -> list[tuple[str | None, float, float | None]]:
    """The versions of a key: value, first day, last day."""
    return [
        (v.v, (v.begins - START) / DAY, None if v.ends is None else (v.ends - START) / DAY)
        for v in place.versions().get(key, [])
    ]


# ---- one thing at a time --------------------------------------------------------------------------------------------


def test_a_changed_row_ends_one_version_and_begins_the_next(place: Place) -> None:
    place.run({1: ("a", None), 2: ("b", None)}, at(1))
    result = place.run({1: ("A", None), 2: ("b", None)}, at(2))
    assert told(place) == [("a", 1, 2), ("A", 2, None)]
    assert told(place, 2) == [("b", 1, None)]
    assert reasons(result) == {"h.t": "changed files: 1"}
    assert load(place.folder, "h.t").current_snapshot().summary["lakeorch.refresh"] == "incremental"


def test_the_columns_are_described_and_other_readers_see_them(place: Place) -> None:
    place.run({1: ("a", None)})
    schema = load(place.folder, "h.t").schema()
    found = [(field.name, str(field.field_type)) for field in schema.fields[-3:]]
    assert found == [("valid_from", "timestamptz"), ("valid_to", "timestamptz"), ("current", "boolean")]
    assert schema.find_field("valid_to").doc == "Until when, itself not included; NULL while it is so"


def test_a_run_over_an_unchanged_source_writes_nothing(place: Place) -> None:
    state: State = {1: ("a", None)}
    place.run(state, at(1))
    before = picture(place.root / "warehouse")
    assert place.run(state, at(2)).status == "nothing to do"
    assert picture(place.root / "warehouse") == before


def test_a_source_that_moved_and_shows_the_same_rows_makes_no_snapshot(place: Place) -> None:
    place.run({1: ("a", None), 2: ("b", None)})
    kept, data = snapshots(place.folder, "h.t"), picture(place.root / "warehouse/h/t/data")
    result = place.run({2: ("b", None), 1: ("a", None)})  # another file, the same rows
    assert actions(result) == {"h.t": "build"}
    assert "the rows stayed the same" in reasons(result)["h.t"]
    assert snapshots(place.folder, "h.t") == kept
    assert picture(place.root / "warehouse/h/t/data") == data


def test_a_row_that_left_is_closed_and_one_that_came_back_begins_anew(place: Place) -> None:
    for day, state in enumerate([{1: ("a", None)}, {2: ("b", None)}, {2: ("b", None)}, {1: ("a", None)}], 1):
        place.run(state, at(day))
    assert told(place) == [("a", 1, 2), ("a", 4, None)]
    assert told(place, 2) == [("b", 2, 4)]


def test_rows_that_left_can_be_kept(tmp_path: Path) -> None:
    place = Place(tmp_path, model(deleted="keep"))
    place.run({1: ("a", None)}, at(1))
    place.run({2: ("b", None)}, at(2))
    assert told(place) == [("a", 1, None)]
    place.run({1: ("c", None), 2: ("b", None)}, at(3))
    assert told(place) == [("a", 1, 3), ("c", 3, None)]


def test_an_emptied_source_closes_everything(place: Place) -> None:
    place.run({1: ("a", None), 2: ("b", None)}, at(1))
    place.run({}, at(2))
    assert told(place) + told(place, 2) == [("a", 1, 2), ("b", 1, 2)]
    assert rows(place.folder, "SELECT count(*) FROM h.t WHERE current") == [(0,)]


def test_nulls_are_values_in_keys_and_columns(place: Place) -> None:
    place.run({None: (None, None), 1: (None, None)}, at(1))
    place.run({None: ("x", None), 1: (None, None)}, at(2))
    place.run({None: (None, None), 1: ("y", None)}, at(3))
    versions = place.versions()
    assert [v.v for v in versions[None]] == [None, "x", None]
    assert [v.v for v in versions[1]] == [None, "y"]


def test_only_files_that_hold_a_closed_version_are_written_again(place: Place) -> None:
    place.run({1: ("a", None)}, at(1))
    first = files(place.folder, "h.t")
    place.run({1: ("a", None), 2: ("b", None)}, at(2))
    assert first < files(place.folder, "h.t")
    place.run({1: ("a", None), 2: ("c", None)}, at(3))
    assert first < files(place.folder, "h.t")
    place.run({1: ("z", None), 2: ("c", None)}, at(4))
    assert not first & files(place.folder, "h.t")


# ---- change times ---------------------------------------------------------------------------------------------------


@pytest.fixture
def dated(tmp_path: Path) -> Place:
    return Place(tmp_path, model(updated_at=True))


def test_a_change_counts_from_its_own_time(dated: Place) -> None:
    dated.run({1: ("a", at(1))}, at(5))
    dated.run({1: ("b", at(3))}, at(6))
    assert told(dated) == [("a", 1, 3), ("b", 3, None)]


def test_a_late_row_goes_into_the_past_and_only_once(dated: Place) -> None:
    dated.run({1: ("a", at(1))}, at(5))
    dated.run({1: ("c", at(4))}, at(6))
    dated.run({1: ("b", at(2))}, at(7))
    expected = [("a", 1, 2), ("b", 2, 4), ("c", 4, None)]
    assert told(dated) == expected
    dated.run({1: ("b", at(2)), 2: ("x", None)}, at(8))
    assert told(dated) == expected
    dated.run({1: ("z", at(0)), 2: ("x", None)}, at(9))  # before everything that is known
    assert told(dated) == [("z", 0, 1), *expected]


def test_a_late_row_that_is_known_writes_nothing(dated: Place) -> None:
    dated.run({1: ("a", at(1))}, at(5))
    dated.run({1: ("c", at(4))}, at(6))
    dated.run({1: ("b", at(2)), 2: ("x", at(1))}, at(7))
    kept = snapshots(dated.folder, "h.t")
    dated.run({2: ("x", at(1)), 1: ("b", at(2))}, at(8))
    dated.run({2: ("x", at(1)), 1: ("a", at(1))}, at(9))
    assert snapshots(dated.folder, "h.t") == kept


def test_a_late_row_in_a_gap_holds_until_the_next_version(dated: Place) -> None:
    dated.run({1: ("a", at(1))}, at(2))
    dated.run({}, at(3))
    dated.run({1: ("b", at(6))}, at(7))
    dated.run({1: ("late", at(4))}, at(8))
    assert told(dated) == [("a", 1, 3), ("late", 4, 6), ("b", 6, None)]


def test_a_late_row_does_not_undo_a_deletion_in_the_past(dated: Place) -> None:
    dated.run({1: ("a", at(1))}, at(2))
    dated.run({}, at(4))
    dated.run({1: ("b", at(6))}, at(7))
    dated.run({1: ("late", at(3))}, at(8))
    assert told(dated) == [("a", 1, 3), ("late", 3, 4), ("b", 6, None)]


def test_other_values_for_the_same_time_are_a_correction(dated: Place) -> None:
    dated.run({1: ("a", at(1))}, at(5))
    dated.run({1: ("b", at(3))}, at(6))
    dated.run({1: ("B", at(3))}, at(7))
    dated.run({1: ("A", at(1))}, at(8))
    assert told(dated) == [("A", 1, 3), ("B", 3, None)]


def test_a_row_that_came_back_with_its_old_change_time_counts_from_the_run(dated: Place) -> None:
    dated.run({1: ("a", at(1))}, at(5))
    dated.run({}, at(6))
    dated.run({1: ("a", at(1))}, at(7))
    assert told(dated) == [("a", 1, 6), ("a", 7, None)]
    dated.run({1: ("b", at(6.5))}, at(8))  # what it has been since it came back
    assert told(dated) == [("a", 1, 6), ("b", 7, None)]


def test_a_row_that_came_back_when_it_left_was_never_away(dated: Place) -> None:
    dated.run({1: ("a", at(1))}, at(5))
    dated.run({}, at(6))
    dated.run({1: ("b", at(6))}, at(7))
    assert told(dated) == [("a", 1, 6), ("b", 6, None)]


def test_a_source_whose_clock_is_ahead(dated: Place) -> None:
    dated.run({1: ("a", at(9))}, at(5))
    dated.run({}, at(6))
    assert told(dated) == [("a", 9, 9)]  # closed before it began: it never held
    dated.run({1: ("b", at(1))}, at(7))
    assert told(dated) == [("b", 9, None)]


def test_without_a_change_time_a_row_counts_from_the_run(dated: Place) -> None:
    dated.run({1: ("a", None)}, at(5))
    dated.run({1: ("b", None)}, at(6))
    assert told(dated) == [("a", 5, 6), ("b", 6, None)]


# ---- the table around it --------------------------------------------------------------------------------------------


def test_full_writes_every_version_again_and_loses_none(place: Place) -> None:
    place.run({1: ("a", None)}, at(1))
    place.run({1: ("b", None)}, at(2))
    place.write(model(more="partition_by: [current]\n"))
    old = files(place.folder, "h.t")
    place.run({1: ("c", None)}, at(3), full=True)
    assert told(place) == [("a", 1, 2), ("b", 2, 3), ("c", 3, None)]
    assert not old & files(place.folder, "h.t")
    assert len(files(place.folder, "h.t")) == 2  # one for each partition
    assert not list((place.root / "warehouse/h/t/data").rglob("*-new_*"))


def test_a_new_column_opens_new_versions_and_one_that_left_does_not(place: Place) -> None:
    place.run({1: ("a", None)}, at(1))
    wider = SOURCE.replace("*", "*, upper(v) AS w", 1)
    place.write(model(query=wider))
    result = place.run({1: ("a", None)}, at(2))
    assert reasons(result)["h.t"] == "query changed (the versions that are there stay)"
    assert rows(place.folder, "SELECT v, w, current FROM h.t ORDER BY valid_from") == [
        ("a", None, False),
        ("a", "A", True),
    ]
    place.write(model())
    result = place.run({1: ("a", None)}, at(3))
    assert "the rows stayed the same" in reasons(result)["h.t"]


def test_a_table_that_becomes_a_history_begins_with_its_source(tmp_path: Path) -> None:
    place = Place(tmp_path, SOURCE)
    place.run({1: ("a", None)}, at(1))
    place.write(model())
    place.run({1: ("b", None)}, at(2))
    assert told(place) == [("b", 2, None)]


def test_models_downstream_see_the_versions(make: Make) -> None:
    folder = make(
        {
            "models/a/src.sql": "SELECT 1 AS id, 'x' AS v",
            "models/a/hist.sql": model(query="SELECT * FROM src", more="columns: {valid_from: {description: Since}}\n"),
            "models/a/now.sql": "SELECT id, v FROM hist WHERE current",
        }
    )
    assert Project(folder).run().status == "published"
    make({"models/a/src.sql": "SELECT 1 AS id, 'y' AS v"})
    Project(folder).run()
    assert rows(folder, "FROM a.now") == [(1, "y")]
    assert rows(folder, "SELECT v FROM a.hist ORDER BY valid_from") == [("x",), ("y",)]
    assert Project(folder).run().status == "nothing to do"


def test_two_rows_with_one_key_are_refused_and_leave_no_file(place: Place) -> None:
    place.run({1: ("a", None)})
    data = picture(place.root / "warehouse/h/t")
    place.write(model(query=f"{SOURCE} UNION ALL SELECT 1, 'b', NULL"))
    result = Project(place.folder).run()
    assert result.status == "failed"
    assert "unique_key (id) is not unique in the new rows: id=1, rows=2" in result.outcomes[0].error
    assert picture(place.root / "warehouse/h/t") == data


def test_another_key_or_type_is_refused_until_full_shows_that_it_fits(place: Place) -> None:
    place.run({1: ("a", None), 2: ("b", None)}, at(1))
    place.write(model().replace("unique_key: id", "unique_key: v"))
    with pytest.raises(ProjectError) as error:
        Project(place.folder).plan()
    assert "h.t has a new unique_key" in error.value.findings[0].message
    place.run({1: ("a", None), 2: ("b", None)}, at(2), full=True)
    place.run({1: ("a", None), 3: ("b", None)}, at(3))
    assert told(place, 2) == [("b", 1, 3)]
    place.write(
        model(query=SOURCE.replace("*", "id, v, u::VARCHAR AS u", 1)).replace("unique_key: id", "unique_key: v")
    )
    with pytest.raises(ProjectError) as error:
        Project(place.folder).plan()
    assert "u is timestamptz in the table and string in the query" in error.value.findings[0].message
    assert Project(place.folder).run(full=True).status == "published"
    assert len(rows(place.folder, "FROM h.t")) == 3


@pytest.mark.parametrize("other", ["table", "merge\nunique_key: id", "append"])
def test_versions_are_dropped_only_where_that_is_meant(place: Place, other: str) -> None:
    place.run({1: ("a", None)}, at(1))
    place.run({1: ("b", None)}, at(2))
    before = told(place)
    place.write(f"/* ---\nmaterialized: {other}\n--- */\n{SOURCE}")
    with pytest.raises(ProjectError) as error:
        Project(place.folder).run()
    found = error.value.findings[0]
    assert f"materialized: {other.split(maxsplit=1)[0]} would drop those that are past" in found.message
    assert (str(found.place), found.hint) == (
        "models/h/t.sql:2:1",
        "if that is meant: lakeorch run --full -s h.t",
    )
    assert told(place) == before
    assert Project(place.folder).run(full=True).status == "published"
    assert rows(place.folder, "SELECT id, v FROM h.t") == [(1, "b")]


def test_a_key_under_which_two_versions_are_current_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path, model(deleted="keep"))
    place.run({1: ("a", None)}, at(1))
    place.run({2: ("a", None)}, at(2))
    place.write(model(deleted="keep").replace("unique_key: id", "unique_key: v"))
    result = Project(place.folder).run(full=True)
    assert "two current versions for one unique_key (v): v=a" in result.outcomes[0].error


def test_foreign_rows_are_versions_too_and_full_builds_over_other_changes(place: Place) -> None:
    place.run({1: ("a", None)}, at(1))
    table = load(place.folder, "h.t")
    one = table.scan().to_arrow()
    table.append(one.set_column(0, one.schema.field(0), pa.chunked_array([[9]], pa.int32())))
    place.run({1: ("b", None)}, at(2))
    assert told(place) == [("a", 1, 2), ("b", 2, None)]
    assert told(place, 9) == [("a", 1, 2)]
    load(place.folder, "h.t").delete("id = 9")
    project = Project(place.folder)
    assert "another writer" in project.run().outcomes[0].error
    place.run({1: ("b", None)}, at(3), full=True)
    assert told(place) == [("a", 1, 2), ("b", 2, None)]


MISTAKES = {
    "a name that is taken": ("SELECT 1 AS id, true AS current", "", 'yields a column "current"'),
    "no such key": ("SELECT 1 AS idd", "", 'unique_key: the query yields no column "id"'),
    "its own column as key": ("SELECT 1 AS id", "unique_key: valid_from", 'yields no column "valid_from"'),
    "no such change time": ("SELECT 1 AS id", "updated_at: ts", 'updated_at: the query yields no column "ts"'),
    "a change time that is none": ("SELECT 1 AS id", "updated_at: id", "updated_at: id is of type int"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes_are_found_before_data_moves(make: Make, case: str) -> None:
    query, more, message = MISTAKES[case]
    block = f"materialized: history\n{more}" + ("" if "unique_key" in more else "\nunique_key: id")
    folder = make({"models/a/t.sql": f"/* ---\n{block}\n--- */\n{query}"})
    with pytest.raises(ProjectError) as error:
        Project(folder).run()
    [finding] = error.value.findings
    assert message in finding.message
    assert finding.place.file == "models/a/t.sql"
    assert not (folder.parent / "warehouse").exists()


# ---- a reference ----------------------------------------------------------------------------------------------------


def follow(versions: list[Version], row: tuple[str | None, datetime | None] | None, now: datetime, keep: bool) -> None:
    """The versions of one key after one more look at its source, in place; `row` is None where it is not there."""
    open_ = next((v for v in versions if v.ends is None), None)
    if row is None:
        if open_ and not keep:
            versions[versions.index(open_)] = replace(open_, ends=max(now, open_.begins))
        return
    v, u = row
    changed = u or now
    if open_ is None:
        ended = max((each.ends for each in versions if each.ends), default=None)
        begins = changed if ended is None or changed >= ended else max(now, ended)
        put(versions, Version(begins, None, v, u))
    elif (open_.v, open_.u) == (v, u):
        return
    elif u and u < open_.begins and u < (open_.u or open_.begins):
        put_into_the_past(versions, Version(u, None, v, u))
    elif changed <= open_.begins:
        put(versions, Version(open_.begins, None, v, u))
    else:
        versions[versions.index(open_)] = replace(open_, ends=changed)
        put(versions, Version(changed, None, v, u))


def put(versions: list[Version], new: Version) -> None:
    versions[:] = sorted([v for v in versions if v.begins != new.begins] + [new], key=lambda v: v.begins)


def put_into_the_past(versions: list[Version], late: Version) -> None:
    if any((v.begins, v.v, v.u) == (late.begins, late.v, late.u) for v in versions):
        return
    ends = min(v.begins for v in versions if v.begins > late.begins)
    for i, v in enumerate(versions):
        if v.begins <= late.begins and v.ends and v.ends > late.begins:
            ends = v.ends
            versions[i] = replace(v, ends=late.begins)
    put(versions, replace(late, ends=ends))


def disjoint(versions: Sequence[Version]) -> bool:
    ordered = sorted(versions, key=lambda v: v.begins)
    return all(v.ends is None or v.begins <= v.ends for v in ordered) and all(
        one.ends is not None and one.ends <= other.begins for one, other in pairwise(ordered)
    )


def held(versions: Iterable[Version], moment: datetime) -> list[Version]:
    return [v for v in versions if v.begins <= moment and (v.ends is None or moment < v.ends)]


keys = st.one_of(st.none(), st.integers(1, 9))
values = st.sampled_from(["a", "b", None])
# also change times in the future of the run that sees them: clocks differ
times = st.one_of(st.none(), st.integers(0, 12).map(at))
rows_of_a_state = st.dictionaries(keys, st.tuples(values, times), max_size=8)


@settings(max_examples=18, deadline=None)
@given(states=st.lists(rows_of_a_state, min_size=1, max_size=6), keep=st.booleans(), dated=st.booleans())
def test_any_sequence_of_states_equals_the_reference(states: list[State], keep: bool, dated: bool) -> None:
    expected: dict[int | None, list[Version]] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), model(updated_at=dated, deleted="keep" if keep else "close"))
        for day, rows_now in enumerate(states, 3):
            state = rows_now if dated else {key: (v, None) for key, (v, _) in rows_now.items()}
            place.run(state, at(day))
            for key in {*expected, *state}:
                follow(expected.setdefault(key, []), state.get(key), at(day), keep)
            found = place.versions()
            assert found == expected
            assert all(disjoint(versions) for versions in found.values())
            current = {key for key, versions in found.items() if sum(v.ends is None for v in versions) == 1}
            assert current == (set(expected) if keep else set(state))
            if not dated:
                # the independent truth: at the time of every run the table shows what the source showed
                for earlier, seen in enumerate(states[: day - 2], 3):
                    shown = {key: [v.v for v in held(versions, at(earlier))] for key, versions in found.items()}
                    assert {key: [v] for key, (v, _) in seen.items()}.items() <= shown.items()
            once_more = picture(place.root / "warehouse")
            assert place.run(state, at(day + 0.5)).status == "nothing to do"
            assert picture(place.root / "warehouse") == once_more


@settings(max_examples=8, deadline=None)
@given(
    arrivals=st.lists(st.permutations(range(5)), min_size=4, max_size=4),
)
def test_the_order_in_which_changes_arrive_does_not_matter(arrivals: list[list[int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), model(updated_at=True))
        for turn in range(5):
            state = {key: (f"v{order[turn]}", at(order[turn])) for key, order in enumerate(arrivals)}
            place.run(state, at(10 + turn))
        for key in range(len(arrivals)):
            assert told(place, key) == [(f"v{i}", i, i + 1 if i < 4 else None) for i in range(5)]


def test_the_reference_itself() -> None:
    versions: list[Version] = []
    for day, row in enumerate([("a", at(1)), ("c", at(4)), ("b", at(2)), None], 5):
        follow(versions, row, at(day), keep=False)
    ends = [(v.v, v.begins, v.ends) for v in versions]
    assert ends == [("a", at(1), at(2)), ("b", at(2), at(4)), ("c", at(4), at(8))]
