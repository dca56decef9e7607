"""What is plugged in, from the folders of lakeorch and from other packages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakeorch import plugins
from lakeorch.errors import UsageError


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    for forget in (plugins.names, plugins._modules, plugins.entry_points):
        forget.cache_clear()
    yield
    for forget in (plugins.names, plugins._modules, plugins.entry_points):
        forget.cache_clear()


def test_own_modules_are_found_and_loaded() -> None:
    assert "duckdb" in plugins.names("engines")
    assert {"not_null", "unique", "sql"} <= set(plugins.names("checks"))
    assert "files" in plugins.names("sources")
    assert plugins.load("engines", "duckdb").__name__ == "lakeorch.engines.duckdb"


def test_names_import_nothing() -> None:
    code = (
        "import sys; from lakeorch import plugins; plugins.names('engines'); plugins.names('checks');"
        "print([m for m in ('duckdb', 'pyarrow', 'lakeorch.checks.unique') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_name() -> None:
    with pytest.raises(UsageError, match="there is no engine 'duckbd'") as caught:
        plugins.load("engines", "duckbd")
    assert caught.value.hint == 'did you mean "duckdb"?'
    with pytest.raises(UsageError) as caught:
        plugins.load("engines", "zzz")
    assert "duckdb" in caught.value.hint


def test_unknown_kind() -> None:
    with pytest.raises(ValueError, match="cli"):
        plugins.names("cli")


def test_another_package_plugs_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other_package.py").write_text("def condition(check):\n    return 'TRUE'\n")
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lakeorch.checks]\nalways = other_package\nunique = other_package\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "always" in plugins.names("checks")
    assert plugins.load("checks", "always").__name__ == "other_package"
    assert plugins.load("checks", "unique").__name__ == "lakeorch.checks.unique"
