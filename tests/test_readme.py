"""The README is run: its tour, its Python, its links. `python -m tests.test_readme` writes the tour down again."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import sessions
from tests.sessions import ROOT, Session, commands, run, settled

README = ROOT / "README.md"
MAIN_JOB = "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/lakeorch run sql_models"
TESTS = "python3 -m venv .venv && .venv/bin/pip install '.[dev]' && .venv/bin/pytest"
TOUR = re.compile(r"(?<=<!-- tour -->\n)(.*?)(?=<!-- /tour -->)", re.S)


def blocks(language: str, text: str | None = None) -> list[str]:
    """The code blocks of a language."""
    return sessions.blocks(language, README.read_text(encoding="utf-8") if text is None else text)


def tour() -> str:
    """The text between the tour's marks."""
    found = TOUR.search(README.read_text(encoding="utf-8"))
    assert found, "README.md has lost its <!-- tour --> marks"
    return found[1]


def rewritten(folder: Path) -> str:
    """The README with the output that the tour's commands print now."""
    fresh = sessions.rewritten(tour(), Session(folder, sessions.project(folder)))
    return TOUR.sub(lambda _: fresh, README.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], list[tuple[str, str, str]]]:
    """The sample project after the tour, and each command of it with the output as written and as seen."""
    folder = tmp_path_factory.mktemp("tour")
    environment = sessions.project(folder, cold=True)
    told = [pair for block in blocks("console", tour()) for pair in commands(block)]
    return folder, environment, [(command, output, run(command, folder, environment)) for command, output in told]


def test_the_two_commands_stand_there_word_for_word() -> None:
    lines = [re.sub(r"\s+#.*", "", line) for block in blocks("bash") for line in block.splitlines()]
    assert lines[:2] == [MAIN_JOB, TESTS]


def test_the_tour_prints_what_it_says(
    toured: tuple[Path, dict[str, str], list[tuple[str, str, str]]],
) -> None:
    told = toured[2]
    assert told
    for command, written, seen in told:
        assert settled(seen) == settled(written), f"`{command}` prints something else; python -m tests.test_readme"


def test_the_python_in_it_runs(toured: tuple[Path, dict[str, str], list[tuple[str, str, str]]]) -> None:
    folder, environment, _ = toured
    # an extension is downloaded: not from a test
    code = "\n".join(block for block in blocks("python") if "INSTALL" not in block)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("nothing to do")


def test_the_model_in_it_is_one(toured: tuple[Path, dict[str, str], list[tuple[str, str, str]]]) -> None:
    folder, environment, _ = toured
    model = folder / "sql_models" / "marts" / "from_the_readme.sql"
    model.write_text(blocks("sql")[0])
    try:
        assert "no mistakes found" in run("lakeorch validate -s marts.from_the_readme", folder, environment)
    finally:
        model.unlink()


def test_every_command_is_named() -> None:
    from lakeorch.cli import COMMANDS

    text = README.read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"| `lakeorch {name}`" not in text] == []


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "sql_models/README.md"])
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


def main() -> None:
    """Runs the tour and writes down what it printed."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        README.write_text(rewritten(Path(folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
