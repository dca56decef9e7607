"""What a changed model changes for its readers: which of its columns, which rows, and what lies downstream. Pure.

The table as it is published, with the query and the lineage that stand with it, is compared with the model as it is
now. A change is breaking where rows that readers know may look otherwise: a column that went away, that no longer holds
what its type did, or that is made in another way, and anything that decides which rows there are. A new column and a
wider type are not.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lakeorch.graph.lineage import ALL, Edge, column_lineage, from_json, join_path, split_path, trace
from lakeorch.model import Action, Published, Schema, Step
from lakeorch.types import parse_type, widens

if TYPE_CHECKING:
    from lakeorch.plan import Survey

LINEAGE = "lakeorch.column-lineage"
# clauses, and settings, that decide which rows there are by leaving some out; all others decide what a row is
FILTERS = frozenset({"WHERE", "HAVING", "QUALIFY", "LIMIT", "SAMPLE"})
GRAINS = ("materialized", "unique_key")


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A column that is not what it was.

    Attributes:
        change: what happened to it: `expression` means it is made in another way.
        before, after: its types; empty where there is none.
    """

    name: str
    change: Literal["added", "removed", "type", "expression"]
    before: str = ""
    after: str = ""

    @property
    def breaking(self) -> bool:
        """Whether readers may see something else in it than before."""
        if self.change == "type":
            return not widens(parse_type(self.before), parse_type(self.after))
        return self.change != "added"


@dataclass(frozen=True, slots=True)
class Impact:
    """What becomes of a published table and its readers when a changed model is built.

    Attributes:
        columns: those that changed, in the order of the model.
        filter: clauses that leave out other rows than before: `WHERE`, `HAVING`, `QUALIFY`, `LIMIT`, `SAMPLE`.
        grain: what makes another thing of a row: `GROUP BY`, `JOIN`, `DISTINCT`, …, `view ns.name`, `unique_key`.
        models: the models downstream that the change touches, in graph order.
        touched: their columns, as (model, column); `*` for which rows a model has.
    """

    columns: tuple[ColumnChange, ...] = ()
    filter: tuple[str, ...] = ()
    grain: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    touched: tuple[tuple[str, str], ...] = ()

    @property
    def breaking(self) -> bool:
        """Whether readers may see other values or other rows than before."""
        return bool(self.filter or self.grain) or any(column.breaking for column in self.columns)

    def lines(self, most: int = 8) -> list[str]:
        """The impact for a reader, a line for each thing; of the models that it touches at most `most`."""
        made = [column.name for column in self.columns if column.change == "expression"]
        told = [_told(column) for column in self.columns if column.change != "expression"]
        told += [f"made in another way (breaking): {', '.join(made)}"] if made else []
        told += [f"other rows (breaking): {', '.join(self.filter)}"] if self.filter else []
        told += [f"rows mean something else (breaking): {', '.join(self.grain)}"] if self.grain else []
        touched = [f"{model} ({_few(columns)})" for model, columns in self.downstream().items()]
        more = f" and {len(touched) - most:,} more" if len(touched) > most else ""
        return [*told, f"touches {', '.join(touched[:most])}{more}"] if touched else told

    def downstream(self) -> dict[str, list[str]]:
        """The models that it touches, and which of their columns."""
        found: dict[str, list[str]] = {model: [] for model in self.models}
        for model, column in self.touched:
            found[model].append(column)
        return found

    def to_dict(self) -> dict[str, object]:
        """The entry `impact` of a step in `lakeorch plan --json`."""
        columns = [
            {"name": c.name, "change": c.change, "breaking": c.breaking, "before": c.before, "after": c.after}
            for c in self.columns
        ]
        rows: dict[str, object] = {"filter": [*self.filter], "grain": [*self.grain]}
        return {"breaking": self.breaking, "columns": columns, **rows, "downstream": self.downstream()}


def _told(column: ColumnChange) -> str:
    if column.change == "type":
        return f"{column.name}: {column.before} → {column.after}{' (breaking)' if column.breaking else ''}"
    return f"{column.name}: new, {column.after}" if column.change == "added" else f"{column.name}: removed (breaking)"


def _few(columns: list[str]) -> str:
    """Some names, or how many there are."""
    names = [column for column in columns if column != ALL]
    listed = names if len(names) <= 4 else [f"{len(names)} columns"]
    return ", ".join([*(["rows"] if ALL in columns else []), *listed])


def impacts(survey: Survey, steps: Iterable[Step]) -> dict[str, Impact]:
    """The impact of every step that builds a published table to something else than it was; by model."""
    reader = _Reader(survey)
    found = {}
    for step in steps:
        if step.action is not Action.BUILD:
            continue  # most of a large project, of which nothing is to be read
        table = survey.published.get(step.model)
        if table is not None and "lakeorch.fingerprint" in table.properties:
            impact = reader.impact(step, table)
            if impact.columns or impact.filter or impact.grain:
                found[step.model] = impact
    return found


class _Reader:
    def __init__(self, survey: Survey) -> None:
        self.survey = survey
        self.graph = survey.graph
        self.schemas = schemas_of(survey)
        self.edges = functools.cache(self._edges)
        self.edges_then = functools.cache(self._edges_then)

    def impact(self, step: Step, table: Published) -> Impact:
        """What building a step changes in its table and behind it."""
        name = step.model
        changes = {change.name.lower(): change for change in _schema_changes(table.columns, self.survey.columns[name])}
        clauses: tuple[str, ...] = ()
        grain: tuple[str, ...] = ()
        if table.properties["lakeorch.fingerprint"] != step.fingerprint:
            edited, clauses, grain = self._edited(name, table)
            for column in self.survey.columns[name]:
                if column.name.lower() in edited:
                    fresh = ColumnChange(column.name, "expression", column.type, column.type)
                    changes.setdefault(column.name.lower(), fresh)
        rows = tuple(clause for clause in clauses if clause not in FILTERS) + grain
        kept = tuple(clause for clause in clauses if clause in FILTERS)
        models, touched = self._downstream(name, changes.values(), rows=bool(rows or kept))
        return Impact(tuple(changes.values()), kept, rows, models, touched)

    def _edited(self, name: str, table: Published) -> tuple[frozenset[str], tuple[str, ...], tuple[str, ...]]:
        """The columns that are made in another way, the clauses that are others, and what else decides the rows."""
        # sqlglot takes long to load
        from lakeorch.graph.changes import query_change

        model = self.graph.models[name]
        then = json.loads(table.properties.get("lakeorch.settings", "{}"))
        now = json.loads(json.dumps(self.survey.settings(name)))
        had = {column.name.lower() for column in table.columns}
        both = [column.name for column in self.survey.columns[name] if column.name.lower() in had]
        columns: frozenset[str] = frozenset()
        clauses: tuple[str, ...] = ()
        if model.is_python:
            # what an edit of a function changes nobody can tell
            columns, clauses = frozenset(each.lower() for each in both), ("FROM",)
        elif "lakeorch.sql" in table.properties:
            variables = _differing(then.get("variables"), now.get("variables"))

            def meant(reference: str) -> tuple[str, list[str] | None]:
                full = self.graph.resolve(model, reference) or reference
                schema = self.schemas.get(full)
                return full, None if schema is None else [column.name for column in schema]

            change = query_change(table.properties["lakeorch.sql"], model.sql, both, meant, variables)
            columns, clauses = change.columns, change.clauses
        views = _differing(then.get("views"), now.get("views"))
        behind = {edge.target_column for edge in self.edges(name) if edge.source in views}
        columns |= {split_path(column)[0].lower() for column in behind - {ALL}} & {each.lower() for each in both}
        grain = [f"view {view}" for view in views]
        grain += [key for key in GRAINS if then.get(key) != now.get(key)]
        return columns, clauses, tuple(grain)

    def _downstream(
        self, name: str, changes: Iterable[ColumnChange], *, rows: bool
    ) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
        below = self.graph.descendants(name)
        touched = {(model, ALL) for model in below} if rows else set()
        for change in changes:
            edges = self.edges_then if change.change == "removed" else self.edges
            for link in trace(name, join_path((change.name,)), edges, "down", self.graph):
                touched.add((link.target, link.target_column))
        place = {model: at for at, model in enumerate(below)}
        ordered = sorted(touched, key=lambda each: (place[each[0]], each[1]))
        return tuple(dict.fromkeys(model for model, _ in ordered)), tuple(ordered)

    def _edges(self, name: str) -> tuple[Edge, ...]:
        return column_lineage(self.graph.models[name], self.graph, self.schemas)

    def _edges_then(self, name: str) -> tuple[Edge, ...]:
        """The edges as they were published: they still know a column that is gone."""
        table = self.survey.published.get(name)
        told = table.properties.get(LINEAGE) if table else None
        try:
            return from_json(told) if told else self.edges(name)
        except ValueError:
            return self.edges(name)


class _Schemas(Mapping[str, Schema]):
    def __init__(self, survey: Survey) -> None:
        self._columns, self._published = survey.columns, survey.published

    def __getitem__(self, name: str) -> Schema:
        return self._columns[name] if name in self._columns else self._published[name].columns

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._published, *self._columns)))

    def __len__(self) -> int:
        return len({*self._published, *self._columns})


def schemas_of(survey: Survey) -> Mapping[str, Schema]:
    """The columns of everything whose columns are known: of models as they are now, of other tables as published."""
    return _Schemas(survey)


def _schema_changes(old: Schema, new: Schema) -> Iterable[ColumnChange]:
    was = {column.name.lower(): column for column in old}
    for column in new:
        before = was.pop(column.name.lower(), None)
        if before is None:
            yield ColumnChange(column.name, "added", "", column.type)
        elif parse_type(before.type) != parse_type(column.type):
            yield ColumnChange(column.name, "type", before.type, column.type)
    for column in was.values():
        yield ColumnChange(column.name, "removed", column.type, "")


def _differing(then: object, now: object) -> tuple[str, ...]:
    """The keys under which two objects of JSON differ."""
    old: Mapping[str, object] = then if isinstance(then, dict) else {}
    new: Mapping[str, object] = now if isinstance(now, dict) else {}
    return tuple(sorted(key for key in {**old, **new} if old.get(key) != new.get(key)))
