"""What lakeorch adds to the engine's own work in the full build of a real project: TPC-H in 17 models.

Eight typed copies of the raw tables, five joins and aggregates over them, four marts. Beside it the same SELECTs, in
the same order, as a bare DuckDB script that writes zstd Parquet; then lakeorch again with nothing changed; then other
tools, which build the same models into a DuckDB file. Every figure is that of a whole process: wall and processor time,
the median of turns that alternate, and the largest peak of memory.

    python benchmarks/tpch.py               # scale factor 1
    python benchmarks/tpch.py --scale 10
    python benchmarks/tpch.py --quick       # 0.1, without other tools
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
from measure import Work, about, costs, run
from peers import PACKAGES, installed
from projects import Draft, lakeorch

COPIES = {
    "region": "r_regionkey BIGINT, r_name VARCHAR",
    "nation": "n_nationkey BIGINT, n_name VARCHAR, n_regionkey BIGINT",
    "supplier": "s_suppkey BIGINT, s_name VARCHAR, s_nationkey BIGINT, s_acctbal DECIMAL(15,2), s_comment VARCHAR",
    "part": "p_partkey BIGINT, p_name VARCHAR, p_brand VARCHAR, p_type VARCHAR, p_size INTEGER, "
    "p_retailprice DECIMAL(15,2)",
    "partsupp": "ps_partkey BIGINT, ps_suppkey BIGINT, ps_availqty INTEGER, ps_supplycost DECIMAL(15,2), "
    "ps_comment VARCHAR",
    "customer": "c_custkey BIGINT, c_name VARCHAR, c_nationkey BIGINT, c_mktsegment VARCHAR, "
    "c_acctbal DECIMAL(15,2), c_comment VARCHAR",
    "orders": "o_orderkey BIGINT, o_custkey BIGINT, o_orderstatus VARCHAR, o_totalprice DECIMAL(15,2), "
    "o_orderdate DATE, o_orderpriority VARCHAR, o_comment VARCHAR",
    "lineitem": "l_orderkey BIGINT, l_partkey BIGINT, l_suppkey BIGINT, l_linenumber INTEGER, "
    "l_quantity DECIMAL(15,2), l_extendedprice DECIMAL(15,2), l_discount DECIMAL(15,2), l_tax DECIMAL(15,2), "
    "l_returnflag VARCHAR, l_shipdate DATE, l_receiptdate DATE, l_shipmode VARCHAR, l_comment VARCHAR",
}
QUERIES = {
    "core.sales": """
SELECT l_orderkey, l_linenumber, o_orderdate, c_custkey, c_mktsegment, n_name AS nation, l_partkey, l_suppkey,
    l_quantity, (l_extendedprice * (1 - l_discount))::DECIMAL(18,4) AS revenue
FROM {raw.lineitem} JOIN {raw.orders} ON l_orderkey = o_orderkey
JOIN {raw.customer} ON o_custkey = c_custkey JOIN {raw.nation} ON c_nationkey = n_nationkey""",
    "core.offers": """
SELECT ps_partkey, ps_suppkey, p_brand, p_type, s_name, n_name AS nation, ps_supplycost, ps_availqty
FROM {raw.partsupp} JOIN {raw.part} ON ps_partkey = p_partkey JOIN {raw.supplier} ON ps_suppkey = s_suppkey
JOIN {raw.nation} ON s_nationkey = n_nationkey""",
    "core.order_totals": """
SELECT o_orderkey, o_custkey, o_orderdate, o_orderpriority, count(*)::BIGINT AS lines,
    sum(l_quantity)::DECIMAL(18,2) AS quantity, max(l_receiptdate) AS last_receipt, count(DISTINCT l_shipmode) AS modes
FROM {raw.orders} JOIN {raw.lineitem} ON o_orderkey = l_orderkey GROUP BY ALL""",
    "core.customer_orders": """
SELECT c_custkey, c_name, c_mktsegment, count(o_orderkey) AS orders,
    coalesce(sum(o_totalprice), 0)::DECIMAL(18,2) AS spent,
    min(o_orderdate) AS first_order, max(o_orderdate) AS last_order
FROM {raw.customer} LEFT JOIN {raw.orders} ON c_custkey = o_custkey GROUP BY ALL""",
    "core.margins": """
SELECT l_suppkey, date_trunc('month', l_shipdate)::DATE AS month,
    sum(l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity)::DECIMAL(18,4) AS margin,
    count(*) FILTER (l_returnflag = 'R') AS returned
FROM {raw.lineitem} JOIN {raw.partsupp} ON l_partkey = ps_partkey AND l_suppkey = ps_suppkey GROUP BY ALL""",
    "marts.monthly_revenue": """
SELECT date_trunc('month', o_orderdate)::DATE AS month, nation, c_mktsegment,
    sum(revenue)::DECIMAL(18,4) AS revenue, count(DISTINCT c_custkey) AS customers
FROM {core.sales} GROUP BY ALL""",
    "marts.customer_value": """
SELECT c_custkey, c_name, spent, orders, ntile(10) OVER (ORDER BY spent DESC, c_custkey) AS decile,
    last_order - first_order AS days
FROM {core.customer_orders} WHERE orders > 0""",
    "marts.suppliers": """
SELECT s.s_suppkey, s.s_name, sum(m.margin)::DECIMAL(18,4) AS margin, sum(m.returned)::BIGINT AS returned,
    any_value(o.offers) AS offers
FROM {raw.supplier} s JOIN {core.margins} m ON s.s_suppkey = m.l_suppkey
JOIN (SELECT ps_suppkey, count(*) AS offers FROM {core.offers} GROUP BY ALL) o ON s.s_suppkey = o.ps_suppkey
GROUP BY ALL""",
    "marts.priorities": """
SELECT o_orderpriority, date_trunc('quarter', o_orderdate)::DATE AS quarter, count(*) AS orders,
    avg(lines) AS lines, avg(last_receipt - o_orderdate) AS days
FROM {core.order_totals} GROUP BY ALL""",
}
WALL = {1.0: 1.20, 10.0: 1.10}
CPU = 1.10
IDLE = 0.3

# a process of its own, as everything that it is beside
BARE = """
import sys, duckdb
folder, statements = sys.argv[1], sys.stdin.read().split(";;")
with duckdb.connect(config={"threads": 2, "temp_directory": folder}) as connection:
    connection.execute("SET preserve_insertion_order = false")
    for statement in statements:
        connection.execute(statement)
"""


def models(raw: Path) -> list[Draft]:
    """The 17 models, each behind those that it reads."""
    made = []
    for name, columns in COPIES.items():
        pairs = (column.split(" ") for column in columns.split(", "))
        listed = ", ".join(f"CAST({column} AS {kind}) AS {column}" for column, kind in pairs)
        made.append(Draft(f"raw.{name}", (), (), f"SELECT {listed} FROM read_parquet('{raw / name}.parquet')"))
    for name, sql in QUERIES.items():
        made.append(Draft(name, tuple(each.name for each in made if f"{{{each.name}}}" in sql), (), sql.strip()))
    return made


def generate(scale: float, folder: Path, tables: Sequence[str] = ()) -> Path:
    """Writes the raw tables, or some of them, as Parquet."""
    tool = shutil.which("tpchgen-cli", path=Path(sys.executable).parent) or shutil.which("tpchgen-cli")
    if tool is None:
        sys.exit("tpchgen-cli is missing: pip install 'lakeorch[dev]'")
    run(tool, "parquet", "-s", f"{scale:g}", f"--output-dir={folder}", *(f"--tables={name}" for name in tables))
    return folder


def script(made: Sequence[Draft], folder: Path) -> str:
    """The same SELECTs for DuckDB alone, each into a Parquet file."""

    def copied(draft: Draft) -> str:
        query = draft.text(lambda name: f"read_parquet('{folder / name}.parquet')")
        return f"COPY ({query}) TO '{folder / draft.name}.parquet' (FORMAT parquet, COMPRESSION zstd)"

    return ";;".join(map(copied, made))


def anew(folder: Path, *kept: str) -> Callable[[], None]:
    """Takes away what an earlier build left in a folder, but for what is kept."""

    def clear() -> None:
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            if path.name not in kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    return clear


def works(made: Sequence[Draft], folder: Path, *, others: bool) -> dict[str, Work]:
    """A full build with each tool, from nothing."""
    bare, ours = folder / "bare", folder / "ours"
    lakeorch(made, ours)
    found = {
        "duckdb": Work((sys.executable, "-c", BARE, bare), anew(bare), stdin=script(made, bare)),
        "lakeorch": Work((sys.executable, "-m", "lakeorch", "run", ours / "models"), anew(ours, "models")),
    }
    for peer in installed(tuple(PACKAGES)) if others else ():
        at = peer.project(made, folder)
        kept = [path.name for path in at.iterdir()]
        found[peer.name] = Work(peer.words("build"), anew(at, *kept), cwd=at, env=peer.env)
    return found


def require_built(database: Path) -> None:
    """Ends the benchmark where a tool left out the last model: not every one of them fails when a model does."""
    with duckdb.connect(str(database), read_only=True) as connection:
        [(found,)] = connection.execute(
            "SELECT count(*) FROM information_schema.tables WHERE table_name LIKE '%suppliers%'"
        ).fetchall()
    if not found:
        sys.exit(f"{database.parent.name} has not built its models")


def main() -> int:
    """Measures and prints; returns 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="scale factor 0.1, and no other tools: under a minute")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--alone", action="store_true", help="without other tools")
    given = parser.parse_args()
    scale = 0.1 if given.quick else given.scale
    about()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = models(generate(scale, folder / "data"))
        acts = works(made, folder, others=not (given.quick or given.alone))
        took = costs(acts, given.turns)
        for work in acts.values():
            if work.cwd:
                require_built(work.cwd / "db.duckdb")
        again = Work(acts["lakeorch"].words)
        first, idle = costs({"again": again}, 1)["again"], costs({"again": again}, given.turns)["again"]
    bare, ours = took.pop("duckdb"), took.pop("lakeorch")
    print(f"TPC-H, scale factor {scale:g}, {len(made)} models, {given.turns} turns")
    print(f"{'':<28} {'wall':>9} {'processor':>10} {'memory':>9}   beside the bare script")
    for tool, cost in {"bare DuckDB script": bare, "lakeorch run": ours, **took}.items():
        print(
            f"{tool:<28} {cost}   {cost.wall / bare.wall:.2f} × wall, {cost.cpu / bare.cpu:.2f} × processor, "
            f"{cost.memory / bare.memory:.2f} × memory"
        )
    print(
        f"{'lakeorch, nothing changed':<28} {idle}   goal {IDLE:g} s; the first time after a build {first.wall:.2f} s"
    )
    goal = WALL.get(scale)
    if goal is None:
        return 0
    print(f"goals: {goal:.2f} × wall, {CPU:.2f} × processor")
    return int(ours.wall > goal * bare.wall or ours.cpu > CPU * bare.cpu or idle.wall > IDLE)


if __name__ == "__main__":
    sys.exit(main())
