"""The time for the lineage of all columns of 1,000 models, beside sqlglot's own lineage of the same columns.

The models are generated: 30 to 80 lines each, of CTEs, joins, aggregates, windows and sub-queries, each reading tables
or models before it. sqlglot is asked for a sample of them, one column at a time, as it works; both are given the same
text and the same schemas, and both parse. Prints milliseconds of CPU per model and the ratio.

    python benchmarks/lineage.py            # 1,000 models, a sample of 60
    python benchmarks/lineage.py --quick    # 200 models, a sample of 20
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Mapping

from lakeorch.errors import Source
from lakeorch.graph import Graph
from lakeorch.graph.lineage import column_lineage, to_json, trace
from lakeorch.model import Column, Model, Schema, Settings
from lakeorch.parse import parse_query

TABLES = {f"raw.t{number}": [f"c{number}_{at}" for at in range(12 + number % 9)] for number in range(20)}


class Maker:
    """Writes models one after the other; a model may read any before it."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.columns: dict[str, list[str]] = {name: ["id", "day", *columns] for name, columns in TABLES.items()}

    def model(self, number: int) -> Model:
        """The next model."""
        name = f"layer{number % 7}.m{number}"
        ctes: dict[str, list[str]] = {}
        texts = []
        wanted = self.random.randint(11, 40)
        while "\n".join(texts).count("\n") < wanted:
            cte = f"step_{len(ctes)}"
            text, columns = self._cte(ctes)
            texts.append(f"{cte} AS (\n{text}\n)")
            ctes[cte] = columns
        text, columns = self._joined(ctes)
        sql = f"WITH {', '.join(texts)}\n{text}"
        self.columns[name] = columns
        facts = parse_query(sql)
        assert not facts.findings, facts.findings
        return Model(name, Source(f"{name}.sql", sql), facts.body, Settings(), facts.references)

    def _pick(self, ctes: Mapping[str, list[str]]) -> tuple[str, list[str]]:
        name = self.random.choice([*ctes, *self.random.sample(sorted(self.columns), 2)])
        return name, ctes.get(name) or self.columns[name]

    def _cte(self, ctes: Mapping[str, list[str]]) -> tuple[str, list[str]]:
        return self.random.choice((self._joined, self._grouped, self._ranked, self._starred))(ctes)

    def _joined(self, ctes: Mapping[str, list[str]]) -> tuple[str, list[str]]:
        (left, ours), (right, theirs) = self._pick(ctes), self._pick(ctes)
        items = [f"    a.{name}" for name in ("id", "day")]
        items += [f"    a.{name} AS l_{at}" for at, name in enumerate(self.random.sample(ours, min(5, len(ours))))]
        picked = self.random.sample(theirs, min(5, len(theirs)))
        items += [f"    coalesce(b.{name}, 0) * 2 AS r_{at}" for at, name in enumerate(picked)]
        items.append(f"    CASE WHEN a.{ours[-1]} > b.{theirs[-1]} THEN a.{ours[-1]} ELSE b.{theirs[-1]} END AS top")
        on = "a.id = b.id\n    AND a.day >= b.day"
        where = f"WHERE a.day IS NOT NULL\n    AND b.{theirs[-1]} <> 7"
        text = "SELECT\n" + ",\n".join(items) + f"\nFROM {left} AS a\nLEFT JOIN {right} AS b\n    ON {on}\n{where}"
        return text, [item.split()[-1].rpartition(".")[2] for item in items]

    def _grouped(self, ctes: Mapping[str, list[str]]) -> tuple[str, list[str]]:
        name, columns = self._pick(ctes)
        picked = self.random.sample(columns, min(6, len(columns)))
        items = ["    id", "    day", "    count(*) AS n"]
        items += [f"    sum({each}) AS s_{at}" for at, each in enumerate(picked)]
        items.append(f"    max({columns[-1]}) FILTER (WHERE {columns[-1]} > 0) AS most")
        text = "SELECT\n" + ",\n".join(items) + f"\nFROM {name}\nGROUP BY id, day\nHAVING count(*) > 1"
        return text, [item.split()[-1] for item in items]

    def _ranked(self, ctes: Mapping[str, list[str]]) -> tuple[str, list[str]]:
        name, columns = self._pick(ctes)
        window = "OVER (PARTITION BY id ORDER BY day)"
        items = ["    *", f"    lag({columns[-1]}) {window} AS before", f"    row_number() {window} AS nth"]
        text = "SELECT\n" + ",\n".join(items) + f"\nFROM {name}\nWHERE id IN (SELECT id FROM raw.t1 WHERE day > 3)"
        return text, list(dict.fromkeys([*columns, "before", "nth"])) if "nth" not in columns else columns

    def _starred(self, ctes: Mapping[str, list[str]]) -> tuple[str, list[str]]:
        (one, ours), (other, theirs) = self._pick(ctes), self._pick(ctes)
        common = [name for name in ours if name in theirs][:8]
        items = ",\n    ".join(common)
        return f"SELECT\n    {items}\nFROM {one}\nUNION ALL\nSELECT\n    {items}\nFROM {other}", common


def models(count: int) -> tuple[list[Model], dict[str, Schema]]:
    """The models and the columns of everything they read."""
    maker = Maker(1)
    made = [maker.model(number) for number in range(count)]
    schemas = {name: tuple(Column(each, "int") for each in columns) for name, columns in maker.columns.items()}
    return made, schemas


def by_sqlglot(model: Model, schemas: Mapping[str, Schema]) -> float:
    """CPU seconds that sqlglot takes for all columns of a model."""
    from sqlglot.lineage import lineage

    schema: dict[str, dict[str, dict[str, str]]] = {}
    for name in {reference.name for reference in model.references}:
        namespace, _, table = name.partition(".")
        schema.setdefault(namespace, {})[table] = {column.name: "int" for column in schemas[name]}
    began = time.process_time()
    for column in schemas[model.name]:
        lineage(column.name, model.sql, schema=schema, dialect="duckdb")
    return time.process_time() - began


def main() -> None:
    """Measures and prints."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="fewer models")
    quick = options.parse_args().quick
    made, schemas = models(200 if quick else 1_000)
    graph = Graph(made)
    column_lineage(made[0], graph, schemas)  # loads what it needs
    lines = [model.sql.count("\n") + 1 for model in made]
    columns = sum(len(schemas[model.name]) for model in made)
    print(f"{len(made):,} models of {min(lines)} to {max(lines)} lines, {columns:,} columns")

    took, edges = [], {}
    for model in made:
        began = time.process_time()
        edges[model.name] = column_lineage(model, graph, schemas)
        took.append(time.process_time() - began)
    total = sum(took)
    middle = statistics.median(took)
    print(f"lakeorch: {total:.2f} s in all, {total / len(made) * 1e3:.2f} ms a model ({middle * 1e3:.2f} median)")
    size = sum(len(to_json(found)) for found in edges.values()) / len(made)
    print(f"          {sum(map(len, edges.values())):,} edges, {size:,.0f} bytes of JSON a model")

    began = time.process_time()
    links = trace(made[-1].name, None, edges.__getitem__, "up", graph)
    milliseconds = (time.process_time() - began) * 1e3
    print(f"          {milliseconds:.0f} ms to trace one model all the way up, {len(links):,} links")

    sample = made[:: max(1, len(made) // (20 if quick else 60))]
    theirs = sum(by_sqlglot(model, schemas) for model in sample)
    names = {model.name for model in sample}
    ours = sum(seconds for seconds, model in zip(took, made, strict=True) if model.name in names)
    print(f"sqlglot:  {theirs / len(sample) * 1e3:.0f} ms a model over {len(sample)} models")
    print(f"ratio:    {theirs / ours:.0f} times as long")


if __name__ == "__main__":
    main()
