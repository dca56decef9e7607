"""The notebook-like example runs from top to bottom, in a fresh copy; its own asserts say what must hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests import sessions


def test_the_script_runs(tmp_path: Path) -> None:
    variables = sessions.project(tmp_path, "examples/python_api")
    command = [sys.executable, "-W", "error", "explore.py"]
    done = subprocess.run(
        command, cwd=tmp_path / "python_api", env=variables, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "('marts.stations', 'pinned')" in done.stdout
    assert 'did you mean "trips"?' in done.stdout
