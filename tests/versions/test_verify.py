"""Published rows made again from what was recorded of them, and told apart from what somebody changed."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakeorch.errors import UsageError
from lakeorch.project import Project
from lakeorch.project.verify import Verified
from tests.versions.shop import TABLES, Shop

KINDS = {
    "models/marts/today.sql": "SELECT store, amount * $rate AS local, current_date AS day FROM staging.sales",
    "lakeorch.yml": "models: models\nvariables: {rate: 2}\n",
}


def tamper(path: Path, column: str, value: object, row: int = 0) -> None:
    """Writes a data file again with another value, its field ids and everything else kept."""
    table = pq.read_table(path)
    values = table[column].to_pylist()
    values[row] = value
    index = table.schema.get_field_index(column)
    field = table.schema.field(index)
    pq.write_table(table.set_column(index, field, pa.array(values, field.type)), path, compression="zstd")


def one(shop: Shop, target: str, **words: float) -> Verified:
    [found] = shop.project.verify(target, **words)
    return found


def statuses(shop: Shop, *targets: str) -> dict[str, str]:
    return {found.version.table: found.status for found in shop.project.verify(*targets)}


def test_every_kind_row_for_row(shop: Shop) -> None:
    for name, text in KINDS.items():
        shop.write(name, text)
    runs = [shop.run()]
    runs += [shop.day(day, [(day * 10, "a", 0.1 * day), (day * 10 + 1, "c", 2.0)]) for day in (2, 3)]
    tables = (*TABLES, "marts.today")
    assert statuses(shop, *tables) == dict.fromkeys(tables, "same")
    for run in runs:
        assert statuses(shop, run) == dict.fromkeys(tables, "same")
    assert one(shop, "marts.revenue").rows == 3
    assert one(shop, "staging.sales").given == ""


def test_what_the_project_says_now_does_not_count(shop: Shop) -> None:
    """Query, view, variables, time: those of then."""
    for name, text in KINDS.items():
        shop.write(name, text)
    first = shop.run()
    shop.write("models/marts/named.sql", "/* ---\nmaterialized: view\n--- */\nSELECT *, 'x' AS name FROM staging.sales")
    shop.write("lakeorch.yml", "models: models\nvariables: {rate: 3}\n")
    shop.write("models/marts/today.sql", "SELECT 1 AS nothing")
    (shop.folder / "staging/latest.sql").unlink()
    assert set(statuses(shop, first).values()) == {"same"}
    shop.run()
    assert set(statuses(shop, first).values()) == {"same"}
    shop.write("models/marts/today.sql", "this is no SQL")
    assert set(statuses(shop, first).values()) == {"same"}


def test_a_tampered_data_file_fails(shop: Shop) -> None:
    shop.run()
    run = shop.day(2, [(3, "a", 1.0)])
    [path] = shop.data_files("marts.revenue")
    whole = pq.read_table(path)
    tamper(path, "revenue", 11.75, row=whole["name"].to_pylist().index("A"))
    found = one(shop, "marts.revenue")
    assert found.status == "different"
    difference = found.difference
    assert difference is not None
    assert (difference.key, difference.changed, difference.same) == (("name",), 1, 1)
    [row] = difference.changed_rows
    assert (row.key, row.before, row.after) == ({"name": "A"}, {"revenue": 11.75}, {"revenue": 11.5})
    assert statuses(shop, run) == {**dict.fromkeys(TABLES, "same"), "marts.revenue": "different"}
    doc = json.loads(json.dumps(found.to_dict()))
    assert (doc["status"], doc["difference"]["changed"]) == ("different", 1)


@pytest.mark.parametrize("column", ["id", "store"])
def test_a_tampered_file_of_any_day_fails_in_an_append_model(shop: Shop, column: str) -> None:
    shop.run()
    [first] = shop.data_files("staging.sales")
    shop.day(2, [(3, "a", 1.0)])
    tamper(first, column, 77 if column == "id" else "z")
    found = one(shop, "staging.sales")
    assert found.status == "different"
    assert found.difference is not None
    assert (found.difference.added, found.difference.removed) == (1, 1)


def test_a_row_that_was_added_taken_or_doubled(shop: Shop) -> None:
    shop.run()
    [path] = shop.data_files("marts.revenue")
    whole = path.read_bytes()
    table = pq.read_table(path)
    for changed, numbers in ((table.slice(1), (1, 0, 0)), (table.take([0, 1, 1]), (0, 1, 0))):
        pq.write_table(changed, path)
        found = one(shop, "marts.revenue")
        assert found.status == "different"
        assert found.difference is not None
        assert (found.difference.added, found.difference.removed, found.difference.changed) == numbers
    path.write_bytes(whole)
    assert one(shop, "marts.revenue").status == "same"


def test_a_file_that_cannot_be_read(shop: Shop) -> None:
    shop.run()
    [path] = shop.data_files("marts.revenue")
    path.write_bytes(b"PAR1 no more")
    found = one(shop, "marts.revenue")
    assert found.status == "different"
    assert "cannot be read" in found.reason
    path.unlink()
    assert one(shop, "marts.revenue").status == "different"


def test_a_tampered_input_fails_its_own_table_and_what_was_made_of_it(shop: Shop) -> None:
    shop.run()
    [path] = shop.data_files("staging.sales")
    tamper(path, "amount", 1000.0)
    assert statuses(shop, "sales", "revenue", "latest") == {
        "staging.sales": "different",
        "marts.revenue": "different",
        "staging.latest": "same",
    }


def test_sums_of_floating_point_numbers_within_the_stated_tolerance(shop: Shop) -> None:
    shop.run()
    [path] = shop.data_files("marts.revenue")
    at = pq.read_table(path)["name"].to_pylist().index("A")
    tamper(path, "revenue", 10.5 * (1 + 1e-12), row=at)
    found = one(shop, "marts.revenue")
    assert (found.status, found.near) == ("same", ("revenue",))
    assert one(shop, "marts.revenue", tolerance=1e-15).status == "different"
    assert one(shop, "marts.revenue", tolerance=0).status == "different"


def test_the_tolerance_holds_without_a_key_too(shop: Shop) -> None:
    shop.write(
        "models/marts/loose.sql", "SELECT store, amount / 3 AS third FROM staging.sales UNION ALL SELECT 'a', 7.0"
    )
    shop.run()
    [path] = shop.data_files("marts.loose")
    at = pq.read_table(path)["third"].to_pylist().index(3.5)
    tamper(path, "third", 3.5 * (1 + 1e-12), row=at)
    assert one(shop, "marts.loose").status == "same"
    tamper(path, "third", 3.6, row=at)
    found = one(shop, "marts.loose")
    assert found.status == "different"
    assert found.difference is not None
    assert found.difference.columns == {"third": 1}


# ---- what cannot be made again ----


def test_a_raw_file_that_changed_is_named(shop: Shop) -> None:
    shop.write("models/marts/files.sql", "FROM read_csv('raw/*.csv')")
    shop.run()
    shop.write("raw/day1.csv", "id,store,amount\n1,a,10.5\n2,b,20.26\n")
    for name in ("marts.files", "staging.sales"):
        found = one(shop, name)
        assert found.status == "unknown"
        assert "raw/day1.csv changed since" in found.reason


def test_a_file_that_came_later_is_not_read(shop: Shop) -> None:
    shop.write("models/marts/files.sql", "FROM read_csv('raw/*.csv')")
    shop.run()
    shop.write("raw/day0.csv", "id,store,amount\nx,a,y\n")
    assert statuses(shop, "marts.files", "staging.sales") == {"marts.files": "same", "staging.sales": "same"}


def test_an_append_model_is_verified_as_far_back_as_its_files_are_there(shop: Shop) -> None:
    shop.run()
    run = shop.day(2, [(3, "a", 1.0)])
    (shop.root / "raw/day1.csv").unlink()
    found = one(shop, "staging.sales")
    assert found.status == "same"
    assert "raw/day1.csv" in found.given
    [_, path] = sorted(shop.data_files("staging.sales"), key=lambda path: path.stat().st_mtime)
    tamper(path, "id", 99)
    assert statuses(shop, run)["staging.sales"] == "different"


def test_a_renamed_file_was_read_once(shop: Shop) -> None:
    shop.run()
    shop.day(2, [(3, "a", 1.0)])
    (shop.root / "raw/day2.csv").rename(shop.root / "raw/second.csv")
    shop.day(3, [(4, "a", 1.0)])
    assert len(shop.rows("staging.sales")) == 4
    found = one(shop, "staging.sales")
    assert (found.status, "raw/day2.csv" in found.given) == ("same", True)


def test_what_is_lost_from_the_warehouse_is_told(shop: Shop) -> None:
    shop.run()
    own = shop.root / "warehouse/_lakeorch"
    [kept] = [p for p in (own / "queries").iterdir() if "revenue" in p.read_text() or "sum(amount)" in p.read_text()]
    text = kept.read_text()
    kept.write_text("{broken")
    assert "cannot be read" in one(shop, "marts.revenue").reason
    kept.unlink()
    assert one(shop, "marts.revenue").reason == "its query was not recorded"
    kept.write_text(text)
    assert one(shop, "marts.revenue").status == "same"
    for path in (own / "files").iterdir():
        path.unlink()
    assert "the list of the files" in one(shop, "staging.sales").reason


def test_an_input_that_expired_is_told(shop: Shop) -> None:
    first = shop.run()
    shop.day(2, [(3, "a", 1.0)])
    snapshot = shop.project.history("staging.sales")[-1].snapshot_id
    shop.table("staging.sales").maintenance.expire_snapshots().by_id(snapshot).commit()
    found = {each.version.table: each for each in shop.project.verify(first)}
    assert found["marts.revenue"].status == "unknown"
    assert "staging.sales" in found["marts.revenue"].reason
    assert one(shop, "marts.revenue").status == "same"


def test_another_writers_rows(shop: Shop) -> None:
    shop.run()
    shop.append_foreign("staging.sales", {"id": [9], "store": ["z"], "amount": [1.0]})
    found = one(shop, "staging.sales")
    assert (found.status, found.reason) == ("unknown", "another writer made it")
    shop.day(2, [(3, "a", 1.0)])
    found = one(shop, "staging.sales")
    assert found.status == "same"
    assert "another writer's" in found.given


def test_a_history_says_that_it_cannot(shop: Shop) -> None:
    shop.write(
        "models/marts/stores.sql",
        "/* ---\nmaterialized: history\nunique_key: [store]\n--- */\nSELECT DISTINCT store FROM staging.sales",
    )
    shop.run()
    found = one(shop, "marts.stores")
    assert (found.status, "history" in found.reason) == ("unknown", True)


def test_targets(shop: Shop) -> None:
    run = shop.run()
    assert len(shop.project.verify(run, "marts.revenue", "revenue")) == 3
    with pytest.raises(UsageError, match="no table"):
        shop.project.verify("marts.nothing")


def test_joined_drivers_are_replayed_as_they_were_run(shop: Shop) -> None:
    """An append that reads its driving table twice takes the difference of two whole queries."""
    shop.write(
        "models/marts/pairs.sql",
        "/* ---\nmaterialized: append\n--- */\nSELECT x.id AS one, y.id AS other FROM staging.sales x "
        "JOIN staging.sales y ON x.store = y.store AND x.id < y.id",
    )
    shop.run()
    shop.day(2, [(3, "a", 1.0)])
    shop.day(3, [(4, "a", 1.0), (5, "b", 1.0)])
    assert shop.rows("marts.pairs") == [(1, 3), (1, 4), (2, 5), (3, 4)]
    assert one(shop, "marts.pairs").status == "same"


def test_a_rebuilt_append_begins_anew(shop: Shop) -> None:
    shop.run()
    shop.day(2, [(3, "a", 1.0)])
    Project(shop.folder).run(full=True)
    shop.day(3, [(4, "a", 1.0)])
    assert statuses(shop, *TABLES) == dict.fromkeys(TABLES, "same")
