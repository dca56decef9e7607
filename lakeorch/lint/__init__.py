"""The rules of lint, one file each: about style and risk, where bind tells what is wrong.

A rule's module has a function `findings(subject)` that yields what it has to say about one model, and `SEVERITY`, which
holds where the project says nothing. `lint:` in `lakeorch.yml` switches rules, per folder too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol, cast

from lakeorch import plugins
from lakeorch.errors import Finding
from lakeorch.model import Model, Schema, Severity

if TYPE_CHECKING:
    from lakeorch.graph import Graph
    from lakeorch.parse.outline import ColumnUse, Outline, Relation, Select, Star

Level = Literal["off", "warn", "error"]


@dataclass(frozen=True)
class Subject:
    """A model that rules look at, and what is known around it.

    Attributes:
        model: its query could be parsed.
        graph: of the whole project.
        schemas: the columns of models and tables by full name, as far as they are known.
    """

    model: Model
    graph: Graph
    schemas: Mapping[str, Schema]

    @property
    def outline(self) -> Outline:
        """What stands where in the model's query."""
        from lakeorch.parse.outline import outline

        return outline(self.model)

    def columns(self, relation: Relation, depth: int = 0) -> frozenset[str] | None:
        """The columns of a relation, in lower case; None where they are not known."""
        if relation.columns:
            return frozenset(relation.columns)
        if relation.kind == "table":
            schema = self.schemas.get(self.graph.resolve(self.model, relation.name) or relation.name)
            return frozenset(column.name.lower() for column in schema) if schema else None
        # a CTE that reads itself has no bottom
        if relation.select < 0 or depth > len(self.outline.selects):
            return None
        return self._outputs(self.outline.selects[relation.select], depth + 1)

    def owner(self, select: Select, use: ColumnUse) -> tuple[Relation | None, bool]:
        """The relation of a SELECT that a column belongs to, and whether the answer is certain.

        It is None where the column is none of the SELECT's own, or where that is not known.
        """
        by_alias = {relation.alias: relation for relation in select.relations if relation.alias}
        for part in use.parts[:-1]:
            if part in by_alias:
                return by_alias[part], True
        name = use.parts[0]
        known = [(relation, self.columns(relation)) for relation in select.relations]
        for relation, columns in known:
            if columns is not None and name in columns:
                return relation, True
        unknown = [relation for relation, columns in known if columns is None]
        return (unknown[0], False) if len(unknown) == 1 else (None, not unknown)

    def _outputs(self, select: Select, depth: int) -> frozenset[str] | None:
        found: set[str] = set()
        for output in select.outputs:
            if output is None:
                return None
            columns = frozenset((output,)) if isinstance(output, str) else self._star(select, output, depth)
            if columns is None:
                return None
            found |= columns
        return frozenset(found)

    def _star(self, select: Select, star: Star, depth: int) -> frozenset[str] | None:
        found: set[str] = set()
        for relation in select.relations:
            if star.table in ("", relation.alias):
                columns = self.columns(relation, depth)
                if columns is None:
                    return None
                found |= columns
        return frozenset(found) - star.without


class Rule(Protocol):
    """What the module of a rule holds."""

    SEVERITY: Severity

    def findings(self, subject: Subject) -> Iterable[Finding]:
        """What the rule has to say about a model."""
        ...


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding of a rule."""

    rule: str
    severity: Severity
    finding: Finding

    def to_dict(self) -> dict[str, object]:
        """The remark in the JSON document of `lakeorch lint`."""
        about: dict[str, object] = {"rule": self.rule, "severity": self.severity, "model": self.finding.model}
        return about | self.finding.to_dict()


def remarks(subject: Subject, levels: Mapping[str, Level]) -> Iterator[Remark]:
    """What all rules have to say about a model; `levels` are by rule, one that is not in it has its own severity."""
    for name in plugins.names("lint"):
        rule = cast(Rule, plugins.load("lint", name))
        level = levels.get(name, rule.SEVERITY)
        if level != "off":
            for finding in rule.findings(subject):
                yield Remark(name, level, replace(finding, model=subject.model.name))
