"""A `lakeorch.yml` that was checked is known again: only while nothing that it follows from has moved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lakeorch.errors import ProjectError
from lakeorch.project import Project, config, declared
from lakeorch.project.config import Config, load_config
from tests.conftest import Make, picture

TOLD = """\
name: shop
models: models
threads: 3
memory: 512MB
variables: {n: 3, rate: 1.0, on: true, word: "3"}
properties: {region: eu}
environments: {lab: {warehouse: lab, variables: {n: 4}}, dev: {}}
defaults: {.: {owner: me}, a: {tags: [daily], keep_for: 2d}}
owners: {me: "#me"}
maintain: {every: 1d}
"""


@pytest.fixture
def folder(make: Make) -> Path:
    return make({"lakeorch.yml": TOLD, "models/a/t.sql": "SELECT $n AS y"})


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The contents that were checked."""
    found: list[bytes] = []
    original = config._checked

    def check(content: bytes, root: Path, env: str) -> declared.Declared:
        found.append(content)
        return original(content, root, env)

    monkeypatch.setattr(config, "_checked", check)
    return found


def load(folder: Path, env: str | None = None) -> Config:
    return load_config(folder, env, {})


def kept(folder: Path) -> list[Path]:
    return sorted((folder.parent / ".lakeorch/declared").glob("*"))


@pytest.mark.parametrize("env", [None, "lab", "dev", "other"])
def test_what_is_known_again_is_what_was_checked(folder: Path, checked: list[bytes], env: str | None) -> None:
    before = load(folder, env)
    Project(folder).run()
    checked.clear()
    after = load(folder, env)
    assert checked == []
    assert after == before
    assert [*map(type, after.variables.values())] == [*map(type, before.variables.values())]


def test_only_a_run_keeps_it(folder: Path) -> None:
    before = picture(folder.parent)
    Project(folder).plan()
    Project(folder).validate()
    assert picture(folder.parent) == before
    Project(folder).run()
    assert len(kept(folder)) == 1


def edit(file: Path, old: bytes, new: bytes) -> None:
    assert old in file.read_bytes()
    file.write_bytes(file.read_bytes().replace(old, new))


CHANGES: dict[str, Callable[[Path], object]] = {
    "a value": lambda folder: edit(folder.parent / "lakeorch.yml", b"rate: 1.0", b"rate: 1.5"),
    "a comment": lambda folder: edit(folder.parent / "lakeorch.yml", b"name", b"# new\nname"),
    "a torn cache": lambda folder: kept(folder)[0].write_bytes(kept(folder)[0].read_bytes()[:-3]),
    "a spoilt cache": lambda folder: edit(kept(folder)[0], b'"n":3', b'"n":4'),
    "a lost cache": lambda folder: kept(folder)[0].unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_change_is_checked(folder: Path, checked: list[bytes], change: str) -> None:
    Project(folder).run()
    checked.clear()
    CHANGES[change](folder)
    assert load(folder).variables == {"n": 3, "rate": 1.5 if change == "a value" else 1.0, "on": True, "word": "3"}
    assert len(checked) == 1


def test_that_the_folder_of_models_is_gone_is_seen(folder: Path) -> None:
    Project(folder).run()
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(ProjectError) as caught:
        load(folder.parent)
    assert [finding.message for finding in caught.value.findings] == ["there is no folder models"]


@pytest.mark.parametrize("what", ["version", "library", "own code"])
def test_what_checked_it_is_a_part_of_the_question(
    folder: Path, checked: list[bytes], what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    Project(folder).run()
    checked.clear()
    if what == "version":
        monkeypatch.setattr("lakeorch.__version__", "999")
    elif what == "library":
        monkeypatch.setattr(declared, "CHECKED_BY", ("yaml", "pydantic", "json"))
    else:
        for name in ("project/declared.py", "project/file.py", "parse/yaml.py"):
            file = tmp_path / "code" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("")
        monkeypatch.setattr(declared, "__file__", str(tmp_path / "code/project/declared.py"))
    load(folder)
    assert len(checked) == 1


UNKEPT = {
    "the surroundings": "variables: {n: 3, place: '${PLACE_OF_SHOP:-here}'}",
    "the surroundings in other letters": 'variables: {n: 3, place: "\\x24{PLACE_OF_SHOP:-here}"}',
    "a secret": "variables: {n: 3, api_token: hunter2}",
    "a login": "{variables: {n: 3}, properties: {header.Authorization: Bearer hunter2}}",
    "a secret of an environment": "{variables: {n: 3}, environments: {far: {properties: {s3.secret: hunter2}}}}",
    "a password": "{variables: {n: 3}, environments: {far: {catalog: 'postgresql://me:hunter2@db/shop'}}}",
    "a password in a value": "{variables: {n: 3}, properties: {proxy: 'http://me:hunter2@proxy'}}",
    "rules that may be plugged in": "{variables: {n: 3}, lint: {select_star: error}}",
    "a date": "variables: {n: 3, since: 2025-01-01}",
}


@pytest.mark.parametrize("what", UNKEPT)
def test_what_is_secret_or_not_of_the_file_alone_is_not_kept(make: Make, what: str) -> None:
    folder = make({"lakeorch.yml": UNKEPT[what], "models/a/t.sql": "SELECT $n AS y"})
    for _ in range(2):
        Project(folder).run()
    assert kept(folder) == []


def test_what_is_never_kept_is_checked_once_a_run(make: Make, checked: list[bytes]) -> None:
    """Who asks the keyring again asks its owner again."""
    folder = make({"lakeorch.yml": UNKEPT["the surroundings"], "models/a/t.sql": "SELECT $n AS y"})
    Project(folder).run()
    assert len(checked) == 1


def test_a_run_with_nothing_to_do_loads_neither_yaml_nor_what_checks_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakeorch.project.idle.GRAIN_NS", 0)
    for _ in range(2):
        Project(folder).run()
    script = (
        "import json, sys; from lakeorch.cli import main; main(sys.argv[1:]); print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "run", str(folder)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(declared.__file__).parents[2])},
    )
    said, modules = done.stdout.splitlines()
    assert said == "nothing to do: 1 model up to date"
    heavy = {"yaml", "pydantic", "msgspec", "sqlglot", "duckdb", "pyarrow", "pyiceberg", "importlib.metadata"}
    assert not heavy & {*json.loads(modules)}
    assert not [name for name in json.loads(modules) if name.startswith(("lakeorch.parse", "lakeorch.plan"))]
