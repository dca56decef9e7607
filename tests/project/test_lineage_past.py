"""`lakeorch lineage --at`: what was true then, out of the published tables, whatever the models say now."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from lakeorch.cli import program
from lakeorch.errors import UsageError
from lakeorch.project import Project
from lakeorch.project.lineage import Lineage
from tests.conftest import Make, picture

FILES = {
    "data/x.csv": "id,price,fee\n1,2.5,0.5\n",
    "models/a/raw.sql": "SELECT id, price, fee FROM read_csv('data/x.csv')",
    "models/b/net.sql": "/* ---\nmaterialized: view\n--- */\nSELECT *, price - fee AS net FROM raw",
    "models/c/totals.sql": "SELECT max(id) AS last, sum(net) AS total FROM b.net",
}
Write = Callable[[str, str], None]


@pytest.fixture
def folder(make: Make) -> Path:
    return make(FILES)


@pytest.fixture
def write(folder: Path) -> Write:
    return lambda name, text: (folder / name).write_text(text, encoding="utf-8") and None


def run(folder: Path) -> str:
    result = Project(folder).run()
    assert result.status == "published", result
    return result.run_id


def ends(found: Lineage) -> set[str]:
    """Every step between values, as `source.column>target.column`."""
    links = (*found.up, *found.down)
    return {f"{x.source}.{x.column}>{x.target}.{x.target_column}" for x in links if x.kind != "filter"}


THEN = {"a.raw.price>b.net.net", "a.raw.fee>b.net.net", "b.net.net>c.totals.total"}


def test_an_edited_view_and_model(folder: Path, write: Write) -> None:
    first = run(folder)
    then = Project(folder).lineage("c.totals.total")
    assert ends(then) >= THEN
    write("b/net.sql", "/* ---\nmaterialized: view\n--- */\nSELECT id, price AS net FROM a.raw")
    write("c/totals.sql", "SELECT sum(net * id) AS total FROM b.net")
    result = Project(folder).run(full=True)
    past = Project(folder).lineage("c.totals.total", at=first)
    assert (ends(past), past.columns, past.at) == (ends(then), then.columns, f"run {first}")
    assert ends(Project(folder).lineage("c.totals.last", at=first, up=True)) >= {"b.net.id>c.totals.last"}
    # of the view itself, and downwards
    assert ends(Project(folder).lineage("b.net.fee", at=first)) == {
        "a.raw.fee>b.net.fee",
        "file:data/x.csv.fee>a.raw.fee",
    }
    assert "b.net.net>c.totals.total" in ends(Project(folder).lineage("b.net.net", at=first, down=True))
    now = ends(Project(folder).lineage("c.totals.total"))
    assert "a.raw.fee>b.net.net" not in now
    assert ends(Project(folder).lineage("c.totals.total", at=result.run_id)) == now


def test_the_models_of_now_do_not_matter(folder: Path, write: Write) -> None:
    """Gone, broken, or another one of the same short name."""
    first = run(folder)
    expected = Project(folder).lineage("totals.total", at=first)
    assert ends(expected) >= THEN
    (folder / "c/totals.sql").unlink()
    write("b/net.sql", "SELECT nonsense FROM")
    (folder / "z").mkdir()
    write("z/raw.sql", "SELECT 1 AS price")
    (folder.parent / "data/x.csv").unlink()
    before = picture(folder.parent)
    assert ends(Project(folder).lineage("c.totals.total", at=first)) == ends(expected)
    assert picture(folder.parent) == before


def test_rows_that_stayed_the_same_under_another_query(folder: Path, write: Write) -> None:
    """No snapshot is made then; the table's metadata file of that time still tells."""
    first = run(folder)
    write("c/totals.sql", "SELECT max(id) AS last, sum(net) + 0 * max(fee) AS total FROM b.net")
    second = Project(folder).run()
    assert [version.run_id for version in Project(folder).history("c.totals")] == [first]
    assert "b.net.fee>c.totals.total" in ends(Project(folder).lineage("c.totals.total", at="2999-01-01"))
    assert "b.net.fee>c.totals.total" not in ends(Project(folder).lineage("c.totals.total", at=first))
    assert second.status == "published"


def test_without_the_metadata_file_of_then(folder: Path, write: Write) -> None:
    """Old metadata files may be cleaned up: snapshot and recorded query still tell."""
    first = run(folder)
    expected = Project(folder).lineage("c.totals.total", at=first)
    write("c/totals.sql", "SELECT 1 AS last, 2 AS total")
    run(folder)
    pointers = {table.location.rpartition("/")[2] for table in Project(folder).wiring.published().values()}
    gone = [p for p in (folder.parent / "warehouse").rglob("*.metadata.json") if p.name not in pointers]
    assert gone
    for path in gone:
        path.unlink()
    found = Project(folder).lineage("c.totals.total", at=first)
    assert (ends(found), found.columns) == (ends(expected), expected.columns)


def test_before_a_table_was_there(folder: Path, write: Write) -> None:
    first = run(folder)
    write("c/more.sql", "SELECT total FROM c.totals")
    run(folder)
    assert "c.totals.total>c.more.total" in ends(Project(folder).lineage("c.totals.total"))
    assert "c.totals.total>c.more.total" not in ends(Project(folder).lineage("c.totals.total", at=first))
    with pytest.raises(UsageError, match="there was no model") as caught:
        Project(folder).lineage("c.mroe", at=first)
    assert caught.value.hint == ""
    with pytest.raises(UsageError, match="no run, tag or time"):
        Project(folder).lineage("c.totals", at="yesterdaay")


def test_the_command(folder: Path) -> None:
    first = run(folder)
    words = ["lineage", "c.totals.total", "--up", "-p", str(folder), "--at", first[:12]]
    text = CliRunner().invoke(program, words).output
    assert text.splitlines()[:3] == [f"as of run {first}", "c.totals.total  double", "  made of"]
    assert json.loads(CliRunner().invoke(program, [*words, "--format", "json"]).output)["at"] == f"run {first}"
    assert f"lineage as of run {first}" in CliRunner().invoke(program, [*words, "--format", "html"]).output


def test_the_secrets_of_then_are_not_needed(folder: Path, write: Write) -> None:
    write("b/net.sql", "/* ---\nmaterialized: view\n--- */\nSELECT id, md5(price || $api_token) AS net FROM raw")
    write("c/totals.sql", "SELECT max(net) AS total FROM b.net")
    result = Project(folder, variables={"api_token": "pepper"}).run()
    assert result.status == "published"
    found = Project(folder).lineage("c.totals.total", at=result.run_id)
    assert "a.raw.price>b.net.net" in ends(found)


def test_at_a_tag_and_at_what_was_rolled_back(folder: Path, write: Write) -> None:
    first = run(folder)
    Project(folder).tag("closing")
    write("c/totals.sql", "SELECT 1 AS last, count(fee) AS total FROM b.net")
    second = run(folder)
    assert ends(Project(folder).lineage("c.totals.total", at="closing")) >= THEN
    Project(folder).rollback(second)
    # what was undone can still be looked at, and what is current again is as it was
    undone = ends(Project(folder).lineage("c.totals.total", at=second))
    assert "b.net.fee>c.totals.total" in undone
    assert "b.net.net>c.totals.total" not in undone
    then = ends(Project(folder).lineage("c.totals.total", at=first))
    assert ends(Project(folder).lineage("c.totals.total", at="2999-01-01")) == then
