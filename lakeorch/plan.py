"""Step 4: models and what their tables say of themselves → `Step`s, each with its reason. Pure: no I/O.

`Survey` holds everything that a decision may depend on, gathered beforehand. The same `Survey.step` serves
`lakeorch plan`, which must guess that a step to be rebuilt will move its readers (`moving`), and the run, which asks
again with the snapshot ids that the upstream steps really have.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from lakeorch.errors import Finding
from lakeorch.graph import Graph
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
from lakeorch.sources.files import file_set
from lakeorch.types import parse_type, widens

INCREMENTAL = frozenset({"append", "merge"})
Heads = Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do.

    Attributes:
        steps: one per selected model, in an order in which they can run.
        departed: published tables whose model left the project; they are kept.
        guarantee: what the catalog promises about the publish.
    """

    steps: tuple[Step, ...]
    departed: tuple[str, ...] = ()
    guarantee: str = "one catalog transaction over all tables"


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
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    stamps: Mapping[str, Mapping[str, tuple[int, int, int]]] = field(default_factory=dict)

    def heads(self) -> dict[str, int | None]:
        """Every published table's data snapshot."""
        return {name: table.snapshot_id for name, table in self.published.items()}

    def plan(self, selection: Sequence[str]) -> Plan:
        """The steps for `selection`, which must be in graph order.

        A step that reads something rebuilt earlier in the plan is planned as a rebuild too; in the run it may turn
        out that the rows upstream stayed the same, and the step is skipped.
        """
        steps: list[Step] = []
        moving: set[str] = set()
        heads = self.heads()
        for name in selection:
            step = self.step(name, heads, frozenset(moving))
            steps.append(step)
            if step.action is Action.BUILD:
                moving.add(name)
        return Plan(tuple(steps), self.departed())

    def departed(self) -> tuple[str, ...]:
        """Tables that lakeorch made and whose model is no longer in the project, or is a view now."""
        made = [name for name, table in self.published.items() if "lakeorch.model" in table.properties]
        models = self.graph.models
        kept = {name for name in made if name in models and models[name].settings.materialized != "view"}
        return tuple(sorted(set(made) - kept))

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
        keeps = model.settings.materialized in INCREMENTAL or _has_versions(model, table)
        if self.full:
            return Step(name, Action.BUILD, "--full", "full", inputs, fingerprint)
        if table.foreign and not (keeps and table.foreign_appends and "lakeorch.model" in table.properties):
            return Step(name, Action.FAILED, foreign_reason(table), "none", inputs, fingerprint)
        refresh: Refresh = "incremental" if keeps else "full"
        if reason := self._stale(model, table, inputs, moving):
            return Step(name, Action.BUILD, reason, refresh, inputs, fingerprint)
        if reason := self._amended(model, table):
            return Step(name, Action.AMEND, reason, "none", inputs, fingerprint)
        return Step(name, Action.SKIP, "up to date", "none", inputs, fingerprint)

    def inputs(self, name: str, heads: Heads) -> Inputs:
        """What a build of `name` would be made from, given the snapshots its inputs are at."""
        tables = {table: heads.get(table) for table in self.graph.tables_behind(name)}
        recorded = self.recorded(name) if self._adds(name) else None
        patterns = dict.fromkeys((*self.graph.files_behind(name), *(recorded.files if recorded else ())))
        files = {pattern: self.reading(name, pattern).digest for pattern in patterns}
        return Inputs(tables, files, self.now.isoformat() if self.graph.reads_clock(name) else "")

    def fingerprint(self, name: str) -> str:
        """The model's fingerprint under this survey's variables."""
        return self.fingerprints.get(name) or self.graph.fingerprint(name, self.variables)

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
        if not self._remembers(name, pattern):
            return current
        known = {file.path: file for file in listed} | {file.path: file for file in current.files}
        return file_set(pattern, list(known.values()))

    def new_files(self, name: str, pattern: str) -> tuple[str, ...]:
        """Paths behind `pattern` that the published rows of `name` were not made from.

        A file is known by its content: one that was only renamed, so that its old path is gone, is not new.
        """
        read = self._read(name)
        paths = {file.path for file in read}
        here = {file.path for files in self.files.values() for file in files.files}
        gone = Counter((file.size, file.digest) for file in read if file.path not in here)
        new = []
        for file in self.files[pattern].files:
            if file.path in paths:
                continue
            if gone[file.size, file.digest]:
                gone[file.size, file.digest] -= 1
            else:
                new.append(file.path)
        return tuple(new)

    def changed_files(self, name: str, pattern: str) -> tuple[str, ...]:
        """Paths that `name` has read before and whose content is another now."""
        known = {file.path: file.digest for file in self._read(name)}
        return tuple(f.path for f in self.files[pattern].files if known.get(f.path, f.digest) != f.digest)

    def findings(self, selection: Sequence[str]) -> tuple[Finding, ...]:
        """What keeps append and merge models from going on: their rows cannot be taken back.

        Files that were read and then edited, and a lost list of what was read.
        """
        found: list[Finding] = []
        for name in selection:
            model = self.graph.models[name]
            recorded = self.recorded(name)
            if not self._adds(name) or recorded is None:
                continue
            hint = f"put the new rows into a new file, or rebuild: lakeorch run --full -s {name}"
            for read in model.files:
                driving = [pattern for pattern in read.patterns if self._remembers(name, pattern)]
                changed = [path for pattern in driving for path in self.changed_files(name, pattern)]
                message = f"changed since {name} read it: {', '.join(changed)}"
                if changed:
                    found.append(model.source.finding(read.argument, message, hint=hint, model=name))
            then = json.loads(self.published[name].properties.get("lakeorch.settings", "{}"))
            keyed = {"materialized": model.settings.materialized, "unique_key": list(model.settings.unique_key)}
            if model.settings.unique_key and any(then.get(key) != value for key, value in keyed.items()):
                message = f"{name} has a new unique_key: the rows that are there may not be unique"
                rebuild = f"rebuild: lakeorch run --full -s {name}"
                found.append(replace(model.source.finding(model.body, message, hint=rebuild, model=name), width=1))
            types = {column.name.lower(): column.type for column in self.columns[name]}
            for column in self.published[name].columns:
                new = types.get(column.name.lower(), column.type)
                if not widens(parse_type(column.type), parse_type(new)):
                    message = f"{column.name} is {column.type} in the table and {new} in the query"
                    cast = f"cast it to {column.type}, or rebuild: lakeorch run --full -s {name}"
                    found.append(replace(model.source.finding(model.body, message, hint=cast, model=name), width=1))
            if lost := [pattern for pattern, digest in recorded.files.items() if digest not in self.listings]:
                message = f"the list of files that {name} has read is gone from the warehouse: {', '.join(lost)}"
                hint = f"put _lakeorch/files back from a backup, or rebuild: lakeorch run --full -s {name}"
                found.append(replace(model.source.finding(model.body, message, hint=hint, model=name), width=1))
        return tuple(found)

    def _remembers(self, name: str, pattern: str) -> bool:
        """Whether what was read through a pattern is never read again."""
        return self._adds(name) and pattern in self.graph.driving(name)

    def _adds(self, name: str) -> bool:
        """Whether the next build of `name` adds to the rows that are there."""
        return not self.full and self.graph.models[name].settings.materialized in INCREMENTAL

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
        elif _has_versions(model, table):
            reason += " (the versions that are there stay)"
        return reason

    def _moved(self, name: str, then: int | None, head: int | None) -> str:
        table = self.published.get(name)
        history = table.history if table else ()
        if head not in history:
            return f"input {name} was rebuilt in this run"
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
        return ""


def docs_of(model: Model, columns: Schema) -> dict[str, str]:
    """The description of every column of a table as its model has it; empty where it has none."""
    wanted = {column.name.lower(): column.description for column in model.settings.columns}
    return {column.name: wanted.get(column.name.lower(), "") for column in columns}


def foreign_reason(table: Published) -> str:
    """Why a table that somebody else wrote to is not rebuilt."""
    ids = ", ".join(str(snapshot) for snapshot in table.foreign[:3])
    more = f" and {len(table.foreign) - 3} more" if len(table.foreign) > 3 else ""
    return f"another writer changed it (snapshot {ids}{more}); --full builds over it"


def _has_versions(model: Model, table: Published) -> bool:
    """Whether a table holds versions that must not be lost: its inputs show none but the latest."""
    columns = {column.name for column in table.columns}
    return model.settings.materialized == "history" and columns >= {column.name for column in VERSION_COLUMNS}


def _bucket(now: str, every: int | None) -> str:
    """The part of a bound time that makes a model stale when it moves: the date, or the refresh interval."""
    if not now:
        return ""
    moment = datetime.fromisoformat(now).astimezone(UTC)
    return moment.date().isoformat() if every is None else str(int(moment.timestamp()) // every)


def _hash(value: object) -> str:
    return hashlib.blake2b(json.dumps(value, sort_keys=True, default=str).encode(), digest_size=12).hexdigest()
