"""Models that are up to date for certain: nothing that the decision follows from has moved since it was made.

Most of a large project is settled: of those models no text, no table and no setting is looked at.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from lakeorch.brief import Tables
from lakeorch.cache import digest
from lakeorch.masking import is_secret
from lakeorch.model import Action, Inputs, Step

if TYPE_CHECKING:
    from lakeorch.plan import Heads, Survey

UP_TO_DATE = "up to date"


class Settled:
    """Recalls decisions of earlier plans.

    Args:
        survey: what decisions depend on now.
        heads: the data snapshot that each table is at.
    """

    def __init__(self, survey: Survey, heads: Heads) -> None:
        self._survey = survey
        self._graph = survey.graph
        self._published = Tables.of(survey.published).heads
        self._heads = heads
        self._keys: dict[str, str] = {}

    def step(self, name: str, moving: Collection[str]) -> Step | None:
        """The step of a model that was up to date and is so still; None where that is not known.

        Args:
            name: the model.
            moving: inputs that will be rebuilt by an earlier step of the plan.
        """
        key = self._keys[name] = self._key(name)
        fingerprint = self._survey.cache.steps.get(key) if key else None
        if fingerprint is None:
            return None
        tables = self._graph.tables_behind(name)
        if any(table in moving for table in tables):
            return None
        inputs = Inputs({table: self._heads.get(table) for table in tables})
        return Step(name, Action.SKIP, UP_TO_DATE, "none", inputs, fingerprint)

    def learn(self, step: Step) -> None:
        """Remembers a decision, where it is that a model is up to date."""
        key = self._keys.get(step.model)
        if key and step.action is Action.SKIP and step.reason == UP_TO_DATE:
            self._survey.cache.steps.put(key, step.fingerprint)

    def _key(self, name: str) -> str:
        """What names everything that a decision follows from.

        Empty where that is more than texts, variables and tables: raw files, the clock, a roll-back, `--full`, a secret
        (which must not be found in a hash).
        """
        survey, graph = self._survey, self._graph
        head, identity = self._published.get(name), graph.identity(name)
        if head is None or head.from_files or not identity or survey.full or name in survey.pins:
            return ""
        used: set[str] = set()
        for brief in (graph.briefs[part] for part in (name, *graph.views_behind(name))):
            if brief.clock or brief.patterns:
                return ""
            used.update(brief.variables)
        if any(map(is_secret, used)):
            return ""
        tables = [
            f"{table}={self._published[table].location if table in self._published else ''}"
            for table in graph.tables_behind(name)
        ]
        values = [f"{variable}={survey.variables.get(variable)!r}" for variable in sorted(used)]
        checks = survey.checks_hash(name) if name in survey.beside else ""
        return digest("step", identity, head.location, checks, *tables, *values)
