"""What a step reads: its inputs whole, or of the driving ones only what came since the model last read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lakeorch.bind import Statement, statement
from lakeorch.bind.text import full_name
from lakeorch.engines import Engine, Query, Relation, relation
from lakeorch.errors import LakeorchError, MovedError
from lakeorch.lake import Lake, Scan
from lakeorch.model import VERSION_COLUMNS, Field, Model, Schema
from lakeorch.plan import Survey
from lakeorch.python import Call
from lakeorch.sources.files import stamp_of
from lakeorch.types import identifier

Scans = Callable[[str], Scan]
Only = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Reading:
    """Gives queries and the relations they run over.

    Attributes:
        root: the project root, which relative paths in SQL start from.
        file_column: as in `bind.statement`.
    """

    lake: Lake
    engine: Engine
    survey: Survey
    root: Path
    file_column: str = "filename"

    def whole(self, name: str, scan: Scans, only: Only | None = None) -> list[Relation]:
        """Everything a model's query reads: its tables, then the views it inlines, in an order that works."""
        found: list[Relation] = [relation(scan(table)) for table in self.survey.graph.tables_behind(name)]
        return found + self._views(name, only)

    def needed(self, name: str, scan: Scans, only: Only | None = None) -> list[Relation]:
        """As `whole`, but without files whose rows the query's own comparisons with constants all leave out."""
        scans = {table: scan(table) for table in self.survey.graph.tables_behind(name)}
        if any(len(each.paths) > 1 for each in scans.values()):  # else there is nothing to leave out
            # sqlglot takes long to load
            from lakeorch.graph.narrow import filters

            for table, where in filters(self.survey.graph.models[name], self.survey.graph).items():
                if table in scans:
                    scans[table] = scans[table].narrowed(where)
        return self.whole(name, scans.__getitem__, only)

    def new(self, name: str, scan: Scans, only: Only) -> list[Relation]:
        """As `whole`, but a driving table shows only the rows that came since the model last read it."""
        found: list[Relation] = []
        for table in self.survey.graph.tables_behind(name):
            then = self._then(name, table)
            found += [relation(scan(table))] if then is None else self._new_rows(scan(table), then)
        return found + self._views(name, only)

    def before(self, name: str, scan: Scans) -> list[Relation]:
        """As `whole`, but every driving table as the model last read it."""
        found: list[Relation] = []
        for table in self.survey.graph.tables_behind(name):
            now, then = scan(table), self._then(name, table)
            # the query may use columns that came since: they had no value then
            found += [relation(now)] if then is None else self._as(now, then)
        return found + self._views(name, None)

    def paths(self, name: str, *, new: bool) -> Only:
        """For every file pattern behind a model, the files to read.

        They are those of the survey: a file that comes now is read by the next run, and not by this one too.

        Args:
            name: of the model.
            new: of driving patterns, only the files that the model has not read.
        """
        survey = self.survey
        drives = survey.graph.driving(name) if new else frozenset()
        return {
            pattern: survey.new_files(name, pattern)
            if pattern in drives
            else tuple(file.path for file in survey.files[pattern].files)
            for pattern in survey.graph.files_behind(name)
        }

    def require_unmoved(self, name: str) -> None:
        """Raises MovedError where a raw file was written while the step read it: its digest is not what was read."""
        for pattern in self.survey.graph.files_behind(name):
            for path, stamp in self.survey.stamps.get(pattern, {}).items():
                if stamp != stamp_of(self.root / path):
                    raise MovedError(name, f"{path} changed while it was read")

    def statement(self, model: Model, only: Only | None = None) -> Statement:
        """A query as the engine takes it; `only` as in `bind.statement`."""
        survey = self.survey
        return statement(
            model,
            survey.graph,
            self.engine,
            now=survey.now,
            folder=self.root,
            only=only,
            file_column=self.file_column,
        )

    def call(self, model: Model) -> Call:
        """A Python model's function as it is called."""
        graph, survey = self.survey.graph, self.survey
        tables = {each.name: full_name(model, each.reads, graph) for each in model.parameters if each.kind == "input"}
        yields = yielded(model, survey.columns[model.name])
        return Call(model, tables, yields, survey.variables, survey.now, self.root)

    def view(self, name: str, only: Only | None = None) -> Query:
        """A view as a relation; `only` as in `bind.statement`."""
        return Query(name, self.statement(self.survey.graph.models[name], only).sql)

    def _views(self, name: str, only: Only | None) -> list[Relation]:
        return [self.view(view, only) for view in self.survey.graph.views_behind(name)]

    def _then(self, name: str, table: str) -> Scan | None:
        """A driving table as the model last read it; None where it never did, or the table does not drive it."""
        recorded = self.survey.recorded(name)
        snapshot = recorded.tables.get(table) if recorded else None
        if not snapshot or table not in self.survey.graph.driving(name):
            return None
        try:
            return self.lake.scan(table, snapshot)
        except LakeorchError as error:
            hint = f"what {name} has read of it cannot be told any more; rebuild: lakeorch run --full -s {name}"
            raise LakeorchError(error.message, hint=hint) from error

    def _new_rows(self, now: Scan, then: Scan) -> list[Relation]:
        """Relations under which `now`'s table shows only the rows that `then` does not have.

        Files that both states share hold no new row, so only the others are read; where none of the old files went
        away, the new files are the answer. Rows are told apart by the columns that both states have: a column that
        was added makes no row a new one.
        """
        added, gone = now, then
        if not (now.has_deletes or then.has_deletes):
            added = replace(now, paths=tuple(path for path in now.paths if path not in set(then.paths)))
            gone = replace(then, paths=tuple(path for path in then.paths if path not in set(now.paths)))
            if not gone.paths:
                return [relation(added)]
        new, old = f"_lakeorch.new {now.name}", f"_lakeorch.old {now.name}"
        was = {field.id: field for field in then.fields}
        shared = [(field, was[field.id]) for field in now.fields if field.id in was]
        one, other = (", ".join(identifier(pair[side].name) for pair in shared) for side in (0, 1))
        match = " AND ".join(f"n.{identifier(a.name)} IS NOT DISTINCT FROM o.{identifier(b.name)}" for a, b in shared)
        nth = "_lakeorch_nth"
        sql = (
            f"SELECT n.* EXCLUDE ({nth}) FROM (SELECT *, row_number() OVER (PARTITION BY {one}) AS {nth} "
            f"FROM {self.engine.quote(new)}) n ANTI JOIN (SELECT {other}, row_number() OVER (PARTITION BY {other}) "
            f"AS {nth} FROM {self.engine.quote(old)}) o ON {match} AND n.{nth} = o.{nth}"
        )
        if not shared:
            return [relation(now)]
        return [relation(added, name=new), relation(gone, name=old), Query(now.name, sql)]

    def _as(self, now: Scan, then: Scan) -> list[Relation]:
        """`then` with the columns of `now`, by their ids; what it lacks is NULL."""
        was = {field.id: field for field in then.fields}
        old = f"_lakeorch.old {now.name}"

        def column(field: Field) -> str:
            name = identifier(field.name)
            return f"{identifier(was[field.id].name)} AS {name}" if field.id in was else f"NULL AS {name}"

        columns = ", ".join(column(field) for field in now.fields)
        return [relation(then, name=old), Query(now.name, f"SELECT {columns} FROM {self.engine.quote(old)}")]


def yielded(model: Model, columns: Schema) -> Schema:
    """The columns of a table that its query yields: those that tell versions apart are added to them."""
    added = {column.name for column in VERSION_COLUMNS} if model.settings.materialized == "history" else set()
    return tuple(column for column in columns if column.name not in added)
