"""What a plan has to know of every model and of every table, in few words; the rest is read when it is asked for.

A project of ten thousand models is planned in a second only where most of them need not be looked at: their briefs
are enough to tell that nothing about them has changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from lakeorch.model import Model, Published


class Brief(NamedTuple):
    """A model in few words.

    Attributes:
        key: names everything that the model was read from; empty where that is not known.
        references: the tables that it names, as written, each once.
        patterns: the files that it reads.
        variables: that it uses.
        looks_at: tables that its checks look at.
        modules: files that a Python model imports.
        materialized, engine: settings.
        clock: it reads the clock.
        checked: it has checks.
    """

    key: str
    references: tuple[str, ...]
    patterns: tuple[str, ...]
    variables: tuple[str, ...]
    looks_at: tuple[str, ...]
    modules: tuple[str, ...]
    materialized: str
    engine: str
    clock: bool
    checked: bool


def brief_of(model: Model, key: str = "") -> Brief:
    """A model in few words, with the key of what it was read from."""
    settings = model.settings
    return Brief(
        key,
        tuple(dict.fromkeys(reference.name for reference in model.references)),
        tuple(dict.fromkeys(pattern for read in model.files for pattern in read.patterns)),
        tuple(sorted({use.name for use in model.variables})),
        tuple(str(check.options["to"]) for check in settings.checks if check.kind == "relationship"),
        model.modules,
        settings.materialized,
        settings.engine,
        bool(model.clock),
        bool(settings.checks),
    )


class Models(Mapping[str, Model]):
    """Models by name, each read when it is first asked for.

    Args:
        briefs: of every model; may be asked without reading one.
        read: gives a model by its name.
    """

    def __init__(self, briefs: Mapping[str, Brief], read: Callable[[str], Model]) -> None:
        self.briefs = briefs
        self._read = read
        self._known: dict[str, Model] = {}

    @classmethod
    def of(cls, models: Iterable[Model]) -> Models:
        """Models that are there already."""
        known = {model.name: model for model in models}
        return cls({name: brief_of(model) for name, model in known.items()}, known.__getitem__)

    def __getitem__(self, name: str) -> Model:
        found = self._known.get(name)
        if found is None:
            if name not in self.briefs:
                raise KeyError(name)
            found = self._known[name] = self._read(name)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self.briefs

    def __iter__(self) -> Iterator[str]:
        return iter(self.briefs)

    def __len__(self) -> int:
        return len(self.briefs)


class Head(NamedTuple):
    """A published table in few words.

    Attributes:
        location: of its metadata file.
        snapshot_id: its newest data snapshot.
        made: lakeorch made it.
        pinned: a roll-back has pinned it.
        from_files: its rows were made from files, among other things.
        materialized: how it was made; empty where that is not told.
    """

    location: str
    snapshot_id: int | None
    made: bool
    pinned: bool
    from_files: bool
    materialized: str


def head_of(table: Published) -> Head:
    """A table in few words."""
    said = table.properties
    # a model that reads no file has written just this
    from_files = '"files":{}' not in said.get("lakeorch.inputs", '"files":{}')
    try:
        materialized = str(json.loads(said.get("lakeorch.settings", "{}")).get("materialized", ""))
    except (ValueError, AttributeError):
        materialized = ""
    made, pinned = "lakeorch.model" in said, "lakeorch.pinned" in said
    return Head(table.location, table.snapshot_id, made, pinned, from_files, materialized)


class Tables(Mapping[str, Published]):
    """Published tables by name, each read when it is first asked for.

    Args:
        heads: of every table; may be asked without reading one.
        read: gives a table by its name.
    """

    def __init__(self, heads: Mapping[str, Head], read: Callable[[str], Published]) -> None:
        self.heads = heads
        self._read = read
        self._known: dict[str, Published] = {}

    @classmethod
    def of(cls, tables: Mapping[str, Published]) -> Tables:
        """The same tables with their heads."""
        if isinstance(tables, cls):
            return tables
        return cls({name: head_of(table) for name, table in tables.items()}, tables.__getitem__)

    def __getitem__(self, name: str) -> Published:
        found = self._known.get(name)
        if found is None:
            if name not in self.heads:
                raise KeyError(name)
            found = self._known[name] = self._read(name)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self.heads

    def __iter__(self) -> Iterator[str]:
        return iter(self.heads)

    def __len__(self) -> int:
        return len(self.heads)
