"""Do the published rows follow from what was recorded of them? Every row is made again and compared."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from lakeorch.engines import Engine, relation
from lakeorch.errors import EngineError, LakeorchError, UsageError
from lakeorch.lake import Lake, Timeline, Version
from lakeorch.model import Scalar, Settings
from lakeorch.project.compare import Comparison, Side, compare_rows, floats
from lakeorch.project.diff import key_of, samples_dict, settings_of
from lakeorch.project.past import Timelines, iso, run_of, timeline
from lakeorch.project.replay import EXPECTED, NotReplayableError, Replay
from lakeorch.project.site import Site
from lakeorch.types import identifier

PUBLISHED = "_lakeorch.published"
SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Verified:
    """What became of verifying one version of a table.

    Attributes:
        version: the version.
        status: `same`; `different`; or `unknown` where its rows cannot be made again.
        reason: why it is unknown, or its files cannot be read; empty otherwise.
        given: why the rows of an earlier version were taken as given; empty where everything was made again.
        rows: that were compared.
        near: floating-point columns whose values are the same only within the tolerance.
        difference: where it is `different`: published rows are before, rows made again are after.
        seconds: wall time.
    """

    version: Version
    status: Literal["same", "different", "unknown"]
    reason: str = ""
    given: str = ""
    rows: int = 0
    near: tuple[str, ...] = ()
    difference: Comparison | None = None
    seconds: float = 0.0

    def to_dict(self) -> dict[str, object]:
        """An entry of `tables` in the JSON of `lakeorch verify`."""
        found = self.difference
        return {
            "model": self.version.table,
            "snapshot_id": str(self.version.snapshot_id),
            "run_id": self.version.run_id,
            "published_at": iso(self.version.at),
            "status": self.status,
            "reason": self.reason,
            "given": self.given,
            "rows": self.rows,
            "near": [*self.near],
            "difference": None
            if found is None
            else {
                "key": [*found.key],
                "only_published": found.removed,
                "only_recomputed": found.added,
                "changed": found.changed,
                "columns": dict(found.columns),
                "samples": samples_dict(found),
            },
            "seconds": round(self.seconds, 3),
        }


def verify(site: Site, lake: Lake, engine: Engine, targets: Sequence[str], tolerance: float) -> Iterator[Verified]:
    """Verifies what is published of models, and everything that runs published; one by one.

    Args:
        site: the project: where raw files are, and the keys of its models.
        lake: where the tables are.
        engine: makes the rows again and compares them.
        targets: names of models, run ids or beginnings of them.
        tolerance: see `Project.verify`.

    Raises:
        UsageError: a target is neither.
    """
    verifier = _Verifier(lake, engine, site.root, settings_of(site), site.variables, tolerance)
    timelines = lake.timelines()
    wanted = [pair for target in targets for pair in _versions(timelines, target)]
    for line, version in {(line.name, version.snapshot_id): (line, version) for line, version in wanted}.values():
        yield verifier.run(line, version)


@dataclass(frozen=True)
class _Verifier:
    lake: Lake
    engine: Engine
    root: Path
    settings: Mapping[str, Settings]
    variables: Mapping[str, Scalar]
    tolerance: float

    def run(self, line: Timeline, version: Version) -> Verified:
        started = time.perf_counter()
        try:
            with tempfile.TemporaryDirectory(prefix="lakeorch-verify-") as directory:
                found = self._compare(line, version, directory)
        except NotReplayableError as error:
            found = Verified(version, "unknown", str(error))
        except LakeorchError as error:
            found = Verified(version, "unknown", f"its rows cannot be made again: {error.message}")
        return replace(found, seconds=time.perf_counter() - started)

    def _compare(self, line: Timeline, version: Version, directory: str) -> Verified:
        scan = self.lake.scan(line.name, version.snapshot_id, line.location)
        replayed = Replay(self.lake, self.engine, self.root, directory, self.variables).run(line, version, scan.fields)
        names = ", ".join(identifier(field.name) for field in scan.fields)
        expected = f"SELECT {names} FROM {self.engine.quote(EXPECTED)}"
        published = f"SELECT {names} FROM {self.engine.quote(PUBLISHED)}"
        with self.engine.session(replayed.relations, {}, str(self.root)) as session:
            made = session.digest(expected)
            try:
                session.add(relation(scan, name=PUBLISHED))
                if session.digest(published) == made:
                    return Verified(version, "same", given=replayed.given, rows=scan.rows)
                a, b = (Side(self.engine.quote(side), scan.fields, side) for side in (PUBLISHED, EXPECTED))
                key = key_of(self.settings.get(line.name))
                difference = compare_rows(self.engine, session, a, b, key, self.tolerance, samples=SAMPLES)
            except EngineError as error:
                return Verified(version, "different", f"its data files cannot be read: {error.message}")
        if difference.equal:
            near = floats(scan.fields)
            return Verified(version, "same", given=replayed.given, rows=scan.rows, near=near)
        return Verified(version, "different", given=replayed.given, rows=scan.rows, difference=difference)


def _versions(timelines: Timelines, target: str) -> list[tuple[Timeline, Version]]:
    """The versions that a target means: what a model is at, or all that a run published."""
    name = target.lower()
    if not any(full == name or full.rpartition(".")[2] == name for full in timelines):
        run = run_of(timelines, target)
        if run is not None:
            if run.state == "rejected":
                raise UsageError(f"run {run.run_id} was never published: its checks failed")
            return [(timelines[v.table], v) for v in run.versions if v.state in {"current", "published", "undone"}]
    line = timeline(timelines, target)
    head = None if line.head is None else line.version(line.head)
    if head is None:
        raise UsageError(f"{line.name} has no rows yet")
    return [(line, head)]
