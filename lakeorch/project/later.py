"""An engine that is started when something is asked of it: a plan that binds nothing loads none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakeorch.engines import Engine, Relation, Session
    from lakeorch.model import Scalar


class LaterEngine:
    """An engine as `lakeorch.engines.Engine` describes it.

    Args:
        name: its name, known before it is started.
        start: starts it.
    """

    def __init__(self, name: str, start: Callable[[], Engine]) -> None:
        self.name = name
        self._start = start

    @cached_property
    def _engine(self) -> Engine:
        return self._start()

    @property
    def version(self) -> str:
        """Of the engine itself."""
        return self._engine.version

    @property
    def transforms(self) -> frozenset[str]:
        """Kinds of partition transforms that it can write."""
        return self._engine.transforms

    def session(self, relations: Sequence[Relation], variables: Mapping[str, Scalar], folder: str) -> Session:
        """Opens a session; see the protocol."""
        return self._engine.session(relations, variables, folder)

    def variable(self, name: str) -> str:
        """The text that stands for a variable."""
        return self._engine.variable(name)

    def quote(self, name: str) -> str:
        """A model's name as the engine knows it."""
        return self._engine.quote(name)

    def close(self) -> None:
        """Frees the engine, where it was started."""
        if "_engine" in vars(self):
            self._engine.close()
