"""The graph as text, DOT and a page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lakeorch.project import Project
from lakeorch.project.chart import Chart
from tests.conftest import Make

FILES = {
    "raw/a.csv": "x\n1\n",
    "models/raw/a.sql": "/* ---\nowner: ann\ndescription: As it came\n--- */\nFROM read_csv('raw/*.csv')",
    "models/mid/v.sql": "/* ---\nmaterialized: view\n--- */\nSELECT x + 1 AS x FROM raw.a",
    "models/mid/b.sql": "SELECT x FROM raw.a",
    "models/top/one.sql": "/* ---\ncolumns: {x: {description: It}}\n--- */\nSELECT b.x FROM mid.b JOIN mid.v USING (x)",
    "models/top/two.sql": "SELECT x FROM mid.b",
}


@pytest.fixture
def chart(make: Make) -> Chart:
    folder = make(FILES)
    Project(folder).run(["raw.a", "mid.*", "top.one"])
    make({"models/top/one.sql": FILES["models/top/one.sql"] + " WHERE x > 0"})
    return Project(folder).graph()


def data_of(page: str) -> Any:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


def test_a_tree_of_what_each_final_model_is_made_of(chart: Chart) -> None:
    assert chart.to_text() == (
        "top.one  [stale: query changed]\n"
        "├── mid.b\n"
        "│   └── raw.a\n"
        "│       └── raw/*.csv\n"
        "└── mid.v  [view]\n"
        "    └── raw.a  (see above)\n"
        "top.two  [never built]\n"
        "└── mid.b\n"
        "    └── raw.a\n"
        "        └── raw/*.csv"
    )


def test_a_part_of_the_graph(make: Make) -> None:
    folder = make(FILES)
    found = Project(folder).graph(["+top.two"], exclude=["raw.a"])
    assert [node.name for node in found.nodes] == ["mid.b", "top.two"]
    assert found.to_text() == "top.two  [never built]\n└── mid.b  [never built]\n    └── raw.a"


def test_dot(chart: Chart) -> None:
    lines = chart.to_dot().splitlines()
    assert lines[0].startswith("digraph ")
    assert '  "raw.a" -> "mid.b";' in lines
    assert '  "raw.a" [fillcolor="#d7ece0", tooltip="As it came"];' in lines
    assert sum(" -> " in line for line in lines) == 5


def test_the_page_holds_everything_and_refers_to_nothing_outside(chart: Chart) -> None:
    page = chart.to_html()
    assert "://" not in page
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?!#)|@import|url\(|fetch\(|XMLHttpRequest|import\(""", page)
    data = data_of(page)
    models = {model["model"]: model for model in data["models"]}
    assert {name: model["state"] for name, model in models.items()} == {
        "raw.a": "fresh",
        "mid.b": "fresh",
        "mid.v": "view",
        "top.one": "stale",
        "top.two": "never built",
    }
    assert {(up, name) for up, name, _ in data["edges"]} == {
        ("raw.a", "mid.b"),
        ("raw.a", "mid.v"),
        ("mid.b", "top.one"),
        ("mid.v", "top.one"),
        ("mid.b", "top.two"),
    }
    assert models["top.one"]["columns"] == [{"name": "x", "type": "long", "description": "It"}]
    assert models["raw.a"]["reads"] == ["raw/*.csv"]


def test_no_name_or_description_can_break_the_page(make: Make) -> None:
    nasty = '</script><script>alert(1)</script><!-- <b> & \\" {{data}}'
    block = f"/* ---\ndescription: {json.dumps(nasty)}\n--- */\n"
    page = Project(make({"models/a/t.sql": block + "SELECT 1 AS x"})).graph().to_html()
    assert data_of(page)["models"][0]["description"] == nasty
    assert page.count("</script>") == 2


def test_long_names_are_cut_in_their_boxes_only(make: Make) -> None:
    space, table = "a" * 40, "b" * 20
    page = Project(make({f"models/{space}/{table}.sql": "SELECT 1 AS x"})).graph().to_html()
    [model] = data_of(page)["models"]
    assert model["model"] == f"{space}.{table}"
    assert model["label"] == "a" * 22 + "…." + table


def test_a_browser_draws_it(chart: Chart, tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("there is no browser here")
    page = tmp_path / "graph.html"
    page.write_text(chart.to_html(), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    options += ["--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [browser, *options, "--window-size=1400,900", "--dump-dom", f"{page.as_uri()}#top.one"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"the browser does not run here: {error}")
    classes = re.findall(r'<g class="(node[^"]*)" data-name="([^"$]+)"', done.stdout)
    assert {name: kind.split()[1:] for kind, name in classes} == {
        "raw.a": ["up"],
        "mid.b": ["up"],
        "mid.v": ["up"],
        "top.one": ["chosen"],
        "top.two": ["dim"],
    }
    assert len(re.findall(r'<path class="edge up"', done.stdout)) == 4
    assert "stale: query changed" in done.stdout
