"""How a project's parts are put together: its lake, its engine, its survey. Nothing else opens them."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakeorch.project.config import Config

if TYPE_CHECKING:
    from lakeorch.engines import Engine
    from lakeorch.lake import Lake
    from lakeorch.model import Published
    from lakeorch.project.site import Site
from lakeorch.project.survey import Found


@dataclass(frozen=True)
class Wiring:
    """A project's settings, and what they open.

    Attributes:
        config: the settings.
        threads: how many models are built at once.
    """

    config: Config
    threads: int

    @contextlib.contextmanager
    def lake(self, *, create: bool) -> Iterator[Lake]:
        """The project's lake, closed at the end of the block; with `create`, made where it is missing."""
        from lakeorch.lake import Lake

        config = self.config
        lake = Lake.open(config.catalog, config.warehouse, properties=config.properties, create=create)
        try:
            yield lake
        finally:
            lake.close()

    @contextlib.contextmanager
    def lake_if_asked(self, *, create: bool) -> Iterator[Callable[[], Lake]]:
        """As `lake`, opened when it is first called: much is answered without."""
        with contextlib.ExitStack() as stack:
            yield functools.cache(lambda: stack.enter_context(self.lake(create=create)))

    @contextlib.contextmanager
    def engine(self, threads: int | None = None) -> Iterator[Engine]:
        """The project's engine, started when something is asked of it, and closed at the end of the block."""
        from lakeorch import plugins
        from lakeorch.project.later import LaterEngine

        def start() -> Engine:
            make: Callable[[int, int | None], Engine] = vars(plugins.load("engines", self.config.engine))["engine"]
            return make(threads or self.threads, self.config.memory)

        if self.config.engine not in plugins.names("engines"):
            plugins.load("engines", self.config.engine)  # says what is wrong
        engine = LaterEngine(self.config.engine, start)
        try:
            yield engine
        finally:
            engine.close()

    def published(self) -> Mapping[str, Published]:
        """Every table of the catalog, as of one moment."""
        with self.lake(create=False) as lake:
            return lake.published()

    def site(self, *, remember: bool = False) -> Site:
        """Where the models are; with `remember`, the disposable cache may be written."""
        from lakeorch.lake.pointers import sqlite_pointers
        from lakeorch.project.site import Site

        def defaults(path: str) -> Mapping[str, object]:
            return self.config.defaults_for("" if path == "." else path.replace("/", ".").lower())

        config = self.config
        pointers = None if config.environment else functools.partial(sqlite_pointers, config.catalog)
        return Site(config.root, config.folder, config.variables, defaults, remember, pointers)

    def survey(
        self,
        lake: Lake | Callable[[], Lake],
        engine: Engine,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        full: bool = False,
        unpin: bool = False,
    ) -> Found:
        """What a plan over the selected models depends on; see `survey.survey`."""
        from lakeorch.project.survey import survey

        return survey(
            self.site(), lake if callable(lake) else lambda: lake, engine, select, exclude, full=full, unpin=unpin
        )
