"""The front door: a `Project` is a folder of models, its lake and its engine, wired together here and nowhere else."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lakeorch.errors import Finding, ProjectError
from lakeorch.observe import Event, Observer
from lakeorch.project.config import load_config
from lakeorch.project.result import Listed, Result

if TYPE_CHECKING:
    import pyarrow as pa

    from lakeorch.engines import Engine
    from lakeorch.lake import Lake
    from lakeorch.plan import Plan
    from lakeorch.project.survey import Found, Site
    from lakeorch.publish import Policy


class Project:
    """A folder of models.

    Args:
        folder: the folder that holds `<namespace>/<table>.sql`.
        env: an environment of `lakeorch.yml`; None for the default one.
        variables: values for `$name` in models, as text; they win over those of the project.
        threads: how many models are built at once; None for the project's setting, else the number of processors.

    Raises:
        UsageError: there is no such folder or environment.
        ProjectError: `lakeorch.yml` is wrong.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        env: str | None = None,
        variables: Mapping[str, str] | None = None,
        threads: int | None = None,
    ) -> None:
        self.config = load_config(Path(folder), env, variables or {})
        self.root: Path = self.config.root
        self.folder: Path = self.config.folder
        self.threads: int = threads or self.config.threads or os.cpu_count() or 1

    def validate(self, select: Sequence[str] = (), exclude: Sequence[str] = ()) -> tuple[Finding, ...]:
        """Everything that `run` would refuse, without touching any data; empty when the project is right."""
        try:
            with self._lake(create=False) as lake, self._engine() as engine:
                self._survey(lake, engine, select, exclude)
        except ProjectError as error:
            return error.findings
        return ()

    def plan(self, select: Sequence[str] = (), exclude: Sequence[str] = (), *, full: bool = False) -> Plan:
        """What a run would do and why; writes nothing.

        Raises:
            ProjectError: with every finding.
        """
        with self._lake(create=False) as lake, self._engine() as engine:
            found = self._survey(lake, engine, select, exclude, full=full)
            return found.survey.plan(found.selection)

    def run(
        self,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        full: bool = False,
        publish: Policy = "connected",
        fail_fast: bool = False,
        observers: Sequence[Observer] = (),
    ) -> Result:
        """Builds what is stale, checks it, and makes it current in one commit.

        Args:
            select: selectors; empty for every model.
            exclude: selectors of what is left out.
            full: rebuild, also what is up to date.
            publish: what a failure keeps back: `connected`, `passed` or `all`.
            fail_fast: start nothing after the first failure.
            observers: receive every event.

        Raises:
            ProjectError: the project has mistakes; no data moved.
            CatalogError: the catalog or the warehouse cannot be used.
            ConflictError: other runs kept moving the inputs of this one.
        """
        from lakeorch.project import idle

        notify = _announcer(observers)
        asked = (tuple(select), tuple(exclude))
        known = None if full else idle.recall(self.config, asked)
        if known is not None:
            notify(Event("run_started", known.run_id, time.time(), steps=known.steps()))
            notify(Event("run_finished", known.run_id, time.time(), status=known.status))
            return known
        from lakeorch.project.running import Running

        with self._engine() as engine:
            running = Running(self.config, self._site(remember=True), self._lake, engine, self.threads, notify)
            return running.run(asked, full=full, policy=publish, fail_fast=fail_fast)

    def list(self) -> tuple[Listed, ...]:
        """Every model and every table whose model left, with what is published of it."""
        with self._lake(create=False) as lake, self._engine() as engine:
            found = self._survey(lake, engine)
            plan = found.survey.plan(found.selection)
            return Listed.of(found.survey, plan)

    def query(self, sql: str) -> pa.RecordBatchReader:
        """Runs a SELECT over the published tables, all of them as of one moment, and streams its rows.

        Raises:
            ProjectError: the query is wrong; findings point into it.
            EngineError: the engine failed on the data.
        """
        from lakeorch.project.query import run_query

        with contextlib.ExitStack() as stack:
            lake = stack.enter_context(self._lake(create=False))
            engine = stack.enter_context(self._engine())
            return run_query(self._site(), lake, engine, sql, stack.pop_all())

    # ---- wiring ----

    def _survey(
        self, lake: Lake, engine: Engine, select: Sequence[str] = (), exclude: Sequence[str] = (), *, full: bool = False
    ) -> Found:
        from lakeorch.project.survey import survey

        return survey(self._site(), lake, engine, select, exclude, full=full)

    def _site(self, *, remember: bool = False) -> Site:
        from lakeorch.project.survey import Site

        def defaults(path: str) -> Mapping[str, object]:
            return self.config.defaults_for("" if path == "." else path.replace("/", ".").lower())

        return Site(self.root, self.folder, self.config.variables, defaults, remember)

    @contextlib.contextmanager
    def _lake(self, *, create: bool) -> Iterator[Lake]:
        from lakeorch.lake import Lake

        config = self.config
        lake = Lake.open(config.catalog, config.warehouse, properties=config.properties, create=create)
        try:
            yield lake
        finally:
            lake.close()

    @contextlib.contextmanager
    def _engine(self) -> Iterator[Engine]:
        from lakeorch import plugins

        make: Callable[[int], Engine] = vars(plugins.load("engines", self.config.engine))["engine"]
        engine = make(self.threads)
        try:
            yield engine
        finally:
            engine.close()


def _announcer(observers: Sequence[Observer]) -> Callable[[Event], None]:
    """One call at a time; an observer that breaks is dropped, the run goes on."""
    lock = threading.Lock()
    listening = list(observers)

    def notify(event: Event) -> None:
        with lock:
            for observer in list(listening):
                try:
                    observer(event)
                except Exception:
                    listening.remove(observer)

    return notify
