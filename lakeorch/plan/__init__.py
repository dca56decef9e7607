"""Step 4: models and what their tables say of themselves → `Step`s, each with its reason. Pure: no I/O.

`Survey` holds everything that a decision may depend on, gathered beforehand. The same `Survey.step` serves
`lakeorch plan`, which must guess that a step to be rebuilt will move its readers (`moving`), and the run, which asks
again with the snapshot ids that the upstream steps really have.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lakeorch.brief import Tables
from lakeorch.cache import Cache
from lakeorch.graph import Graph
from lakeorch.graph.pins import PINNED, Pin
from lakeorch.lake.pointers import ATOMIC
from lakeorch.model import (
    VERSION_COLUMNS,
    Action,
    Check,
    FileSet,
    InputFile,
    Inputs,
    Model,
    Published,
    Refresh,
    Scalar,
    Schema,
    Step,
)
from lakeorch.plan.planned import Plan
from lakeorch.plan.settled import Settled
from lakeorch.sources.files import file_set

__all__ = ["INCREMENTAL", "Heads", "Plan", "Survey", "docs_of", "foreign_reason"]

INCREMENTAL = frozenset({"append", "merge"})
Heads = Mapping[str, int | None]


@dataclass(frozen=True)
class Survey:
    """Everything a decision depends on.

    Attributes:
        columns: of every bound model.
        checks: of every model, those of FOLDER/checks that were attached to it included.
        published: every table of the catalog.
        files: pattern → the files that are there now.
        listings: digest → the files behind it, for digests that the tables recorded.
        now: the run's bound time.
        full: rebuild everything selected.
        stamps: pattern → path → size and times of each local file just before it was hashed.
        pins: the tables that a roll-back has pinned, and that are not to be unpinned.
        beside: models that have checks besides those of their own file.
        cache: knows which models were up to date before, and learns which are now.
        void: tables that an environment built, and that are production's again because that has moved since.
        guarantee: what the catalog promises about the publish.
    """

    graph: Graph
    columns: Mapping[str, Schema]
    checks: Mapping[str, tuple[Check, ...]]
    variables: Mapping[str, Scalar]
    published: Mapping[str, Published]
    files: Mapping[str, FileSet]
    listings: Mapping[str, FileSet]
    now: datetime
    full: bool = False
    stamps: Mapping[str, Mapping[str, tuple[int, int, int]]] = field(default_factory=dict)
    pins: Mapping[str, Pin] = field(default_factory=dict)
    beside: Collection[str] = ()
    cache: Cache = field(default_factory=Cache)
    void: frozenset[str] = frozenset()
    guarantee: str = ATOMIC

    def heads(self) -> dict[str, int | None]:
        """Every published table's data snapshot."""
        return {name: head.snapshot_id for name, head in Tables.of(self.published).heads.items()}

    def plan(self, selection: Sequence[str]) -> Plan:
        """The steps for `selection`, which must be in graph order.

        A step that reads something rebuilt earlier in the plan is planned as a rebuild too; in the run it may turn
        out that the rows upstream stayed the same, and the step is skipped.
        """
        steps: list[Step] = []
        moving: set[str] = set()
        heads = self.heads()
        settled = Settled(self, heads)
        for name in selection:
            step = settled.step(name, moving) or self.step(name, heads, frozenset(moving))
            settled.learn(step)
            steps.append(step)
            if step.action is Action.BUILD:
                moving.add(name)
        return Plan(tuple(steps), self.departed(), self.guarantee)

    def departed(self) -> tuple[str, ...]:
        """Tables that lakeorch made and whose model is no longer in the project, or is a view now."""
        made = [name for name, head in Tables.of(self.published).heads.items() if head.made]
        briefs = self.graph.briefs
        return tuple(sorted(name for name in made if name not in briefs or briefs[name].materialized == "view"))

    def step(self, name: str, heads: Heads, moving: frozenset[str] = frozenset()) -> Step:
        """Decides for one model.

        Args:
            name: the model.
            heads: the data snapshot that each table is at, staged ones included.
            moving: inputs that will be rebuilt by an earlier step of the plan.
        """
        model = self.graph.models[name]
        inputs = self.inputs(name, heads)
        fingerprint = self.fingerprint(name)
        if model.settings.materialized == "view":
            return Step(name, Action.VIEW, "inlined into its readers", "none", inputs, fingerprint)
        table = self.published.get(name)
        if table is None or table.snapshot_id is None:
            return Step(name, Action.BUILD, "never built", "full", inputs, fingerprint)
        if pin := self.pins.get(name):
            return Step(name, Action.SKIP, pin.reason, "none", inputs, fingerprint)
        keeps = model.settings.materialized in INCREMENTAL or self._has_versions(name)
        if self.full:
            return Step(name, Action.BUILD, "--full", "full", inputs, fingerprint)
        if table.foreign and not (keeps and table.foreign_appends and "lakeorch.model" in table.properties):
            return Step(name, Action.FAILED, foreign_reason(table), "none", inputs, fingerprint)
        if reason := self._undone(name):
            return Step(name, Action.FAILED, reason, "none", inputs, fingerprint)
        refresh: Refresh = "incremental" if keeps else "full"
        if reason := self._stale(model, table, inputs, moving):
            return Step(name, Action.BUILD, self._since(table) + reason, refresh, inputs, fingerprint)
        if reason := self._amended(model, table):
            return Step(name, Action.AMEND, reason, "none", inputs, fingerprint)
        return Step(name, Action.SKIP, "up to date", "none", inputs, fingerprint)

    def inputs(self, name: str, heads: Heads) -> Inputs:
        """What a build of `name` would be made from, given the snapshots its inputs are at."""
        tables = {table: heads.get(table) for table in self.graph.tables_behind(name)}
        recorded = self.recorded(name) if self.adds(name) else None
        patterns = dict.fromkeys((*self.graph.files_behind(name), *(recorded.files if recorded else ())))
        files = {pattern: self.reading(name, pattern).digest for pattern in patterns}
        return Inputs(tables, files, self.now.isoformat() if self.graph.reads_clock(name) else "")

    def fingerprint(self, name: str) -> str:
        """The model's fingerprint under this survey's variables."""
        return self.graph.fingerprint(name, self.variables)

    def settings(self, name: str) -> dict[str, object]:
        """What besides its query decides a model's rows, kept in the snapshot so that a change can be named."""
        facts = self.graph.data_settings(name, self.variables)
        if views := self.graph.views_behind(name):
            facts["views"] = {view: self.graph.fingerprint(view, self.variables) for view in views}
        return facts

    def layout_changed(self, name: str) -> bool:
        """Whether the published rows lie in files of another layout than the model now asks for."""
        then = json.loads(self.published[name].properties.get("lakeorch.settings", "{}"))
        now = self.settings(name)
        return any(then.get(key) != now.get(key) for key in ("partition_by", "sort_by"))

    def checks_hash(self, name: str) -> str:
        """Identifies the checks of a model: an edited check runs again, on the rows that are there."""
        rules = [
            [c.kind, list(c.columns), sorted((k, str(v)) for k, v in c.options.items()), c.severity]
            for c in self.checks.get(name, ())
        ]
        return _hash(rules) if rules else "none"

    def key(self, step: Step) -> str:
        """Names a finished step by what it was made from, so that a later run can find and reuse it."""
        table = self.published.get(step.model)
        settings = self.graph.models[step.model].settings
        inputs = Inputs(step.inputs.tables, step.inputs.files, _bucket(step.inputs.now, settings.refresh_every))
        head = None if table is None else table.snapshot_id
        # the staged change writes these too: taken up after an edit of them, it would publish the old ones
        said = [settings.description, settings.owner, *((c.name, c.description) for c in settings.columns)]
        parts = [step.model, step.fingerprint, inputs.to_json(), head, step.refresh, self.checks_hash(step.model), said]
        return _hash(parts)

    # ---- files ----

    def reading(self, name: str, pattern: str) -> FileSet:
        """The files that the next snapshot of `name` will have read through `pattern`.

        An append or merge model never forgets a file that it read, even when the file is gone: should the file come
        back, its rows must not be added twice.
        """
        current = self.files.get(pattern)
        listed = self._listed(name, pattern)
        if current is None:
            return file_set(pattern, list(listed))
        if not self.remembers(name, pattern):
            return current
        renamed = set(self._renamed(name).values())
        known = {file.path: file for file in listed if file.path not in renamed}
        return file_set(pattern, list((known | {file.path: file for file in current.files}).values()))

    def new_files(self, name: str, pattern: str) -> tuple[str, ...]:
        """Paths behind `pattern` that the published rows of `name` were not made from.

        A file is known by its content: one that was only renamed, so that its old path is gone, is not new.
        """
        known = {file.path for file in self._read(name)} | self._renamed(name).keys()
        return tuple(file.path for file in self.files[pattern].files if file.path not in known)

    def _renamed(self, name: str) -> dict[str, str]:
        """New path → old path of files that a model has read under another name: the old one is gone."""
        read = self._read(name)
        paths = {file.path for file in read}
        patterns = [pattern for pattern in self.graph.files_behind(name) if self.remembers(name, pattern)]
        here = {file.path: file for pattern in patterns for file in self.files[pattern].files}
        gone: dict[tuple[int, str], list[str]] = {}
        for file in read:
            if file.path not in here:
                gone.setdefault((file.size, file.digest), []).append(file.path)
        found = {}
        for path, file in sorted(here.items()):
            old = gone.get((file.size, file.digest))
            if path not in paths and old:
                found[path] = old.pop()
        return found

    def changed_files(self, name: str, pattern: str) -> tuple[str, ...]:
        """Paths that `name` has read before and whose content is another now."""
        known = {file.path: file.digest for file in self._read(name)}
        return tuple(f.path for f in self.files[pattern].files if known.get(f.path, f.digest) != f.digest)

    def remembers(self, name: str, pattern: str) -> bool:
        """Whether what was read through a pattern is never read again."""
        return self.adds(name) and pattern in self.graph.driving(name)

    def adds(self, name: str) -> bool:
        """Whether the next build of `name` adds to the rows that are there."""
        return not self.full and self.graph.models[name].settings.materialized in INCREMENTAL

    def revises(self, name: str) -> bool:
        """Whether the next build of `name` opens and closes versions of the rows that are there."""
        return not self.full and self._has_versions(name)

    def _has_versions(self, name: str) -> bool:
        """Whether a table holds versions that must not be lost: its inputs show none but the latest."""
        table, wanted = self.published.get(name), {column.name for column in VERSION_COLUMNS}
        is_history = self.graph.models[name].settings.materialized == "history"
        return is_history and table is not None and {column.name for column in table.columns} >= wanted

    def _read(self, name: str) -> tuple[InputFile, ...]:
        """Every file that the published rows of `name` were made from, whatever pattern it was found by."""
        recorded = self.recorded(name)
        patterns = recorded.files if recorded else ()
        return tuple(file for pattern in patterns for file in self._listed(name, pattern))

    def _listed(self, name: str, pattern: str) -> tuple[InputFile, ...]:
        recorded = self.recorded(name)
        listing = self.listings.get(recorded.files.get(pattern, "")) if recorded else None
        return listing.files if listing else ()

    def recorded(self, name: str) -> Inputs | None:
        """What the published rows of `name` were made from; None where no snapshot says so."""
        table = self.published.get(name)
        text = table.properties.get("lakeorch.inputs") if table else None
        return Inputs.from_json(text) if text else None

    # ---- reasons ----

    def _stale(self, model: Model, table: Published, inputs: Inputs, moving: frozenset[str]) -> str:
        recorded = self.recorded(model.name)
        if recorded is None:
            return "never built by lakeorch"
        if table.properties.get("lakeorch.fingerprint") != self.fingerprint(model.name):
            return self._edited(model, table)
        drives = self.graph.driving(model.name) if model.settings.materialized in INCREMENTAL else None
        for name, head in inputs.tables.items():
            if drives is not None and name not in drives:
                continue
            if name in moving:
                return f"input {name} will be rebuilt"
            if recorded.tables.get(name) != head:
                return self._moved(name, recorded.tables.get(name), head)
        for pattern in inputs.files:
            if drives is not None and pattern not in drives:
                continue
            if reason := self._files_moved(model, pattern, recorded):
                return reason
        return self._clock_moved(model, recorded, inputs)

    def _since(self, table: Published) -> str:
        """Why what an environment built is built again: production's rows are others by now."""
        if table.name not in self.void:
            return ""
        run = "" if table.foreign else table.properties.get("lakeorch.run-id", "")
        return f"production moved since this environment built it: {f'run {run}' if run else 'another writer'}; "

    def _edited(self, model: Model, table: Published) -> str:
        then = json.loads(table.properties.get("lakeorch.settings", "{}"))
        now = json.loads(json.dumps(self.settings(model.name)))
        reasons = []
        for key in sorted(then.keys() | now.keys()):
            old, new = then.get(key), now.get(key)
            if old == new:
                continue
            if key in {"variables", "views"} and isinstance(old or {}, dict) and isinstance(new or {}, dict):
                names = sorted(n for n in {**(old or {}), **(new or {})} if (old or {}).get(n) != (new or {}).get(n))
                reasons.append(("variable changed: " if key == "variables" else "view changed: ") + ", ".join(names))
            else:
                reasons.append(f"settings changed: {key}")
        reason = "; ".join(reasons) or "query changed"
        if model.settings.materialized in INCREMENTAL:
            reason += " (holds for new input; --full rebuilds the rows that are there)"
        elif self._has_versions(model.name):
            reason += " (the versions that are there stay)"
        return reason

    def _undone(self, name: str) -> str:
        """Why an append or merge model cannot go on: it holds rows made from input that was rolled back since."""
        recorded = self.recorded(name) if self.adds(name) else None
        for table, then in recorded.tables.items() if recorded else ():
            if table in self.graph.driving(name) and table in self.published and then in self.published[table].undone:
                return f"input {table} was rolled back behind what this has read; --full rebuilds it"
        return ""

    def _moved(self, name: str, then: int | None, head: int | None) -> str:
        table = self.published.get(name)
        history = table.history if table else ()
        if head not in history:
            return f"input {name} was rebuilt in this run"
        if table and then in table.undone:
            return f"input {name} was rolled back"
        if then is None or then not in history:
            return f"input {name} moved"
        steps = history.index(then) - history.index(head)
        return f"input {name} moved {steps} snapshot{'' if steps == 1 else 's'}"

    def _files_moved(self, model: Model, pattern: str, recorded: Inputs) -> str:
        if model.settings.materialized in INCREMENTAL:
            new = len(self.new_files(model.name, pattern))
            return f"new files: {new}" if new else ""
        if recorded.files.get(pattern) == self.files[pattern].digest:
            return ""
        before = {file.path: file.digest for file in self._listed(model.name, pattern)}
        after = {file.path: file.digest for file in self.files[pattern].files}
        counts = {
            "new": len(after.keys() - before.keys()),
            "changed": sum(before[path] != after[path] for path in before.keys() & after.keys()),
            "removed": len(before.keys() - after.keys()),
        }
        if not before:
            return f"files changed: {pattern}"
        return ", ".join(f"{word} files: {count}" for word, count in counts.items() if count)

    def _clock_moved(self, model: Model, recorded: Inputs, inputs: Inputs) -> str:
        if not inputs.now:
            return ""
        every = model.settings.refresh_every
        if _bucket(recorded.now, every) == _bucket(inputs.now, every):
            return ""
        return "the date moved" if every is None else "refresh interval passed"

    def _amended(self, model: Model, table: Published) -> str:
        if table.properties.get("lakeorch.checks", "none") != self.checks_hash(model.name):
            return "checks changed"
        if json.loads(table.properties.get("lakeorch.audit", "{}")).get("failed"):
            return "a check failed when this was published"
        docs = docs_of(model, table.columns)
        described = any(docs[column.name] != column.description for column in table.columns)
        facts = {"comment": model.settings.description, "owner": model.settings.owner}
        if described or any(table.properties.get(key, "") != value for key, value in facts.items()):
            return "description changed"
        return "unpinned" if PINNED in table.properties else ""


def docs_of(model: Model, columns: Schema) -> dict[str, str]:
    """The description of every column of a table as its model has it; empty where it has none."""
    wanted = {column.name.lower(): column.description for column in model.settings.columns}
    return {column.name: wanted.get(column.name.lower(), "") for column in columns}


def foreign_reason(table: Published) -> str:
    """Why a table that somebody else wrote to is not rebuilt."""
    ids = ", ".join(str(snapshot) for snapshot in table.foreign[:3])
    more = f" and {len(table.foreign) - 3} more" if len(table.foreign) > 3 else ""
    return f"another writer changed it (snapshot {ids}{more}); --full builds over it"


def _bucket(now: str, every: int | None) -> str:
    """The part of a bound time that makes a model stale when it moves: the date, or the refresh interval."""
    if not now:
        return ""
    moment = datetime.fromisoformat(now).astimezone(UTC)
    return moment.date().isoformat() if every is None else str(int(moment.timestamp()) // every)


def _hash(value: object) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True, default=str).encode(), digest_size=12).hexdigest()
