"""What a trial does to a project, by name: a run, or another command that commits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakeorch.project import Project


def command(project: Project, name: str, *arguments: str) -> Any:
    """Does it; what comes back has a `status`."""
    return COMMANDS[name](project, *arguments)


def _take_back_the_last(project: Project) -> Any:
    return project.rollback(project.runs()[0].run_id)


COMMANDS: dict[str, Callable[..., Any]] = {
    "run": lambda project: project.run(),
    "unpin": lambda project: project.run(unpin=True),
    "rollback": _take_back_the_last,
}
