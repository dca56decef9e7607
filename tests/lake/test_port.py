"""The commit port by itself, on every catalog: all or nothing, and nothing where a table is not where expected."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pyiceberg.table.update import SetPropertiesUpdate

from lakeorch.lake.database import DatabaseError
from lakeorch.lake.port import CommitMissedError, TableCommit
from tests.rest import Creates, RestServer

from .workshop import Workshop, rows

ONE = "SELECT range AS id, 1::BIGINT AS gen FROM range(3)"


KINDS = ("sqlite", "postgres", "rest", "rest, no new tables", "rest, table by table")


@pytest.fixture(params=KINDS)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workshop]:
    with ExitStack() as stack:
        uri = request.getfixturevalue("postgres")() if request.param == "postgres" else ""
        if request.param.startswith("rest"):
            creates: Creates = "made" if request.param == "rest" else "refused"
            server = RestServer(transactions=request.param != KINDS[-1], creates=creates)
            uri = stack.enter_context(server.served()).uri
        shop = Workshop(tmp_path, uri)
        stack.callback(shop.close)
        for name in ("n.a", "n.b", "n.c"):
            shop.publish(ONE, name=name, key=name)
        yield shop


def _named(shop: Workshop, name: str, value: str) -> TableCommit:
    catalog = shop.lake._catalog
    table = catalog.table(name, catalog.pointers()[name])
    return TableCommit(name, table, (SetPropertiesUpdate(updates={"owner": value}),), table.io)


def _owners(shop: Workshop) -> dict[str, str]:
    return {name: table.properties.get("owner", "") for name, table in shop.lake.published().items()}


def _move(shop: Workshop, name: str) -> None:
    """Another writer comes first."""
    shop.append_foreign({"id": [77], "gen": [7]}, name)


def test_all_tables_or_none(shop: Workshop) -> None:
    catalog = shop.lake._catalog
    changes = [_named(shop, name, "x") for name in ("n.a", "n.b")]
    _move(shop, "n.b")
    with pytest.raises(CommitMissedError):
        catalog.commit(changes, {})
    assert set(_owners(shop).values()) == {""}
    catalog.commit([_named(shop, name, "y") for name in ("n.a", "n.b")], {})
    assert _owners(shop) == {"n.a": "y", "n.b": "y", "n.c": ""}


def test_a_held_table_must_stay_and_does(shop: Workshop) -> None:
    catalog = shop.lake._catalog
    before = catalog.pointers()
    catalog.commit([_named(shop, "n.a", "x")], {"n.b": before["n.b"], "n.none": None})
    now = catalog.pointers()
    assert {name: at for name, at in now.items() if name != "n.a"} == {n: at for n, at in before.items() if n != "n.a"}
    _move(shop, "n.c")
    for held in ({"n.c": before["n.c"]}, {"n.b": None}, {"n.none": before["n.c"]}):
        with pytest.raises(CommitMissedError):
            catalog.commit([_named(shop, "n.a", "y")], held)
    assert _owners(shop)["n.a"] == "x"


@pytest.mark.parametrize("shop", KINDS[:2], indirect=True)
def test_the_time_of_a_commit_is_the_tables_last(shop: Workshop) -> None:
    """A server tells the time itself."""
    catalog = shop.lake._catalog
    change = _named(shop, "n.a", "x")
    assert change.table is not None
    when = change.table.metadata.last_updated_ms + 5_000
    catalog.commit([TableCommit(change.name, change.table, change.updates, change.io, when)], {})
    assert catalog.table("n.a", str(catalog.pointer("n.a"))).metadata.last_updated_ms == when


def test_tables_of_another_catalog_are_put_in(shop: Workshop) -> None:
    catalog = shop.lake._catalog
    at = catalog.pointers()["n.a"]
    catalog.register({"m.x": at, "m.y": at})
    assert len(rows(shop.lake.scan("m.y"))) == 3
    with pytest.raises((CommitMissedError, DatabaseError)):
        catalog.register({"n.b": at})


def test_drop_takes_the_pointers_and_leaves_the_files(shop: Workshop) -> None:
    catalog = shop.lake._catalog
    before = catalog.pointers()
    _move(shop, "n.b")
    with pytest.raises(CommitMissedError):
        catalog.drop({"n.a": before["n.a"], "n.b": before["n.b"]})
    assert set(catalog.pointers()) == {"n.a", "n.b", "n.c"}
    catalog.drop({name: catalog.pointers()[name] for name in ("n.a", "n.b")})
    assert set(catalog.pointers()) == {"n.c"}
    assert all(Path(location.removeprefix("file://")).exists() for location in before.values())
    shop.publish(ONE, name="n.a", key="again")
    assert len(rows(shop.lake.scan("n.a"))) == 3
