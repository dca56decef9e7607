"""A catalog behind a server: what goes wrong on the way, and the fate file where it takes one table at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyiceberg.exceptions import ServiceUnavailableError

from lakeorch.errors import CatalogError, ConflictError, MovedError, UsageError
from lakeorch.lake import Lake, commit
from lakeorch.lake.rest import ServerCatalog
from tests.rest import RestServer, Trouble

from .workshop import Workshop, rows

ONE = "SELECT range AS id, 1::BIGINT AS gen FROM range(3)"
TWO = "SELECT range AS id, 2::BIGINT AS gen FROM range(5)"
NAMES = ("n.a", "n.b", "n.c")


@pytest.fixture(params=["transactions", "table by table"])
def server(request: pytest.FixtureRequest) -> Iterator[RestServer]:
    with RestServer(transactions=request.param == "transactions").served() as server:
        yield server


@pytest.fixture
def shop(server: RestServer, tmp_path: Path) -> Iterator[Workshop]:
    shop = Workshop(tmp_path, server.uri)
    yield shop
    shop.close()


@pytest.fixture
def by_table(tmp_path: Path) -> Iterator[tuple[Workshop, RestServer]]:
    """Three tables at their first state, on a server that takes one table at a time."""
    with RestServer(transactions=False).served() as server:
        shop = Workshop(tmp_path, server.uri)
        shop.lake.publish([shop.stage(ONE, name=name, key=name) for name in NAMES], "r1")
        yield shop, server
        shop.close()


def _counts(shop: Workshop) -> dict[str, int]:
    """Rows of each table as pyiceberg's own client reads them."""
    catalog = shop.foreign()
    return {name: len(catalog.load_table(name).scan().to_arrow()) for name in NAMES}


def _fate(shop: Workshop) -> Path:
    return shop.warehouse / "_lakeorch/fate.json"


def _dies_at(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The commit ends before its numbered table, as if the process had been killed."""
    post, sent = ServerCatalog._post, []

    def dying(self: ServerCatalog, *request: object) -> None:
        sent.append(1)
        if len(sent) == number:
            raise KeyboardInterrupt
        post(self, *request)  # type: ignore[arg-type]

    monkeypatch.setattr(ServerCatalog, "_post", dying)


@pytest.mark.parametrize("trouble", ["lost", "unknown", "torn", "conflict", "busy"])
def test_a_commit_is_made_once_whatever_the_answer(
    shop: Workshop, server: RestServer, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "_FIRST_WAIT_S", 0.0)
    shop.lake.publish([shop.stage(ONE, name=name, key=name) for name in NAMES], "r1")
    staged = [shop.stage(TWO, name=name, key=f"2{name}", mode="append") for name in NAMES]
    server.troubles = [None, trouble, None, trouble] if "table" in shop.lake.guarantee else [trouble, trouble]
    assert shop.lake.publish(staged, "r2") == {change.name: change.snapshot_id for change in staged}
    assert _counts(shop) == dict.fromkeys(NAMES, 8)
    assert {len(shop.table(name).metadata.snapshots) for name in NAMES} == {2}
    assert not _fate(shop).exists()


def test_a_request_that_the_server_refuses_is_told(
    shop: Workshop, server: RestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "_FIRST_WAIT_S", 0.0)
    shop.lake.publish([shop.stage(ONE, name=name, key=name) for name in NAMES], "r1")
    server.troubles = ["refused"] * 20
    with pytest.raises(CatalogError, match="does not take this: CommitFailedException: asked to answer 400"):
        shop.lake.publish([shop.stage(TWO, name=name, key=f"2{name}") for name in NAMES], "r2")
    server.troubles = []
    assert _counts(shop) == dict.fromkeys(NAMES, 3)
    assert not _fate(shop).exists()


def test_rows_added_by_others_are_built_upon_or_in_the_way(shop: Workshop) -> None:
    shop.lake.publish([shop.stage(ONE, name=name, key=name) for name in NAMES], "r1")
    appends = [shop.stage(TWO, name=name, key=f"2{name}", mode="append") for name in NAMES]
    shop.append_foreign({"id": [77], "gen": [7]}, "n.b")
    shop.lake.publish(appends, "r2")
    assert _counts(shop) == {"n.a": 8, "n.b": 9, "n.c": 8}
    rebuilt = [shop.stage(ONE, name=name, key=f"3{name}") for name in NAMES]
    shop.append_foreign({"id": [78], "gen": [7]}, "n.c")
    with pytest.raises(ConflictError, match=r"n\.c: another writer changed its data"):
        shop.lake.publish(rebuilt, "r3")
    assert _counts(shop) == {"n.a": 8, "n.b": 9, "n.c": 9}


def test_a_table_that_was_read_must_stay(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It moves after the last look: the server itself must refuse, or the look that comes with the fate file."""
    shop.lake.publish([shop.stage(ONE, name=name, key=name) for name in NAMES], "r1")
    read = shop.lake.published()["n.c"].snapshot_id
    staged = [shop.stage(TWO, name=name, key=f"2{name}") for name in ("n.a", "n.b")]
    send, late = ServerCatalog.commit, [True]

    def after_another(self: ServerCatalog, *args: object) -> None:
        if late.pop() if late else False:
            shop.append_foreign({"id": [77], "gen": [7]}, "n.c")
        send(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(ServerCatalog, "commit", after_another)
    with pytest.raises(MovedError, match=r"n\.c: it moved while the run read it"):
        shop.lake.publish(staged, "r2", unmoved={"n.c": read})
    assert _counts(shop) == {"n.a": 3, "n.b": 3, "n.c": 4}


def test_rejected_rows_are_on_a_branch(shop: Workshop) -> None:
    shop.publish(ONE)
    staged = shop.stage(TWO, key="b", mode="append")
    assert shop.lake.reject(staged, "r2") == "branch rejected-r2 of n.t"
    assert shop.lake.reject(staged, "r2") == "branch rejected-r2 of n.t"
    assert len(shop.table().scan().use_ref("rejected-r2").to_arrow()) == 8
    assert len(rows(shop.lake.scan("n.t"))) == 3
    shop.lake.publish([staged], "r3")
    assert len(shop.table().scan().to_arrow()) == 8


def test_a_lake_of_many_namespaces(shop: Workshop) -> None:
    names = ["a.t", "a.b.t", "a.b.c.t", "z.t"]
    shop.lake.publish([shop.stage(ONE, name=name, key=name) for name in names], "r1")
    assert sorted(shop.lake.published()) == sorted(names)
    assert sorted(shop.lake.timelines()) == sorted(names)
    assert shop.foreign().load_table("a.b.c.t").scan().count() == 3


def test_an_older_metadata_file_is_read(shop: Workshop) -> None:
    shop.publish(ONE)
    before = shop.lake.published()["n.t"].location
    shop.publish(TWO, key="b")
    assert len(rows(shop.lake.scan("n.t", location=before))) == 3


# ---- one table at a time ----


@pytest.mark.parametrize("number", [1, 2, 3])
def test_what_a_dead_run_began_is_carried_through(
    by_table: tuple[Workshop, RestServer], number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _ = by_table
    staged = [shop.stage(TWO, name=name, key=f"2{name}") for name in NAMES]
    with monkeypatch.context() as patch:
        _dies_at(patch, number)
        with pytest.raises(KeyboardInterrupt):
            shop.lake.publish(staged, "r2")
    assert _counts(shop) == {name: 5 if at < number else 3 for at, name in enumerate(NAMES, 1)}
    shop.lake.settle()
    assert _counts(shop) == dict.fromkeys(NAMES, 5)
    assert {table.history[0] for table in shop.lake.published().values()} == {c.snapshot_id for c in staged}
    assert not _fate(shop).exists()
    shop.lake.settle()


def test_another_commit_carries_it_through_first(
    by_table: tuple[Workshop, RestServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _ = by_table
    dead = [shop.stage(TWO, name=name, key=f"2{name}") for name in NAMES]
    later = [shop.stage(ONE, name=name, key=f"3{name}", mode="append") for name in NAMES[1:]]
    with monkeypatch.context() as patch:
        _dies_at(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            shop.lake.publish(dead, "r2")
    with pytest.raises(MovedError, match="another run published it"):
        shop.lake.publish(later, "r3")
    assert _counts(shop) == dict.fromkeys(NAMES, 5)


def test_a_commit_that_fits_nowhere_yet_is_given_up(
    by_table: tuple[Workshop, RestServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of its tables shows it, and one cannot any more: that it was to be is forgotten."""
    shop, _ = by_table
    with monkeypatch.context() as patch:
        _dies_at(patch, 1)
        with pytest.raises(KeyboardInterrupt):
            shop.lake.publish([shop.stage(TWO, name=name, key=f"2{name}") for name in NAMES], "r2")
    shop.append_foreign({"id": [77], "gen": [7]}, "n.c")
    shop.lake.settle()
    assert _counts(shop) == {"n.a": 3, "n.b": 3, "n.c": 4}
    assert not _fate(shop).exists()


def test_a_foreign_writer_between_two_tables(
    by_table: tuple[Workshop, RestServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of others is dropped: rows are added on top of theirs; what cannot be is told, and the others stand."""
    shop, _ = by_table
    post, sent = ServerCatalog._post, []

    def late(self: ServerCatalog, *request: object) -> None:
        sent.append(1)
        if len(sent) == 2:
            shop.append_foreign({"id": [77], "gen": [7]}, "n.b")
        post(self, *request)  # type: ignore[arg-type]

    monkeypatch.setattr(ServerCatalog, "_post", late)
    shop.lake.publish([shop.stage(TWO, name=name, key=f"2{name}", mode="append") for name in NAMES], "r2")
    assert _counts(shop) == {"n.a": 8, "n.b": 9, "n.c": 8}
    sent.clear()
    with pytest.raises(ConflictError, match=r"n\.b: another writer"):
        shop.lake.publish([shop.stage(ONE, name=name, key=f"3{name}") for name in NAMES], "r3")
    assert _counts(shop) == {"n.a": 3, "n.b": 10, "n.c": 3}
    assert not _fate(shop).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 99, "changes": [1]}', '{"format": 1, "changes": [{}]}'])
def test_a_fate_file_that_says_nothing_is_removed(by_table: tuple[Workshop, RestServer], text: str) -> None:
    shop, _ = by_table
    _fate(shop).write_text(text)
    shop.publish(TWO, name="n.a", key="2")
    shop.lake.publish([shop.stage(TWO, name=name, key=f"3{name}") for name in NAMES], "r2")
    assert not _fate(shop).exists()


def test_the_fate_file_holds_the_protocols_own_requests(
    by_table: tuple[Workshop, RestServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _ = by_table
    _dies_at(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        shop.lake.publish([shop.stage(TWO, name=name, key=f"2{name}") for name in NAMES], "r2")
    changes = json.loads(_fate(shop).read_text())["changes"]
    assert [change["identifier"] for change in changes] == [{"namespace": ["n"], "name": n} for n in ("a", "b", "c")]
    assert {r["type"] for r in changes[0]["requirements"]} >= {"assert-table-uuid", "assert-ref-snapshot-id"}


# ---- reaching a server ----


def test_who_is_not_let_in_is_told_so(tmp_path: Path) -> None:
    with RestServer(transactions=True, token="right").served() as server:
        where = str(tmp_path / "warehouse")
        Lake.open(server.uri, where, properties={"token": "right"}, create=True).close()
        with pytest.raises(CatalogError, match="refused the login") as caught:
            Lake.open(server.uri, where, properties={"token": "wr0ng"}, create=True)
    assert "wr0ng" not in f"{caught.value.message}{caught.value.hint}"
    assert "properties" in caught.value.hint


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with RestServer(transactions=True).served() as server:
        lake = Lake.open(server.uri, str(tmp_path / "warehouse"), create=True)
    with pytest.raises(CatalogError, match="cannot be reached"):
        Lake.open(server.uri, str(tmp_path / "warehouse"), create=True)
    with pytest.raises(CatalogError, match="cannot be reached"):
        lake.published()
    lake.close()


def test_an_address_that_is_no_catalogs(tmp_path: Path) -> None:
    with (
        RestServer(transactions=True).served() as server,
        pytest.raises(CatalogError, match=r"does not take this.*no such endpoint"),
    ):
        Lake.open(f"{server.uri}/elsewhere", str(tmp_path / "warehouse"), create=True)


@pytest.mark.parametrize(("lists", "promise"), [(True, "one catalog transaction"), (False, "table by table")])
def test_no_more_is_promised_than_the_server_says(tmp_path: Path, lists: bool, promise: str) -> None:
    with RestServer(transactions=True, lists=lists).served() as server:
        lake = Lake.open(server.uri, str(tmp_path / "warehouse"), create=True)
        assert lake.guarantee.startswith(promise)
        lake.close()


def test_a_lost_connection_is_a_passing_failure() -> None:
    assert commit.passing(ServiceUnavailableError("no answer"))


def test_a_lake_beside_production_needs_a_catalog_of_its_own(tmp_path: Path) -> None:
    """A server keeps one set of tables: whatever name a lake has, it would be production's."""
    with RestServer(transactions=True).served() as server:
        for words in ({"name": "lakeorch_dev"}, {"environment": "dev"}):
            with pytest.raises(UsageError, match="a REST catalog has no room") as caught:
                Lake.open(server.uri, str(tmp_path / "warehouse"), create=True, **words)
            assert "of its own" in caught.value.hint


def test_once_a_table_shows_it_a_commit_goes_on_whatever_was_read(
    by_table: tuple[Workshop, RestServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run dies after its first table, and a table that it read moves: its other tables follow all the same."""
    shop, _ = by_table
    read = shop.lake.published()["n.c"].snapshot_id
    staged = [shop.stage(TWO, name=name, key=f"2{name}") for name in ("n.a", "n.b")]
    with monkeypatch.context() as patch:
        _dies_at(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            shop.lake.publish(staged, "r2", unmoved={"n.c": read})
    shop.append_foreign({"id": [77], "gen": [7]}, "n.c")
    shop.lake.settle()
    assert _counts(shop) == {"n.a": 5, "n.b": 5, "n.c": 4}


def test_an_answer_without_a_place_is_told(shop: Workshop, server: RestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.publish(ONE)
    loaded = server._loaded
    monkeypatch.setattr(server, "_loaded", lambda name: {**loaded(name), "metadata-location": None})
    with pytest.raises(CatalogError, match=r"does not say where the metadata of n\.t lies"):
        shop.lake.published()


def test_what_a_server_will_not_take_stands_in_nobodys_way(
    by_table: tuple[Workshop, RestServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, server = by_table
    with monkeypatch.context() as patch:
        _dies_at(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            shop.lake.publish([shop.stage(TWO, name=name, key=f"2{name}") for name in NAMES], "r2")
    server.troubles = ["refused"]
    shop.lake.settle()
    assert _counts(shop) == {"n.a": 5, "n.b": 3, "n.c": 5}
    assert not _fate(shop).exists()
