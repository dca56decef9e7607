"""Every benchmark over generated projects runs to its end on a tiny one, and its projects are what it says they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, str(FOLDER / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("script", "arguments", "figure"),
    [
        ("cold.py", ["--quick", "--models", "12", "--turns", "1"], "validate, 12 models"),
        ("first_build.py", ["--quick", "--models", "12", "--turns", "1"], "over the engine's own work"),
        ("planning.py", ["--quick", "--models", "12", "--turns", "1"], "plan, one leaf edited"),
        ("one_row.py", ["--snapshots", "2"], "one row more, 2 snapshots"),
        ("startup.py", ["--quick"], "lakeorch --help"),
    ],
)
def test_a_benchmark_prints_its_figure(script: str, arguments: list[str], figure: str) -> None:
    assert figure in run(script, *arguments)


def test_projects_are_the_same_each_time_and_of_the_size_that_is_said(tmp_path: Path) -> None:
    for name in ("one", "other"):
        run("projects.py", str(tmp_path / name), "40")
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.sql"))
    assert len(files) == 40
    for file in files:
        text = (tmp_path / "one" / file).read_text()
        assert (tmp_path / "other" / file).read_text() == text
        assert 30 <= text.partition("--- */\n")[2].count("\n") <= 82
