"""Names for states of all tables: Iceberg tags, set on every table in one commit and kept by maintenance."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass

from lakeorch.errors import UsageError, suggestion
from lakeorch.lake import Lake, Timeline, Version
from lakeorch.project.past import Timelines, iso, moment

_NAME = re.compile(r"[a-z][a-z0-9._-]{0,63}", re.I)
_TAKEN = ("main", "rejected-")


@dataclass(frozen=True, slots=True)
class Tag:
    """A named state of the tables.

    Attributes:
        at: the latest time at which one of its snapshots was made, ISO text in UTC.
        tables: table → the snapshot that it stands for.
    """

    name: str
    at: str
    tables: dict[str, int]

    def to_dict(self) -> dict[str, object]:
        """An entry of `tags` in the JSON of `lakeorch tag`. Snapshot ids are text."""
        return asdict(self) | {"tables": {name: str(id) for name, id in self.tables.items()}}


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tag that was set, moved or deleted.

    Attributes:
        status: `tagged`, `moved`, `deleted`, or `nothing to do` where it was so already.
        tag: as it is now; as it was, where it was deleted.
        absent: tables that did not exist at that time, and so have no such tag.
    """

    status: str
    tag: Tag
    absent: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The JSON document of `lakeorch tag NAME`."""
        return {"status": self.status, **self.tag.to_dict(), "absent": list(self.absent)}


def tags(timelines: Timelines) -> tuple[Tag, ...]:
    """Every tag that a table has, by name."""
    found: dict[str, dict[str, Version]] = {}
    for name, line in timelines.items():
        for tag, id in line.tags.items():
            if (version := line.version(id)) is not None:
                found.setdefault(tag, {})[name] = version
    return tuple(_tag(tag, found[tag]) for tag in sorted(found))


def _tag(name: str, versions: dict[str, Version]) -> Tag:
    at = max(version.at for version in versions.values())
    return Tag(name, iso(at), {table: versions[table].snapshot_id for table in sorted(versions)})


def set_tag(lake: Lake, name: str, run: str | None, *, force: bool) -> Tagged:
    """Tags every table that lakeorch made, as it is or as it was at a run, a tag or a time.

    Raises:
        UsageError: the name cannot be had or is taken, nothing is meant by `run`, or that has expired.
    """
    _check(name)
    timelines = lake.timelines()
    made = {table: line for table, line in timelines.items() if any(version.run_id for version in line.versions)}
    if not made:
        raise UsageError("there is no table to tag", hint="lakeorch run makes some")
    when = None if run is None else moment(timelines, run)
    versions: dict[str, Version] = {}
    for table, line in made.items():
        version = _current(line) if when is None else when.version(line)
        if version is not None:
            versions[table] = version
    if not versions:
        raise UsageError(f"no table existed at {when.name if when else 'this time'}")
    before = {table: line.tags[name] for table, line in timelines.items() if name in line.tags}
    tag = _tag(name, versions)
    if before == tag.tables:
        return Tagged("nothing to do", tag)
    if before and not force:
        hint = f"choose another name, or move it with --force, or take it away: lakeorch tag --delete {name}"
        raise UsageError(f'there is a tag "{name}" already', hint=hint)
    lake.upkeep().set_tag(name, {**dict.fromkeys(before), **tag.tables})
    return Tagged("moved" if before else "tagged", tag, tuple(sorted(made.keys() - versions.keys())))


def delete_tag(lake: Lake, name: str) -> Tagged:
    """Takes a tag from every table that has it; raises UsageError where none does."""
    known = {tag.name: tag for tag in tags(lake.timelines())}
    if name not in known:
        hint = suggestion(name, known) or "lakeorch tag --list shows the tags"
        raise UsageError(f'there is no tag "{name}"', hint=hint)
    lake.upkeep().set_tag(name, dict.fromkeys(known[name].tables))
    return Tagged("deleted", known[name])


def _check(name: str) -> None:
    if not _NAME.fullmatch(name) or name.lower().startswith(_TAKEN):
        hint = "a letter, then letters, digits, `.`, `_` or `-`; not main, not rejected-…, so that it is no run or time"
        raise UsageError(f'"{name}" cannot be the name of a tag', hint=hint)


def _current(line: Timeline) -> Version | None:
    return None if line.head is None else line.version(line.head)
