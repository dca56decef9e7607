"""Two versions of one table, held against each other: columns, and rows by key."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time

from lakeorch.engines import Engine, relation
from lakeorch.errors import UsageError
from lakeorch.lake import Lake, Scan, Timeline, Version
from lakeorch.model import Field, Settings
from lakeorch.parse import parse_folder
from lakeorch.project.compare import Comparison, Side, compare
from lakeorch.project.past import Timelines, iso, moment, timeline
from lakeorch.project.site import Site

BEFORE, AFTER = "_lakeorch.before", "_lakeorch.after"


@dataclass(frozen=True, slots=True)
class Diff:
    """How one version of a table differs from another.

    Attributes:
        model: the table.
        before, after: the two versions.
        rows_before, rows_after: rows in each of them.
        columns_added, columns_removed: names and types.
        columns_changed: name → type before, type after.
        rows: how the rows differ, over the columns that both have. Data files that both versions share are left out of
            the comparison, not of the counts.
    """

    model: str
    before: Version
    after: Version
    rows_before: int
    rows_after: int
    columns_added: Mapping[str, str]
    columns_removed: Mapping[str, str]
    columns_changed: Mapping[str, tuple[str, str]]
    rows: Comparison

    @property
    def equal(self) -> bool:
        """Neither columns nor rows differ."""
        return self.rows.equal and not (self.columns_added or self.columns_removed or self.columns_changed)

    def to_dict(self) -> dict[str, object]:
        """The JSON document of `lakeorch diff`."""
        rows = self.rows
        changed = {name: {"from": was, "to": now} for name, (was, now) in self.columns_changed.items()}
        return {
            "model": self.model,
            "before": _version_dict(self.before, self.rows_before),
            "after": _version_dict(self.after, self.rows_after),
            "equal": self.equal,
            "schema": {"added": self.columns_added, "removed": self.columns_removed, "changed": changed},
            "key": [*rows.key],
            "rows": {"added": rows.added, "removed": rows.removed, "changed": rows.changed, "same": rows.same},
            "columns": dict(rows.columns),
            "samples": samples_dict(rows),
        }


def samples_dict(rows: Comparison) -> dict[str, object]:
    """The samples of a comparison as JSON."""
    return {
        "added": [plain(row) for row in rows.added_rows],
        "removed": [plain(row) for row in rows.removed_rows],
        "changed": [
            {"key": plain(row.key), "before": plain(row.before), "after": plain(row.after)} for row in rows.changed_rows
        ],
    }


def plain(value: object) -> object:
    """A value out of Arrow as JSON knows it: decimals, times and the like become text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)


def key_of(settings: Settings | None) -> tuple[str, ...]:
    """The columns that tell a model's rows apart: `unique_key`, else those of its first `unique` check."""
    if settings is None:
        return ()
    unique = (check.columns for check in settings.checks if check.kind == "unique" and check.severity == "error")
    return settings.unique_key or next(unique, ())


def settings_of(site: Site) -> dict[str, Settings]:
    """The settings of the project's models, as far as they can be read."""
    return {
        model.name: model.settings for model in parse_folder(site.folder, site.root, site.defaults, site.cache).models
    }


def run_diff(
    site: Site,
    lake: Lake,
    engine: Engine,
    model: str,
    a: str | None,
    b: str | None,
    key: Sequence[str] | None,
    samples: int,
) -> Diff:
    """Compares two versions of a table.

    Args:
        site: the project, for the keys of its models.
        lake: where the tables are.
        engine: does the comparing.
        model: the table.
        a: a run, tag, time or snapshot id; None for the version before `b`.
        b: the same; None for what is current.
        key: columns that tell rows apart; None for the model's own; empty to compare whole rows.
        samples: how many rows of each kind to show.

    Raises:
        UsageError: there is no such table or version, or the key is not unique.
    """
    timelines = lake.timelines()
    line = timeline(timelines, model)
    after = _current(line) if b is None else _version(timelines, line, b)
    before = _previous(line, after) if a is None else _version(timelines, line, a)
    old, new = (_scan(lake, line, version) for version in (before, after))
    if not (old.has_deletes or new.has_deletes):
        shared = set(old.paths) & set(new.paths)
        unshared = [replace(s, paths=tuple(path for path in s.paths if path not in shared)) for s in (old, new)]
    else:
        unshared = [old, new]
    chosen = key_of(settings_of(site).get(line.name)) if key is None else tuple(key)
    fields = {field.name.lower() for field in old.fields} & {field.name.lower() for field in new.fields}
    if key is None and not {name.lower() for name in chosen} <= fields:
        chosen = ()
    relations = [relation(unshared[0], name=BEFORE), relation(unshared[1], name=AFTER)]
    with engine.session(relations, {}, str(site.root)) as session:
        sides = (
            Side(engine.quote(BEFORE), old.fields, f"the version of {iso(before.at)}"),
            Side(engine.quote(AFTER), new.fields, f"the version of {iso(after.at)}"),
        )
        found = compare(engine, session, *sides, chosen, samples=samples)
        rows_before, rows_after = (_rows(scan) for scan in (old, new))
    found = replace(found, same=rows_after - found.added - found.changed)
    return Diff(line.name, before, after, rows_before, rows_after, *_columns(old.fields, new.fields), found)


def _rows(scan: Scan) -> int:
    """How many rows a scan has; only row-level deletes need a count."""
    return len(scan.to_arrow()) if scan.has_deletes else scan.rows


def _scan(lake: Lake, line: Timeline, version: Version) -> Scan:
    return lake.scan(line.name, version.snapshot_id, line.location)


def _current(line: Timeline) -> Version:
    version = None if line.head is None else line.version(line.head)
    if version is None:
        raise UsageError(f"{line.name} has no rows yet")
    return version


def _previous(line: Timeline, version: Version) -> Version:
    earlier = (each for each in line.ancestors(version.parent_id) if each.changes_rows)
    # what a promotion brought along was the environment's alone: production came from what was before all of it
    found = next((each for each in earlier if not version.run_id or each.run_id != version.run_id), None)
    if found is None:
        raise UsageError(f"{line.name}: there is no version before the one of {iso(version.at)}")
    return found


def _version(timelines: Timelines, line: Timeline, text: str) -> Version:
    """What a user means by a run, a tag, a time or a snapshot id."""
    if text.isdecimal() and (version := line.version(int(text))) is not None:
        return version
    when = moment(timelines, text)
    version = when.version(line)
    if version is None:
        raise UsageError(f"{line.name} was not there yet at {when.name}", hint=f"lakeorch history {line.name}")
    return version


def _columns(
    old: Sequence[Field], new: Sequence[Field]
) -> tuple[dict[str, str], dict[str, str], dict[str, tuple[str, str]]]:
    """Columns added, removed and of another type; letter case does not count."""
    before, after = ({field.name.lower(): field for field in fields} for fields in (old, new))
    added = {field.name: field.type for name, field in after.items() if name not in before}
    removed = {field.name: field.type for name, field in before.items() if name not in after}
    both = ((before[name], field) for name, field in after.items() if name in before)
    return added, removed, {now.name: (was.type, now.type) for was, now in both if was.type != now.type}


def _version_dict(version: Version, rows: int) -> dict[str, object]:
    return {
        "snapshot_id": str(version.snapshot_id),
        "run_id": version.run_id,
        "published_at": iso(version.at),
        "rows": rows,
    }
