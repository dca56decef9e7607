"""Step 3: names and types of every model, by the engine, on empty relations: every mistake before any data is touched.

`bind` looks at a whole selection and returns all findings at once; `statement` writes one model for an engine.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lakeorch.bind import promises
from lakeorch.bind.columns import Columns
from lakeorch.bind.known import Contents, Known
from lakeorch.bind.mistakes import of_key, refused
from lakeorch.bind.text import Statement, full_name, statement
from lakeorch.bind.variables import wrong_variables
from lakeorch.brief import Brief, Models, Tables
from lakeorch.cache import Cache
from lakeorch.engines import Empty, Engine, Session, engine_of
from lakeorch.errors import EngineError, Finding, UsageError, suggestion
from lakeorch.model import VERSION_COLUMNS, Column, Model, Published, Scalar, Schema
from lakeorch.sources.files import find_files

if TYPE_CHECKING:
    from lakeorch.graph import Graph

__all__ = ["Bound", "Statement", "bind", "statement"]


@dataclass(frozen=True)
class Bound:
    """What a selection's models yield.

    Attributes:
        columns: of every model that could be bound, and of those that these read.
        findings: every mistake, in order of file and line.
    """

    columns: Columns
    findings: tuple[Finding, ...]


def bind(
    graph: Graph,
    selection: Sequence[str],
    engine: Engine,
    published: Mapping[str, Published],
    variables: Mapping[str, Scalar],
    folder: Path,
    checks: Sequence[Model] | Models = (),
    cache: Cache | None = None,
    contents: Contents = lambda _: "",
) -> Bound:
    """Binds models in graph order, on empty relations; only files that models read are looked into.

    A model that is not selected counts as what is published of it; where that is nothing, as what its query yields.
    Findings are about the selected models, the views they inline, and `checks`. A query that was right before, and is
    made of the same, is not bound again.

    Args:
        graph: of the whole project.
        selection: names of models.
        engine: binds them; models that run on another are held against that one too.
        published: every table of the catalog.
        variables: all that are declared, with their values.
        folder: the project root.
        checks: the queries of FOLDER/checks; looked at where they read a selected model, or nothing that exists.
        cache: knows which queries were right before, and learns which are now.
        contents: names what the files behind a pattern hold; empty where that is not known.
    """
    singular = checks if isinstance(checks, Models) else Models.of(checks)
    cache = cache or Cache()
    columns = Columns(cache)
    ways = f"{engine.name}, {engine_of(engine, '').name}"  # which engines look at a query that names none
    known = Known(graph, cache, ways, variables, columns, folder, contents)
    with contextlib.ExitStack() as stack:
        session = functools.cache(lambda: stack.enter_context(engine.session((), variables, str(folder))))
        tables = Tables.of(published)
        binder = _Binder(
            graph, frozenset(selection), engine, tables, variables, folder, singular.briefs, known, columns, session
        )
        for name in binder.scope():
            binder.model(name)
        for name in graph.order:
            if name in binder.sound and name in binder.selection and graph.briefs[name].checked:
                binder.checks(name)
        for name in singular:
            if binder.concerns(name):
                binder.singular(name, singular)
    return Bound(columns, tuple(sorted(dict.fromkeys(binder.findings), key=lambda finding: finding.place)))


@dataclass
class _Binder:
    graph: Graph
    selection: frozenset[str]
    engine: Engine
    published: Tables
    variables: Mapping[str, Scalar]
    folder: Path
    beside: Mapping[str, Brief]
    known: Known
    columns: Columns
    open_session: Callable[[], Session]
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    findings: list[Finding] = field(default_factory=list)
    # models whose columns are known for certain; others that have columns stand in by what they promise
    sound: set[str] = field(default_factory=set)
    # tables that the session has
    shown: set[str] = field(default_factory=set)

    def scope(self) -> list[str]:
        """The models to look at, in order: the selected ones, and what is needed of others."""
        wanted = set(self.selection)
        waiting = [target for name in self.selection for target in self.graph.briefs[name].looks_at]
        waiting += [each for name in self.beside if self.concerns(name) for each in self._inputs(name)]
        waiting += [parent for name in self.selection for parent in self.graph.parents(name)]
        while waiting:
            name = waiting.pop()
            if name in wanted or name not in self.graph.briefs:
                continue
            wanted.add(name)
            if not self._stands(name):
                waiting += self.graph.parents(name)
        return [name for name in self.graph.order if name in wanted]

    def model(self, name: str) -> None:
        """Finds a model's columns, or what is wrong with it."""
        if self._stands(name):
            self._take(name, self.published[name].columns, sound=True)
            return
        key = self._key(name, self.graph.briefs[name], self.graph.identity(name))
        if self._recalled(name, key):
            return
        before = self.known.stamps(self.graph.briefs[name]) if key else []
        model = self.graph.models[name]
        told, schema = self._bound(model)
        if schema is not None and not told and before == (self.known.stamps(self.graph.briefs[name]) if key else []):
            self.known.learn(key, schema)
        if name in self.selection or model.settings.materialized == "view":
            self.findings += told

    def _recalled(self, name: str, key: str) -> bool:
        """Whether a query was right before; its columns are then known."""
        hashed = self.known.recall(key)
        if hashed:
            self.columns.recall(name, hashed)
            self.sound.add(name)
        return bool(hashed)

    def _key(self, name: str, brief: Brief, identity: str) -> str:
        """What names everything that a query is bound on; empty where something is not certain."""
        inputs = self._inputs(name)
        for reference, each in zip(brief.references, inputs, strict=True):
            if not self._is_known(each) or (each in self.graph.briefs and each not in self.sound):
                return ""
            if each not in self.graph.briefs and ("." not in reference or self.published.heads[each].made):
                return ""
        return self.known.query(name, brief, identity, inputs)

    def _bound(self, model: Model) -> tuple[list[Finding], Schema | None]:
        told = [*self._unknown_tables(model), *wrong_variables(model, self.variables), *self._no_files(model)]
        told += self._undriven(model)
        schema = self._yields(model, told)
        if schema is None:
            self._stand_in(model)
        else:
            told += promises.versions(model, schema)
            if model.settings.materialized == "history":
                schema += VERSION_COLUMNS
            if not told:
                told += promises.contract(model, schema)
                told += promises.keys(model, schema, self.engine)
        if schema is not None:
            self._take(model.name, schema, sound=not any("two columns" in finding.message for finding in told))
        return told, schema

    def checks(self, name: str) -> None:
        """Binds the checks in a model's settings, now that every table they may name is known."""
        brief = self.graph.briefs[name]
        for other in brief.looks_at:
            self.table(other)
        key = self.known.checks(name, self.graph.identity(name), brief.looks_at)
        if self.known.recall(key):
            return
        model = self.graph.models[name]
        names = {column.name.lower() for column in self.columns[name]}
        checks = [check for check in model.settings.checks if all(each.lower() in names for each in check.columns)]
        session = self._session((name, *brief.looks_at))
        told = [promises.check_query(model, check, session, self.engine, self.now, self) for check in checks]
        self.findings += [wrong for wrong in told if wrong]
        if not any(told) and len(checks) == len(model.settings.checks):
            self.known.learn(key, ())

    def singular(self, name: str, models: Models) -> None:
        """Binds a query of FOLDER/checks."""
        key = self._key(name, self.beside[name], self.graph.identity_of(name, self.beside[name]))
        if self.known.recall(key):
            return
        check = models[name]
        told = [*self._unknown_tables(check), *wrong_variables(check, self.variables), *self._no_files(check)]
        told += self.graph.ambiguities(check)
        schema = self._yields(check, told)
        self.findings += told
        if schema is not None and not told and not check.files:
            self.known.learn(key, schema)

    # ---- one query ----

    def _yields(self, model: Model, told: list[Finding]) -> Schema | None:
        """The columns of a query, None where it cannot be bound; a mistake that nothing in `told` explains joins it."""
        inputs = self._inputs(model.name)
        if not model.query_hash or any(self.table(name) is None for name in inputs):
            return None  # parse has told, or the graph, or what went wrong upstream
        if model.is_python:
            found = list(promises.declared(model))
            told += [each for each in found if isinstance(each, Finding)]
            return tuple(each for each in found if isinstance(each, Column))
        text = statement(model, self.graph, self.engine, now=self.now, folder=self.folder)
        known = {column.name for name in inputs for column in self.table(name) or ()}
        try:
            schema = self._session(inputs).columns(text.sql)
        except EngineError as error:
            certain = all(name in self.sound or name not in self.graph.models for name in inputs)
            if not told and (certain or "no column" not in error.message):
                told.append(refused(error, model, text, sorted(known), self.folder))
            return None
        told += promises.output_names(model, schema, text, {name.lower() for name in known})
        told += self._elsewhere(model, inputs)
        return schema

    def _elsewhere(self, model: Model, inputs: Sequence[str]) -> Iterator[Finding]:
        """What keeps a model from running on an engine of its own, where it names another than binds it."""
        own = engine_of(self.engine, model.settings.engine)
        if own.name == self.engine.name or model.settings.materialized == "view":
            return
        text = statement(model, self.graph, own, now=self.now, folder=self.folder)
        empty = [Empty(name, _unique(self.table(name) or ())) for name in dict.fromkeys(inputs)]
        try:
            with own.session(empty, self.variables, str(self.folder)) as session:
                session.columns(text.sql)
        except EngineError as error:
            yield refused(error, model, text, (), self.folder)

    def _unknown_tables(self, model: Model) -> Iterator[Finding]:
        unclear = {finding.place for finding in self.graph.ambiguities(model)}
        for reference in model.references:
            name = full_name(model, reference.name, self.graph)
            if name in self.graph.models or model.source.place(reference.span.start) in unclear:
                continue
            made_by = self.published[name].properties.get("lakeorch.model") if name in self.published else None
            if name in self.published and made_by is None and "." in reference.name:
                continue
            message = f'there is no table "{reference.name}"'
            hint = self.near(reference.name)
            if made_by:
                message = f'"{name}" was made by a model that is no longer in the project'
                hint = "bring its file back, or read another table"
            yield model.source.finding(reference.span, message, hint=hint, model=model.name)

    def near(self, name: str) -> str:
        """The hint for a table name that means nothing."""
        known = {*self.graph.models, *self.published}
        if "." in name:
            return suggestion(name, known)
        full = {each.rpartition(".")[2]: each for each in sorted(known, reverse=True)}
        near = suggestion(name, full)
        return f'did you mean "{full[near.split(chr(34))[1]]}"?' if near else ""

    def _no_files(self, model: Model) -> Iterator[Finding]:
        for read in model.files:
            for pattern in read.patterns:
                try:
                    find_files(pattern, self.folder)
                except UsageError as error:
                    yield model.source.finding(read.argument, error.message, hint=error.hint, model=model.name)

    def _undriven(self, model: Model) -> Iterator[Finding]:
        """Append and merge need to know which input brings the new rows."""
        settings = model.settings
        if settings.materialized not in ("append", "merge"):
            return
        files, tables = self.graph.files_behind(model.name), self.graph.tables_behind(model.name)
        known = (*files, *tables)
        for name in settings.append_from:
            if name not in known and self.graph.resolve(model, name) not in known:
                hint = suggestion(name, known) or f"its inputs are: {', '.join(known)}"
                yield of_key(model, "append_from", f'append_from: "{name}" is no input', word=name, hint=hint)
        yield from self._unmet(model)
        if model.is_python and not tables and model.clock:
            return  # it fetches what is new by itself, when its time has come
        if model.is_python and not self.graph.adds_up(model.name):
            message = "a Python model is called with the new rows of one table, which it reads once and through no view"
            yield of_key(model, "append_from" if settings.append_from else "materialized", message)
        elif not settings.append_from and not files and len(tables) != 1:
            message = f"{settings.materialized} needs one input that brings the new rows; this query reads "
            message += ", ".join(sorted(tables)) or "none"
            hint = "name it: `append_from: [table]`" if tables else "use materialized: table"
            yield of_key(model, "materialized", message, hint=hint)

    def _unmet(self, model: Model) -> Iterator[Finding]:
        """Models whose new rows cannot be told by new input: nothing is read a second time to compare with."""
        graph = self.graph
        if graph.adds_up(model.name):
            return
        drives = graph.driving(model.name)
        parts = [graph.models[name] for name in (model.name, *graph.views_behind(model.name))]
        key = "append_from" if model.settings.append_from else "materialized"
        if any(drives & set(read.patterns) for part in parts for read in part.files):
            message = "new files alone do not tell the new rows of this query: it joins or unites them with other rows"
            hint = "name the input that brings the rows: `append_from: [...]`; or read each in its own model"
            yield of_key(model, key, message, hint=hint)
        elif any(part.growth.volatile for part in parts):
            message = "new rows cannot be told from old ones: a function gives other values each time"
            yield of_key(model, key, message, hint="compute it in another model")

    # ---- tables ----

    def table(self, name: str) -> Schema | None:
        """The columns of a model or catalog table; None where there is no such table."""
        return self.columns[name] if self._is_known(name) else None

    def _is_known(self, name: str) -> bool:
        """Whether there are columns of a model or catalog table; reads none that are kept."""
        if name not in self.columns and name in self.published and name not in self.graph.briefs:
            self._take(name, self.published[name].columns, sound=True)
        return name in self.columns

    def _take(self, name: str, schema: Schema, *, sound: bool) -> None:
        self.columns.put(name, schema)
        if sound:
            self.sound.add(name)

    def _session(self, names: Iterable[str]) -> Session:
        """The session, which then has these tables, where they are known."""
        session = self.open_session()
        for name in names:
            if name not in self.shown and name in self.columns:
                session.add(Empty(name, _unique(self.columns[name])))
                self.shown.add(name)
        return session

    def _stand_in(self, model: Model) -> None:
        """Lets models behind a broken one be bound on what it promises, or was; without that they are left out."""
        published = self.published.get(model.name)
        types = {column.name.lower(): column for column in (published.columns if published else ())}
        declared = {column.name.lower(): Column(column.name, column.type) for column in model.settings.columns}
        if all(column.type or name in types for name, column in declared.items()):
            types.update({name: column for name, column in declared.items() if column.type})
            if types:
                self._take(model.name, tuple(types.values()), sound=False)

    def _stands(self, name: str) -> bool:
        """Whether a model counts as what is published of it."""
        is_view = self.graph.briefs[name].materialized == "view"
        return name not in self.selection and not is_view and name in self.published

    def _inputs(self, name: str) -> list[str]:
        """The tables that a model or a check reads, in full."""
        space = name.rpartition(".")[0]
        meanings = self.graph.meanings(name, self.beside.get(name))
        return [meant or (each if "." in each else f"{space}.{each}") for each, meant in meanings.items()]

    def concerns(self, check: str) -> bool:
        """Whether a query of FOLDER/checks reads a selected model, or nothing that exists, or no table at all."""
        inputs = self._inputs(check)
        return any(name in self.selection or self._is_unknown(name) for name in inputs) or not inputs

    def _is_unknown(self, name: str) -> bool:
        return name not in self.graph.briefs and name not in self.published


def _unique(schema: Schema) -> Schema:
    """Columns without those whose name comes again."""
    unique = {column.name.lower(): column for column in reversed(schema)}
    return tuple(reversed(unique.values()))
