"""Keeping a lake small: what expires, what is rewritten, which files nothing needs; nothing here knows an engine."""

from __future__ import annotations

from lakeorch.lake.upkeep.compact import Pack, Repacked
from lakeorch.lake.upkeep.policy import Clock, Policy
from lakeorch.lake.upkeep.work import Tended, Upkeep

__all__ = ["Clock", "Pack", "Policy", "Repacked", "Tended", "Upkeep"]
