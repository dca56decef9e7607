"""The past of the tables: their versions, the runs that made them, and what is meant by a run, a tag or a time.

All of it is read from the tables' own snapshots.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from lakeorch.errors import UsageError, suggestion

if TYPE_CHECKING:
    from lakeorch.lake import Timeline, Version

_RUN_ID = re.compile(r"\d{8}t\d{6}-[0-9a-f]{6}")
Timelines = Mapping[str, "Timeline"]


@dataclass(frozen=True, slots=True)
class Moment:
    """A state of all tables together.

    Attributes:
        ms: milliseconds since 1970 UTC.
        name: what to call it: `run 20251001t060000-a1b2c3`, `tag closing`, an ISO time.
        run_id: where it is a run's publish; empty otherwise.
        tagged: table → snapshot, where it is a tag: other tables are as they were at `ms`.
    """

    ms: int
    name: str
    run_id: str = ""
    tagged: Mapping[str, int] = field(default_factory=dict)

    def version(self, timeline: Timeline) -> Version | None:
        """What a table was at; None where it did not exist. Raises UsageError where that has expired."""
        tagged = self.tagged.get(timeline.name)
        return timeline.at(self.ms) if tagged is None else timeline.version(tagged)


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run, as the snapshots that it made tell it. A run that changed no rows made none.

    A promotion is a run too: what it promoted counts as its own, whichever runs of the environment made it.

    Attributes:
        at: when it published, milliseconds since 1970 UTC; when it was rejected, where it never did.
        state: `published`; `undone` and `partly undone` by a roll-back; `rejected` where a check kept all of it back.
        versions: the snapshots it made, by table, the newest of each; those of rejected tables included.
        made_by: the runs that made what it promoted, else itself.
    """

    run_id: str
    at: int
    state: Literal["published", "undone", "partly undone", "rejected"]
    versions: tuple[Version, ...]
    made_by: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """Its id, and those of the runs that it promoted."""
        return self.made_by | {self.run_id}

    @property
    def environment(self) -> str:
        """The environment that it ran in, or that it promoted; empty for a run of production."""
        return next((version.environment for version in self.versions if version.environment), "")

    def to_dict(self) -> dict[str, object]:
        """An entry of `runs` in the JSON of `lakeorch runs`."""
        facts = self.versions[0].facts
        return {
            "run_id": self.run_id,
            "published_at": iso(self.at),
            "state": self.state,
            "environment": self.environment,
            "made_by": sorted(self.made_by),
            "engine": facts.get("lakeorch.engine", ""),
            "code_version": facts.get("lakeorch.code-version", ""),
            "tables": [version_dict(version) for version in self.versions],
        }


def version_dict(version: Version) -> dict[str, object]:
    """A version as JSON; snapshot ids are text, since they do not fit a JSON reader's float."""
    facts = version.facts
    return {
        "model": version.table,
        "snapshot_id": str(version.snapshot_id),
        "run_id": version.run_id,
        "made_by": version.made_by,
        "environment": version.environment,
        "published_at": iso(version.at),
        "state": version.state,
        "operation": version.operation,
        "rows": version.rows,
        "bytes": version.bytes,
        "added": version.added,
        "removed": version.removed,
        "refresh": facts.get("lakeorch.refresh", ""),
        "reason": facts.get("lakeorch.reason", ""),
        "fingerprint": facts.get("lakeorch.fingerprint", ""),
        "engine": facts.get("lakeorch.engine", ""),
        "code_version": facts.get("lakeorch.code-version", ""),
        "audit": json.loads(facts.get("lakeorch.audit") or "{}"),
    }


def iso(ms: int) -> str:
    """A time in milliseconds since 1970 as ISO text in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def timeline(timelines: Timelines, name: str) -> Timeline:
    """The past of one table.

    Args:
        timelines: of all tables.
        name: `namespace.table`, or `table` where one table is called so.

    Raises:
        UsageError: there is no such table, or several could be meant.
    """
    name = name.lower()
    meant = [full for full in timelines if full == name or full.rpartition(".")[2] == name]
    if name in meant or len(meant) == 1:
        return timelines[name if name in meant else meant[0]]
    if meant:
        raise UsageError(f'"{name}" could be {" or ".join(sorted(meant))}', hint="write its namespace before it")
    near = suggestion(name, [*timelines, *(full.rpartition(".")[2] for full in timelines)])
    hint = f"{near or 'lakeorch list shows what there is'}; a view has no versions of its own"
    raise UsageError(f'no table "{name}" is published', hint=hint)


def runs(timelines: Timelines) -> tuple[PastRun, ...]:
    """Every run that a snapshot tells of, newest first."""
    made: dict[str, list[Version]] = {}
    for each in timelines.values():
        for version in each.versions:
            if version.run_id:
                made.setdefault(version.run_id, []).append(version)
    found = [_past_run(run_id, versions) for run_id, versions in made.items()]
    return tuple(sorted(found, key=lambda run: (-run.at, run.run_id)))


def _past_run(run_id: str, versions: Sequence[Version]) -> PastRun:
    published = [version for version in versions if version.state in {"current", "published", "undone"}]
    undone = [version for version in published if version.state == "undone"]
    state: Literal["published", "undone", "partly undone", "rejected"]
    if not published:
        state = "rejected"
    elif undone:
        state = "undone" if len(undone) == len(published) else "partly undone"
    else:
        state = "published"
    # what an environment built several times came along in one line: the newest is what was published
    newest = {version.table: version for version in reversed(versions)}
    ordered = tuple(newest[table] for table in sorted(newest))
    made_by = frozenset(version.made_by for version in versions)
    return PastRun(run_id, max(version.at for version in published or versions), state, ordered, made_by)


def run_of(timelines: Timelines, text: str) -> PastRun | None:
    """The run with this id, or whose id alone begins so, or that promoted that run; None where there is none.

    Raises:
        UsageError: several runs begin so.
    """
    if not text:  # a variable of a script that was not set must not mean the only run there is
        return None
    past = runs(timelines)
    meant = [run for run in past if text in run.names]
    meant = meant or [run for run in past if any(name.startswith(text.lower()) for name in run.names)]
    if len(meant) > 1:
        listed = ", ".join(run.run_id for run in meant[:5]) + (", …" if len(meant) > 5 else "")
        hint = "write more of the run's id, or a time as 2025-10-01T06:00"
        raise UsageError(f'"{text}" is the beginning of {len(meant)} runs: {listed}', hint=hint)
    return meant[0] if meant else None


def moment(timelines: Timelines, text: str) -> Moment:
    """What is meant by a run id, a beginning of one, a tag, or an ISO time (UTC unless it carries an offset).

    Raises:
        UsageError: nothing is meant, or a run that never published.
    """
    text = text.strip()
    run = run_of(timelines, text)
    if run is not None:
        if run.state == "rejected":
            raise UsageError(f"run {run.run_id} was never published: its checks failed")
        return Moment(run.at, f"run {run.run_id}", run.run_id)
    tagged = {name: each.tags[text] for name, each in timelines.items() if text in each.tags}
    versions = [found for name, id in tagged.items() if (found := timelines[name].version(id)) is not None]
    if versions:
        return Moment(max(version.at for version in versions), f"tag {text}", tagged=tagged)
    if _RUN_ID.fullmatch(text):
        # one of digits alone could be read as a time with an offset
        raise UsageError(
            f"there is no run {text}, or all that it made has expired", hint="lakeorch runs shows the runs"
        )
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        near = suggestion(text, [run.run_id for run in runs(timelines)])
        hint = near or "lakeorch runs shows the runs; a time is written as 2025-10-01 or 2025-10-01T06:00"
        raise UsageError(f'"{text}" is no run, tag or time', hint=hint) from None
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time
    return Moment(int(time.timestamp() * 1000), time.isoformat())
