"""Gathers what a plan depends on: files, graph, names and types, what is published, which raw files are there."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lakeorch.bind import Bound, bind
from lakeorch.engines import Engine
from lakeorch.errors import Finding, ProjectError, UsageError
from lakeorch.execute import Executor
from lakeorch.graph import Graph
from lakeorch.graph.pins import pins
from lakeorch.lake import Lake
from lakeorch.model import Action, Check, FileSet, Inputs, Model, Published, Scalar
from lakeorch.observe import Event
from lakeorch.parse import parse_folder
from lakeorch.plan import Plan, Survey
from lakeorch.plan.findings import findings as standing
from lakeorch.publish import Policy
from lakeorch.run import Run
from lakeorch.sources.files import Hashes, find_files, list_files, read_listing, stamp_of


@dataclass(frozen=True)
class Site:
    """Where the models are and what they are given.

    Attributes:
        defaults: default settings by folder, its path relative to the model folder.
        remember: whether the disposable cache may be written: reading commands leave no trace.
    """

    root: Path
    folder: Path
    variables: Mapping[str, Scalar]
    defaults: Callable[[str], Mapping[str, object]]
    remember: bool = False


@dataclass(frozen=True)
class Found:
    """A surveyed project: the facts, the selected models in order, the checks of FOLDER/checks by name."""

    survey: Survey
    selection: tuple[str, ...]
    singular: Mapping[str, Model]

    def idle(self, plan: Plan) -> bool:
        """Whether a run of this plan has nothing to write: no step to build, and no view to check."""
        busy = (s for s in plan.steps if s.action is not Action.SKIP)
        return not any(s.action is not Action.VIEW or self.survey.checks.get(s.model) for s in busy)

    def run(
        self,
        root: Path,
        lake: Lake,
        engine: Engine,
        run_id: str,
        policy: Policy,
        threads: int,
        fail_fast: bool,
        notify: Callable[[Event], None],
    ) -> Run:
        """A run over the selection, ready to start."""
        executor = Executor(lake, engine, self.survey, root, run_id, code_version(root))
        return Run(
            executor,
            self.selection,
            singular=self.singular,
            policy=policy,
            threads=threads,
            fail_fast=fail_fast,
            notify=notify,
        )


def survey(
    site: Site,
    lake: Lake,
    engine: Engine,
    select: Sequence[str],
    exclude: Sequence[str],
    *,
    full: bool,
    unpin: bool = False,
) -> Found:
    """Parses, orders, binds and looks at what is there.

    Pinned tables are not bound: whatever reads them sees the columns that they have. With `unpin`, no table is.

    Raises:
        ProjectError: with every finding of every step that could be taken.
        UsageError: a selector matches nothing.
    """
    parsed = parse_folder(site.folder, site.root, site.defaults)
    if not parsed.models and not parsed.findings:
        hint = f"a model is a file {site.folder.name}/<namespace>/<table>.sql that holds one SELECT"
        raise UsageError(f"there are no models in {site.folder}", hint=hint)
    graph = Graph(parsed.models)
    findings = [*parsed.findings, *graph.findings]
    selection = graph.select(select, exclude)
    published = lake.published()
    pinned = {} if unpin or graph.findings else pins(graph, published, site.variables)
    moving = tuple(name for name in selection if name not in pinned)
    bound = bind(graph, moving, engine, published, site.variables, site.root, parsed.checks)
    findings += bound.findings
    findings += _engines(graph, selection, engine) + _unbuilt(graph, selection, published)
    if findings:
        raise ProjectError(tuple(sorted(findings, key=lambda finding: finding.place)))
    facts = _facts(site, lake, graph, selection, bound, published, parsed.checks, full)
    columns = {**{name: published[name].columns for name in pinned}, **bound.columns}
    facts = replace(facts, pins=pinned, columns=columns)
    if held_up := standing(facts, moving):
        raise ProjectError(held_up)
    return Found(facts, selection, {check.name.rpartition(".")[2]: check for check in parsed.checks})


def _facts(
    site: Site,
    lake: Lake,
    graph: Graph,
    selection: Sequence[str],
    bound: Bound,
    published: Mapping[str, Published],
    singular: Sequence[Model],
    full: bool,
) -> Survey:
    hashes = Hashes(site.root)
    patterns = {pattern for name in selection for pattern in graph.files_behind(name)}
    local = sorted(pattern for pattern in patterns if "://" not in pattern)
    stamps = {p: {path: stamp_of(site.root / path) for path in find_files(p, site.root)} for p in local}
    files = {pattern: list_files(pattern, site.root, hashes) for pattern in sorted(patterns)}
    if site.remember:
        hashes.save()
    return Survey(
        graph,
        bound.columns,
        _attach(graph, singular),
        site.variables,
        published,
        files,
        _listings(lake, files, selection, published),
        datetime.now(UTC),
        full,
        {name: graph.fingerprint(name, site.variables) for name in selection},
        stamps,
    )


def _listings(
    lake: Lake, files: Mapping[str, FileSet], selection: Sequence[str], published: Mapping[str, Published]
) -> dict[str, FileSet]:
    """The file lists behind the digests that the selected tables recorded; those that are as now need no reading."""
    now = {file_set.digest: file_set for file_set in files.values()}
    found: dict[str, FileSet] = {}
    for name in selection:
        text = published[name].properties.get("lakeorch.inputs") if name in published else None
        for digest in Inputs.from_json(text).files.values() if text else ():
            if digest in now:
                found[digest] = now[digest]
            elif digest not in found and (listing := lake.read_listing(digest)):
                with contextlib.suppress(ValueError):  # a spoilt list is a lost one
                    found[digest] = read_listing(listing)
    return found


def _attach(graph: Graph, singular: Sequence[Model]) -> dict[str, tuple[Check, ...]]:
    """Every model's checks; a file of FOLDER/checks belongs to the last model, in graph order, that it looks at."""
    position = {name: at for at, name in enumerate(graph.order)}
    checks = {name: list(model.settings.checks) for name, model in graph.models.items()}
    for check in singular:
        looked_at = [name for ref in check.references if (name := graph.resolve(check, ref.name)) in position]
        if looked_at:
            last = max(looked_at, key=lambda name: position[str(name)])
            [rule] = check.settings.checks
            checks[str(last)].append(replace(rule, options={**rule.options, "hash": check.query_hash}))
    return {name: tuple(found) for name, found in checks.items()}


def _engines(graph: Graph, selection: Sequence[str], engine: Engine) -> list[Finding]:
    findings = []
    for name in selection:
        settings = graph.models[name].settings
        if settings.engine not in {"", engine.name}:
            message = f"engine {settings.engine!r}: this run uses {engine.name} for every model"
            place = settings.places.get("engine", graph.models[name].source.place(0))
            findings.append(Finding(place, message, "leave `engine` out", model=name))
    return findings


def _unbuilt(graph: Graph, selection: Sequence[str], published: Mapping[str, Published]) -> list[Finding]:
    """Inputs that are neither selected nor published: there is nothing to read."""
    findings = []
    chosen = set(selection)
    for name in selection:
        model = graph.models[name]
        for up in graph.tables_behind(name):
            if up in graph.models and up not in chosen and up not in published:
                message = f"{name} reads {up}, which has never been built and is not selected"
                findings.append(
                    replace(model.source.finding(model.body, message, model=name), width=1, hint=f"-s +{name}")
                )
    return findings


def code_version(root: Path) -> str:
    """The git commit that the project is at, `+dirty` with uncommitted changes, `none` without git."""
    try:
        head = _git(root, "rev-parse", "HEAD")
        return head + ("+dirty" if _git(root, "status", "--porcelain", "--untracked-files=no", ".") else "")
    except (OSError, subprocess.SubprocessError):
        return "none"


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, timeout=10, check=True)
    return done.stdout.strip()
