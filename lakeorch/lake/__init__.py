"""The only room that knows pyiceberg: what is published, staged changes, their records, and the one commit.

Names are loaded on first use, because pyiceberg and pyarrow are heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakeorch.lake.drop import Dropped
    from lakeorch.lake.environment import Environment
    from lakeorch.lake.lake import Lake
    from lakeorch.lake.records import Record
    from lakeorch.lake.rollback import Return
    from lakeorch.lake.scan import Scan
    from lakeorch.lake.staged import Draft, Mode, Staged
    from lakeorch.lake.upkeep import Clock, Pack, Policy, Repacked, Tended, Upkeep
    from lakeorch.lake.versions import Timeline, Version

__all__ = [
    "Clock",
    "Draft",
    "Dropped",
    "Environment",
    "Lake",
    "Mode",
    "Pack",
    "Policy",
    "Record",
    "Repacked",
    "Return",
    "Scan",
    "Staged",
    "Tended",
    "Timeline",
    "Upkeep",
    "Version",
]

_HOMES = {
    "Clock": "upkeep",
    "Draft": "staged",
    "Environment": "environment",
    "Dropped": "drop",
    "Lake": "lake",
    "Mode": "staged",
    "Pack": "upkeep",
    "Policy": "upkeep",
    "Record": "records",
    "Repacked": "upkeep",
    "Return": "rollback",
    "Scan": "scan",
    "Staged": "staged",
    "Tended": "upkeep",
    "Timeline": "versions",
    "Upkeep": "upkeep",
    "Version": "versions",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
