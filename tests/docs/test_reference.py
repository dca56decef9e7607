"""The reference pages say what the code says; `python docs/generate.py` writes them again."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

import pytest

from lakeorch import plugins
from lakeorch.project import Project
from tests.conftest import Make
from tests.sessions import ROOT


def generator() -> ModuleType:
    """docs/generate.py, which is no package."""
    spec = spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["commands.md", "settings.md", "checks.md", "properties.md"])
def test_the_page_is_up_to_date(page: str) -> None:
    written = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    assert generator().PAGES[page]() == written, "python docs/generate.py"


def test_every_check_has_its_section() -> None:
    written = (ROOT / "docs" / "reference" / "checks.md").read_text(encoding="utf-8")
    assert [name for name in plugins.names("checks") if f"\n## {name}\n" not in written] == []


def test_the_properties_are_those_of_a_snapshot(make: Make) -> None:
    folder = make({"models/a/t.sql": "SELECT 1 AS x"})
    project = Project(folder)
    project.run()
    (version,) = project.history("a.t")
    assert sorted(version.facts) == sorted(generator().PROPERTIES)
