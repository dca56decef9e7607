"""What many tests need: a project made from a few lines, and a picture of a folder."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.postgres import postgres  # noqa: F401  a fixture, for every test below this folder

# a script that puts the tests into the background has them, and all that they start, ignore Ctrl-C
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

Make = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes files (path relative to the project root → text) and returns the model folder `<root>/models`."""

    def write(files: Mapping[str, str]) -> Path:
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (tmp_path / "models").mkdir(exist_ok=True)
        return tmp_path / "models"

    return write


def picture(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its size and modification time: equal pictures mean nothing was written."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
