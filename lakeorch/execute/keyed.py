"""Tables whose rows have a key: new rows take the place of those with the same key.

Copy on write: files that hold such a row are written again without it, the new rows come beside them.
"""

from __future__ import annotations

from collections.abc import Sequence

from lakeorch.errors import LakeorchError
from lakeorch.execute.build import PATH, STANDING, WRITTEN, Build, Rewrite, discard
from lakeorch.types import identifier


def require_unique(build: Build, written: Sequence[str]) -> None:
    """Raises LakeorchError, with examples, where two of the new rows have one key; they are then removed."""
    key = build.model.settings.unique_key
    keys = ", ".join(identifier(name) for name in key)
    sql = (
        f"SELECT {keys}, count(*) AS rows FROM {build.quote(WRITTEN)} "
        f"GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL LIMIT 5"
    )
    with build.open([build.written(written)]) as session:
        twice = session.fetch(sql).read_all().to_pylist()
    if twice:
        discard(written)
        rows = "; ".join(", ".join(f"{k}={v}" for k, v in row.items()) for row in twice)
        raise LakeorchError(
            f"{build.model.name}: unique_key ({', '.join(key)}) is not unique in the new rows: {rows}",
            hint="keep one row per key, for example with QUALIFY row_number() OVER (PARTITION BY … ORDER BY …) = 1",
        )


def merged(build: Build, written: tuple[str, ...]) -> Rewrite | None:
    """Upserts the written rows; None where the table holds every one of them already."""
    key = build.model.settings.unique_key
    new, old = build.quote(WRITTEN), build.quote(STANDING)
    rest = [identifier(name) for name in build.names if name.lower() not in {each.lower() for each in key}]
    news = " OR ".join([f"o.{PATH} IS NULL", *(f"n.{name} IS DISTINCT FROM o.{name}" for name in rest)])
    with build.open([build.written(written), *build.standing()]) as session:
        # the first row that is new ends it: only where there is none is the whole table read
        joined = f"{new} n LEFT JOIN {old} o ON {matching('n', 'o', key)}"
        sql = f"SELECT o.{PATH} AS path FROM {joined} WHERE {news} LIMIT 1"
        found = session.fetch(sql).read_all()["path"].to_pylist()
    return replaced(build, written, key, tuple(path for path in found if path)) if found else None


def replaced(build: Build, written: tuple[str, ...], key: Sequence[str], touched: tuple[str, ...] = ()) -> Rewrite:
    """Puts the written rows into the place of those that stand with the same key.

    Args:
        build: the open change.
        written: the files of the new rows.
        key: the columns by which rows take each other's place.
        touched: files of which it is known that they hold such rows.
    """
    match = matching("n", "o", key)
    names = ", ".join(map(identifier, build.names))
    new, old = build.quote(WRITTEN), build.quote(STANDING)
    files = len(build.draft.scan().paths)
    if len(touched) < files:
        # where there is one file only, the first row that is found in it says all
        enough = "LIMIT 1" if files == 1 else ""
        with build.open([build.written(written), *build.standing()]) as session:
            found = f"SELECT o.{PATH} AS path FROM {old} o SEMI JOIN {new} n ON {match} {enough}"
            sql = f"SELECT DISTINCT path FROM ({found})"
            touched = tuple(session.fetch(sql).read_all()["path"].to_pylist())
    kept: tuple[str, ...] = ()
    if touched:
        with build.open([build.written(written), *build.standing(touched)]) as session:
            kept = session.write(f"SELECT {names} FROM {old} o ANTI JOIN {new} n ON {match}", build.target("kept"))
    return Rewrite(written + kept, "rewrite", touched)


def matching(one: str, other: str, key: Sequence[str]) -> str:
    """The condition under which two rows have one key: NULL is a value like any other."""
    return " AND ".join(f"{one}.{name} IS NOT DISTINCT FROM {other}.{name}" for name in map(identifier, key))
