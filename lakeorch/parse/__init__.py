"""Step 1: files → Models.

`parse_folder` finds the models of a project and reads each with `parse_model`: its settings block (`block`, `settings`,
`checks`, on top of the place-aware `yaml`) and its SQL (`query`, made of `tokens`, `tables` and `digest`). Nothing here
raises for a mistake in a model; mistakes are returned as findings, all of them.
"""

from __future__ import annotations

from lakeorch.parse.facts import Facts
from lakeorch.parse.files import parse_check, parse_model, parse_query, read_source
from lakeorch.parse.folder import Defaults, Parsed, parse_folder
from lakeorch.parse.scalars import duration
from lakeorch.parse.settings import read_settings
from lakeorch.parse.yaml import Mark, Places, load_yaml, locate, validate

__all__ = [
    "Defaults",
    "Facts",
    "Mark",
    "Parsed",
    "Places",
    "duration",
    "load_yaml",
    "locate",
    "parse_check",
    "parse_folder",
    "parse_model",
    "parse_query",
    "read_settings",
    "read_source",
    "validate",
]
