"""The history materialisation: every version of a row, each with the time that it held for (SCD 2).

The query is a picture of its source as it is now. Held against the versions that are current, it yields the versions
to write: opened, closed, or put into the past. Versions are told apart by the row's key and `valid_from`, so that
writing them is a merge on those, and doing it twice is doing it once.

A row's change time is its `updated_at`, or the time of the run where that is NULL or not set.

- A row that is as its current version writes nothing.
- A changed row closes the current version at its change time and opens the next one there. A change time that is not
  later than the current version's beginning is a correction of it, and takes its place.
- A row that is late, its change time older than that of the current version, goes into the past: the version that
  held then ends there, and the late one holds until that one ended, or until the next one began.
- A row that left the source is closed at the time of the run (`deleted: close`) or stays current (`keep`).
- A row that came back opens a version at its change time, or at the time of the run where that lies before its end.
"""

from __future__ import annotations

from datetime import datetime

from lakeorch.engines import Session
from lakeorch.errors import LakeorchError
from lakeorch.execute.build import STANDING, WRITTEN, Build, Rewrite, discard
from lakeorch.execute.keyed import matching, replaced
from lakeorch.model import VERSION_COLUMNS, Settings
from lakeorch.types import identifier, literal

_BEGINS, _ENDS, _CURRENT = (identifier(column.name) for column in VERSION_COLUMNS)
_VERSIONS = {column.name for column in VERSION_COLUMNS}

# Columns and relations of its own are called "#…", which no column of a model's query is.
_OPENED_AND_CLOSED = """
WITH "#current" AS (SELECT * FROM {old} WHERE {ends} IS NULL),
"#ended" AS (SELECT {keys}, max({ends}) AS "#at" FROM {old} WHERE {ends} IS NOT NULL GROUP BY ALL),
-- rows of the source that are not as their current version
"#paired" AS (
  SELECT s.*, c.{begins} AS "#begun", e."#at" AS "#ended", {is_late} AS "#late"
  FROM {new} s LEFT JOIN "#current" c ON {s_is_c} LEFT JOIN "#ended" e ON {s_is_e}
  WHERE c.{begins} IS NULL OR {s_differs_from_c}
),
"#placed" AS (
  SELECT *, CASE
    WHEN "#late" THEN {begins}
    WHEN "#begun" IS NOT NULL THEN greatest({begins}, "#begun")
    WHEN "#ended" IS NULL OR {begins} >= "#ended" THEN {begins}
    ELSE greatest({now}, "#ended") END AS "#start"
  FROM "#paired"
)
SELECT {opened} FROM "#placed" p WHERE NOT "#late"
UNION ALL
SELECT {closed} FROM "#current" c JOIN "#placed" p ON {c_is_p} WHERE NOT "#late" AND "#start" > c.{begins}
"""
_LEFT = """
UNION ALL
SELECT {left} FROM "#current" c ANTI JOIN {new} s ON {s_is_c}
"""
_LATE = """
UNION ALL
(
  -- the late rows, and when the versions before and after each of them begin
  WITH "#around" AS (
    SELECT {p_keys}, "#start",
      max(v.{begins}) FILTER (v.{begins} <= "#start") AS "#before",
      min(v.{begins}) FILTER (v.{begins} > "#start") AS "#after"
    FROM "#placed" p JOIN {old} v ON {v_is_p} WHERE "#late" GROUP BY ALL
  )
  SELECT {late} FROM "#placed" p JOIN "#around" a ON {p_is_a}
  LEFT JOIN {old} b ON {b_is_a} AND b.{begins} = a."#before"
  WHERE "#late" AND (b.{begins} IS DISTINCT FROM p."#start" OR {p_differs_from_b})
  UNION ALL
  SELECT {split} FROM "#around" a JOIN {old} b ON {b_is_a} AND b.{begins} = a."#before"
  WHERE b.{begins} < a."#start" AND b.{ends} > a."#start"
)
"""


def versioned(sql: str, settings: Settings, now: datetime) -> tuple[str, int]:
    """A query's rows as the versions they would open, and by how much its text moved right.

    Args:
        sql: the model's query for the engine.
        settings: of the model.
        now: the time of the run.
    """
    moment = literal(now)
    if settings.updated_at:
        moment = f"coalesce(CAST({identifier(settings.updated_at)} AS TIMESTAMPTZ), {moment})"
    prefix = f"SELECT *, {moment} AS {_BEGINS}, CAST(NULL AS TIMESTAMPTZ) AS {_ENDS}, TRUE AS {_CURRENT} FROM (\n"
    return f"{prefix}{sql}\n)", len(prefix)


def has_versions(build: Build) -> bool:
    """Whether the table stands and holds versions."""
    return build.draft.base_snapshot_id is not None and {f.name for f in build.draft.scan().fields} >= _VERSIONS


def revised(build: Build, written: tuple[str, ...], now: datetime, *, full: bool) -> Rewrite | None:
    """Brings a table of versions up to what its source shows now.

    Args:
        build: whose table has versions.
        written: the source's rows as `versioned` gives them; removed here.
        now: the time of the run.
        full: write every version again, in the table's own columns, partitions and order. None is lost.

    Returns:
        None where nothing changed.

    Raises:
        LakeorchError: two versions of one key are current; no build makes that, another writer or another key can.
    """
    settings = build.model.settings
    key = (*settings.unique_key, VERSION_COLUMNS[0].name)
    try:
        with build.open([build.written(written), *build.standing(with_paths=False)]) as session:
            _require_one_current(build, session)
            changes = session.write(_changes(build, now), build.scratch() if full else build.target())
    finally:
        discard(written)
    if not full:
        return replaced(build, changes, key) if changes else None
    names = ", ".join(map(identifier, build.names))
    new, old = build.quote(WRITTEN), build.quote(STANDING)
    try:
        with build.open([build.written(changes), *build.standing(with_paths=False)]) as session:
            kept = f"SELECT {names} FROM {old} o ANTI JOIN {new} n ON {matching('n', 'o', key)}"
            paths = session.write(f"{kept} UNION ALL SELECT {names} FROM {new}", build.target())
    finally:
        discard(changes)
    return Rewrite(paths, "replace")


def _require_one_current(build: Build, session: Session) -> None:
    key = build.model.settings.unique_key
    sql = f"SELECT {', '.join(map(identifier, key))} FROM {build.quote(STANDING)} WHERE {_ENDS} IS NULL"
    twice = session.fetch(f"{sql} GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 1").read_all().to_pylist()
    if twice:
        row = ", ".join(f"{name}={value}" for name, value in twice[0].items())
        raise LakeorchError(
            f"{build.model.name}: the table has two current versions for one unique_key ({', '.join(key)}): {row}",
            hint="go back to the unique_key that it was made with, or roll back what another writer put there",
        )


def _changes(build: Build, now: datetime) -> str:
    """The query that yields the versions to be written."""
    settings = build.model.settings
    key, moment = settings.unique_key, literal(now)
    facts = {
        "old": build.quote(STANDING),
        "new": build.quote(WRITTEN),
        "begins": _BEGINS,
        "ends": _ENDS,
        "now": moment,
        "keys": ", ".join(map(identifier, key)),
        "p_keys": ", ".join(f"p.{identifier(name)}" for name in key),
        **{f"{pair[0]}_is_{pair[1]}": matching(pair[0], pair[1], key) for pair in ("sc", "se", "cp", "vp", "pa", "ba")},
        **{f"{pair[0]}_differs_from_{pair[1]}": _differs(build, pair[0], pair[1]) for pair in ("sc", "pb")},
        "is_late": _is_late(settings),
        "opened": _version(build, "p", begins='p."#start"'),
        "closed": _version(build, "c", ends='p."#start"'),
        "left": _version(build, "c", ends=f"greatest({moment}, c.{_BEGINS})"),
        # a late row holds until the version that it parts ended, or until the next one begins
        "late": _version(
            build,
            "p",
            begins='p."#start"',
            ends=f'CASE WHEN b.{_ENDS} > p."#start" THEN b.{_ENDS} ELSE a."#after" END',
        ),
        "split": _version(build, "b", ends='a."#start"'),
    }
    template = _OPENED_AND_CLOSED
    template += _LEFT if settings.deleted == "close" else ""
    template += _LATE if settings.updated_at else ""
    return template.format_map(facts)


def _is_late(settings: Settings) -> str:
    if not settings.updated_at:
        return "FALSE"
    told = identifier(settings.updated_at)
    # a version that came back begins later than its row was changed: the change times are what is compared
    changed = f"coalesce(CAST(c.{told} AS TIMESTAMPTZ), c.{_BEGINS})"
    return f"coalesce(s.{told} IS NOT NULL AND s.{_BEGINS} < least({changed}, c.{_BEGINS}), FALSE)"


def _differs(build: Build, one: str, other: str) -> str:
    """Whether two rows differ in a column of the query; a column that left the query does not count."""
    compared = [identifier(name) for name in build.yields if name not in _VERSIONS]
    return f"({' OR '.join(f'{one}.{name} IS DISTINCT FROM {other}.{name}' for name in compared)})"


def _version(build: Build, row: str, *, begins: str = "", ends: str = "") -> str:
    """A version as a select list: a row with another beginning, or another end, which is NULL by default."""
    told = {
        _BEGINS: begins or f"{row}.{_BEGINS}",
        _ENDS: ends or "NULL",
        _CURRENT: "FALSE" if ends else "TRUE",
    }
    names = map(identifier, build.names)
    return ", ".join(f"{told.get(name, f'{row}.{name}')} AS {name}" for name in names)
