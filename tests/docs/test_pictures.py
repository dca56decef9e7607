"""docs/images/: what is drawn there is what the sample project looks like; `python docs/pictures.py` draws it again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from xml.etree import ElementTree

import pytest

from lakeorch.project import Project
from tests.sessions import ROOT

IMAGES = ROOT / "docs" / "images"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def pictures() -> ModuleType:
    """docs/pictures.py, which is no package."""
    spec = spec_from_file_location("docs_pictures", ROOT / "docs" / "pictures.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def project(pictures: ModuleType) -> Iterator[Project]:
    with pictures.sample() as found:
        yield found


def words(picture: str) -> str:
    return " ".join(each.text or "" for each in ElementTree.fromstring(picture).iter(f"{SVG}text"))


def test_the_lineage_is_that_of_the_sample(pictures: ModuleType, project: Project) -> None:
    written = (IMAGES / "lineage.svg").read_text(encoding="utf-8")
    assert project.lineage(pictures.COLUMN, down=True).to_svg() == written.rstrip()


def test_the_graph_is_that_of_the_sample(project: Project) -> None:
    """But for the colours: the picture was drawn after a run."""
    written = (IMAGES / "graph.svg").read_text(encoding="utf-8").rstrip()
    assert re.sub("never-built", "fresh", project.graph().to_svg()).count("class=") == written.count("class=")
    assert words(written) == words(project.graph().to_svg())
    assert "never-built" not in written.split("</style>")[1]


def test_the_screen_is_that_of_a_run(project: Project) -> None:
    shown = words((IMAGES / "run.svg").read_text(encoding="utf-8")).replace("\xa0", " ")
    assert [line.model for line in project.list() if line.model not in shown] == []
    assert "lakeorch run sql_models" in shown
    assert "running" in shown


@pytest.mark.parametrize("name", ["graph", "lineage", "run"])
def test_a_picture_loads_nothing(name: str) -> None:
    text = (IMAGES / f"{name}.svg").read_text(encoding="utf-8")
    assert not re.search(r"href=|url\(|@import|@font-face|<script", text)
