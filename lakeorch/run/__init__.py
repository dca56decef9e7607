"""The loop: ready steps → execute → audit → record, in threads, with cancellation; then one publish.

A step is decided again at the moment its inputs are known, so a rebuild whose rows stayed the same stops the work
behind it. Whatever finishes is recorded under a key of what it was made from: a run that is stopped, or that keeps a
model back, leaves its finished steps to the next run.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from graphlib import TopologicalSorter
from heapq import heappop, heappush

from lakeorch.audit import audit
from lakeorch.engines import Relation, relation
from lakeorch.errors import ConflictError, LakeorchError, MovedError
from lakeorch.execute import Executor
from lakeorch.lake import Record, Scan, Staged
from lakeorch.masking import redacted
from lakeorch.model import Action, Check, CheckResult, Model, Outcome, Step, Verdict
from lakeorch.observe import Event, EventKind
from lakeorch.publish import Decision, Policy, decide
from lakeorch.run.share import Share
from lakeorch.run.work import Work, judged

log = logging.getLogger(__name__)

# checks that look at one row at a time: on an append or a merge only the rows it wrote can break them
ROW_CHECKS = frozenset({"not_null", "accepted", "min", "max", "matches", "expression", "relationship"})
ADDED = "_lakeorch.added"
PULSE = 0.2


class Run:
    """One run over a selection; use it once.

    Args:
        executor: builds steps; its survey says what is stale.
        selection: model names in graph order.
        singular: the checks of FOLDER/checks by name, as parsed.
        policy: what a failure keeps back.
        threads: how many steps run at once.
        fail_fast: start nothing after the first failure.
        observers: called with every event, one call at a time.
    """

    def __init__(
        self,
        executor: Executor,
        selection: Sequence[str],
        *,
        singular: Mapping[str, Model],
        policy: Policy,
        threads: int,
        fail_fast: bool,
        notify: Callable[[Event], None],
    ) -> None:
        self.executor = executor
        self.survey = executor.survey
        self.lake = executor.lake
        self.graph = executor.survey.graph
        self.selection = tuple(selection)
        self._place = {name: at for at, name in enumerate(selection)}
        self.singular = singular
        self.policy = policy
        self.threads = threads
        self.fail_fast = fail_fast
        self.notify = notify
        self.work: dict[str, Work] = {}
        self.heads = executor.survey.heads()  # staged snapshots where this run changed a table
        self.decision = Decision(frozenset(), {})

    # ---- the loop ----

    def steps(self) -> None:
        """Runs every step that can run; afterwards `work` holds what became of each.

        Raises:
            MovedError: another run moved a table first; plan again.
            KeyboardInterrupt: the user asked to stop; running statements were cancelled, finished steps recorded.
        """
        order = TopologicalSorter({name: self._upstream(name) for name in self.selection})
        order.prepare()
        ready: list[tuple[int, str]] = []
        running: dict[Future[Work], str] = {}
        share = Share(self.threads)
        with ThreadPoolExecutor(self.threads, thread_name_prefix="lakeorch") as pool:
            try:
                while order.is_active():
                    for name in order.get_ready():
                        heappush(ready, (self._place[name], name))
                    while ready and len(running) < self.threads:
                        name = ready[0][1]
                        if self._blocked(name):
                            order.done(self._finish(name, None))
                        elif share.take(name, self._bytes(name)):
                            running[pool.submit(self._step, name)] = name
                        else:
                            break
                        heappop(ready)
                    done, _ = wait(running, timeout=PULSE, return_when=FIRST_COMPLETED) if running else ((), ())
                    for future in done:
                        name = running.pop(future)
                        share.give(name)
                        order.done(self._finish(name, future.result()))
                    self._pulse()
                self._look_sideways()
            except BaseException:
                self._stop(running)
                raise

    def _upstream(self, name: str) -> dict[str, None]:
        """The selected models that a model reads, also through views that are not selected."""
        read = (*self.graph.parents(name), *self.graph.tables_behind(name))
        return {up: None for up in read if up in self._place}

    def _bytes(self, name: str) -> int:
        """About how much a step reads: raw files, tables, and the rows that it has to look at of its own."""
        survey = self.survey
        size = sum(file.size for pattern in self.graph.files_behind(name) for file in survey.files[pattern].files)
        for table in (name, *self.graph.tables_behind(name)):
            work, published = self.work.get(table), survey.published.get(table)
            if work is not None and work.writes and work.staged is not None:
                size += work.staged.bytes
            elif published is not None:
                size += published.bytes
        return size

    def _blocked(self, name: str) -> str:
        """Why `name` must not start; empty when it may."""
        if self.fail_fast and any(work.failed for work in list(self.work.values())):
            return "not started: --fail-fast"
        for up in self._upstream(name):
            work = self.work.get(up)
            if work is not None and work.step.action is Action.HELD:
                return work.step.reason
            if work is not None and (work.error or (work.failed and self.policy != "all")):
                return f"not built: {up} failed"
        return ""

    def _finish(self, name: str, work: Work | None) -> str:
        if work is None:
            self.work[name] = Work(Step(name, Action.HELD, self._blocked(name)))
        self._tell("step_finished", model=name, outcome=self.outcome(name, None, {}))
        return name

    def _stop(self, running: Iterable[Future[Work]]) -> None:
        pending = {future for future in running if not future.cancel()}
        while pending:
            for session in list(self.executor.sessions.values()):
                session.cancel()
            _, pending = wait(pending, timeout=0.05)

    def _pulse(self) -> None:
        for name, told in self.executor.progress().items():
            self._tell("step_progress", model=name, **told)

    # ---- one step ----

    def _step(self, name: str) -> Work:
        started = time.perf_counter()
        step = self.survey.step(name, self.heads)
        work = self.work[name] = Work(step, self.survey.key(step))
        try:
            if step.action is Action.FAILED:
                work.error = step.reason
            elif step.action is not Action.SKIP:
                self._tell("step_started", model=name, step=step)
                self._make(work)
        except MovedError:
            raise
        except LakeorchError as error:
            work.error = f"{error.message}\n{error.hint}".strip()
        except (KeyError, ValueError, TypeError, ArithmeticError, RuntimeError) as error:
            # a bug, but of this step alone: the other steps go on
            log.debug("step %s", name, exc_info=True)
            said = redacted(f"{type(error).__name__}: {error}")
            work.error = f"{said}\nthis is a bug in lakeorch; --debug shows where it happened"
        except OSError as error:
            work.error = f"{error.strerror or error}: {error.filename or self.lake.warehouse}"
        if work.staged is not None and work.staged.writes_data:
            self.heads[name] = work.staged.snapshot_id
        work.seconds = time.perf_counter() - started
        return work

    def _make(self, work: Work) -> None:
        name, action = work.step.model, work.step.action
        checks = [check for check in self.survey.checks.get(name, ()) if not self._is_sideways(name, check)]
        if action is Action.VIEW and not checks:
            return
        if record := self.lake.recall(work.key):
            work.staged, work.kept_at, work.reused = record.staged, record.kept_at, True
            work.verdict, again = judged(record.verdict, checks)
            if again:
                work.verdict = Verdict(work.verdict.results + self._audit(name, work, again).results)
                self.lake.record(replace(record, verdict=work.verdict))
            return
        if action is Action.BUILD:
            work.staged = self.executor.build(work.step, work.key, self.scan)
        elif action is Action.AMEND:
            work.staged = self.executor.amend(work.step, work.key)
        work.verdict = self._audit(name, work, checks)
        self.lake.record(Record(work.key, name, work.staged, work.verdict, ""))

    # ---- audit ----

    def _is_sideways(self, name: str, check: Check) -> bool:
        """Whether a check looks at models of this run that `name` is not made of: it must wait for all of them."""
        seen = set(self._looks_at(check)) & set(self.selection) - {name}
        return not seen <= set(self.graph.ancestors(name)) if seen else False

    def _looks_at(self, check: Check) -> list[str]:
        if check.kind == "relationship":
            names = [str(check.options["to"])]
        elif check.kind == "sql":
            model = self.singular[str(check.options["name"])]
            names = [self.graph.resolve(model, ref.name) or "" for ref in model.references]
        else:
            names = []
        return [name for name in names if name in self.graph.models]

    def _look_sideways(self) -> None:
        """Runs the checks that had to wait for other models, now that every step is settled.

        A check between models can also be broken by the other one: where the model that it belongs to stays as it
        is, its result goes to the last of the models it looks at that did change.
        """
        late: dict[str, list[CheckResult]] = {}
        for owner, checks in self.survey.checks.items():
            work = self.work.get(owner)
            for check in checks:
                looked_at = self._looks_at(check)
                if work is not None and work.step.action is not Action.SKIP:
                    active = self._is_sideways(owner, check) and not work.error and work.step.action is not Action.HELD
                    bearer = owner if active else ""
                else:
                    changed = [name for name in looked_at if name in self.work and self.work[name].writes]
                    bearer = max(changed, key=self.graph.order.index) if changed and self._is_there(owner) else ""
                if bearer:
                    [result] = self._audit(owner, work, [check]).results
                    label = result.name if bearer == owner or check.kind == "sql" else f"{result.name} of {owner}"
                    late.setdefault(bearer, []).append(replace(result, name=label))
        for name, results in late.items():
            work = self.work[name]
            again = {result.name for result in results}
            work.verdict = Verdict((*(r for r in work.verdict.results if r.name not in again), *results))
            self.lake.record(Record(work.key, name, work.staged, work.verdict, work.kept_at))
            if work.failed:
                self._tell("step_finished", model=name, outcome=self.outcome(name, None, {}))

    def _is_there(self, name: str) -> bool:
        return name in self.survey.published or self.graph.models[name].settings.materialized == "view"

    def _audit(self, name: str, work: Work | None, checks: Sequence[Check]) -> Verdict:
        if not checks:
            return Verdict()
        relations: dict[str, Relation] = {}
        self._show(name, relations)
        for other in {up for check in checks for up in self._looks_at(check)} - {name}:
            self._show(other, relations)
        added = self._added(name, work)
        if added is not None:
            relations[ADDED] = relation(added, name=ADDED)
        quote, now = self.executor.engine.quote, self.survey.now
        with self.executor.session(name, list(relations.values())) as session:
            rows = [check for check in checks if added is not None and self._is_by_row(check)]
            rest = [self._with_sql(check) for check in checks if check not in rows]
            first = audit(session, quote(ADDED), rows, now)
            second = audit(session, quote(name), rest, now)
        return Verdict(first.results + second.results)

    def _added(self, name: str, work: Work | None) -> Scan | None:
        """The rows that a step only added, where the rest is known to have passed the same checks."""
        if work is None or work.staged is None or not work.writes or work.step.refresh != "incremental":
            return None
        judged = self.survey.published[name].properties.get("lakeorch.checks")
        return work.staged.added() if judged == self.survey.checks_hash(name) else None

    def _is_by_row(self, check: Check) -> bool:
        """Whether only a new row can break a check: not where it looks at a model that this run changed."""
        changed = any(other in self.work and self.work[other].writes for other in self._looks_at(check))
        return check.kind in ROW_CHECKS and not changed

    def _show(self, name: str, relations: dict[str, Relation]) -> None:
        """Adds another model's relation, a view with all that it is made of; nothing where it was never built."""
        if self.graph.models[name].settings.materialized == "view":
            for part in self.executor.reading.whole(name, self.scan):
                relations.setdefault(part.name, part)
            relations.setdefault(name, self.executor.reading.view(name))
        elif name in self.survey.published or name in self.work:
            relations.setdefault(name, relation(self.scan(name)))

    def _with_sql(self, check: Check) -> Check:
        if check.kind != "sql":
            return check
        model = self.singular[str(check.options["name"])]
        return replace(check, options={**check.options, "sql": self.executor.reading.statement(model).sql})

    # ---- what upstream is at ----

    def scan(self, name: str) -> Scan:
        """A table at the state that this run reads: staged where the run changed it, else as it was at the start."""
        work = self.work.get(name)
        if work is not None and work.staged is not None and work.staged.writes_data:
            return work.staged.scan()
        return self.lake.scan(name, location=self.survey.published[name].location)

    # ---- the end ----

    def publish(self) -> dict[str, int | None]:
        """Makes what may be published current in one commit; returns model → snapshot id.

        A conflict with another writer fails the model that it is about, and what is left is decided again.

        Raises:
            MovedError: another run moved a table first; plan again.
        """
        while True:
            self.decision = self._decide()
            self._reject()
            # inputs first, for a catalog that takes one table at a time
            wanted = [name for name in self.selection if name in self.decision.publish]
            changes = [change for name in wanted if (change := self.work[name].staged) is not None]
            if not changes:
                return {}
            self._tell("publish_started")
            try:
                return self.lake.publish(changes, self.executor.run_id, unmoved=self._read(changes))
            except MovedError:
                raise
            except ConflictError as conflict:
                failed = self.work.get(conflict.table)
                if failed is None or failed.error:
                    raise
                failed.error = f"{conflict.message}\n{conflict.hint}".strip()

    def _decide(self) -> Decision:
        staged = [n for n, w in self.work.items() if w.staged is not None and not w.error]
        failed = [n for n, w in self.work.items() if w.failed]
        unbuilt = [n for n, w in self.work.items() if w.step.action is Action.HELD]
        return decide(self.graph, staged, failed, unbuilt, self.policy, self.links())

    def links(self) -> list[tuple[str, str]]:
        """Pairs of models that a check looks at together."""
        return [
            (owner, other)
            for owner, checks in self.survey.checks.items()
            for check in checks
            for other in self._looks_at(check)
        ]

    def _read(self, changes: Iterable[Staged]) -> dict[str, int | None]:
        """The tables that the published steps read: nobody else may have moved them."""
        return {up: at for change in changes for up, at in self.work[change.name].step.inputs.tables.items()}

    def _reject(self) -> None:
        """Keeps the rows of every step whose audit failed readable, and remembers where."""
        for name, work in self.work.items():
            if work.staged is None or work.verdict.ok or work.kept_at or not work.writes:
                continue
            if name in self.decision.publish:
                continue
            work.kept_at = self.lake.reject(work.staged, self.executor.run_id)
            self.lake.record(Record(work.key, name, work.staged, work.verdict, work.kept_at))

    def outcome(self, name: str, decision: Decision | None, published: Mapping[str, int | None]) -> Outcome:
        """What became of `name`, before (`decision` None) or after the publish."""
        work = self.work[name]
        action, reason, staged = work.step.action, work.step.reason, work.staged
        if work.failed:
            action = Action.FAILED
        elif decision is not None and name in decision.held:
            action, reason = Action.HELD, decision.held[name] if action is not Action.HELD else reason
        elif work.reused and action is Action.BUILD:
            reason += "; finished by an earlier run"
        if action is Action.BUILD and not work.writes:
            reason += "; the rows stayed the same"
        table = self.survey.published.get(name)
        return Outcome(
            name,
            action,
            reason,
            rows=staged.rows if staged is not None and work.writes else 0,
            bytes=staged.bytes if staged is not None and work.writes else 0,
            seconds=work.seconds,
            snapshot_id=published.get(name, table.snapshot_id if table else None),
            checks=work.verdict.results,
            kept_at=work.kept_at,
            error=work.error,
        )

    def _tell(self, kind: EventKind, **facts: object) -> None:
        self.notify(Event(kind, self.executor.run_id, time.time(), **facts))  # type: ignore[arg-type]
