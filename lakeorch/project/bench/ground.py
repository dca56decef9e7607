"""What is measured, and what it reads: a version of the project over a lake of its own, in a scratch folder.

The scratch catalog points to the published tables where they are, and nothing writes to those. An input that is not
published, or is not what the project would make now, is built into the scratch warehouse first.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lakeorch.engines import Engine
from lakeorch.errors import LakeorchError, ProjectError, UsageError
from lakeorch.graph import Graph
from lakeorch.lake import Lake
from lakeorch.model import Action, Model
from lakeorch.project.config import CATALOG, FILE, Config, load_config
from lakeorch.project.result import Result
from lakeorch.project.survey import Found, parsed_models, survey
from lakeorch.project.wiring import Wiring

Builds = Callable[[Found, str], bool]


@dataclass(frozen=True)
class Ground:
    """A version of the project over its scratch lake.

    Attributes:
        side: what it is called; empty for the project itself.
        config: its settings, with the scratch lake in place of the project's.
        names: the models to measure, in graph order, views left out.
        found: what a survey found of them and of all that they are made of.
        lake: holds every table that they read.
    """

    side: str
    config: Config
    names: tuple[str, ...]
    found: Found
    lake: Lake

    @property
    def graph(self) -> Graph:
        """Its models."""
        return self.found.survey.graph


def chosen(wiring: Wiring, select: Sequence[str], exclude: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The selected models that are tables, and with them all that they are made of; both in graph order.

    Raises:
        UsageError: a selector means nothing, or only views are selected.
    """
    parsed = parsed_models(wiring.site())
    if parsed.findings:
        raise ProjectError(parsed.findings)
    graph = Graph(parsed.models)
    if graph.findings:
        raise ProjectError(tuple(graph.findings))
    selected = graph.select(select, exclude)
    names = tuple(name for name in selected if not _is_view(graph.models[name]))
    if not names:
        hint = "a view is measured as a part of the tables that read it"
        raise UsageError("there is nothing to measure: no table is selected", hint=hint)
    wanted = {*names, *(up for name in names for up in graph.ancestors(name))}
    return names, tuple(name for name in graph.order if name in wanted)


def prepare(
    wiring: Wiring,
    side: str,
    lender: Lake,
    engine: Engine,
    names: Sequence[str],
    wanted: Sequence[str],
    folder: Path,
    builds: Builds,
    stack: contextlib.ExitStack,
) -> Ground:
    """Makes the ground of one side.

    Args:
        wiring: of the side's settings.
        side: what it is called.
        lender: a lake with tables that can be read as they are.
        engine: binds.
        names: what is measured.
        wanted: the same with all that it is made of, in graph order.
        folder: an empty one.
        builds: whether an input must be built, given what a survey over `lender` found, and its name.
        stack: closes the scratch lake.

    Raises:
        ProjectError: the side's project is wrong.
        LakeorchError: an input cannot be built.
    """
    # what the lender has counts, and not where the project's own tables stand
    site = replace(wiring.site(), pointers=None)
    found = survey(site, lambda: lender, engine, list(wanted), (), full=False)
    made = _to_build(found, names, builds)
    config = scratch(wiring.config, folder)
    published = found.survey.published
    lend(config, {name: table.location for name, table in published.items() if name not in made})
    if made:
        result = build(config, wiring.threads, made)
        failed = next((outcome for outcome in result.outcomes if outcome.error), None)
        if failed is not None:
            raise LakeorchError(f"{failed.model}, which is read, cannot be built: {failed.error}")
    lake = stack.enter_context(Wiring(config, wiring.threads).lake(create=False))
    return Ground(side, config, tuple(names), found, lake)


def _to_build(found: Found, names: Sequence[str], builds: Builds) -> tuple[str, ...]:
    graph = found.survey.graph
    made: set[str] = set()
    waiting = [up for name in names for up in graph.tables_behind(name)]
    while waiting:
        name = waiting.pop()
        if name not in made and name in graph.models and builds(found, name):
            made.add(name)
            waiting += graph.tables_behind(name)
    return tuple(name for name in graph.order if name in made)


def is_stale(found: Found) -> Callable[[Found, str], bool]:
    """Whether the published table is not what a run would make of the project's models now."""
    plan = found.survey.plan(found.selection)
    stale = {step.model for step in plan.steps if step.action is Action.BUILD}
    return lambda _, name: name in stale


def scratch(config: Config, folder: Path) -> Config:
    """The settings with a new, local lake in place of the project's; raw files stay where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    catalog = f"sqlite:///{folder / 'catalog.db'}"
    return replace(config, catalog=catalog, warehouse=str(folder), catalog_name=CATALOG, environment="", shares=False)


def lend(config: Config, tables: Mapping[str, str]) -> None:
    """Makes the lake of these settings, with tables of another one in it: name → metadata file."""
    with Wiring(config, 1).lake(create=True) as lake:
        lake.borrow(tables)


def build(config: Config, threads: int, models: Sequence[str]) -> Result:
    """Runs these models, whatever their checks say, in the lake of these settings."""
    from lakeorch.project.running import Running

    wiring = Wiring(config, threads)
    with wiring.engine() as engine:
        running = Running(config, wiring.site(), wiring.lake, engine, threads, lambda _: None)
        return running.run((list(models), ()), full=False, unpin=True, policy="all", fail_fast=False)


def other_side(config: Config, against: str, folder: Path) -> Config:
    """The settings of another version of the project, which reads the same tables and raw files.

    Args:
        config: of the project itself.
        against: a folder of models, or a git revision of the project's own.
        folder: an empty one, for what comes out of git.

    Raises:
        UsageError: it is neither.
    """
    given = Path(against)
    found = given if given.is_dir() else _checked_out(config, against, folder)
    other = load_config(found, config.environment or None, {})
    if found is given and not (other.root / FILE).is_file():
        return replace(config, folder=other.folder)  # a folder of models alone has the project's settings
    return replace(
        other,
        root=config.root,
        catalog=config.catalog,
        warehouse=config.warehouse,
        properties=config.properties,
        # what the project is given, so that both do the same work
        variables={**other.variables, **config.variables},
        threads=config.threads,
        memory=config.memory,
    )


def _checked_out(config: Config, revision: str, folder: Path) -> Path:
    """Writes the models and `lakeorch.yml` as git has them at a revision; leaves index and working tree alone."""
    commit = _git(config.root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if commit is None:
        hint = "--against takes a folder of models, or a revision of the repository that FOLDER is in"
        raise UsageError(f"{revision} is neither a folder nor a git revision", hint=hint)
    prefix = (_git(config.root, "rev-parse", "--show-prefix") or "").strip()
    inside = config.folder.relative_to(config.root).as_posix() if config.folder != config.root else ""
    folder.mkdir(parents=True)
    index = {"GIT_INDEX_FILE": str(folder / ".index")}
    tree = f"{commit.strip()}:{prefix}{inside}"
    into = folder / inside
    if _git(config.root, "read-tree", tree, env=index) is None or (
        _git(config.root, "checkout-index", "--all", f"--prefix={into}/", env=index, top=True) is None
    ):
        raise UsageError(f"{revision} has no folder {prefix}{inside}", hint="it may have been called otherwise then")
    text = _git(config.root, "show", f"{commit.strip()}:{prefix}{FILE}")
    if text is not None:
        (folder / FILE).write_text(text, encoding="utf-8")
    return into


def _git(root: Path, *words: str, env: Mapping[str, str] | None = None, top: bool = False) -> str | None:
    """What git prints; None where it refuses."""
    if shutil.which("git") is None:
        return None
    if top:  # the paths of an index are those of the whole repository
        root = Path((_git(root, "rev-parse", "--show-toplevel") or str(root)).strip())
    done = subprocess.run(
        ["git", *words], cwd=root, env={**os.environ, **(env or {})}, capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else None


def _is_view(model: Model) -> bool:
    return model.settings.materialized == "view"
