"""Gathers what a plan depends on: files, graph, names and types, what is published, which raw files are there."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lakeorch.bind import Bound, bind
from lakeorch.brief import Tables
from lakeorch.engines import Engine
from lakeorch.errors import Finding, ProjectError, UsageError
from lakeorch.graph import Graph
from lakeorch.graph.pins import pins
from lakeorch.lake.pointers import ATOMIC
from lakeorch.model import Action, FileSet, Inputs, Model, Published
from lakeorch.observe import Event
from lakeorch.parse import Parsed, parse_folder
from lakeorch.plan import Plan, Survey
from lakeorch.plan.findings import findings as standing
from lakeorch.project.gathered import Checks, Raw
from lakeorch.project.site import Site
from lakeorch.sources.files import read_listing

if TYPE_CHECKING:
    from lakeorch.lake import Lake
    from lakeorch.publish import Policy
    from lakeorch.run import Run


@dataclass(frozen=True)
class Found:
    """A surveyed project: the facts, the selected models in order, the checks of FOLDER/checks by name."""

    survey: Survey
    selection: tuple[str, ...]
    singular: Mapping[str, Model]

    def idle(self, plan: Plan) -> bool:
        """Whether a run of this plan has nothing to write: no step to build, and no view to check."""
        busy = (s for s in plan.steps if s.action is not Action.SKIP)
        return not any(s.action is not Action.VIEW or s.model in self.survey.checks for s in busy)

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
        from lakeorch.execute import Executor
        from lakeorch.run import Run

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
    lake: Callable[[], Lake],
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
    parsed = parsed_models(site)
    graph = Graph(parsed.found)
    findings = [*parsed.findings, *graph.findings]
    selection = _selected(graph, findings, select, exclude)
    published = site.published(lake)
    pinned = {} if unpin or graph.findings else pins(graph, published, site.variables)
    moving = selection if not pinned else tuple(name for name in selection if name not in pinned)
    raw = Raw(site)
    bound = bind(graph, moving, engine, published, site.variables, site.root, parsed.singular, site.cache, raw.content)
    _refuse([*findings, *bound.findings, *_unbuilt(graph, selection, published)])
    _keep_columns(bound, pinned, published)
    checks = Checks(graph, parsed.singular)
    files = raw.files(pattern for name in selection for pattern in graph.files_behind(name))
    facts = Survey(
        graph,
        bound.columns,
        checks,
        site.variables,
        published,
        files,
        _listings(lake, files, selection, published),
        datetime.now(UTC),
        full,
        stamps=raw.stamps,
        pins=pinned,
        void=lake().void() if site.pointers is None else frozenset(),
        beside=checks.beside,
        cache=site.cache,
        guarantee=lake().guarantee if site.is_served else ATOMIC,
    )
    _refuse(standing(facts, moving))
    return Found(facts, selection, {name.rpartition(".")[2]: check for name, check in parsed.singular.items()})


def _selected(
    graph: Graph, findings: Sequence[Finding], select: Sequence[str], exclude: Sequence[str]
) -> tuple[str, ...]:
    try:
        return graph.select(select, exclude)
    except UsageError:
        _refuse(findings)  # the model that was meant may be in a file that cannot be read
        raise


def _keep_columns(bound: Bound, pinned: Iterable[str], published: Tables) -> None:
    """What reads a pinned table sees the columns that it has."""
    for name in set(pinned) - bound.columns.keys():
        bound.columns.put(name, published[name].columns)


def parsed_models(site: Site) -> Parsed:
    """What the folder of models holds.

    Raises:
        UsageError: it holds none.
    """
    parsed = parse_folder(site.folder, site.root, site.defaults, site.cache)
    if not parsed.found and not parsed.findings:
        model = f"{site.folder.name}/<namespace>/<table>.sql"
        hint = f"a model is a file {model} that holds one SELECT; lakeorch init DIR starts a project"
        raise UsageError(f"there are no models in {site.folder}", hint=hint)
    return parsed


def _refuse(findings: Iterable[Finding]) -> None:
    if found := tuple(sorted(findings, key=lambda finding: finding.place)):
        raise ProjectError(found)


def _listings(
    lake: Callable[[], Lake], files: Mapping[str, FileSet], selection: Sequence[str], published: Tables
) -> dict[str, FileSet]:
    """The file lists behind the digests that the selected tables recorded; those that are as now need no reading."""
    now = {file_set.digest: file_set for file_set in files.values()}
    found: dict[str, FileSet] = {}
    for name in selection:
        if name not in published or not published.heads[name].from_files:
            continue
        text = published[name].properties.get("lakeorch.inputs")
        for digest in Inputs.from_json(text).files.values() if text else ():
            if digest in now:
                found[digest] = now[digest]
            elif digest not in found and (listing := lake().read_listing(digest)):
                with contextlib.suppress(ValueError):  # a spoilt list is a lost one
                    found[digest] = read_listing(listing)
    return found


def _unbuilt(graph: Graph, selection: Sequence[str], published: Mapping[str, Published]) -> list[Finding]:
    """Inputs that are neither selected nor published: there is nothing to read."""
    findings = []
    chosen = set(selection)
    for name in selection:
        for up in graph.tables_behind(name):
            if up in graph.briefs and up not in chosen and up not in published:
                model = graph.models[name]
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
