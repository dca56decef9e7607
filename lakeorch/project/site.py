"""Where a project's models are, what they are given, and what is known of them from before."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import lakeorch
from lakeorch import plugins
from lakeorch.brief import Head, Tables, head_of
from lakeorch.cache import Cache
from lakeorch.model import Published, Scalar

if TYPE_CHECKING:
    from lakeorch.lake import Lake


@dataclass(frozen=True)
class Site:
    """Where the models are and what they are given.

    Attributes:
        defaults: default settings by folder, its path relative to the model folder.
        remember: whether the disposable cache may be written: reading commands leave no trace.
        is_served: the catalog is behind a server, which must be asked what it can do.
        pointers: where every table stands, found without opening the lake; None, or what gives None, asks the lake.
    """

    root: Path
    folder: Path
    variables: Mapping[str, Scalar]
    defaults: Callable[[str], Mapping[str, object]]
    remember: bool = False
    is_served: bool = False
    pointers: Callable[[], Mapping[str, str] | None] | None = None

    @functools.cached_property
    def cache(self) -> Cache:
        """What is known of the project from before."""
        return Cache(self.root / ".lakeorch" / "plan.cache", versions())

    def published(self, lake: Callable[[], Lake]) -> Tables:
        """Every table of the catalog, as of one moment; a metadata file that is known is not read."""
        pointers = self.pointers() if self.pointers is not None else None
        if pointers is None:
            pointers = lake().pointers()
        heads: dict[str, Head] = {}
        unknown: dict[str, str] = {}
        for name, location in pointers.items():
            head = self.cache.heads.get(f"{name}\n{location}")
            if head is None or f"{name}\n{location}" not in self.cache.tables:
                unknown[name] = location
            else:
                heads[name] = head
        read = lake().described(unknown) if unknown else {}
        for name, table in read.items():
            heads[name] = head_of(table)
            if self.cache.tables.put(f"{name}\n{table.location}", table):
                self.cache.heads.put(f"{name}\n{table.location}", heads[name])

        def find(name: str) -> Published:
            table = read.get(name) or self.cache.tables.get(f"{name}\n{heads[name].location}")
            assert table is not None, f"{name} is neither read nor kept"
            return table

        return Tables({name: heads[name] for name in pointers}, find)


def versions() -> str:
    """Names everything that all of what is remembered depends on."""
    from importlib.metadata import version

    libraries = [f"{name} {version(name)}" for name in ("sqlglot", "duckdb", "polars")]
    points = [*plugins.entry_points("checks"), *plugins.entry_points("engines")]
    plugged = sorted(f"{p.group} {p.name} {p.value} {p.dist and p.dist.version}" for p in points)
    return "\n".join([f"lakeorch {lakeorch.__version__}", *libraries, *plugged])
