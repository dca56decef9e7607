"""What a project's author does besides running it: lays queries out, lints them, tests them on a few rows."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lakeorch.errors import Finding, ProjectError, UsageError
from lakeorch.graph import Graph
from lakeorch.model import Model, Published, Schema
from lakeorch.parse import Parsed, parse_folder
from lakeorch.project.config import Config

if TYPE_CHECKING:
    from lakeorch.cases.create import Created
    from lakeorch.cases.running import CaseResult
    from lakeorch.engines import Engine
    from lakeorch.lake import Lake
    from lakeorch.lint import Remark

Catalog = Callable[[], Mapping[str, Published]]


@dataclass(frozen=True, slots=True)
class Layout:
    """What laying out did.

    Attributes:
        changed: the files that were not laid out, relative to the project root; now they are, unless only asked.
        kept: how many files were laid out already.
        findings: why other files could not be read.
    """

    changed: tuple[str, ...]
    kept: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Tested:
    """How the cases of a project ended; `findings` are mistakes in the files of cases."""

    results: tuple[CaseResult, ...]
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """The cases that did not pass."""
        return tuple(result for result in self.results if result.status == "failed")


def format_models(config: Config, select: Sequence[str], exclude: Sequence[str], *, check: bool) -> Layout:
    """Lays out the queries of models and, where nothing is selected, of FOLDER/checks.

    Args:
        config: of the project.
        select: selectors; empty for everything.
        exclude: selectors of what is left out.
        check: only look, write nothing.

    Raises:
        UsageError: a selector means nothing.
    """
    from lakeorch.parse.format import format_sql

    parsed = _parsed(config)
    graph = Graph(parsed.models)
    # Python has formatters of its own
    chosen = [graph.models[name] for name in graph.select(select, exclude) if not graph.models[name].is_python]
    if not select and not exclude:
        chosen += parsed.checks
    files = {model.source.file for model in (*parsed.models, *parsed.checks)}
    # a file that holds no query at all is no model
    findings = [finding for finding in parsed.findings if finding.place.file not in files and not select]
    changed = []
    for model in sorted(chosen, key=lambda model: model.source.file):
        try:
            text = format_sql(model.source)
        except ProjectError as error:
            findings += error.findings
            continue
        if text != model.source.text:
            changed.append(model.source.file)
            if not check:
                _write(config.root / model.source.file, text)
    return Layout(tuple(changed), len(chosen) - len(changed), tuple(findings))


def lint_models(
    config: Config, select: Sequence[str], exclude: Sequence[str], engine: Engine, catalog: Catalog
) -> tuple[Remark, ...]:
    """What the rules of lint have to say about models, in the order of files and lines.

    Raises:
        UsageError: a selector means nothing.
        ProjectError: a selected model cannot be read.
    """
    from lakeorch.lint import Subject, remarks

    parsed = _parsed(config)
    graph = Graph(parsed.models)
    names = graph.select(select, exclude)
    _refuse(parsed, graph, names, whole=not select)
    schemas = _schemas(config, graph, names, engine, catalog)
    found = [
        remark
        for name in names
        for remark in remarks(
            Subject(graph.models[name], graph, schemas), config.lint_for(graph.models[name].namespace)
        )
    ]
    return tuple(sorted(found, key=lambda remark: remark.finding.place))


def run_cases(
    config: Config, select: Sequence[str], exclude: Sequence[str], engine: Engine, catalog: Catalog, threads: int
) -> Tested:
    """Runs the cases of FOLDER/tests that are about selected models, `threads` at a time.

    Raises:
        UsageError: a selector means nothing.
        ProjectError: a model that has cases cannot be read.
    """
    from lakeorch.cases.file import read_cases
    from lakeorch.cases.running import run_case
    from lakeorch.cases.scene import Scene, Stage

    started = time.monotonic()
    parsed = _parsed(config)
    graph = Graph(parsed.models)
    chosen = set(graph.select(select, exclude))
    cases, findings = read_cases(config.folder, config.root)
    with engine.session((), config.variables, str(config.root)) as session:
        stage = Stage(graph, {}, engine, config.variables, config.root, session)
        about = [(case, stage.model(case)) for case in cases]
        mine = [case for case, model in about if isinstance(model, Finding) or model.name in chosen]
        models = [model for _, model in about if isinstance(model, Model) and model.name in chosen]
        tested = {name for model in models for name in (model.name, *graph.views_behind(model.name))}
        _refuse(parsed, graph, tested, whole=False)
        inputs = sorted({parent for name in tested for parent in graph.parents(name)})
        stage.schemas = _schemas(config, graph, inputs, engine, catalog)
        scenes = [stage.scene(case) for case in mine]

    def run(scene: Scene | tuple[Finding, ...]) -> CaseResult | tuple[Finding, ...]:
        try:
            return scene if isinstance(scene, tuple) else run_case(scene, engine, str(config.root))
        except ProjectError as error:
            return error.findings

    with ThreadPoolExecutor(threads) as pool:
        ended = list(pool.map(run, scenes))
    wrong = [finding for end in ended if isinstance(end, tuple) for finding in end]
    results = tuple(end for end in ended if not isinstance(end, tuple))
    return Tested(results, (*findings, *wrong), time.monotonic() - started)


def create_case(
    config: Config, name: str, where: str, engine: Engine, open_lake: Callable[[], AbstractContextManager[Lake]]
) -> Created:
    """Writes a case of a model from rows that are published.

    Args:
        config: of the project.
        name: the model.
        where: a condition on the columns of its result, or of its inputs.
        engine: runs the query.
        open_lake: opens the lake, for reading.

    Raises:
        UsageError: there is no such model, an input is not published, or the condition fits nothing, or too much.
        ProjectError: the model cannot be read.
    """
    from lakeorch.cases.create import Creator
    from lakeorch.engines import Relation, relation

    parsed = _parsed(config)
    graph = Graph(parsed.models)
    names = graph.select([name])
    if len(names) != 1:
        raise UsageError(f"{name} means {len(names)} models", hint="a case is about one model")
    if graph.models[names[0]].is_python:
        # a query is run over and over while rows are left out; a function may do more than compute
        raise UsageError(f"{names[0]} is a Python model", hint="write its case by hand: given rows, expected rows")
    _refuse(parsed, graph, (*graph.views_behind(names[0]), names[0]), whole=False)
    with open_lake() as lake:
        published = lake.published()

        def scan(table: str) -> Relation:
            if table not in published:
                raise UsageError(f"{table} is not published yet", hint=f"lakeorch run -s +{table}")
            return relation(lake.scan(table, location=published[table].location))

        creator = Creator(graph.models[names[0]], graph, engine, config.variables, config.root, scan)
        return creator.create(where, config.folder)


def _parsed(config: Config) -> Parsed:
    def defaults(path: str) -> Mapping[str, object]:
        return config.defaults_for("" if path == "." else path.replace("/", ".").lower())

    return parse_folder(config.folder, config.root, defaults)


def _refuse(parsed: Parsed, graph: Graph, names: Iterable[str], *, whole: bool) -> None:
    """Raises ProjectError where one of some models, or with `whole` any file, cannot be read."""
    about = set(names)
    findings = [each for each in (*parsed.findings, *graph.findings) if whole or each.model in about]
    if findings:
        raise ProjectError(tuple(findings))


def _schemas(
    config: Config, graph: Graph, names: Sequence[str], engine: Engine, catalog: Catalog
) -> Mapping[str, Schema]:
    """The columns of models and of what they read, as far as they can be known without building anything."""
    from lakeorch.bind import bind

    reached = {*names, *(up for name in names for up in graph.ancestors(name))}
    foreign = {table for name in reached for table in graph.tables_behind(name)} - graph.models.keys()
    published = catalog() if foreign else {}
    # what a check says does not change a column, and most of the time goes into binding checks
    bare = Graph([replace(model, settings=replace(model.settings, checks=())) for model in graph.models.values()])
    columns = bind(bare, names, engine, published, config.variables, config.root).columns
    return {**{name: published[name].columns for name in foreign & published.keys()}, **columns}


def _write(path: Path, text: str) -> None:
    """Puts a text in the place of a file in one step, its permissions kept."""
    path = path.resolve()
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(text.encode("utf-8"))
    shutil.copymode(path, new)
    new.replace(path)
