"""What a trial does to a project, by name: a run, or another command that commits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def command(folder: Path, name: str, *arguments: str) -> Any:
    """Does it to the project of a folder of models; what comes back has a `status`."""
    from lakeorch.project import Project

    def project(env: str | None = None) -> Project:
        return Project(folder, env=env, threads=1)

    commands: dict[str, Callable[..., Any]] = {
        "run": lambda *env: project(*env).run(),
        "unpin": lambda: project().run(unpin=True),
        "rollback": lambda: project().rollback(project().runs()[0].run_id),
        "maintain": lambda: project().maintain(grace="0"),
        "promote": lambda env: project().promote(env),
    }
    return commands[name](*arguments)
