"""Step 5: a `Step` → a staged change of one table, by an engine. Nothing here is seen by a reader.

Rows go from the engine straight into Parquet files of the table's folder; the lake turns the files into one staged
snapshot. A rebuild that yields the rows that are already there stages no data: only the facts (fingerprint, inputs)
are set anew, so that the next plan knows.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import lakeorch
from lakeorch.bind import Statement, statement
from lakeorch.engines import Engine, Query, Relation, Session, Target, relation
from lakeorch.errors import EngineError, LakeorchError, MovedError
from lakeorch.lake import Draft, Lake, Mode, Scan, Staged
from lakeorch.model import Column, Model, Schema, Step, parse_transform
from lakeorch.plan import Survey
from lakeorch.sources.files import listing_text

Scans = Callable[[str], Scan]

WRITTEN = "_lakeorch.written"
STANDING = "_lakeorch.standing"
BEFORE = "_lakeorch.before"
AFTER = "_lakeorch.after"


@dataclass(frozen=True)
class Executor:
    """Builds steps for one run.

    Attributes:
        root: the project root, which relative paths in SQL start from.
        code_version: git commit of the project, `+dirty` where it is, `none` without git.
        sessions: model → the session that works on it now, for progress and cancellation.
    """

    lake: Lake
    engine: Engine
    survey: Survey
    root: Path
    run_id: str
    code_version: str
    sessions: dict[str, Session] = field(default_factory=dict)

    @contextlib.contextmanager
    def session(self, name: str, relations: Sequence[Relation]) -> Iterator[Session]:
        """A session over `relations`, cancellable under the model's name while it is open."""
        with self.engine.session(relations, self.survey.variables, str(self.root)) as session:
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
        written = self._write(step, model, draft, columns, scan)
        if settings.materialized == "merge":
            self._unique(model, draft, written)
        if full:
            if self._same(model, draft, written):
                return self._unchanged(step, key, written)
            return self._stage(step, model, draft, written, "replace", (), key)
        if not written:
            return self._unchanged(step, key, ())
        if settings.materialized == "merge":
            return self._merge(step, model, draft, written, key)
        return self._stage(step, model, draft, written, "append", (), key)

    def amend(self, step: Step, key: str) -> Staged:
        """Stages a change of metadata alone: the facts of this step, descriptions, owner."""
        model = self.survey.graph.models[step.model]
        table = self.survey.published[step.model]
        same = {"snapshot-id": str(table.snapshot_id), **self._facts(step)}
        properties = {**self._properties(model), "lakeorch.same-as": json.dumps(same, sort_keys=True)}
        docs = {column.name: column.description for column in model.settings.columns}
        return self.lake.amend(step.model, table.snapshot_id, properties=properties, docs=docs, key=key)

    def relations(self, name: str, scan: Scans, only: Mapping[str, Sequence[str]] | None = None) -> list[Relation]:
        """What a model's query reads: its tables, then the views it inlines, in an order that works."""
        graph = self.survey.graph
        found: list[Relation] = [relation(scan(table)) for table in graph.tables_behind(name)]
        return found + [self.view(view, only) for view in graph.views_behind(name)]

    def statement(self, model: Model, only: Mapping[str, Sequence[str]] | None = None) -> Statement:
        """A query as the engine takes it; `only` as in `bind.statement`."""
        survey = self.survey
        return statement(model, survey.graph, self.engine, now=survey.now, folder=self.root, only=only)

    def view(self, name: str, only: Mapping[str, Sequence[str]] | None = None) -> Query:
        """A view as a relation; `only` as in `bind.statement`."""
        survey = self.survey
        return Query(
            name,
            statement(
                survey.graph.models[name], survey.graph, self.engine, now=survey.now, folder=self.root, only=only
            ).sql,
        )

    # ---- rows ----

    def _write(self, step: Step, model: Model, draft: Draft, columns: Schema, scan: Scans) -> tuple[str, ...]:
        survey = self.survey
        only: Mapping[str, Sequence[str]] | None = None
        relations: list[Relation]
        if step.refresh == "incremental":
            drives = survey.graph.driving(model.name)
            patterns = [pattern for pattern in survey.graph.files_behind(model.name) if pattern in drives]
            only = {pattern: survey.new_files(model.name, pattern) for pattern in patterns}
            relations = self._delta_relations(model.name, drives, scan, only)
        else:
            relations = self.relations(model.name, scan)
        text = statement(model, survey.graph, self.engine, now=survey.now, folder=self.root, only=only)
        sql, shift = _project(text.sql, columns, draft)
        target = Target(
            draft.directory,
            f"{self.run_id}-{step.fingerprint[-6:]}",
            draft.fields,
            draft.partition_by,
            model.settings.sort_by,
        )
        with self.session(model.name, relations) as session:
            try:
                return session.write(sql, target)
            except EngineError as error:
                if error.position is None or error.position < shift:
                    raise
                place = model.source.place(text.offset(error.position - shift))
                raise EngineError(f"{place}: {error.message}", hint=error.hint) from error

    def _delta_relations(
        self, name: str, drives: frozenset[str], scan: Scans, only: Mapping[str, Sequence[str]]
    ) -> list[Relation]:
        """As `relations`, but a driving table shows only the rows that came since this model last read it."""
        recorded = self.survey.recorded(name)
        found: list[Relation] = []
        for table in self.survey.graph.tables_behind(name):
            now = scan(table)
            then_id = recorded.tables.get(table) if recorded else None
            if table not in drives or then_id is None:
                found.append(relation(now))
                continue
            found += self._new_rows(now, self.lake.scan(table, then_id))
        return found + [self.view(view, only) for view in self.survey.graph.views_behind(name)]

    def _new_rows(self, now: Scan, then: Scan) -> list[Relation]:
        """Relations under which `now`'s table shows only the rows that `then` does not have.

        Files that both states share hold no new row, so only the others are read; where none of the old files went
        away, the new files are the answer.
        """
        if now.has_deletes or then.has_deletes:
            added, gone = now, then
        else:
            added = _with_paths(now, [path for path in now.paths if path not in set(then.paths)])
            gone = _with_paths(then, [path for path in then.paths if path not in set(now.paths)])
            if not gone.paths:
                return [relation(added)]
        known = {field.name for field in then.fields}
        columns = ", ".join(f'"{field.name}"' for field in now.fields)
        before = ", ".join(f'"{f.name}"' if f.name in known else f'NULL AS "{f.name}"' for f in now.fields)
        new, old = f"_lakeorch.new {now.name}", f"_lakeorch.old {now.name}"
        quote = self.engine.quote
        sql = f"SELECT {columns} FROM {quote(new)} EXCEPT ALL SELECT {before} FROM {quote(old)}"
        return [relation(added, name=new), relation(gone, name=old), Query(now.name, sql)]

    def _same(self, model: Model, draft: Draft, written: Sequence[str]) -> bool:
        table = self.survey.published.get(model.name)
        if draft.is_new or table is None or table.foreign or "lakeorch.inputs" not in table.properties:
            return False
        if self.survey.full or self.survey.layout_changed(model.name):
            return False  # the same rows, but asked for in other files
        if self.lake.same_rows(draft, written) == "different":
            return False
        new = Scan(AFTER, draft.fields, tuple(written))
        with self.session(model.name, [relation(draft.scan(), name=BEFORE), relation(new)]) as session:
            before, after = self.engine.quote(BEFORE), self.engine.quote(AFTER)
            return session.digest(f"SELECT * FROM {before}") == session.digest(f"SELECT * FROM {after}")

    def _unchanged(self, step: Step, key: str, written: Sequence[str]) -> Staged:
        # no record and no reader knows these files yet
        for path in written:
            with contextlib.suppress(OSError):
                Path(path).unlink()
        return self.amend(step, key)

    # ---- merge ----

    def _unique(self, model: Model, draft: Draft, written: Sequence[str]) -> None:
        keys = ", ".join(f'"{key}"' for key in model.settings.unique_key)
        new = Scan(WRITTEN, draft.fields, tuple(written))
        sql = (
            f"SELECT {keys}, count(*) AS rows FROM {self.engine.quote(WRITTEN)} "
            f"GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 5"
        )
        with self.session(model.name, [relation(new)]) as session:
            twice = session.fetch(sql).read_all().to_pylist()
        if twice:
            rows = "; ".join(", ".join(f"{k}={v}" for k, v in row.items()) for row in twice)
            raise LakeorchError(
                f"{model.name}: unique_key ({', '.join(model.settings.unique_key)}) is not unique in the new rows: "
                f"{rows}",
                hint="keep one row per key, for example with QUALIFY row_number() OVER (PARTITION BY … ORDER BY …) = 1",
            )

    def _merge(self, step: Step, model: Model, draft: Draft, written: tuple[str, ...], key: str) -> Staged:
        """Upserts: files that hold a changed key are written again without those rows, the new rows come beside."""
        standing = draft.scan()
        new = Scan(WRITTEN, draft.fields, written)
        new_name, old_name = self.engine.quote(WRITTEN), self.engine.quote(STANDING)
        match = " AND ".join(f'n."{k}" IS NOT DISTINCT FROM o."{k}"' for k in model.settings.unique_key)
        names = ", ".join(f'"{f.name}"' for f in draft.fields)
        relations = [relation(new), relation(standing, name=STANDING, path_column="_lakeorch_path")]
        if standing.has_deletes:
            raise LakeorchError(
                f"{model.name}: another engine deleted single rows of this table, which a merge does not rewrite",
                hint=f"lakeorch run --full -s {model.name}",
            )
        with self.session(model.name, relations) as session:
            fresh = (
                session.fetch(
                    f"SELECT count(*) AS n FROM (SELECT {names} FROM {new_name} EXCEPT SELECT {names} FROM {old_name})"
                )
                .read_all()
                .to_pylist()[0]["n"]
            )
            if not fresh:
                return self._unchanged(step, key, written)
            touched = (
                session.fetch(
                    f"SELECT DISTINCT o._lakeorch_path AS path FROM {old_name} o SEMI JOIN {new_name} n ON {match}"
                )
                .read_all()["path"]
                .to_pylist()
            )
        rewritten: tuple[str, ...] = ()
        if touched:
            part = Scan(STANDING, standing.fields, tuple(touched))
            target = Target(
                draft.directory,
                f"{self.run_id}-{step.fingerprint[-6:]}-kept",
                draft.fields,
                draft.partition_by,
                model.settings.sort_by,
            )
            with self.session(model.name, [relation(new), relation(part)]) as session:
                rewritten = session.write(f"SELECT {names} FROM {old_name} o ANTI JOIN {new_name} n ON {match}", target)
        return self._stage(step, model, draft, written + rewritten, "rewrite", touched, key)

    # ---- facts ----

    def _stage(
        self, step: Step, model: Model, draft: Draft, paths: Sequence[str], mode: Mode, removed: Sequence[str], key: str
    ) -> Staged:
        return self.lake.stage(
            draft,
            paths,
            mode=mode,
            removed=removed,
            summary=self._facts(step),
            properties=self._properties(model),
            key=key,
        )

    def _facts(self, step: Step) -> dict[str, str]:
        """What every snapshot says of itself; see docs/design.md section 4."""
        survey = self.survey
        for pattern, digest in step.inputs.files.items():
            self.lake.write_listing(digest, listing_text(survey.reading(step.model, pattern)))
        return {
            "lakeorch.run-id": self.run_id,
            "lakeorch.model": step.model,
            "lakeorch.fingerprint": step.fingerprint,
            "lakeorch.settings": json.dumps(survey.settings(step.model), sort_keys=True),
            "lakeorch.inputs": step.inputs.to_json(),
            "lakeorch.checks": survey.checks_hash(step.model),
            "lakeorch.refresh": step.refresh,
            "lakeorch.reason": step.reason,
            "lakeorch.engine": f"{self.engine.name} {self.engine.version}",
            "lakeorch.code-version": self.code_version,
            "lakeorch.version": lakeorch.__version__,
        }

    def _properties(self, model: Model) -> dict[str, str]:
        settings = model.settings
        return {"lakeorch.sql": model.sql, "comment": settings.description, "owner": settings.owner}

    def _columns(self, model: Model) -> Schema:
        docs = {column.name: column.description for column in model.settings.columns}
        return tuple(Column(c.name, c.type, docs.get(c.name, "")) for c in self.survey.columns[model.name])


def _with_paths(scan: Scan, paths: Sequence[str]) -> Scan:
    return Scan(scan.name, scan.fields, tuple(paths))


def _project(sql: str, columns: Schema, draft: Draft) -> tuple[str, int]:
    """The query with exactly the table's columns in the table's order, and by how much its text moved right."""
    yields = {column.name for column in columns}
    if tuple(column.name for column in columns) == tuple(field.name for field in draft.fields):
        return sql, 0
    names = ", ".join(f'"{f.name}"' if f.name in yields else f'NULL AS "{f.name}"' for f in draft.fields)
    prefix = f"SELECT {names} FROM (\n"
    return f"{prefix}{sql}\n)", len(prefix)
