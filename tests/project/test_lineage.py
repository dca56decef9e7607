"""`lakeorch lineage`: text, JSON and a page, up and down."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from lakeorch.cli import program
from lakeorch.errors import UsageError
from lakeorch.project import Project
from tests.conftest import Make, picture

FILES = {
    "data/x.csv": "id,price,kind\n1,2.5,a\n",
    "models/a/raw.sql": "SELECT id, price, kind FROM read_csv('data/x.csv')",
    "models/b/sales.sql": "SELECT id, price * 2 AS amount FROM a.raw WHERE kind = 'a'",
    "models/c/totals.sql": "SELECT sum(amount) AS total, max(id) AS last FROM b.sales",
}

TEXT = """\
b.sales.amount  double
  made of
  └─ derived  a.raw.price
     └─ copied   data/x.csv: price
  goes into
  └─ derived  c.totals.total
which rows it has
  filter   b.sales by a.raw.kind
"""


@pytest.fixture
def folder(make: Make) -> Path:
    return make(FILES)


def test_the_text_of_a_column(folder: Path) -> None:
    before = picture(folder.parent)
    done = CliRunner().invoke(program, ["lineage", "b.sales.AMOUNT", "-p", str(folder)])
    assert done.output == TEXT
    assert picture(folder.parent) == before


def test_one_direction(folder: Path) -> None:
    project = Project(folder)
    assert project.lineage("sales.amount", up=True).down == ()
    assert project.lineage("sales.amount", down=True).up == ()
    both = project.lineage("sales.amount", up=True, down=True)
    assert both == project.lineage("sales.amount")
    assert both.name == "b.sales.amount"


def test_json_has_every_link(folder: Path) -> None:
    done = CliRunner().invoke(program, ["lineage", "c.totals.total", "--up", "--format", "json", "-p", str(folder)])
    doc = json.loads(done.output)
    assert (doc["model"], doc["column"], doc["down"]) == ("c.totals", "total", [])
    first = next(link for link in doc["up"] if link["kind"] != "filter")
    assert {key: first[key] for key in ("distance", "source", "column", "target", "target_column", "kind")} == {
        "distance": 1,
        "source": "b.sales",
        "column": "amount",
        "target": "c.totals",
        "target_column": "total",
        "kind": "derived",
    }


def test_the_page_needs_nothing_else_and_holds_every_column(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "lineage.html"
    done = CliRunner().invoke(program, ["lineage", "b.sales", "-o", str(page), "-p", str(folder)])
    assert done.output.strip() == str(page)
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)=|https?:|@import|url\(", text)
    boxes = set(re.findall(r'data-name="([^"]+)"', text))
    assert {"b.sales.id", "b.sales.amount", "a.raw.price", "c.totals.total", "b.sales (rows)"} <= boxes
    assert {end for edge in re.findall(r'data-from="([^"]+)" data-to="([^"]+)"', text) for end in edge} <= boxes


def test_the_picture_stands_alone(folder: Path, tmp_path: Path) -> None:
    Project(folder).run()
    found = Project(folder)
    lineage, graph = found.lineage("b.sales.amount").to_svg(), found.graph().to_svg()
    for text, names in (
        (lineage, ["a.raw.price", "b.sales.amount", "c.totals.total", "data/x.csv: price"]),
        (graph, ["a.raw", "b.sales", "c.totals"]),
    ):
        tree = ElementTree.fromstring(text)
        texts = [each.text for each in tree.iter("{http://www.w3.org/2000/svg}text")]
        assert sorted(texts) == names
        assert len(list(tree.iter("{http://www.w3.org/2000/svg}path"))) == len(names) - 1
        assert not re.search(r"href=|url\(|@import", text)


def test_of_a_model_all_columns(folder: Path) -> None:
    text = Project(folder).lineage("b.sales").to_text()
    assert text.index("b.sales.id  ") < text.index("b.sales.amount  ")


@pytest.mark.parametrize(
    ("target", "message", "hint"),
    [
        ("b.salse", "no model", "b.sales"),
        ("b.sales.amuont", "no column", "amount"),
        ("nothing_like_it", "no model", ""),
    ],
)
def test_a_mistyped_name(folder: Path, target: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        Project(folder).lineage(target)
    assert hint in caught.value.hint
