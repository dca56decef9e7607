"""A plan from what is remembered is the plan from nothing: after every edit, whatever was kept before."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

import lakeorch
from lakeorch import Project, ProjectError, cache
from lakeorch.errors import CatalogError
from lakeorch.lake import Lake, metadata
from lakeorch.parse import files, parse_folder
from lakeorch.parse import folder as parsing
from lakeorch.plan import Plan
from lakeorch.project import site
from lakeorch.project.site import Site
from tests.conftest import Make, picture
from tests.test_run import load

FILES = {
    "lakeorch.yml": "models: models\nvariables: {n: 3}\n",
    "raw/a.csv": "x\n1\n",
    "models/a/r.sql": "SELECT x FROM read_csv('raw/*.csv')",
    "models/a/s.sql": "SELECT range AS x, range + 1 AS w FROM range(4)",
    "models/a/v.sql": "/* ---\nmaterialized: view\n--- */\nSELECT x FROM s WHERE x < 9",
    "models/a/t.sql": "/* ---\nchecks: [unique: [y]]\n--- */\nSELECT x + $n AS y FROM v",
    "models/b/u.sql": "SELECT y, y * 2 AS z FROM a.t",
    "models/b/w.sql": (
        "/* ---\ncolumns:\n  z: {checks: [{relationship: b.u.z}]}\n--- */\nSELECT z FROM u JOIN a.r ON x < z"
    ),
    "models/checks/some.sql": "SELECT 1 AS x FROM a.t WHERE y < 0",
}
Found = Plan | tuple[object, ...]


@pytest.fixture(autouse=True)
def _no_grain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a test are young; that the clock's grain is waited for has a test of its own."""
    monkeypatch.setattr(cache, "GRAIN_NS", 0)


def planned(folder: Path, **variables: str) -> Found:
    try:
        return Project(folder, variables=variables).plan()
    except ProjectError as error:
        return error.findings


def cold(folder: Path, **variables: str) -> Found:
    """The same without anything remembered."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(site, "Cache", lambda *_: cache.Cache())
        return planned(folder, **variables)


def parsed(act: Callable[[], object]) -> list[str]:
    """The models whose texts are parsed in the course of something."""
    names: list[str] = []
    original = parsing.parse_model

    def parse(source: object, name: str, *more: object) -> object:
        names.append(name)
        return original(source, name, *more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parsing, "parse_model", parse)
        act()
    return names


def settled(folder: Path) -> None:
    """Runs until nothing is left to do or to learn."""
    for _ in range(2):
        Project(folder).run()


def test_only_the_edited_model_is_parsed_and_bound(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(FILES)
    settled(folder)
    (folder / "b/u.sql").write_text("SELECT y, y * 3 AS z FROM a.t")
    bound: list[str] = []
    original = lakeorch.bind._Binder._bound  # type: ignore[attr-defined]
    monkeypatch.setattr(
        "lakeorch.bind._Binder._bound", lambda self, model: bound.append(model.name) or original(self, model)
    )
    assert parsed(lambda: planned(folder)) == ["b.u"]
    assert bound == ["b.u"]


def test_of_what_is_settled_nothing_is_unpacked(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(
        {"models/a/t.sql": "/* ---\nchecks: [unique: [y]]\n--- */\nSELECT 1 AS y", "models/b/u.sql": "FROM a.t"}
    )
    settled(folder)
    unpacked: list[str] = []
    original = cache.Pack.get
    monkeypatch.setattr(cache.Pack, "get", lambda self, key: unpacked.append(key) or original(self, key))
    assert planned(folder).steps  # type: ignore[union-attr]  # a plan, not findings
    assert unpacked == []
    (folder / "b/u.sql").write_text("SELECT y, y * 3 AS z FROM a.t")
    planned(folder)
    assert unpacked  # the measure works


BLOCK = "/* ---\nowner: me\ncolumns:\n  x: {checks: [not_null]}\n--- */\n"
EDITS = {
    "the query": ({"a/t.sql": f"{BLOCK}SELECT 2 AS x"}, []),
    "the settings": ({"a/t.sql": f"{BLOCK.replace('me', 'you')}SELECT 1 AS x"}, ["a.t"]),
    "a comment before the settings": ({"a/t.sql": f"-- new\n{BLOCK}SELECT 1 AS x"}, ["a.t"]),
    "a second block": ({"a/t.sql": f"{BLOCK}{BLOCK}SELECT 1 AS x"}, []),
    "no settings": ({"a/t.sql": "SELECT 1 AS x"}, []),
    "a default too": (
        {"../lakeorch.yml": "models: models\ndefaults: {a: {tags: [t]}}\n", "a/t.sql": f"{BLOCK}SELECT 2 AS x"},
        ["a.t"],
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_settings_are_read_where_they_or_their_defaults_were_edited(
    make: Make, monkeypatch: pytest.MonkeyPatch, edit: str
) -> None:
    folder = make({"lakeorch.yml": "models: models\n", "models/a/t.sql": f"{BLOCK}SELECT 1 AS x"})
    settled(folder)
    edited, expected = EDITS[edit]
    for name, text in edited.items():
        (folder / name).write_text(text)
    read: list[str] = []
    original = files.read_settings
    monkeypatch.setattr(files, "read_settings", lambda *a, **k: read.append("a.t") or original(*a, **k))
    site = Project(folder).wiring.site()
    warm = parse_folder(site.folder, site.root, site.defaults, site.cache)
    assert read == expected
    cold = parse_folder(site.folder, site.root, site.defaults)
    assert (warm.models, warm.findings) == (cold.models, cold.findings)


def test_a_new_column_binds_its_readers_and_no_more(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(
        {f"models/a/m{n}.sql": f"SELECT x FROM m{n - 1}" for n in range(1, 6)} | {"models/a/m0.sql": "SELECT 1 AS x"}
    )
    settled(folder)
    (folder / "a/m1.sql").write_text("SELECT x, 2 AS more FROM m0")
    bound: list[str] = []
    original = lakeorch.bind._Binder._bound  # type: ignore[attr-defined]
    monkeypatch.setattr(
        "lakeorch.bind._Binder._bound", lambda self, model: bound.append(model.name) or original(self, model)
    )
    planned(folder)
    assert bound == ["a.m1", "a.m2"]


def test_a_plan_of_what_is_settled_loads_neither_engine_nor_parser_nor_iceberg(make: Make) -> None:
    folder = make({name: text for name, text in FILES.items() if "read_csv" not in text and "a.r" not in text})
    settled(folder)
    heavy = {"duckdb", "sqlglot", "pyiceberg", "pyarrow", "sqlalchemy"}
    # the files are young for that process: it reads them, but parses none
    code = f"import sys, lakeorch\nlakeorch.Project({str(folder)!r}).plan()\nprint({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_what_a_run_published_is_known_to_the_next_one(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(FILES)
    assert Project(folder).run().status == "published"
    metadata._published.cache_clear()
    monkeypatch.setattr(metadata, "_json", None)
    assert Project(folder).run().status == "nothing to do"


@pytest.mark.parametrize("error", [CatalogError("gone"), KeyboardInterrupt()])
def test_a_run_is_over_when_it_has_published(make: Make, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Whatever happens while it looks at what it has published."""
    real, seen = Site.published, []

    def published(self: Site, lake: Callable[[], Lake]) -> object:
        seen.append(lake)
        if len(seen) > 1:
            raise error
        return real(self, lake)

    monkeypatch.setattr(Site, "published", published)
    assert Project(make(FILES)).run().status == "published"
    assert len(seen) == 2


def test_a_run_loads_no_toolkit_over_databases(make: Make) -> None:
    folder = make(FILES)
    code = f"import sys, lakeorch\nlakeorch.Project({str(folder)!r}).run()\nprint('sqlalchemy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def keeping_its_times(file: Path, text: str) -> None:
    seen = file.stat()
    assert seen.st_size == len(text)
    file.write_text(text)
    os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "an edit of the same size and time": lambda root: keeping_its_times(
        root / "models/b/u.sql", "SELECT y, y * 7 AS z FROM a.t"
    ),
    "a file in its place": lambda root: (root / "models/b/u.sql").replace(root / "models/a/s.sql"),
    "a default setting": lambda root: (root / "lakeorch.yml").write_text(
        "models: models\nvariables: {n: 3}\ndefaults: {a: {owner: me}}\n"
    ),
    "a default that decides": lambda root: (root / "lakeorch.yml").write_text(
        "models: models\nvariables: {n: 3}\ndefaults: {b: {sort_by: [z]}}\n"
    ),
    "another value": lambda root: (root / "lakeorch.yml").write_text("models: models\nvariables: {n: 4}\n"),
    "a value of another type": lambda root: (root / "lakeorch.yml").write_text("models: models\nvariables: {n: 4.5}\n"),
    "no value": lambda root: (root / "lakeorch.yml").write_text("models: models\n"),
    "an edited view": lambda root: (root / "models/a/v.sql").write_text(
        "/* ---\nmaterialized: view\n--- */\nSELECT x FROM s WHERE x < 8"
    ),
    "a raw file with another column": lambda root: (root / "raw/a.csv").write_text("z\n1\n"),
    "a model that takes a name over": lambda root: (root / "models/b/t.sql").write_text("SELECT 1 AS y"),
    "a second model of a name": lambda root: (root / "models/b/v.sql").write_text("SELECT 1 AS y"),
    "a check of another table": lambda root: (root / "models/checks/some.sql").write_text("SELECT 1 AS x FROM b.u"),
    "a check that is wrong": lambda root: (root / "models/checks/some.sql").write_text("SELECT nope FROM b.u"),
    "a foreign writer": lambda root: load(root / "models", "a.t").append(pa.table({"y": pa.array([1], pa.int64())})),
    "a spoilt cache": lambda root: _spoil(root / ".lakeorch/plan.cache"),
    "a torn cache": lambda root: os.truncate(root / ".lakeorch/plan.cache", 300),
    "an empty cache": lambda root: os.truncate(root / ".lakeorch/plan.cache", 0),
    "another's cache": lambda root: (root / ".lakeorch/plan.cache").write_bytes(b"\0\0\0\0not one of ours"),
    "a lost cache": lambda root: (root / ".lakeorch/plan.cache").unlink(),
}


def _spoil(file: Path) -> None:
    text = bytearray(file.read_bytes())
    text[len(text) // 2] ^= 1
    file.write_bytes(text)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_seen(make: Make, change: str) -> None:
    folder = make(FILES)
    settled(folder)
    before = planned(folder)
    assert before == cold(folder)
    CHANGES[change](folder.parent)
    found = planned(folder)
    assert found == cold(folder)
    assert (found == before) == ("cache" in change)


def test_a_variable_of_the_command_line_is_seen(make: Make) -> None:
    folder = make(FILES)
    settled(folder)
    for values in ({"n": "3"}, {"n": "4"}, {"n": "text"}):
        assert planned(folder, **values) == cold(folder, **values)


def test_a_catalog_table_with_other_columns_is_seen(make: Make) -> None:
    folder = make({"models/a/one.sql": "SELECT 1 AS x"})
    Project(folder).run()
    catalog = load(folder, "a.one").catalog
    catalog.create_namespace("ext")
    table = catalog.create_table("ext.orders", pa.schema([("id", pa.int64())]))
    (folder / "a/t.sql").write_text("SELECT id FROM ext.orders")
    settled(folder)
    assert planned(folder) == cold(folder)
    with table.update_schema() as update:
        update.rename_column("id", "nr")
    found = planned(folder)
    assert found == cold(folder)
    assert not isinstance(found, Plan)


def test_another_version_starts_from_nothing(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(FILES)
    settled(folder)
    assert parsed(lambda: planned(folder)) == []
    monkeypatch.setattr(lakeorch, "__version__", "0.0.0")
    assert len(parsed(lambda: planned(folder))) == 6
    monkeypatch.undo()
    monkeypatch.setattr("importlib.metadata.version", lambda name: "1" if name == "sqlglot" else "2")
    assert len(parsed(lambda: planned(folder))) == 6


def test_young_files_are_read_again_and_old_ones_are_not(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make(FILES)
    file = folder.parent / ".lakeorch/plan.cache"
    monkeypatch.setattr(cache, "GRAIN_NS", 3_600_000_000_000)
    settled(folder)
    known = cache.Cache(file, site.versions())
    at = folder / "b/u.sql"
    assert known.content_of(str(at), cache.stamp_of(at.stat())) == ""
    monkeypatch.setattr(cache, "GRAIN_NS", 0)
    (folder / "b/u.sql").write_text("SELECT y, y * 2 AS z FROM a.t -- more")
    settled(folder)
    known = cache.Cache(file, site.versions())
    assert known.content_of(str(at), cache.stamp_of(at.stat())) == cache.content_hash(at.read_bytes())


def test_reading_leaves_no_trace(make: Make) -> None:
    folder = make(FILES)
    planned(folder)
    Project(folder).validate()
    assert not (folder.parent / ".lakeorch").exists()
    settled(folder)
    (folder / "b/u.sql").write_text("SELECT y, y * 3 AS z FROM a.t")
    before = picture(folder.parent)
    planned(folder)
    assert picture(folder.parent) == before


def test_a_cache_that_cannot_be_written_is_no_error(make: Make) -> None:
    folder = make(FILES)
    (folder.parent / ".lakeorch").write_text("in the way")
    assert Project(folder).run().status == "published"


TEXTS = (
    "SELECT {n} AS x, {n} AS y",
    "SELECT x, x + {n} AS y FROM {a}",
    "SELECT x, y FROM {a} UNION ALL SELECT y, x FROM {b}",
    "/* ---\nmaterialized: view\n--- */\nSELECT * FROM {a}",
    "/* ---\nowner: o{n}\ncolumns:\n  x: {{checks: [not_null]}}\n--- */\nSELECT x, y FROM {a}",
    "/* ---\nmaterialized: merge\nunique_key: [x]\n--- */\nSELECT x, max(y) AS y FROM {a} GROUP BY x",
    "SELECT x, $n AS y FROM {a}",
    "SELECT x, x AS y FROM read_csv('raw/*.csv')",
    "SELECT x, nope AS y FROM {a}",
    "SELECT x FROM {a}",
    "SELEC",
)


@pytest.mark.parametrize("seed", range(3))
def test_after_any_edits_a_warm_plan_is_the_cold_one(make: Make, seed: int) -> None:
    chance = random.Random(seed)
    folder = make({"lakeorch.yml": "models: models\nvariables: {n: 3}\n", "raw/a.csv": "x\n1\n"})
    names = ("a.p", "a.q", "b.q", "b.r", "c.s")

    def write(name: str) -> None:
        path = folder / f"{name.replace('.', '/')}.sql"
        path.parent.mkdir(exist_ok=True)
        pick = [*names[: names.index(name)], "q", "p"]
        text = chance.choice(TEXTS[:1] if name == "a.p" else TEXTS)
        path.write_text(text.format(n=chance.randint(1, 3), a=chance.choice(pick), b=chance.choice(pick)))

    for name in names:
        write(name)
    for _ in range(14):
        act = chance.random()
        if act < 0.6:
            write(chance.choice(names))
        elif act < 0.7:
            (folder / f"{chance.choice(names).replace('.', '/')}.sql").unlink(missing_ok=True)
        elif act < 0.8:
            (folder.parent / "raw/a.csv").write_text(f"x\n{chance.choice(('1', '2', 'text'))}\n")
        elif act < 0.9:
            value = chance.choice(("3", "2026-01-01", "x"))
            (folder.parent / "lakeorch.yml").write_text(f"models: models\nvariables: {{n: {value}}}\n")
        if chance.random() < 0.6:
            try:
                Project(folder).run()
            except lakeorch.LakeorchError:
                continue
        assert planned(folder) == cold(folder)


def test_values_come_back_as_they_are() -> None:
    """What JSON would blur is not kept at all, rather than kept wrong."""
    from datetime import date

    from lakeorch.errors import Source, Span
    from lakeorch.model import Check, Model, Settings

    def model(option: object) -> Model:
        check = Check("accepted", ("x",), {"values": [option]})
        return Model("a.t", Source("a.sql", "SELECT 1"), Span(0, 8), Settings(checks=(check,)))

    kept = cache.Cache()
    for option in (1, 1.5, "1", True, None):
        assert kept.models.put("key", model(option))
        found = kept.models.get("key")
        assert found == model(option)
        assert type(found.settings.checks[0].options["values"][0]) is type(option)  # type: ignore[index,union-attr]
    assert not kept.models.put("other", model(date(2026, 1, 1)))
    assert kept.models.get("other") is None
