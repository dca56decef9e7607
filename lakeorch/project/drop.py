"""Taking tables out of the catalog whose model left the project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from lakeorch.errors import UsageError, suggestion
from lakeorch.graph import Graph
from lakeorch.lake import Dropped, Lake
from lakeorch.model import Published

_MODEL = "lakeorch.model"


@dataclass(frozen=True, slots=True)
class Drop:
    """Tables that are no longer in the catalog.

    Attributes:
        tables: what was dropped; `location` of each is the metadata file that brings it back when it is registered.
        tags: that named a state of one of them, which goes with it.
    """

    tables: tuple[Dropped, ...]
    tags: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The JSON document of `lakeorch drop`."""
        shown = [{key: value for key, value in asdict(table).items() if key != "name"} for table in self.tables]
        return {"status": "dropped" if self.tables else "nothing to do", "tables": shown, "tags": [*self.tags]}


def drop(lake: Lake, graph: Graph, models: Sequence[str], *, departed: bool) -> Drop:
    """Takes tables out of the catalog, all in one transaction.

    Raises:
        UsageError: no such table is published, lakeorch did not make it, a model of the project makes or reads it, or
            nothing was named.
        MovedError: a run moved a table meanwhile.
    """
    published = lake.published()
    if not models and not departed:
        raise UsageError("name the tables to drop", hint="or take all whose model left the project: --departed")
    names = {_named(published, text) for text in models}
    if departed:
        names |= {name for name in published if _has_left(published, graph, name)}
    for name in sorted(names):
        _refuse(published, graph, name)
    if not names:
        return Drop(())
    # where an environment drops what it has of its own, production's tags stay with production's table
    lost = [] if lake.environment else [line.tags for name, line in lake.timelines().items() if name in names]
    dropped = lake.upkeep().drop({name: published[name].location for name in names})
    return Drop(tuple(dropped), tuple(sorted({tag for tags in lost for tag in tags})))


def _named(published: dict[str, Published], text: str) -> str:
    text = text.lower()
    meant = [name for name in published if name == text or name.rpartition(".")[2] == text]
    if text in meant:
        return text
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise UsageError(f'"{text}" could be {" or ".join(sorted(meant))}', hint="write its namespace before it")
    raise UsageError(f'no table "{text}" is published', hint=suggestion(text, published) or "lakeorch list")


def _has_left(published: dict[str, Published], graph: Graph, name: str) -> bool:
    model = graph.models.get(name)
    return _MODEL in published[name].properties and (model is None or model.settings.materialized == "view")


def _refuse(published: dict[str, Published], graph: Graph, name: str) -> None:
    if _MODEL not in published[name].properties:
        raise UsageError(f"{name} was not made by lakeorch", hint="drop it with the tool that made it")
    if not _has_left(published, graph, name):
        file = graph.models[name].source.file
        raise UsageError(f"{name} is a model of this project", hint=f"take {file} out of it first")
    readers = [reader for reader in graph.order if name not in graph.models and name in graph.tables_behind(reader)]
    if readers:
        listed = ", ".join(readers[:5]) + (", …" if len(readers) > 5 else "")
        raise UsageError(f"{name} is read by {listed}", hint="change or take out what reads it first")
