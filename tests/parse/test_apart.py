"""Texts parsed in processes of their own give what they give here, and whatever cannot travel is parsed here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lakeorch.cache import Cache
from lakeorch.parse import apart, parse_folder

TEXTS = {
    "a/one.sql": "/* ---\nowner: me\ncolumns:\n  x: {checks: [not_null, {accepted: [1, 2]}]}\n--- */\nSELECT 1 AS x",
    "a/two.sql": "SELECT x, $n AS y FROM one JOIN read_csv('raw/*.csv') USING (x)",
    "a/dated.sql": "/* ---\ncolumns:\n  d: {checks: [{min: 2026-01-01}]}\n--- */\nSELECT current_date AS d",
    "a/wrong.sql": "SELEC 1",
    "a/empty.sql": "",
    "a/bytes.sql": "SELECT 'ä' AS x -- \N{GRINNING FACE}",
    "a/py.py": 'def py(one):\n    """\n    columns: {x: long}\n    """\n    return one\n',
    "b/plain.sql": "SELECT * FROM a.one",
    "checks/some.sql": "SELECT 1 AS x FROM a.one WHERE x < 0",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in TEXTS.items():
        path = tmp_path / "models" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(apart, "WORTH", 1)
    monkeypatch.setattr(apart, "_processors", lambda: 3)
    return tmp_path / "models"


def defaults(path: str) -> dict[str, object]:
    return {"a": {"tags": ["daily"]}, "b": {"owner": "them"}}.get(path, {})


def test_what_comes_back_is_what_is_parsed_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache()
    found = parse_folder(folder, folder.parent, defaults, cache)
    again = parse_folder(folder, folder.parent, defaults, cache)
    monkeypatch.setattr(apart, "_processors", lambda: 1)
    here = parse_folder(folder, folder.parent, defaults)
    for each in (found, again):
        assert each.models == here.models
        assert each.checks == here.checks
        assert each.findings == here.findings
        assert list(each.found) == list(here.found)


def test_workers_do_a_part(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    original = apart.Apart.made
    monkeypatch.setattr(apart.Apart, "made", lambda self: [made.append(each[0]) or each for each in original(self)])
    parse_folder(folder, folder.parent, defaults)
    assert len(made) >= 3
    assert "a.wrong" not in made
    assert "a.dated" not in made


@pytest.mark.parametrize("program", ["/nowhere/python", "/bin/false", "/bin/echo"])
def test_without_workers_all_is_parsed_here(folder: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    expected = parse_folder(folder, folder.parent, defaults)
    monkeypatch.setattr(sys, "executable", program)
    assert parse_folder(folder, folder.parent, defaults).models == expected.models


def test_few_texts_start_no_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "WORTH", 250)
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("a process was started"))
    parse_folder(folder, folder.parent, defaults)
