"""`lakeorch bench`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_commands import Capture, document, lakeorch
from tests.conftest import Make

FILES = {
    "models/a/one.sql": "SELECT x FROM range(1000) t(x)",
    "models/a/two.sql": "SELECT count(*) AS n FROM a.one WHERE x % 2 = 0",
}
SLOW = "SELECT count(*) AS n FROM a.one WHERE x % 2 = 0 AND (SELECT sum(hash(y)) FROM range(30_000_000) t(y)) > 0"


def test_a_slowed_model_is_found_as_a_regression(make: Make, capsys: Capture, tmp_path: Path) -> None:
    folder, saved = make(FILES), tmp_path / "baseline.json"
    code, out, _ = lakeorch(capsys, "bench", folder, "--repeat", "3", "--only", "models", "--save", saved)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[3:5]] == ["a.one", "a.two"]
    assert json.loads(saved.read_text())["models"][1]["rows"] == 1
    make({"models/a/two.sql": SLOW})
    arguments = ["--repeat", "3", "--only", "models", "--baseline", saved, "--threshold", "3"]
    code, out, _ = lakeorch(capsys, "bench", folder, "-s", "a.two", *arguments)
    assert code == 1
    assert "slower  a.two (duckdb): " in out
    assert "its query changed" in out
    assert out.splitlines()[-1] == "1 of 1 time slower than the baseline by more than 3×"


def test_json_and_a_page(make: Make, capsys: Capture, tmp_path: Path) -> None:
    folder, page = make(FILES), tmp_path / "bench.html"
    other = make({f"other/{name.removeprefix('models/')}": text for name, text in FILES.items()}).parent / "other"
    (other / "a/two.sql").write_text(FILES["models/a/two.sql"] + " AND x > 100")
    asked = ["-s", "a.two", "--repeat", "1", "--only", "models", "--against", other, "--html", page]
    code, found = document(capsys, "bench", folder, *asked, "--json")
    assert code == 1
    assert [(answer["model"], answer["status"]) for answer in found["answers"]] == [("a.two", "different")]
    assert found["answers"][0]["difference"]["samples"]["removed"] == [{"n": 500}]
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--baseline", "none.json"], "the baseline none.json cannot be read"),
        (["--engines", "duckdv"], "there is no engine 'duckdv'"),
        (["--against", "nowhere"], "nowhere is neither a folder nor a git revision"),
        (["--threshold", "1"], "--threshold"),
        # before any work is done: the baseline, which cannot be read either, is not looked at
        (
            ["--save", "no/where.json", "--baseline", "none.json"],
            "no/where.json cannot be written: there is no folder no",
        ),
        (["--html", "no/where.html", "--baseline", "none.json"], "no/where.html cannot be written"),
    ],
)
def test_what_cannot_be_asked_for(make: Make, capsys: Capture, arguments: list[str], message: str) -> None:
    code, _, err = lakeorch(capsys, "bench", make(FILES), *arguments)
    assert code == 2
    assert message in err


def test_a_folder_without_models_is_said_to_be_one(capsys: Capture, tmp_path: Path) -> None:
    code, _, err = lakeorch(capsys, "bench", tmp_path)
    assert code == 2
    assert "there are no models in" in err
