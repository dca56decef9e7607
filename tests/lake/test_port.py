"""The commit port by itself, on every catalog: all or nothing, and nothing where a table is not where expected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pyiceberg.table.update import SetPropertiesUpdate

from lakeorch.lake.port import CommitMissedError, TableCommit

from .workshop import Workshop, rows

ONE = "SELECT range AS id, 1::BIGINT AS gen FROM range(3)"


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workshop]:
    uri = request.getfixturevalue("postgres")() if request.param == "postgres" else ""
    shop = Workshop(tmp_path, uri)
    for name in ("n.a", "n.b", "n.c"):
        shop.publish(ONE, name=name, key=name)
    yield shop
    shop.close()


def _named(shop: Workshop, name: str, value: str) -> TableCommit:
    catalog = shop.lake._catalog
    table = catalog.table(name, catalog.pointers()[name])
    return TableCommit(name, table, (SetPropertiesUpdate(updates={"owner": value}),), table.io)


def _owners(shop: Workshop) -> dict[str, str]:
    return {name: table.properties.get("owner", "") for name, table in shop.lake.published().items()}


def test_all_tables_or_none(shop: Workshop) -> None:
    catalog = shop.lake._catalog
    changes = [_named(shop, name, "x") for name in ("n.a", "n.b")]
    catalog.commit([_named(shop, "n.b", "first")], {})
    with pytest.raises(CommitMissedError):
        catalog.commit(changes, {})
    assert _owners(shop) == {"n.a": "", "n.b": "first", "n.c": ""}
    catalog.commit([_named(shop, name, "y") for name in ("n.a", "n.b")], {})
    assert _owners(shop) == {"n.a": "y", "n.b": "y", "n.c": ""}


def test_a_held_table_must_stay_and_does(shop: Workshop) -> None:
    catalog = shop.lake._catalog
    before = catalog.pointers()
    change = _named(shop, "n.a", "x")
    catalog.commit([change], {"n.b": before["n.b"], "n.none": None})
    assert {name: at for name, at in catalog.pointers().items() if name != "n.a"} == {
        name: at for name, at in before.items() if name != "n.a"
    }
    catalog.commit([_named(shop, "n.c", "moved")], {})
    for held in ({"n.c": before["n.c"]}, {"n.b": None}, {"n.none": before["n.c"]}):
        with pytest.raises(CommitMissedError):
            catalog.commit([_named(shop, "n.a", "y")], held)
    assert _owners(shop)["n.a"] == "x"


def test_the_time_of_a_commit_is_the_tables_last(shop: Workshop) -> None:
    catalog = shop.lake._catalog
    change = _named(shop, "n.a", "x")
    assert change.table is not None
    when = change.table.metadata.last_updated_ms + 5_000
    catalog.commit([TableCommit(change.name, change.table, change.updates, change.io, when)], {})
    assert catalog.table("n.a", str(catalog.pointer("n.a"))).metadata.last_updated_ms == when


def test_drop_takes_the_pointers_and_leaves_the_files(shop: Workshop) -> None:
    catalog = shop.lake._catalog
    before = catalog.pointers()
    catalog.commit([_named(shop, "n.b", "moved")], {})
    with pytest.raises(CommitMissedError):
        catalog.drop({"n.a": before["n.a"], "n.b": before["n.b"]})
    assert set(catalog.pointers()) == {"n.a", "n.b", "n.c"}
    catalog.drop({name: catalog.pointers()[name] for name in ("n.a", "n.b")})
    assert set(catalog.pointers()) == {"n.c"}
    assert all(Path(location.removeprefix("file://")).exists() for location in before.values())
    shop.publish(ONE, name="n.a", key="again")
    assert len(rows(shop.lake.scan("n.a"))) == 3
