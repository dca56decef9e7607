"""The front door: a `Project` is a folder of models, its lake and its engine, wired together here and nowhere else."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lakeorch.errors import Finding, ProjectError
from lakeorch.observe import Event, Observer, announcer
from lakeorch.project.config import load_config, remember
from lakeorch.project.result import Listed, Result
from lakeorch.project.tables import Tables
from lakeorch.project.wiring import Wiring

if TYPE_CHECKING:
    import pyarrow as pa

    from lakeorch.cases.create import Created
    from lakeorch.lint import Remark
    from lakeorch.plan import Plan
    from lakeorch.project.bench.result import Bench
    from lakeorch.project.bench.turns import Only, Progress
    from lakeorch.project.chart import Chart
    from lakeorch.project.connect import Snippet
    from lakeorch.project.craft import Layout, Tested
    from lakeorch.project.lineage import Lineage
    from lakeorch.project.show import Shown
    from lakeorch.publish import Policy


class Project(Tables):
    """A folder of models.

    Args:
        folder: the folder that holds `<namespace>/<table>.sql`.
        env: an environment: its own tables in front of production's, or the lake that `lakeorch.yml` gives it; None for
            production.
        variables: values for `$name` in models, as text; they win over those of the project.
        threads: how many models are built at once; None for the project's setting, else the number of processors.

    Raises:
        UsageError: there is no such folder, or that is no name for an environment.
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
        super().__init__(Wiring(self.config, self.threads))

    def validate(self, select: Sequence[str] = (), exclude: Sequence[str] = ()) -> tuple[Finding, ...]:
        """Everything that `run` would refuse, without touching any data; empty when the project is right."""
        try:
            with self.wiring.lake_if_asked() as lake, self.wiring.binding() as engine:
                self.wiring.survey(lake, engine, select, exclude)
        except ProjectError as error:
            return error.findings
        return ()

    def plan(
        self, select: Sequence[str] = (), exclude: Sequence[str] = (), *, full: bool = False, unpin: bool = False
    ) -> Plan:
        """What a run would do and why, and what changed models mean for their readers; writes nothing.

        Args:
            select: a selector, or several; empty for every model. `"+marts.daily_sales"` takes also what it is made of.
            exclude: a selector of what is left out, or several.
            full: as `run` would rebuild, also what is up to date.
            unpin: as `run` would build also tables that a roll-back has pinned.

        Raises:
            ProjectError: with every finding.
            UsageError: a selector means nothing.
        """
        from lakeorch.project.preview import preview

        return preview(self.wiring, select, exclude, full=full, unpin=unpin)

    def run(
        self,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        full: bool = False,
        unpin: bool = False,
        publish: Policy = "connected",
        fail_fast: bool = False,
        observers: Sequence[Observer] = (),
    ) -> Result:
        """Builds what is stale, checks it, and makes it current in one commit.

        Args:
            select: a selector, or several; empty for every model.
            exclude: a selector of what is left out, or several.
            full: rebuild, also what is up to date.
            unpin: build also tables that a roll-back has pinned.
            publish: what a failure keeps back: `connected`, `passed` or `all`.
            fail_fast: start nothing after the first failure.
            observers: receive every event.

        Raises:
            ProjectError: the project has mistakes; no data moved.
            CatalogError: the catalog or the warehouse cannot be used.
            ConflictError: other runs kept moving the inputs of this one.
        """
        from lakeorch.project import idle

        notify = announcer(observers)
        remember(self.config)
        asked = idle.asked(select, exclude)
        known = None if full or unpin else idle.recall(self.config, asked)
        if known is not None:
            notify(Event("run_started", known.run_id, time.time(), steps=known.steps()))
            notify(Event("run_finished", known.run_id, time.time(), status=known.status))
            return known
        from lakeorch.project.running import Running

        with self.wiring.engine() as engine:
            running = Running(
                self.config, self.wiring.site(remember=True), self.wiring.lake, engine, self.threads, notify
            )
            result = running.run(asked, full=full, unpin=unpin, policy=publish, fail_fast=fail_fast)
        return self._maintained(result, notify)

    def _maintained(self, result: Result, notify: Observer) -> Result:
        """After a run that published something, maintains the lake where that is asked for and due."""
        if result.status != "published" or self.config.maintain_every is None:
            return result
        from lakeorch.project.maintain import when_due

        note = when_due(self.wiring, notify)
        return replace(result, notes=(note,)) if note else result

    def list(self, select: Sequence[str] = (), exclude: Sequence[str] = ()) -> tuple[Listed, ...]:
        """The selected models with what is published of each; of all models, then also tables whose model left.

        Raises:
            UsageError: a selector means nothing.
        """
        with self.wiring.lake(create=False) as lake, self.wiring.binding() as engine:
            found = self.wiring.survey(lake, engine)
            # of the whole project whatever is selected: a model is stale where anything behind it is
            lines = Listed.of(found.survey, found.survey.plan(found.selection))
            chosen = found.survey.graph.select(select, exclude)
            return tuple(line for line in lines if line.model in chosen or not (select or exclude))

    def show(self, model: str) -> Shown:
        """All that is known of one model: settings, columns, checks, neighbours, size, files, query.

        Raises:
            UsageError: no model, or more than one, is meant.
        """
        from lakeorch.project.show import show

        with self.wiring.lake(create=False) as lake, self.wiring.binding() as engine:
            return show(self.wiring.survey(lake, engine), lake, model)

    def graph(self, select: Sequence[str] = (), exclude: Sequence[str] = ()) -> Chart:
        """The selected models and which of them read which, to be shown as text, DOT or HTML.

        Raises:
            UsageError: a selector means nothing.
            ProjectError: the project has mistakes.
        """
        from lakeorch.project.chart import Chart

        with self.wiring.lake(create=False) as lake, self.wiring.binding() as engine:
            found = self.wiring.survey(lake, engine)
            return Chart.of(found, found.survey.graph.select(select, exclude), self.config.name)

    def lineage(self, target: str, *, up: bool = False, down: bool = False, at: str | None = None) -> Lineage:
        """Which columns a column is made of, and which are made of it: both, or the directions that are asked for.

        Args:
            target: a model, for all its columns, or `model.column`; a field of a struct is `model.column.field`.
            up: only what it is made of.
            down: only what is made of it.
            at: a run, tag or time: as the tables published then say. None for the models as they are now.

        Raises:
            UsageError: there is no such model or column, or `at` means nothing.
            ProjectError: the project has mistakes; what is past does not mind them.
        """
        from lakeorch.project.lineage import known, lineage
        from lakeorch.project.lineage.past import known_at

        with self.wiring.lake(create=False) as lake, self.wiring.binding() as engine:
            now = at is None
            found = (
                known(self.wiring.survey(lake, engine).survey) if now else known_at(lake, engine, self.root, str(at))
            )
        return lineage(found, target, up=up or not down, down=down or not up)

    def query(self, sql: str, *, at: str | None = None) -> pa.RecordBatchReader:
        """Runs a SELECT over the published tables, all of them as of one moment, and streams its rows.

        Args:
            sql: the query.
            at: a run id or a beginning of one, a tag, or an ISO time (UTC unless it carries an offset): every table
                as it was then. Views are those of the project now. None for what is current.

        Returns:
            Arrow record batches, read once: `.read_all()` is a pyarrow Table; `polars.from_arrow` and DuckDB take it
            as it is, without a copy; `.read_pandas()` is a DataFrame.

        Raises:
            ProjectError: the query is wrong; findings point into it.
            UsageError: `at` means nothing, or what it means has expired.
            EngineError: the engine failed on the data.
        """
        from lakeorch.project.query import run_query

        with contextlib.ExitStack() as stack:
            lake = stack.enter_context(self.wiring.lake(create=False))
            engine = stack.enter_context(self.wiring.engine())
            return run_query(self.wiring.site(), lake, engine, sql, stack.pop_all(), at)

    def connect(self, engine: str, table: str | None = None) -> Snippet:
        """What to paste to read a published table (by default one at the end of the graph) with another engine.

        Raises:
            UsageError: there is no such engine or table, or nothing is published.
        """
        from lakeorch.project.connect import snippet

        with self.wiring.lake(create=False) as lake:
            return snippet(self.config, lake, engine, table)

    def format(self, select: Sequence[str] = (), exclude: Sequence[str] = (), *, check: bool = False) -> Layout:
        """Lays out the queries of models and checks; with `check`, only tells which files would change."""
        from lakeorch.project.craft import format_models

        return format_models(self.config, select, exclude, check=check)

    def lint(self, select: Sequence[str] = (), exclude: Sequence[str] = ()) -> tuple[Remark, ...]:
        """What is risky or untidy in models that work. Raises ProjectError where one cannot be read."""
        from lakeorch.project.craft import lint_models

        with self.wiring.engine() as engine:
            return lint_models(self.config, select, exclude, engine, self.wiring.published)

    def test(self, select: Sequence[str] = (), exclude: Sequence[str] = ()) -> Tested:
        """Runs the cases of FOLDER/tests for the selected models, in memory.

        Raises:
            ProjectError: a model that has cases cannot be read.
        """
        from lakeorch.project.craft import run_cases

        # many small queries side by side: threads within each would only wait for one another
        with self.wiring.engine(threads=1) as engine:
            return run_cases(self.config, select, exclude, engine, self.wiring.published, self.threads)

    def bench(
        self,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        engines: Sequence[str] = (),
        repeat: int = 5,
        only: Only | None = None,
        against: str | None = None,
        baseline: str | Path | None = None,
        threshold: float = 1.2,
        progress: Callable[[Progress], None] | None = None,
    ) -> Bench:
        """Times what models and whole runs take; the lake is only read, everything is written to a scratch folder.

        Args:
            select: a selector, or several; empty for every model.
            exclude: a selector of what is left out, or several.
            engines: names of engines, the first of which the others are held against; the project's where empty.
            repeat: how often each is timed, after one time that does not count.
            only: single models only, or whole runs only.
            against: another version of the project to measure beside it: a folder of models, or a git revision.
            baseline: a file with a benchmark of before.
            threshold: how many times as long as the baseline's median is a regression.
            progress: is told how far it is.

        Raises:
            UsageError: an argument means nothing.
            ProjectError: the project has mistakes.
            LakeorchError: an input that is not published cannot be built.
        """
        from lakeorch.graph.selectors import several
        from lakeorch.project.bench.baseline import held_against, read_baseline
        from lakeorch.project.bench.running import Wanted, run_bench

        saved = read_baseline(Path(baseline)) if baseline else None
        wanted = Wanted(several(select), several(exclude), engines, repeat, against, only, threshold)
        bench = run_bench(self.wiring, wanted, progress or (lambda _: None))
        return held_against(bench, saved, Path(baseline)) if saved and baseline else bench

    def create_test(self, model: str, where: str) -> Created:
        """Writes a case of a model from published rows: the fewest that give the chosen rows of its result.

        Args:
            model: to test.
            where: a condition on the columns of its result, or of its inputs.

        Raises:
            UsageError: an input is not published, or the condition fits nothing, or too much.
        """
        from lakeorch.project.craft import create_case

        with self.wiring.engine() as engine:
            return create_case(self.config, model, where, engine, lambda: self.wiring.lake(create=False))
