"""Step 5: a `Step` → a staged change of one table, by an engine. Nothing here is seen by a reader.

Rows go from the engine straight into Parquet files of the table's folder; the lake turns the files into one staged
snapshot. A rebuild that yields the rows that are already there stages no data: only the facts (fingerprint, inputs)
are set anew, so that the next plan knows.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import platform
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import lakeorch
from lakeorch.bind.recorded import query_text
from lakeorch.engines import Engine, Files, Relation, Session, Target, engine_of, numbered, relation
from lakeorch.errors import EngineError, MovedError
from lakeorch.execute.build import Build, Rewrite, discard
from lakeorch.execute.history import has_versions, revised, versioned
from lakeorch.execute.keyed import merged, require_unique
from lakeorch.execute.progress import SECONDS, UnderWay, expected
from lakeorch.execute.reading import Only, Reading, Scans, yielded
from lakeorch.graph.pins import PINNED
from lakeorch.lake import Draft, Lake, Scan, Staged
from lakeorch.model import Column, Model, Schema, Step
from lakeorch.plan import INCREMENTAL, Survey, docs_of
from lakeorch.plan.impact import LINEAGE
from lakeorch.plan.told import lineage_told
from lakeorch.sources.files import listing_text
from lakeorch.types import identifier, parse_transform

__all__ = ["Executor"]

BEFORE = "_lakeorch.before"
AFTER = "_lakeorch.after"


@dataclass(frozen=True)
class Executor:
    """Builds steps for one run.

    Attributes:
        root: the project root, which relative paths in SQL start from.
        code_version: git commit of the project, `+dirty` where it is, `none` without git.
        sessions: model → the session that works on it now, for progress and cancellation.
        under_way: model → what its build writes now.
    """

    lake: Lake
    engine: Engine
    survey: Survey
    root: Path
    run_id: str
    code_version: str
    sessions: dict[str, Session] = field(default_factory=dict)
    under_way: dict[str, UnderWay] = field(default_factory=dict)

    @functools.cached_property
    def reading(self) -> Reading:
        """What steps read."""
        return Reading(self.lake, self.engine, self.survey, self.root)

    @contextlib.contextmanager
    def session(self, name: str, relations: Sequence[Relation], engine: Engine | None = None) -> Iterator[Session]:
        """A session over `relations`, by default in the house, cancellable by the model's name while it is open."""
        with (engine or self.engine).session(relations, self.survey.variables, str(self.root)) as session:
            self.sessions[name] = session
            try:
                yield session
            finally:
                self.sessions.pop(name, None)

    def build(self, step: Step, key: str, scan: Scans) -> Staged:
        """Runs the model's query and stages what came out.

        Args:
            step: what to build and from what.
            key: the name under which the finished step will be recorded.
            scan: gives each input table at the state this step reads.

        Raises:
            EngineError: the query failed on the data.
            LakeorchError: the result cannot be put into the table (schema, duplicate keys).
        """
        model = self.survey.graph.models[step.model]
        settings = model.settings
        full = step.refresh == "full"
        transforms = tuple(parse_transform(text) for text in settings.partition_by)
        columns = self._columns(model)
        draft = self.lake.draft(model.name, columns, full=full, partition_by=transforms, sort_by=settings.sort_by)
        table = self.survey.published.get(model.name)
        if draft.base_snapshot_id != (table.snapshot_id if table else None):
            raise MovedError(model.name, "another run published it after this one was planned")
        build = Build(
            model,
            draft,
            tuple(column.name for column in columns),
            f"{self.run_id}-{step.fingerprint[-6:]}",
            functools.partial(self.session, model.name),
            self.engine.quote,
        )
        here = self.under_way[model.name] = UnderWay(draft.directory, build.stem, expected(table, step.refresh))
        try:
            rewrite = self._rows(step, build, columns, scan)
        finally:
            del self.under_way[model.name]
        if rewrite is None and draft.evolves:
            rewrite = Rewrite((), "append")  # no row is new, but readers were bound to the new columns
        return self.amend(step, key) if rewrite is None else self._stage(step, build, rewrite, here.seconds, key)

    def progress(self) -> dict[str, dict[str, float | None]]:
        """How far every step that writes is, as `observe.Event` has it: fraction, bytes, and the expected seconds."""
        found = {}
        for name, here in list(self.under_way.items()):
            session = self.sessions.get(name)
            fraction = session.progress() if session else None
            found[name] = {"fraction": fraction, "bytes": here.bytes(), "expected": here.expected}
        return found

    def amend(self, step: Step, key: str) -> Staged:
        """Stages a change of metadata alone: the facts of this step, descriptions, owner."""
        model = self.survey.graph.models[step.model]
        table = self.survey.published[step.model]
        made = table.history[len(table.foreign)]  # what foreign writers put on top is not what these facts are about
        same = {"snapshot-id": str(made), **self._facts(step)}
        properties = {**self._properties(model), "lakeorch.same-as": json.dumps(same, sort_keys=True)}
        docs = docs_of(model, table.columns)
        return self.lake.amend(step.model, table.snapshot_id, properties=properties, docs=docs, key=key)

    # ---- rows ----

    def _rows(self, step: Step, build: Build, columns: Schema, scan: Scans) -> Rewrite | None:
        """Writes the rows of a step; None where the table's rows stay as they are."""
        kind, full = build.model.settings.materialized, step.refresh == "full"
        revises = kind == "history" and has_versions(build)
        written = self._write(step, build, columns, scan, scratch=revises)
        if kind in {"merge", "history"}:
            require_unique(build, written)
        if revises:
            return revised(build, written, self.survey.now, full=full)
        if kind == "merge" and written and not full:
            rewrite = merged(build, written)
        else:
            same = self._same(build, written) if full else not written
            rewrite = None if same else Rewrite(written, "replace" if full else "append")
        if rewrite is None:
            discard(written)
        return rewrite

    def _write(self, step: Step, build: Build, columns: Schema, scan: Scans, *, scratch: bool) -> tuple[str, ...]:
        """Runs the query into files; once more without relying on a name that a column of the data has."""
        try:
            written = self._run(self.reading, step, build, columns, scan, scratch=scratch)
        except EngineError as error:
            if "filename" not in error.message:
                raise
            plain = replace(self.reading, file_column="#file")
            written = self._run(plain, step, build, columns, scan, scratch=scratch)
        self.reading.require_unmoved(build.model.name)
        return written

    def _run(
        self, reading: Reading, step: Step, build: Build, columns: Schema, scan: Scans, *, scratch: bool
    ) -> tuple[str, ...]:
        model = build.model
        new = step.refresh == "incremental" and model.settings.materialized in INCREMENTAL
        only = reading.paths(model.name, new=new)
        target = build.scratch() if scratch else build.target()
        differs = new and not self.survey.graph.adds_up(model.name)
        own = self.engine if differs or model.is_python else engine_of(self.engine, model.settings.engine)
        reading = replace(reading, engine=own)
        relations = () if differs else (reading.new if new else reading.needed)(model.name, scan, only)
        if model.is_python:
            with reading.call(model).rows(self.engine, relations) as returned:
                sql = self._wrapped(returned.sql, columns, build)[0]
                with build.open([returned.relation]) as session:
                    return session.write(sql, target)
        text = reading.statement(model, only)
        sql, shift = self._wrapped(text.sql, columns, build) if own.name == self.engine.name else (text.sql, 0)
        try:
            if differs:
                return self._difference(build, sql, scan, only)
            if own.name != self.engine.name:
                return self._elsewhere(own, build, sql, columns, relations, target)
            with build.open(relations) as session:
                return session.write(sql, target)
        except EngineError as error:
            if error.position is None or error.position < shift:
                raise
            place = model.source.place(text.offset(error.position - shift))
            raise EngineError(f"{place}: {error.message}", hint=error.hint) from error

    def _elsewhere(
        self, own: Engine, build: Build, sql: str, columns: Schema, relations: Sequence[Relation], target: Target
    ) -> tuple[str, ...]:
        """Runs a query on an engine of its own; what the table has besides, the house adds to the rows."""
        name = build.model.name
        rows = yielded(build.model, columns)
        made = "_lakeorch.made"
        read = f"SELECT {', '.join(identifier(column.name) for column in rows)} FROM {self.engine.quote(made)}"
        wrapped = self._wrapped(read, columns, build)[0]
        if wrapped == read:
            with self.session(name, relations, own) as session:
                return session.write(sql, target)
        fields = numbered(rows)
        with tempfile.TemporaryDirectory(prefix="lakeorch-") as folder:
            with self.session(name, relations, own) as session:
                paths = session.write(sql, Target(folder, "rows", fields))
            with build.open([Files(made, fields, paths)]) as session:
                return session.write(wrapped, target)

    def _wrapped(self, sql: str, columns: Schema, build: Build) -> tuple[str, int]:
        """A query with what the table has besides its columns, in the table's order; how far its text moved right."""
        moved = 0
        if build.model.settings.materialized == "history":
            sql, moved = versioned(sql, build.model.settings, self.survey.now)
        sql, shift = _project(sql, columns, build.draft)
        return sql, moved + shift

    def _difference(self, build: Build, sql: str, scan: Scans, only: Only) -> tuple[str, ...]:
        """The rows that the query yields now and did not yield over its driving tables as they were."""
        name, names = build.model.name, ", ".join(map(identifier, build.names))
        sides: list[tuple[str, ...]] = []
        for relations in (self.reading.whole(name, scan, only), self.reading.before(name, scan)):
            with build.open(relations) as session:
                sides.append(session.write(sql, build.scratch()))
        after, before = self.engine.quote(AFTER), self.engine.quote(BEFORE)
        scans = [Scan(side, build.draft.fields, paths) for side, paths in zip((AFTER, BEFORE), sides, strict=True)]
        with build.open([relation(each) for each in scans]) as session:
            written = session.write(
                f"SELECT {names} FROM {after} EXCEPT ALL SELECT {names} FROM {before}", build.target()
            )
        discard(sides[0] + sides[1])
        return written

    def _same(self, build: Build, written: Sequence[str]) -> bool:
        draft, name = build.draft, build.model.name
        table = self.survey.published.get(name)
        if draft.is_new or table is None or table.foreign or "lakeorch.inputs" not in table.properties:
            return False
        if self.survey.full or self.survey.layout_changed(name):
            return False  # the same rows, but asked for in other files
        if self.lake.same_rows(draft, written) == "different":
            return False
        new = Scan(AFTER, draft.fields, tuple(written))
        with self.session(name, [relation(draft.scan(), name=BEFORE), relation(new)]) as session:
            before, after = self.engine.quote(BEFORE), self.engine.quote(AFTER)
            return session.digest(f"SELECT * FROM {before}") == session.digest(f"SELECT * FROM {after}")

    # ---- facts ----

    def _stage(self, step: Step, build: Build, rewrite: Rewrite, seconds: float, key: str) -> Staged:
        return self.lake.stage(
            build.draft,
            rewrite.paths,
            mode=rewrite.mode,
            removed=rewrite.removed,
            summary={**self._facts(step), SECONDS: f"{seconds:.3f}"},
            properties=self._properties(build.model),
            key=key,
        )

    def _facts(self, step: Step) -> dict[str, str]:
        """What every snapshot says of itself; see docs/design.md section 4."""
        survey = self.survey
        for pattern, digest in step.inputs.files.items():
            self.lake.write_listing(digest, listing_text(survey.reading(step.model, pattern)))
        self.lake.write_query(step.fingerprint, query_text(survey.graph, step.model, survey.variables))
        return {
            "lakeorch.run-id": self.run_id,
            "lakeorch.model": step.model,
            "lakeorch.fingerprint": step.fingerprint,
            "lakeorch.settings": json.dumps(survey.settings(step.model), sort_keys=True),
            "lakeorch.inputs": step.inputs.to_json(),
            "lakeorch.checks": survey.checks_hash(step.model),
            "lakeorch.refresh": step.refresh,
            "lakeorch.reason": step.reason,
            "lakeorch.engine": self._maker(step),
            "lakeorch.code-version": self.code_version,
            "lakeorch.version": lakeorch.__version__,
        }

    def _maker(self, step: Step) -> str:
        model = self.survey.graph.models[step.model]
        if model.is_python:
            return f"python {platform.python_version()}"
        own = engine_of(self.engine, model.settings.engine)
        return f"{own.name} {own.version}"

    def _properties(self, model: Model) -> dict[str, str | None]:
        settings = model.settings
        told = {"lakeorch.sql": model.sql, "comment": settings.description, "owner": settings.owner}
        # whatever is published is pinned no more
        return {**told, LINEAGE: self._lineage(model), PINNED: None}

    def _lineage(self, model: Model) -> str | None:
        try:
            return lineage_told(self.survey, model)
        except Exception:
            # what is only told must not keep rows from being published
            logging.getLogger("lakeorch").warning("%s: no column lineage", model.name, exc_info=True)
            return None

    def _columns(self, model: Model) -> Schema:
        columns = self.survey.columns[model.name]
        docs = docs_of(model, columns)
        return tuple(Column(column.name, column.type, docs[column.name]) for column in columns)


def _project(sql: str, columns: Schema, draft: Draft) -> tuple[str, int]:
    """The query with exactly the table's columns in the table's order, and by how much its text moved right.

    The table keeps the letter case that it knows a name by.
    """
    yields = {column.name.lower(): column.name for column in columns}
    if tuple(column.name for column in columns) == tuple(field.name for field in draft.fields):
        return sql, 0
    spelled = [(yields.get(field.name.lower()), identifier(field.name)) for field in draft.fields]
    names = ", ".join(f"{identifier(name) if name else 'NULL'} AS {field}" for name, field in spelled)
    prefix = f"SELECT {names} FROM (\n"
    return f"{prefix}{sql}\n)", len(prefix)
