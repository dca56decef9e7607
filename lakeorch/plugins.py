"""Finds what is plugged in: modules of lakeorch's own plural folders, and entry points of other packages.

An engine, a check, a source or an observer is added by one new file here, or by an entry point of the group
`lakeorch.<kind>` elsewhere; lakeorch's own names win.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from lakeorch.errors import UsageError, suggestion

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

Kind = Literal["engines", "checks", "sources", "observers", "lint"]


@lru_cache
def names(kind: Kind) -> tuple[str, ...]:
    """The names of a kind of plug-in, sorted; imports none of them."""
    return tuple(sorted({*_modules(kind), *_entry_points(kind)}))


def load(kind: Kind, name: str) -> Any:
    """A plug-in by name: a module of lakeorch's own, or what the entry point names.

    Raises:
        UsageError: there is none of that name; says the nearest.
    """
    if name in _modules(kind):
        return importlib.import_module(f"lakeorch.{kind}.{name}")
    if (value := _entry_points(kind).get(name)) is not None:
        from importlib.metadata import EntryPoint

        return EntryPoint(name, value, f"lakeorch.{kind}").load()
    known = names(kind)
    hint = suggestion(name, known) or f"there are: {', '.join(known)}"
    raise UsageError(f"there is no {kind.removesuffix('s')} {name!r}", hint=hint)


@lru_cache
def _modules(kind: str) -> frozenset[str]:
    if kind not in get_args(Kind):
        raise ValueError(f"{kind!r} is not a kind of plug-in")
    folder = Path(__file__).parent / kind
    return frozenset(found.name for found in pkgutil.iter_modules([str(folder)]) if not found.name.startswith("_"))


@lru_cache
def entry_points(kind: Kind) -> EntryPoints:
    """What other packages plug in; to look through all that is installed takes milliseconds."""
    from importlib import metadata

    return metadata.entry_points(group=f"lakeorch.{kind}")


def _entry_points(kind: Kind) -> dict[str, str]:
    return {point.name: point.value for point in entry_points(kind)}
