"""`lakeorch graph` and `lakeorch list -s`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lakeorch.project import Project
from tests.cli.test_commands import CHAIN, Capture, document, lakeorch
from tests.conftest import Make, picture


def test_a_tree_on_the_screen(make: Make, capsys: Capture) -> None:
    folder = make(CHAIN)
    before = picture(folder.parent)
    assert lakeorch(capsys, "graph", "-p", folder, "-s", "+two") == (
        0,
        "a.two  [never built]\n└── a.one  [never built]\n",
        "",
    )
    assert picture(folder.parent) == before


@pytest.mark.parametrize(
    ("arguments", "start"),
    [
        (["-o", "out.html"], "<!doctype html>"),
        (["-o", "out.dot"], "digraph "),
        (["-o", "out.gv"], "digraph "),
        (["-o", "out.svg"], "<svg xmlns="),
        (["-o", "out.json"], "{\n"),
        (["-o", "out.txt"], "a.two"),
        (["-o", "out.txt", "--format", "dot"], "digraph "),
    ],
)
def test_a_file_in_the_format_of_its_name(
    make: Make, capsys: Capture, monkeypatch: pytest.MonkeyPatch, arguments: list[str], start: str
) -> None:
    folder = make(CHAIN)
    monkeypatch.chdir(folder.parent)
    assert lakeorch(capsys, "graph", "-p", folder, *arguments) == (0, f"{arguments[1]}\n", "")
    assert Path(arguments[1]).read_text(encoding="utf-8").startswith(start)


def test_formats_on_standard_output(make: Make, capsys: Capture) -> None:
    folder = make(CHAIN)
    assert lakeorch(capsys, "graph", "-p", folder, "--format", "dot")[1].startswith("digraph ")
    _, out, _ = lakeorch(capsys, "graph", "-p", folder, "--format", "json")
    assert json.loads(out)["edges"] == [["a.one", "a.two"]]


def test_a_selector_that_means_nothing(make: Make, capsys: Capture) -> None:
    code, _, err = lakeorch(capsys, "graph", "-p", make(CHAIN), "-s", "a.tow")
    assert code == 2
    assert 'did you mean "a.two"?' in err


def test_what_a_roll_back_holds_is_told(make: Make, capsys: Capture) -> None:
    folder = make(CHAIN)
    Project(folder).run()
    make({"models/a/two.sql": CHAIN["models/a/two.sql"].replace("count(*)", "count(*) + 1")})
    Project(folder).rollback(Project(folder).run().run_id)
    out = lakeorch(capsys, "graph", "-p", folder)[1]
    assert "a.two  [pinned to run " in out


def test_list_takes_selectors_and_still_looks_at_everything(make: Make, capsys: Capture) -> None:
    folder = make(CHAIN)
    Project(folder).run()
    (folder / "b/three.sql").unlink()
    make({"models/a/one.sql": CHAIN["models/a/one.sql"] + " WHERE i < 9"})
    code, doc = document(capsys, "list", "-p", folder, "-s", "a.two")
    assert code == 0
    # the model above it is not selected, and yet it is the reason
    assert [(m["model"], m["state"], m["reason"]) for m in doc["models"]] == [
        ("a.two", "stale", "input a.one will be rebuilt")
    ]
    whole = document(capsys, "list", "-p", folder)[1]["models"]
    assert [m["model"] for m in whole] == ["a.one", "a.two", "b.three"]
    some = document(capsys, "list", "-p", folder, "--exclude", "tag:daily")[1]["models"]
    assert [m["model"] for m in some] == ["a.two"]
