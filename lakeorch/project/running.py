"""One run, from the survey to the result: plans anew when another run moved what it read."""

from __future__ import annotations

import contextlib
import functools
import itertools
import random
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from lakeorch.engines import Engine
from lakeorch.errors import CatalogError, MovedError
from lakeorch.lake import Lake
from lakeorch.model import Action, Outcome
from lakeorch.observe import Event
from lakeorch.plan import Plan
from lakeorch.project import idle
from lakeorch.project.config import Config
from lakeorch.project.result import Result, Status
from lakeorch.project.site import Site
from lakeorch.project.survey import Found, survey
from lakeorch.publish import Policy
from lakeorch.run import Run

# How often and how long a run is made again that is overtaken although the others wait: by other programs, which know
# no turns, or because it takes longer than they wait. Each try reuses what is still true of the one before.
ATTEMPTS = 8
PATIENCE_S = 120.0
_LONGEST_WAIT_S = 0.5

T = TypeVar("T")


class OpenLake(Protocol):
    """Opens the project's lake; with `create`, for writing; with `begins`, in an environment that is new perhaps."""

    def __call__(self, *, create: bool, begins: bool) -> contextlib.AbstractContextManager[Lake]:
        """The lake, closed at the end of the block."""
        ...


@dataclass(frozen=True)
class Running:
    """What every run of a project needs.

    Attributes:
        notify: receives every event, one at a time.
        then: what follows the publish and belongs to the run; where it raises MovedError, all is planned again.
    """

    config: Config
    site: Site
    open_lake: OpenLake
    engine: Engine
    threads: int
    notify: Callable[[Event], None]
    then: Callable[[Run, Result], None] | None = None

    def run(self, asked: idle.Asked, *, full: bool, unpin: bool, policy: Policy, fail_fast: bool) -> Result:
        """Surveys, builds, checks and publishes; see `Project.run`."""
        started, started_ns, tables = time.monotonic(), time.time_ns(), idle.pointers(self.config)
        run_id = f"{datetime.now(UTC):%Y%m%dt%H%M%S}-{secrets.token_hex(3)}"
        with contextlib.ExitStack() as stack:
            if self.site.remember:
                stack.callback(self.site.cache.save)
            seen = functools.cache(lambda: stack.enter_context(self.open_lake(create=False, begins=True)))
            if self.site.is_served:
                seen().settle()
            found = survey(self.site, seen, self.engine, *asked, full=full, unpin=unpin)
            plan = found.survey.plan(found.selection)
            self.notify(Event("run_started", run_id, time.time(), steps=plan.steps))
            if found.idle(plan) and self.then is None:
                return self._idle(asked, found, plan, run_id, started, started_ns, tables)
            # only now that the project is known to be right is anything written; what was learnt outlives a kill
            if self.site.remember:
                self.site.cache.save()
            lake = stack.enter_context(self.open_lake(create=True, begins=True))
            stack.enter_context(lake.hold(run_id))
            alone = lake.is_queue()
            for attempt in itertools.count(1):
                if attempt > 2:  # overtaken although the others wait: by a program that knows no turns
                    time.sleep(random.uniform(0.0, min(_LONGEST_WAIT_S, 0.01 * 2**attempt)))
                # who was overtaken by others, or finds one who was, plans anew, and this time they wait
                with lake.alone() if alone else contextlib.nullcontext():
                    if alone:
                        found = survey(self.site, lambda: lake, self.engine, *asked, full=full, unpin=unpin)
                    run = found.run(
                        self.site.root, lake, self.engine, run_id, policy, self.threads, fail_fast, self.notify
                    )
                    try:
                        result = self._finish(run, run_id, plan, started)
                        break
                    except MovedError as error:
                        if attempt >= ATTEMPTS and time.monotonic() - started > PATIENCE_S:
                            error.hint = f"{attempt} tries were overtaken; run again when nobody else changes the table"
                            raise
                        alone = True
            self._know_again(lake, result)
        self.notify(Event("run_finished", run_id, time.time(), status=result.status))
        if result.status == "nothing to do":
            self._remember(asked, result, found, started_ns, tables)
        return result

    def _idle(
        self, asked: idle.Asked, found: Found, plan: Plan, run_id: str, started: float, started_ns: int, tables: str
    ) -> Result:
        """The result of a plan that has nothing to write."""
        heads = found.survey.heads()
        outcomes = tuple(Outcome(s.model, s.action, s.reason, snapshot_id=heads.get(s.model)) for s in plan.steps)
        result = self._result(run_id, "nothing to do", outcomes, plan, started)
        self.notify(Event("run_finished", run_id, time.time(), status=result.status))
        self._remember(asked, result, found, started_ns, tables)
        return result

    def _finish(self, run: Run, run_id: str, plan: Plan, started: float) -> Result:
        status: Status
        try:
            run.steps()
        except KeyboardInterrupt:
            outcomes = tuple(run.outcome(name, None, {}) for name in run.selection if name in run.work)
            return self._result(run_id, "interrupted", outcomes, plan, started)
        published = _undisturbed(run.publish)
        outcomes = tuple(run.outcome(name, run.decision, published) for name in run.selection)
        if any(outcome.action in {Action.FAILED, Action.HELD} for outcome in outcomes):
            status = "failed"
        else:
            status = "published" if published else "nothing to do"
        result = self._result(run_id, status, outcomes, plan, started)
        if (then := self.then) is not None:
            _undisturbed(lambda: then(run, result))
        return result

    def _result(self, run_id: str, status: Status, outcomes: tuple[Outcome, ...], plan: Plan, started: float) -> Result:
        seconds = time.monotonic() - started
        config = self.config
        return Result(
            run_id, status, outcomes, (), seconds, config.warehouse, plan.departed, environment=config.environment
        )

    def _know_again(self, lake: Lake, result: Result) -> None:
        """Reads what the run has published while it is at hand: the next one finds every table known."""
        if result.status in {"published", "failed"} and self.site.remember and not self.site.is_served:
            # the run is over: what goes wrong here, the next one tells
            with contextlib.suppress(CatalogError, KeyboardInterrupt):
                self.site.published(lambda: lake)

    def _remember(self, asked: idle.Asked, result: Result, found: Found, started_ns: int, tables: str) -> None:
        if not self.site.remember:
            return
        facts = found.survey
        clocked = [name for name in found.selection if facts.graph.reads_clock(name)]
        if any(facts.graph.models[name].settings.refresh_every is not None for name in clocked):
            return
        idle.remember(
            self.config,
            asked,
            result,
            patterns=(*facts.files, *(path for brief in facts.graph.briefs.values() for path in brief.modules)),
            tables=tables,
            clock=bool(clocked),
            started_ns=started_ns,
        )


def _undisturbed(commit: Callable[[], T]) -> T:
    """Finishes a commit that is under way although the user presses Ctrl-C: what is reported is then what happened."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(commit)
        while True:
            with contextlib.suppress(KeyboardInterrupt):
                return future.result()
