"""Taking runs back, going back to a state, and what runs do with tables that were."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from lakeorch.errors import CatalogError, ConflictError, MovedError, ProjectError, UsageError
from lakeorch.graph.pins import PINNED, Pin
from lakeorch.lake import Lake, Return, catalog
from lakeorch.lake.catalog import DatabaseCatalog, Swap
from lakeorch.lake.database import DatabaseError
from lakeorch.lake.rollback import roll_back as move
from lakeorch.project.past import iso
from lakeorch.project.rollback import undo
from tests.conftest import picture
from tests.versions.shop import SHOP, TABLES, Shop

PINNED_TO = "pinned to run {} by rollback; --unpin or edit the query"


def test_every_table_of_the_run_goes_back_in_one_commit(shop: Shop) -> None:
    first, before = shop.run(), shop.state()
    second = shop.day(2, [(3, "a", 99.0)])
    bad = shop.state()
    told = shop.project.rollback(second)
    assert (told.status, told.undone, told.to) == ("rolled back", second, "")
    assert [(t.model, t.action, t.run_id) for t in told.tables] == [(name, "returned", first) for name in TABLES]
    assert shop.state() == before
    moves = {shop.table(name).metadata.snapshot_log[-1].timestamp_ms for name in TABLES}
    assert len(moves) == 1
    # what was rolled back can still be looked at, and other readers see what lakeorch sees
    assert shop.state(at=second) == bad
    assert [(run.run_id, run.state) for run in shop.project.runs()] == [(second, "undone"), (first, "published")]
    assert len(shop.table("staging.sales").scan().to_arrow()) == 2


def test_a_time_between_sees_all_tables_before_or_all_behind(shop: Shop) -> None:
    shop.run()
    before = shop.state()
    second = shop.day(2, [(3, "a", 99.0)])
    bad = shop.state()
    shop.project.rollback(second)
    when = shop.table("staging.sales").metadata.snapshot_log[-1].timestamp_ms
    assert shop.state(at=iso(when - 1)) == bad
    assert shop.state(at=iso(when)) == before


def test_pinned_until_unpinned(shop: Shop) -> None:
    first = shop.run()
    second = shop.day(2, [(3, "a", 99.0)])
    shop.project.rollback(second)
    expected = ("skip", PINNED_TO.format(first))
    assert shop.plan() == {**dict.fromkeys(TABLES, expected), "marts.named": ("view", "inlined into its readers")}
    before = picture(shop.root / "warehouse")
    result = shop.project.run()
    assert result.status == "nothing to do"
    assert shop.steps(result)["staging.sales"] == expected
    assert shop.project.run(full=True).status == "nothing to do"
    assert picture(shop.root / "warehouse") == before
    assert {line.model: line.state for line in shop.project.list()}["staging.sales"] == "pinned"
    # the raw file was mended
    shop.write("raw/day2.csv", "id,store,amount\n3,a,9.0\n")
    assert shop.project.run().status == "nothing to do"
    third = shop.run(unpin=True)
    assert shop.rows("staging.sales")[-1] == (3, "a", 9.0)
    assert PINNED not in shop.table("staging.sales").properties
    assert shop.project.run().status == "nothing to do"
    assert [run.run_id for run in shop.project.runs() if run.state == "published"] == [third, first]


def test_unpinning_a_selection_leaves_the_rest_pinned(shop: Shop) -> None:
    shop.run()
    shop.project.rollback(shop.day(2, [(3, "a", 99.0)]))
    shop.run("staging.sales", unpin=True)
    plan = shop.plan()
    assert plan["staging.sales"] == ("skip", "up to date")
    assert plan["marts.revenue"][1].startswith("pinned")


def test_an_edited_query_lets_go(shop: Shop) -> None:
    shop.run()
    second = shop.day(2, [(3, "a", 99.0)])
    shop.project.rollback(second)
    shop.write("models/marts/revenue.sql", "SELECT name, max(amount) AS top FROM marts.named GROUP BY name")
    plan = shop.plan()
    assert plan["marts.revenue"] == ("build", "query changed")
    assert plan["staging.sales"][1].startswith("pinned")
    shop.run()
    assert shop.rows("marts.revenue") == [("A", 10.5), ("B", 20.25)]
    # once let go it is let go, also when the old query comes back
    shop.write("models/marts/revenue.sql", SHOP["models/marts/revenue.sql"])
    assert shop.plan()["marts.revenue"][0] == "build"


def test_a_query_that_was_mended_before_the_roll_back_is_not_pinned(shop: Shop) -> None:
    shop.run()
    good = SHOP["models/marts/revenue.sql"]
    shop.write("models/marts/revenue.sql", good.replace("sum(amount)", "sum(amount) * 2"))
    bad = shop.run()
    shop.write("models/marts/revenue.sql", good)
    shop.project.rollback(bad)
    # the pin is gone for good, without a rebuild
    assert shop.plan()["marts.revenue"] == ("amend", "unpinned")
    assert shop.project.run().status == "published"
    assert PINNED not in shop.table("marts.revenue").properties
    assert shop.plan()["marts.revenue"] == ("skip", "up to date")


def test_comments_and_layout_do_not_let_go(shop: Shop) -> None:
    shop.run()
    shop.project.rollback(shop.day(2, [(3, "a", 99.0)]))
    shop.write("models/marts/revenue.sql", SHOP["models/marts/revenue.sql"] + "\n-- to be looked at\n")
    assert shop.plan()["marts.revenue"][1].startswith("pinned")


def test_columns_and_properties_go_back(shop: Shop) -> None:
    shop.run()
    was = shop.table("marts.revenue")
    shop.write(
        "models/marts/revenue.sql",
        "/* ---\ndescription: By name\nowner: ann\npartition_by: [name]\n--- */\n"
        "SELECT name, max(id) AS top FROM marts.named GROUP BY name",
    )
    second = shop.run()
    shop.project.rollback(second)
    now = shop.table("marts.revenue")
    assert now.schema() == was.schema()
    assert now.spec() == was.spec()
    pinned = Pin.from_json(now.properties[PINNED])
    assert {**now.properties, PINNED: ""} == {**was.properties, PINNED: ""}
    assert (pinned.undone, pinned.snapshot_id) == (second, str(was.metadata.current_snapshot_id))
    assert shop.project.query("FROM marts.revenue").schema.names == ["name", "revenue", "sales"]
    # and the next build goes on from there
    shop.write("models/marts/revenue.sql", "SELECT name, min(id) AS least FROM marts.named GROUP BY name")
    shop.run()
    assert shop.rows("marts.revenue") == [("A", 1), ("B", 2)]


def test_columns_go_back_where_the_old_metadata_file_is_gone(shop: Shop) -> None:
    shop.run()
    was = shop.table("marts.revenue")
    shop.write(
        "models/marts/revenue.sql",
        "/* ---\npartition_by: [top]\nsort_by: [top]\n--- */\n"
        "SELECT name, max(id) AS top FROM marts.named GROUP BY name",
    )
    second = shop.run()
    rows = shop.rows("marts.revenue", at=shop.project.runs()[1].run_id)
    Path(was.metadata_location.removeprefix("file://")).unlink()
    shop.project.rollback(second)
    assert shop.rows("marts.revenue") == rows
    assert shop.table("marts.revenue").schema().column_names == ["name", "revenue", "sales"]
    assert shop.table("marts.revenue").spec().fields == ()


def test_a_table_that_the_run_made_stays_and_is_pinned(shop: Shop) -> None:
    shop.run()
    shop.write("models/marts/late.sql", "SELECT sum(amount) AS total FROM staging.sales")
    second = shop.day(2, [(3, "a", 99.0)])
    told = {table.model: table.action for table in shop.project.rollback(second).tables}
    assert told == {**dict.fromkeys(TABLES, "returned"), "marts.late": "kept"}
    assert shop.rows("marts.late") == [(129.75,)]
    action, reason = shop.plan()["marts.late"]
    assert action == "skip"
    assert reason.startswith(f"pinned as run {second} made it")
    shop.run("marts.late", unpin=True)
    assert shop.rows("marts.late") == [(30.75,)]


def test_a_run_that_made_everything_cannot_be_taken_back(shop: Shop) -> None:
    first = shop.run()
    before = picture(shop.root / "warehouse")
    with pytest.raises(UsageError, match="nothing to go back to"):
        shop.project.rollback(first)
    assert picture(shop.root / "warehouse") == before


def test_no_run_and_a_time_before_all_tables_are_mistakes(shop: Shop) -> None:
    shop.run()
    before = picture(shop.root / "warehouse")
    with pytest.raises(UsageError, match='there is no run ""'):
        shop.project.rollback("")
    with pytest.raises(UsageError, match="no table existed at 2020-01-01"):
        shop.project.rollback(to="2020-01-01")
    assert picture(shop.root / "warehouse") == before


def test_later_runs_are_not_taken_back_unasked(shop: Shop) -> None:
    first, state = shop.run(), shop.state()
    second = shop.day(2, [(3, "a", 1.0)])
    third = shop.day(3, [(4, "a", 1.0)])
    with pytest.raises(UsageError, match="later runs have changed") as caught:
        shop.project.rollback(second)
    assert third in caught.value.message
    assert f"rollback {third}" in caught.value.hint
    assert f"--to {first}" in caught.value.hint
    shop.project.rollback(third)
    shop.project.rollback(second)
    assert shop.state() == state
    with pytest.raises(UsageError, match="rolled back already"):
        shop.project.rollback(second)
    with pytest.raises(UsageError, match="there is no run"):
        shop.project.rollback("never")
    with pytest.raises(UsageError, match="give the run"):
        shop.project.rollback()


def test_back_to_a_state_and_forth_again(shop: Shop) -> None:
    first, one = shop.run(), shop.state()
    shop.day(2, [(3, "a", 1.0)])
    shop.write("models/marts/late.sql", "SELECT 1 AS n")
    third = shop.day(3, [(4, "c", 1.0)])
    three = shop.state()
    told = shop.project.rollback(to=first)
    assert (told.to, told.undone) == (f"run {first}", "")
    assert {table.model: table.action for table in told.tables}["marts.late"] == "kept"
    assert shop.state() == one
    assert shop.project.rollback(to=first).status == "nothing to do"
    shop.project.rollback(to=third)
    assert shop.state() == three
    assert {run.run_id: run.state for run in shop.project.runs()}[third] == "published"
    # and that run can be taken back as before
    shop.project.rollback(third)
    assert len(shop.rows("staging.sales")) == 3


def test_tables_that_nothing_happened_to_are_not_pinned(shop: Shop) -> None:
    shop.write("models/marts/fixed.sql", "SELECT 1 AS n")
    first = shop.run()
    shop.day(2, [(3, "a", 1.0)])
    shop.project.rollback(to=first)
    assert shop.plan()["marts.fixed"] == ("skip", "up to date")


def test_another_writers_rows_are_never_dropped(shop: Shop) -> None:
    first = shop.run()
    second = shop.day(2, [(3, "a", 1.0)])
    shop.append_foreign("staging.sales", {"id": [9], "store": ["z"], "amount": [1.0]})
    before = shop.state()
    for words in ({"run": second}, {"to": first}):
        with pytest.raises(ConflictError, match="another writer"):
            shop.project.rollback(**words)
    assert shop.state() == before


# ---- readers of what was rolled back ----


def test_a_reader_of_a_later_run_is_built_on_what_is_there_now(shop: Shop) -> None:
    shop.run()
    second = shop.day(2, [(3, "a", 99.0)])
    shop.write("models/marts/reader.sql", "SELECT count(*) AS n FROM staging.sales")
    shop.run()
    assert shop.rows("marts.reader") == [(3,)]
    shop.project.rollback(second)
    assert shop.plan()["marts.reader"] == ("build", "input staging.sales was rolled back")
    shop.run()
    assert shop.rows("marts.reader") == [(2,)]
    assert shop.plan()["marts.reader"] == ("skip", "up to date")


def test_an_append_model_does_not_keep_rows_of_what_was_rolled_back_quietly(shop: Shop) -> None:
    shop.run()
    second = shop.day(2, [(3, "a", 99.0)])
    shop.write("models/marts/log.sql", "/* ---\nmaterialized: append\n--- */\nSELECT id, amount FROM staging.sales")
    third = shop.run()
    shop.project.rollback(second)
    action, reason = shop.plan()["marts.log"]
    assert action == "failed"
    assert "staging.sales was rolled back" in reason
    assert shop.project.run().status == "failed"
    shop.run("marts.log", full=True)
    assert shop.rows("marts.log") == [(1, 10.5), (2, 20.25)]
    assert third != second


def test_a_table_whose_rows_a_run_found_unchanged_goes_back_with_it(shop: Shop) -> None:
    """It got no snapshot of the run, only facts: those would name inputs that are rolled back."""
    shop.write("models/marts/stores.sql", "/* ---\nmaterialized: merge\nunique_key: [store]\n--- */\n"
               "SELECT DISTINCT store FROM staging.sales")  # fmt: skip
    shop.run()
    was = shop.table("marts.stores").properties
    second = shop.day(2, [(3, "a", 99.0)])
    assert "lakeorch.same-as" in shop.table("marts.stores").properties
    assert "marts.stores" not in {table.table for table in shop.project.runs()[0].versions}
    shop.project.rollback(second)
    assert shop.table("marts.stores").properties == was
    assert shop.plan()["marts.stores"] == ("skip", "up to date")


def test_a_reader_is_bound_to_the_columns_that_a_pinned_table_has(shop: Shop) -> None:
    shop.run()
    shop.write("models/marts/revenue.sql", "SELECT name, max(id) AS top FROM marts.named GROUP BY name")
    second = shop.run()
    shop.project.rollback(second)
    shop.write("models/marts/reader.sql", "SELECT top FROM marts.revenue")
    with pytest.raises(ProjectError) as caught:
        shop.project.plan()
    assert 'no column "top"' in caught.value.findings[0].message
    shop.project.plan(unpin=True)
    shop.write("models/marts/reader.sql", "SELECT revenue FROM marts.revenue")
    assert shop.plan()["marts.reader"][0] == "build"


def test_an_append_model_reads_a_mended_file_after_the_roll_back(shop: Shop) -> None:
    """The list of files that were read goes back too: the file is new, not one that was changed behind its back."""
    shop.run()
    second = shop.day(2, [(3, "a", 99.0)])
    shop.write("raw/day2.csv", "id,store,amount\n3,a,9.0\n")
    with pytest.raises(ProjectError, match="1 finding"):
        shop.project.plan()
    shop.project.rollback(second)
    assert shop.plan(unpin=True)["staging.sales"] == ("build", "new files: 1")


# ---- at the same time as others ----


def test_a_table_that_moved_meanwhile_is_looked_at_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.run()
    second = shop.day(2, [(3, "a", 99.0)])
    tried: list[int] = []

    def slow(self: Lake, returns: list[Return]) -> None:
        if not tried:
            shop.append_foreign("marts.revenue", {"name": ["Z"], "revenue": [1.0], "sales": [1]})
        tried.append(1)
        move(self._catalog, returns)

    monkeypatch.setattr(Lake, "roll_back", slow)
    with pytest.raises(ConflictError, match="another writer") as caught:
        shop.project.rollback(second)
    assert not isinstance(caught.value, MovedError)
    assert len(tried) == 1
    assert len(shop.rows("staging.sales")) == 3


def test_a_lost_reply_is_found_done(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.run()
    before = shop.state()
    second = shop.day(2, [(3, "a", 99.0)])
    swap, calls = DatabaseCatalog.swap, []

    def lossy(self: DatabaseCatalog, swaps: list[Swap]) -> None:
        swap(self, swaps)
        calls.append(1)
        raise DatabaseError("database is locked")

    monkeypatch.setattr(DatabaseCatalog, "swap", lossy)
    assert shop.project.rollback(second).status == "rolled back"
    assert len(calls) == 1
    monkeypatch.undo()
    assert shop.state() == before


def test_a_failed_commit_moves_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.run()
    second = shop.day(2, [(3, "a", 99.0)])
    state = shop.state()
    write, made = catalog.written, []

    def full(*arguments: Any, **words: Any) -> str:
        if made:
            raise CatalogError("the disk is full")
        made.append(write(*arguments, **words))
        return str(made[0])

    monkeypatch.setattr(catalog, "written", full)
    with pytest.raises(CatalogError, match="disk is full"):
        shop.project.rollback(second)
    monkeypatch.undo()
    assert shop.state() == state


@pytest.mark.parametrize("gone", [False, True])
def test_only_where_the_old_metadata_is_gone_the_rows_go_back_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    """A disk that hesitates once must not cost a table what was said of its rows."""
    shop.run()
    state, before = shop.state(), shop.table("staging.sales").metadata_location
    second = shop.day(2, [(3, "a", 99.0)])
    real = DatabaseCatalog.table

    def failing(self: DatabaseCatalog, name: str, location: str) -> Any:
        if location == before:
            raise CatalogError("unreadable") from (FileNotFoundError() if gone else OSError(5, "Input/output error"))
        return real(self, name, location)

    monkeypatch.setattr(DatabaseCatalog, "table", failing)
    if gone:
        shop.project.rollback(second)
    else:
        with pytest.raises(CatalogError, match="unreadable"):
            shop.project.rollback(second)
        monkeypatch.undo()
        assert shop.state() != state
        shop.project.rollback(second)
    assert shop.state() == state


def test_two_at_once(shop: Shop) -> None:
    shop.run()
    before = shop.state()
    second = shop.day(2, [(3, "a", 99.0)])
    ended: list[str] = []

    def one() -> None:
        try:
            with shop.project.wiring.lake(create=False) as lake:
                ended.append(undo(lake, second).status)
        except UsageError as error:
            ended.append(error.message)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == ["rolled back", *[f"run {second} is rolled back already"] * 2]
    assert shop.state() == before


# ---- pins ----


def test_a_pin_is_read_back() -> None:
    pin = Pin("1", "f", "2025-10-01T00:00:00+00:00", "r", "u")
    assert Pin.from_json(pin.to_json()) == pin
    for text in ("", "[]", "{}", json.dumps({"snapshot_id": "1", "more": 2})):
        with pytest.raises(ValueError):  # noqa: PT011
            Pin.from_json(text)


def test_a_pin_that_cannot_be_read_holds_nothing_up(shop: Shop) -> None:
    shop.run()
    with shop.table("marts.revenue").transaction() as change:
        change.set_properties({PINNED: "{broken"})
    assert shop.plan()["marts.revenue"] == ("amend", "unpinned")
    shop.run()
    assert shop.plan()["marts.revenue"] == ("skip", "up to date")


# ---- many days ----


@pytest.mark.parametrize(
    "words", ["day edit undo day unpin to undo", "day day to edit undo unpin to day undo undo"], ids=["one", "other"]
)
def test_any_sequence_of_days(shop: Shop, words: str) -> None:
    """Whatever is done, every run's state can be looked at, and what is undone is as if it had not been."""
    states = {shop.run(): shop.state()}
    for number, word in enumerate(words.split(), start=2):
        past = shop.project.runs()
        if word == "day":
            shop.write(f"raw/day{number}.csv", f"id,store,amount\n{number * 10},{'abc'[number % 3]},{number}.5\n")
            result = shop.project.run()
        elif word == "edit":
            text = SHOP["models/marts/revenue.sql"].replace("count(*)", f"count(*) + {number}")
            shop.write("models/marts/revenue.sql", text)
            result = shop.project.run()
        elif word == "unpin":
            result = shop.project.run(unpin=True)
        else:
            try:
                if word == "undo":
                    shop.project.rollback(past[0].run_id)
                else:
                    goal = past[len(past) // 2].run_id
                    shop.project.rollback(to=goal)
                    assert shop.state() == states[goal]
            except UsageError as error:
                assert "nothing to go back to" in error.message or "already" in error.message  # noqa: PT017
            continue
        assert result.status in {"published", "nothing to do"}, (words, result)
        if any(run.run_id == result.run_id for run in shop.project.runs()):
            states[result.run_id] = shop.state()
    for run_id, state in states.items():
        assert shop.state(at=run_id) == state, (words, run_id)
