"""lakeorch: a folder of SQL models becomes published Apache Iceberg tables.

    import lakeorch as lo

    project = lo.Project("sql_models")
    print(project.plan().steps)
    result = project.run()
    table = project.query("SELECT * FROM marts.daily_sales").read_all()

Names are loaded on first use: importing lakeorch costs nothing. The design is in docs/design.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakeorch.errors import (
        CatalogError,
        ConflictError,
        EngineError,
        Finding,
        LakeorchError,
        ProjectError,
        UsageError,
    )
    from lakeorch.model import Action, Outcome, Step
    from lakeorch.observe import Event, Observer
    from lakeorch.plan import Plan
    from lakeorch.project import Project
    from lakeorch.project.result import Listed, Result
    from lakeorch.project.start import init

__version__ = "0.1.0"

__all__ = [
    "Action",
    "CatalogError",
    "ConflictError",
    "EngineError",
    "Event",
    "Finding",
    "LakeorchError",
    "Listed",
    "Observer",
    "Outcome",
    "Plan",
    "Project",
    "ProjectError",
    "Result",
    "Step",
    "UsageError",
    "__version__",
    "init",
]

_HOMES = {
    "Action": "model",
    "Event": "observe",
    "Listed": "project.result",
    "Observer": "observe",
    "Outcome": "model",
    "Plan": "plan",
    "Project": "project",
    "Result": "project.result",
    "Step": "model",
    "init": "project.start",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
