"""Makes projects of many models, the same each time, for lakeorch and for the tools it is measured beside.

A fifth of the models are *staging* (casts of a few literal rows), half *core* (joins and aggregates of staging and of
core models before them, ten layers deep), the rest *marts*. Every model has one row for each `id`, so that rows do not
grow with depth. A *trivial* project has the same graph, and of each model only one short SELECT.

    python benchmarks/projects.py FOLDER 1000             # 30 to 80 lines each
    python benchmarks/projects.py FOLDER 1000 --trivial
    python benchmarks/projects.py FOLDER 1000 --trivial --for dbt
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROWS = 20
LAYERS = 10
FOLDER = 200
OWNERS = ("finance", "crm", "supply", "web")

Ref = Callable[[str], str]


@dataclass(frozen=True)
class Draft:
    """A model to be written: its inputs by name, its columns besides `id` and `day`, and its lines of SQL.

    In the text a table stands as `{its name}`: each tool writes that in its own way.
    """

    name: str
    reads: tuple[str, ...]
    columns: tuple[str, ...]
    sql: str

    def text(self, ref: Ref) -> str:
        """The SELECT with its inputs as a tool writes them."""
        sql = self.sql
        for name in self.reads:
            sql = sql.replace(f"{{{name}}}", ref(name))
        return sql


def drafts(count: int, *, trivial: bool = False, seed: int = 1) -> list[Draft]:
    """That many models, each behind those that it reads.

    Args:
        count: at least 10.
        trivial: one short SELECT each.
        seed: the same number gives the same models.
    """
    source = random.Random(seed)
    made: list[Draft] = []
    staging, core = max(1, count // 5), count // 2
    layers: list[list[Draft]] = [[]]
    for number in range(count):
        if number < staging:
            name, reads = f"staging_{number // FOLDER}.s{number}", []
        elif number < staging + core:
            layer = 1 + (number - staging) * LAYERS // core
            name, reads = f"core_{number // FOLDER}.c{number}", _inputs(source, layers[:layer])
        else:
            layer = len(layers)
            name, reads = f"marts_{number // FOLDER}.m{number}", _inputs(source, layers[: LAYERS + 1])
        draft = _trivial(name, reads) if trivial else _full(source, name, reads)
        made.append(draft)
        at = 0 if not reads else layer
        while len(layers) <= at:
            layers.append([])
        layers[at].append(draft)
    return made


def _inputs(source: random.Random, layers: Sequence[Sequence[Draft]]) -> list[Draft]:
    """One model of the layer just before, and up to three of any before."""
    last = next(layer for layer in reversed(layers) if layer)
    every = [draft for layer in layers for draft in layer]
    found = {draft.name: draft for draft in (source.choice(last), *source.sample(every, min(len(every), 3)))}
    return list(found.values())[: source.choice((1, 2, 2, 3))]


def _trivial(name: str, reads: Sequence[Draft]) -> Draft:
    if not reads:
        return Draft(name, (), ("v",), f"SELECT range AS id, range * 2 AS v FROM range({ROWS})")
    if len(reads) == 1:
        return Draft(name, (reads[0].name,), ("v",), f"SELECT id, v + 1 AS v FROM {{{reads[0].name}}}")
    one, two = reads[0].name, reads[1].name
    return Draft(
        name, (one, two), ("v",), f"SELECT a.id, a.v + b.v AS v FROM {{{one}}} AS a JOIN {{{two}}} AS b USING (id)"
    )


def _full(source: random.Random, name: str, reads: Sequence[Draft]) -> Draft:
    body = _joined(source, reads) if reads else _literal(source)
    made, columns = body
    return Draft(name, tuple(read.name for read in reads), columns, made)


def _literal(source: random.Random) -> tuple[str, tuple[str, ...]]:
    names = [
        f"{source.choice(('amount', 'price', 'count', 'rate', 'score'))}_{at}" for at in range(source.randint(7, 14))
    ]
    raw = [f"        (i * {at + 3}) % {source.randint(11, 97)} AS r{at}" for at in range(len(names))]
    items = [
        f"        CAST(r{at} AS {source.choice(('INTEGER', 'BIGINT', 'DOUBLE'))}) AS {n}" for at, n in enumerate(names)
    ]
    lines = [
        "WITH source AS (",
        "    SELECT",
        "        i AS id,",
        "        DATE '2026-01-01' + CAST(i % 7 AS INTEGER) AS day,",
    ]
    lines += [*_listed(raw), f"    FROM range({ROWS}) AS numbers(i)", "),", "", "typed AS (", "    SELECT"]
    lines += [
        "        CAST(id AS BIGINT) AS id,",
        "        day,",
        *_listed(items),
        "    FROM source",
        "    WHERE id >= 0",
    ]
    lines += [")", "", "SELECT", *_listed(["    id", "    day", *(f"    {each}" for each in names)]), "FROM typed"]
    return "\n".join(lines), tuple(names)


def _joined(source: random.Random, reads: Sequence[Draft]) -> tuple[str, tuple[str, ...]]:
    items, joins = ["        a.id", "        a.day"], [f"    FROM {{{reads[0].name}}} AS a"]
    for at, read in enumerate(reads):
        letter = "abcdef"[at]
        picked = source.sample(read.columns, min(len(read.columns), source.randint(3, 6)))
        items += [f"        coalesce({letter}.{each}, 0) AS v{len(items) + n}" for n, each in enumerate(picked)]
        if at:
            joins += [f"    LEFT JOIN {{{read.name}}} AS {letter}", f"        ON a.id = {letter}.id"]
    values = [item.split()[-1] for item in items[2:]]
    sums = source.sample(values, min(len(values), source.randint(2, 4)))
    totals = [f"        sum({each}) AS total_{each}" for each in sums]
    lines = ["WITH joined AS (", "    SELECT", *_listed(items), *joins, "    WHERE a.id IS NOT NULL", "),", ""]
    lines += [
        "per_day AS (",
        "    SELECT",
        *_listed(["        day", *totals]),
        "    FROM joined",
        "    GROUP BY day",
        "),",
        "",
    ]
    window = "OVER (PARTITION BY joined.day ORDER BY joined.id)"
    shares = [f"        joined.{each} / nullif(per_day.total_{each}, 0) AS share_{each}" for each in sums]
    ranked = ["        joined.*", *shares, f"        row_number() {window} AS nth"]
    lines += [
        "ranked AS (",
        "    SELECT",
        *_listed(ranked),
        "    FROM joined",
        "    JOIN per_day",
        "        ON joined.day = per_day.day",
    ]
    last = [f"CASE WHEN nth = 1 THEN {values[0]} ELSE 0 END AS first_value", *(f"share_{each}" for each in sums)]
    lines += [")", "", "SELECT", *_listed(f"    {each}" for each in ("id", "day", *values, *last)), "FROM ranked"]
    return "\n".join(lines), (*values, "first_value", *(f"share_{each}" for each in sums))


def _listed(items: Iterable[object]) -> list[str]:
    texts = [str(item) for item in items]
    return [f"{text}," for text in texts[:-1]] + texts[-1:]


def lakeorch(models: Sequence[Draft], folder: Path) -> Path:
    """A project for lakeorch in `folder`, the project root; returns its folder of models."""
    (folder / "lakeorch.yml").parent.mkdir(parents=True, exist_ok=True)
    (folder / "lakeorch.yml").write_text("name: benchmark\nmodels: models\n")
    for draft in models:
        text = draft.text(lambda name: name)
        _write(folder / "models" / f"{draft.name.replace('.', '/')}.sql", _block(draft) + text + "\n")
    return folder / "models"


def _block(draft: Draft) -> str:
    """Settings with docs and a check; none for a trivial model, or one whose columns are not told."""
    if "\n" not in draft.sql or not draft.columns:
        return ""
    owner = OWNERS[len(draft.sql) % len(OWNERS)]
    lines = [
        "/* ---",
        f"description: What is known of {draft.name.replace('.', ' ')}, one row for each id",
        f"owner: {owner}",
    ]
    lines += ["tags: [daily]", "columns:", "  id: {description: The key, checks: [not_null]}"]
    lines += [f"  {each}: {{description: The {each} of the day}}" for each in draft.columns[:3]]
    return "\n".join([*lines, "--- */", ""])


def dbt(models: Sequence[Draft], folder: Path) -> Path:
    """The same for dbt on DuckDB, where a model's name is that of the table alone; returns the folder."""
    _write(
        folder / "dbt_project.yml",
        "name: benchmark\nversion: '1.0.0'\nprofile: benchmark\nmodels: {+materialized: table}\n",
    )
    profile = "benchmark:\n  target: dev\n  outputs: {dev: {type: duckdb, path: db.duckdb, threads: 2}}\n"
    _write(folder / "profiles.yml", profile)
    for draft in models:
        text = draft.text(lambda name: f"{{{{ ref('{name.rpartition('.')[2]}') }}}}")
        _write(folder / "models" / f"{draft.name.replace('.', '/')}.sql", text + "\n")
    return folder


def sqlmesh(models: Sequence[Draft], folder: Path) -> Path:
    """The same for SQLMesh on DuckDB; returns the folder."""
    config = "gateways: {local: {connection: {type: duckdb, database: db.duckdb, concurrent_tasks: 2}}}\n"
    _write(
        folder / "config.yaml",
        config + "default_gateway: local\nmodel_defaults: {dialect: duckdb, start: '2026-01-01'}\n",
    )
    for draft in models:
        head = f"MODEL (name {draft.name}, kind FULL);\n\n"
        _write(folder / "models" / f"{draft.name.replace('.', '/')}.sql", head + draft.text(lambda name: name) + "\n")
    return folder


def lea(models: Sequence[Draft], folder: Path) -> Path:
    """The same for lea on DuckDB; returns the folder."""
    for draft in models:
        _write(folder / "scripts" / f"{draft.name.replace('.', '/')}.sql", draft.text(lambda name: name) + "\n")
    return folder


def yato(models: Sequence[Draft], folder: Path) -> Path:
    """The same for yato on DuckDB, where a model's name is that of the table alone; returns the folder."""
    for draft in models:
        text = draft.text(lambda name: name.rpartition(".")[2])
        _write(folder / "sql" / f"{draft.name.rpartition('.')[2]}.sql", text + "\n")
    return folder


TOOLS: dict[str, Callable[[Sequence[Draft], Path], Path]] = {
    "lakeorch": lakeorch,
    "dbt": dbt,
    "sqlmesh": sqlmesh,
    "lea": lea,
    "yato": yato,
}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def main() -> None:
    """Writes a project."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--trivial", action="store_true")
    parser.add_argument("--for", dest="tool", choices=TOOLS, default="lakeorch")
    given = parser.parse_args()
    made = drafts(given.count, trivial=given.trivial)
    TOOLS[given.tool](made, given.folder)
    lines = sorted(draft.sql.count("\n") + 1 for draft in made)
    print(f"{len(made):,} models of {lines[0]} to {lines[-1]} lines, {lines[len(lines) // 2]} in the middle")


if __name__ == "__main__":
    main()
