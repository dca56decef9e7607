"""Keeping the lake small: old snapshots expire, small files are rewritten, what nothing needs is deleted.

The order matters. What runs may take up is settled first; then each table is tended in a commit of its own; only then,
from what the catalog says after that, it is found out which files nothing needs.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lakeorch.errors import LakeorchError, UsageError
from lakeorch.execute.compact import repacked
from lakeorch.lake import Clock, Lake, Pack, Policy, Repacked, Tended, Upkeep
from lakeorch.model import Published
from lakeorch.observe import Event, Observer
from lakeorch.parse.scalars import duration
from lakeorch.project.wiring import Wiring, require_production

if TYPE_CHECKING:
    from lakeorch.engines import Engine
    from lakeorch.graph import Graph
    from lakeorch.lake.storage import Stored
    from lakeorch.lake.upkeep.sweep import Swept
    from lakeorch.project.config import Config

GRACE_S = 86400.0
MODEL = "lakeorch.model"
MAINTAINED = "lakeorch.maintained"
NOTHING = "nothing to do"
_SHOWN = 5

OpenEngine = Callable[[], contextlib.AbstractContextManager["Engine"]]


@dataclass(frozen=True, slots=True)
class Upkept:
    """What was done for one table, or would be.

    Attributes:
        snapshots: that are kept, and how many `expired`.
        branches: of rejected rows, and references of other writers whose own term has passed, that were dropped.
        packed, files: small files that were rewritten, and how many they became.
        manifests: small manifests that became one.
        deleted, bytes: unreferenced files of the table, and their size.
    """

    table: str
    snapshots: int
    expired: int
    branches: tuple[str, ...]
    packed: int
    files: int
    manifests: int
    deleted: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Maintained:
    """A finished maintenance, or with `dry_run` what one would do.

    Attributes:
        tables: those of which something was done, by name.
        deleted, bytes: unreferenced files of the whole warehouse, and their size.
        unknown: files that are none of lakeorch's, and were left; how many, and a few of them.
        notes: what could not be done, and why.
    """

    dry_run: bool
    tables: tuple[Upkept, ...]
    deleted: int
    bytes: int
    unknown: int
    examples: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def status(self) -> str:
        """`maintained`, or `nothing to do`."""
        return "maintained" if self.tables or self.deleted else NOTHING

    def to_dict(self) -> dict[str, object]:
        """The JSON document of `lakeorch maintain`."""
        return {
            "status": self.status,
            "dry_run": self.dry_run,
            "tables": [asdict(table) for table in self.tables],
            "deleted": self.deleted,
            "bytes": self.bytes,
            "unknown": {"files": self.unknown, "examples": list(self.examples)},
            "notes": list(self.notes),
        }


@dataclass
class Maintenance:
    """One piece of maintenance; use it once.

    Attributes:
        lake: to maintain.
        engine: opens the engine that rewrites small files; only where there are any.
        policy: table → what is kept of its past.
        grace: seconds for which nothing is touched that was made, or was current.
        stamp: whether to note the time in a table.
        notify: receives events.
    """

    lake: Lake
    engine: OpenEngine
    policy: Callable[[str], Policy]
    grace: float
    dry: bool
    stamp: bool
    notify: Observer

    def __post_init__(self) -> None:
        self.run_id = f"maintain-{datetime.now(UTC):%Y%m%dt%H%M%S}-{secrets.token_hex(3)}"
        self.notes: list[str] = []

    def run(self, only: frozenset[str] | None) -> Maintained:
        """Maintains some tables, or with None all that lakeorch made and whatever else of its own lies about."""
        self._tell("maintain_started")
        work = self.lake.upkeep()
        if not work.files():
            return Maintained(self.dry, (), 0, 0, 0, (), ())
        published = self.lake.published()
        if not self.dry:
            self.lake.settle()
        with contextlib.nullcontext() if self.dry else self.lake.hold(self.run_id):
            clock = work.clock(self.grace, but=self.run_id)
            self._tell_of_runs(work)
            files = work.files()
            kept = work.kept(files, clock, self.policy("").seconds)
            if not self.dry:
                work.forget_dead_runs()
                work.remove_records(kept, self.run_id)
            here = work.tables()
            made = sorted(name for name, table in published.items() if MODEL in table.properties and name in here)
            made = [name for name in made if only is None or name in only]
            needed = work.needed()
            tended: dict[str, Tended] = {}
            for place, name in enumerate(made):
                self._tell("maintain_progress", name, place / len(made))
                tended[name] = self._tend(work, name, clock, needed, kept.staged)
            if self.stamp and made and not self.dry:
                work.stamp(made[0], clock)
            self._tell("maintain_progress", "", 1.0)
            folders = {self.lake.location(name): name for name in made}
            swept = work.unneeded(files, kept, clock)
            if only is not None:
                gone = tuple(file for file in swept.gone if _folder(file.path) in folders)
                swept = replace(swept, gone=gone, unknown=())
            swept = self._sweep(work, swept, clock)
        self._tell("maintain_finished")
        return self._result(tended, swept, folders)

    def _tell_of_runs(self, work: Upkeep) -> None:
        """Notes the runs because of which more is left than the grace asks for."""
        for lease in work.at_work(self.run_id):
            if lease.started < time.time() - self.grace:
                since = datetime.fromtimestamp(lease.started, UTC).isoformat(timespec="seconds")
                self.notes.append(
                    f"what was made or was current since {since} was left: run {lease.run_id} (process {lease.pid} on "
                    f"{lease.host}) began then, and is under way or was killed; an hour after its last sign of life it "
                    "no longer counts"
                )

    def _tend(self, work: Upkeep, name: str, clock: Clock, needed: set[int], staged: set[int]) -> Tended:
        packs = work.packs(name)
        rewritten = [] if self.dry else self._rewrite(packs)
        done = work.tend(name, self.policy(name), clock, needed=needed, staged=staged, repacked=rewritten, dry=self.dry)
        if self.dry:
            becomes = sum(1 if pack.sort_by else -(-pack.scan.bytes // pack.file_size) for pack in packs)
            done = replace(done, packed=sum(len(pack.scan.paths) for pack in packs), files=becomes)
        return done

    def _rewrite(self, packs: Sequence[Pack]) -> list[Repacked]:
        done: list[Repacked] = []
        if not packs:
            return done
        with self.engine() as engine:
            for number, pack in enumerate(packs):
                try:
                    done.append(repacked(engine, pack, f"{self.run_id}-{number}"))
                except LakeorchError as error:
                    self.notes.append(f"{pack.name}: small files were left: {error.message}")
        return done

    def _sweep(self, work: Upkeep, swept: Swept, clock: Clock) -> Swept:
        """Deletes what nothing needs, unless another catalog may need it."""
        if others := work.others():
            listed = ", ".join(others)
            self.notes.append(
                f"no file was deleted: this warehouse was also written to through {listed}, whose tables may need "
                f"files that this catalog does not know; where that catalog is gone, remove its note in "
                f"{self.lake.warehouse}/_lakeorch/catalogs"
            )
            return replace(swept, gone=())
        if not self.dry:
            work.delete(swept.gone)
            work.forget_drops(clock)
        return swept

    def _result(self, tended: Mapping[str, Tended], swept: Swept, folders: Mapping[str, str]) -> Maintained:
        by_table: dict[str, list[Stored]] = {}
        for file in swept.gone:
            by_table.setdefault(folders.get(_folder(file.path), ""), []).append(file)
        tables = []
        for name, done in tended.items():
            files = by_table.get(name, [])
            if done.changed or files:
                size = sum(file.bytes for file in files)
                facts = (done.snapshots, done.expired, done.branches, done.packed, done.files, done.manifests)
                tables.append(Upkept(name, *facts, len(files), size))
        examples = tuple(file.path for file in swept.unknown[:_SHOWN])
        total = sum(file.bytes for file in swept.gone)
        return Maintained(
            self.dry, tuple(tables), len(swept.gone), total, len(swept.unknown), examples, tuple(self.notes)
        )

    def _tell(self, kind: str, table: str = "", fraction: float | None = None) -> None:
        self.notify(Event(kind, self.run_id, time.time(), model=table, fraction=fraction))  # type: ignore[arg-type]


def _folder(path: str) -> str:
    """Of a table's file the table's folder."""
    for part in ("/data/", "/metadata/"):
        head, found, _ = path.rpartition(part)
        if found:
            return head
    return ""


def is_due(published: Mapping[str, Published], every: int) -> bool:
    """Whether the last maintenance that a table tells of is so many seconds ago, or none does."""
    times: Iterator[str] = (
        table.properties[MAINTAINED] for table in published.values() if MAINTAINED in table.properties
    )
    last = max(times, default="")
    try:
        return datetime.fromisoformat(last).timestamp() + every <= time.time()
    except ValueError:
        return True


def maintain(
    wiring: Wiring, select: Sequence[str], exclude: Sequence[str], grace: str, notify: Observer, *, dry: bool
) -> Maintained:
    """Maintains the lake of a project; see `Project.maintain`."""
    require_production(wiring.config, "maintenance of production looks after what its environments need, too")
    graph = wiring.graph()
    only = frozenset(graph.select(select, exclude)) if select or exclude else None
    with wiring.lake(create=False) as lake:
        every = wiring.config.maintain_every is not None
        seconds = float(_seconds(grace))
        work = Maintenance(lake, wiring.engine, policies(wiring.config, graph), seconds, dry, every, notify)
        return work.run(only)


def policies(config: Config, graph: Graph) -> Callable[[str], Policy]:
    """What is kept of a table's past: by its model, else by the defaults of its folder; by no name, those of all."""
    usual = Policy()

    def policy(name: str) -> Policy:
        if name in graph.models:
            settings = graph.models[name].settings
            count, seconds = settings.keep_snapshots, settings.keep_for
        else:
            told = config.defaults_for(name.rpartition(".")[0])
            kept_for = told.get("keep_for")
            count = int(str(told["keep_snapshots"])) if "keep_snapshots" in told else None
            seconds = duration(kept_for) if kept_for else None
        return Policy(count or usual.snapshots, usual.seconds if seconds is None else seconds)

    return policy


def _seconds(grace: str) -> int:
    if grace.strip() in {"0", "0s"}:
        return 0
    try:
        return duration(grace)
    except ValueError as error:
        raise UsageError(f"the grace: {error}") from None


def when_due(wiring: Wiring, notify: Observer) -> str:
    """Maintains the lake where `maintain: {every: …}` asks for it and it is due.

    Returns:
        What was done, in a line; empty where it was not due. A failure is told the same way: the run that came before
        is published all the same.
    """
    every = wiring.config.maintain_every
    if every is None or wiring.config.shares or not is_due(wiring.published(), every):
        return ""
    try:
        done = maintain(wiring, (), (), "1d", notify, dry=False)
    except (LakeorchError, OSError) as error:
        return f"maintenance failed: {error}; lakeorch maintain tries again"
    return f"maintained: {len(done.tables)} tables, {done.deleted} files deleted" if done.status != NOTHING else ""
