"""How a project's parts are put together: its lake, its engine, its survey. Nothing else opens them."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakeorch.errors import UsageError, suggestion
from lakeorch.project.config import Config

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from lakeorch.engines import Engine, Engines
    from lakeorch.graph import Graph
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
    def lake(self, *, create: bool, begins: bool = False) -> Iterator[Lake]:
        """The project's lake, closed at the end of the block.

        Args:
            create: make it where it is missing.
            begins: an environment that is neither declared nor has tables is no mistake: it begins here.

        Raises:
            UsageError: there is no such environment.
        """
        from lakeorch.lake import Lake

        config = self.config
        lake = Lake.open(
            config.catalog,
            config.warehouse,
            name=config.catalog_name,
            environment=config.environment if config.shares else "",
            properties=config.properties,
            create=create,
        )
        try:
            if not begins:
                require_environment(config, lake)
            yield lake
        finally:
            lake.close()

    @contextlib.contextmanager
    def lake_if_asked(self) -> Iterator[Callable[[], Lake]]:
        """As `lake`, opened for reading when it is first called: much is answered without. An environment may begin."""
        with contextlib.ExitStack() as stack:
            yield functools.cache(lambda: stack.enter_context(self.lake(create=False, begins=True)))

    @contextlib.contextmanager
    def engine(self, threads: int | None = None) -> Iterator[Engines]:
        """The project's engines, each started when something is asked of it, closed at the end of the block."""
        from lakeorch import plugins
        from lakeorch.engines import Engines

        def start(name: str) -> Engine:
            make: Callable[[int, int | None, AbstractFileSystem | None], Engine]
            make = vars(plugins.load("engines", name))["engine"]
            return make(threads or self.threads, self.config.memory, self._remote())

        if self.config.engine not in plugins.names("engines"):
            plugins.load("engines", self.config.engine)  # says what is wrong
        engines = Engines(self.config.engine, start)
        try:
            yield engines
        finally:
            engines.close()

    def binding(self) -> contextlib.AbstractContextManager[Engines]:
        """The engines where names and types are asked for and no rows: threads would only wait for one another."""
        return self.engine(threads=1)

    def _remote(self) -> AbstractFileSystem | None:
        if "://" not in self.config.warehouse:
            return None
        from lakeorch.lake.remote import remote_files

        return remote_files(self.config.warehouse, self.config.properties)

    def within(self, environment: str) -> Wiring:
        """The same settings over the tables of an environment that shares production's."""
        return replace(self, config=replace(self.config, environment=environment, shares=True))

    def published(self) -> Mapping[str, Published]:
        """Every table of the catalog, as of one moment."""
        with self.lake(create=False, begins=True) as lake:
            return lake.published()

    def graph(self) -> Graph:
        """The models, without binding them. Raises ProjectError where one cannot be read."""
        from lakeorch.errors import ProjectError
        from lakeorch.graph import Graph
        from lakeorch.parse import parse_folder

        site = self.site()
        parsed = parse_folder(site.folder, site.root, site.defaults)
        graph = Graph(parsed.models)
        if findings := (*parsed.findings, *graph.findings):
            raise ProjectError(tuple(sorted(findings, key=lambda finding: finding.place)))
        return graph

    def site(self, *, remember: bool = False) -> Site:
        """Where the models are; with `remember`, the disposable cache may be written."""
        from lakeorch.lake.pointers import is_served, sqlite_pointers
        from lakeorch.project.site import Site

        def defaults(path: str) -> Mapping[str, object]:
            return self.config.defaults_for("" if path == "." else path.replace("/", ".").lower())

        config = self.config
        read = functools.partial(sqlite_pointers, config.catalog, config.catalog_name, config.warehouse)
        pointers = None if config.shares else read
        served = is_served(config.catalog)
        return Site(config.root, config.folder, config.variables, defaults, remember, served, pointers)

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


def require_production(config: Config, why: str) -> None:
    """Raises UsageError, saying why, in an environment that shows production's tables."""
    if config.shares:
        raise UsageError(f"not in environment {config.environment}: {why}", hint="leave --env out")


def require_environment(config: Config, lake: Lake) -> None:
    """Raises UsageError where the environment is neither declared nor has tables of its own."""
    name = config.environment
    if not config.shares or name in config.environments or lake.is_begun():
        return
    known = {*config.environments, *lake.environments()}
    if name not in known:
        there = ", ".join(sorted(known)) or "none"
        begin = f"lakeorch run --env {name} begins it with the first table that it builds; there are: {there}"
        hint = suggestion(name, known) or begin
        raise UsageError(f'there is no environment "{name}"', hint=hint)
