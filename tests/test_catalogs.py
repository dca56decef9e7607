"""A whole project on every kind of catalog, from the command line: what the user sees is the same on all."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.catalog import Catalog, load_catalog

from lakeorch import Event, Project
from lakeorch.lake.rest import ServerCatalog
from tests import iceberg_server
from tests.cli.test_commands import Capture, document, lakeorch
from tests.conftest import Make
from tests.rest import Creates, RestServer

ROOT = Path(__file__).parent.parent
ICEBERG = "Iceberg's own"
# what they say to new tables in a commit over several
SERVERS: dict[str, Creates] = {"rest": "made", "rest, no new tables": "refused", "rest, none found": "not found"}
KINDS = ("postgres", *SERVERS, ICEBERG, "rest, table by table")
FILES = {
    "raw/sales/1.csv": "id,amount\n1,10\n2,20\n",
    "models/staging/sales.sql": "/* ---\nmaterialized: append\ncolumns: {id: {checks: [unique]}}\n--- */\n"
    "SELECT id, amount FROM read_csv('raw/sales/*.csv')",
    "models/marts/revenue.sql": "/* ---\nchecks: [{expression: revenue < 1000}]\n--- */\n"
    "SELECT count(*) AS sales, sum(amount)::BIGINT AS revenue FROM staging.sales",
}
REVENUE = "SELECT sales, revenue FROM marts.revenue"


@dataclass
class Place:
    """A project on a catalog of its own."""

    kind: str
    uri: str
    make: Make
    models: Path = field(init=False)

    def __post_init__(self) -> None:
        self.models = self.make({**FILES, "lakeorch.yml": f"catalog: {self.uri}\n"})

    @property
    def others(self) -> Catalog:
        """The catalog as pyiceberg's own client sees it."""
        where = {} if self.uri.startswith("http") else {"warehouse": str(self.models.parent / "warehouse")}
        return load_catalog("lakeorch", uri=self.uri, **where)

    def append(self, **rows: list[int]) -> None:
        """Another program adds rows to the sales."""
        catalog = self.others
        table = catalog.load_table("staging.sales")
        table.append(pa.table(rows).cast(table.schema().as_arrow()))
        catalog.close()

    def seen(self, name: str, ref: str = "main") -> list[tuple[Any, ...]]:
        """The rows of a table as pyiceberg reads them, sorted."""
        catalog = self.others
        scan = catalog.load_table(name).scan().use_ref(ref)
        found = sorted(tuple(row.values()) for row in scan.to_arrow().to_pylist())
        catalog.close()
        return found


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, make: Make, tmp_path: Path) -> Iterator[Place]:
    kind = request.param
    with ExitStack() as stack:
        if kind == "postgres":
            uri = request.getfixturevalue("postgres")().replace("+psycopg", "")
            yield Place(kind, uri, make)
            return
        if kind == ICEBERG:
            yield Place(kind, stack.enter_context(iceberg_server.served(tmp_path / "server")), make)
            return
        server = RestServer(transactions=kind != KINDS[-1], creates=SERVERS.get(kind, "made"))
        yield Place(kind, stack.enter_context(server.served()).uri, make)


def test_from_the_first_run_to_a_roll_back(place: Place, capsys: Capture) -> None:
    models, make = place.models, place.make
    promise = "table by table, rolled forward after a crash" if place.kind == KINDS[-1] else "one catalog transaction"
    assert promise in lakeorch(capsys, "plan", models)[1]
    assert promise in document(capsys, "plan", models)[1]["guarantee"]
    code, first = document(capsys, "run", models)
    assert (code, first["status"]) == (0, "published")
    assert lakeorch(capsys, "run", models)[1] == "nothing to do: 2 models up to date\n"
    assert place.seen("marts.revenue") == [(2, 30)]

    make({"raw/sales/2.csv": "id,amount\n3,30\n"})
    code, second = document(capsys, "run", models)
    assert (code, place.seen("marts.revenue")) == (0, [(3, 60)])

    make({"raw/sales/3.csv": "id,amount\n4,4000\n"})
    code, third = document(capsys, "run", models)
    assert (code, third["status"]) == (1, "failed")
    assert place.seen("marts.revenue") == [(3, 60)]
    assert place.seen("marts.revenue", f"rejected-{third['run_id']}") == [(4, 4060)]
    assert document(capsys, "run", models)[1]["status"] == "failed"

    _, history = document(capsys, "history", "marts.revenue", "-p", models)
    assert {"current", "published", "rejected"} <= {version["state"] for version in history["versions"]}
    then = lakeorch(capsys, "query", REVENUE, "-p", models, "--at", first["run_id"], "--format", "csv")[1]
    assert then.splitlines()[1:] == ["2,30"]
    code, told = document(capsys, "rollback", second["run_id"], "-p", models)
    assert (code, told["status"]) == (0, "rolled back")
    assert place.seen("marts.revenue") == [(2, 30)]
    assert place.seen("staging.sales") == [(1, 10), (2, 20)]
    make({"raw/sales/3.csv": "id,amount\n4,40\n"})
    assert lakeorch(capsys, "run", models, "--unpin")[0] == 0
    assert place.seen("marts.revenue") == [(4, 100)]


def test_rows_that_others_add_are_kept(place: Place) -> None:
    """One commit of theirs before the run looks, one between its look and its commit."""
    Project(place.models).run()
    place.append(id=[70], amount=[1])
    place.make({"raw/sales/2.csv": "id,amount\n3,30\n"})
    others = [True]

    def meanwhile(event: Event) -> None:
        if event.kind == "publish_started" and others.pop() if others else False:
            place.append(id=[71], amount=[1])

    result = Project(place.models).run(observers=[meanwhile])
    assert result.status == "published"
    assert place.seen("staging.sales") == [(1, 10), (2, 20), (3, 30), (70, 1), (71, 1)]
    assert place.seen("marts.revenue") == [(5, 62)]


def test_two_runs_at_once(place: Place) -> None:
    Project(place.models).run()
    place.make({"raw/sales/2.csv": "id,amount\n3,30\n", "models/marts/more.sql": "SELECT max(id) AS m FROM sales"})
    command = [sys.executable, "-m", "lakeorch", "run", str(place.models), "--json"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [json.loads(run.communicate()[0]) for run in both]
    assert [run.returncode for run in both] == [0, 0], json.dumps(told, indent=1)
    assert {run["status"] for run in told} <= {"published", "nothing to do"}
    assert place.seen("staging.sales") == [(1, 10), (2, 20), (3, 30)]
    assert (place.seen("marts.revenue"), place.seen("marts.more")) == ([(3, 60)], [(3,)])
    assert Project(place.models).run().status == "nothing to do"


def test_the_table_is_told_to_other_engines(place: Place, capsys: Capture) -> None:
    Project(place.models).run()
    _, found = document(capsys, "connect", "pyiceberg", "-p", place.models)
    done = subprocess.run([sys.executable, "-c", found["code"]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "revenue: [[30]]" in done.stdout


class Killed(BaseException):
    """Ends a process wherever it is."""


@pytest.mark.parametrize("place", KINDS[-1:], indirect=True)
@pytest.mark.parametrize("then", ["run", "rollback"])
def test_what_a_dead_run_left_half_done_is_done_first(
    place: Place, then: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    first = Project(place.models).run().run_id
    place.make({"raw/sales/2.csv": "id,amount\n3,30\n"})
    post, sent = ServerCatalog._post, []

    def dying(self: ServerCatalog, *request: object) -> None:
        sent.append(1)
        if len(sent) == 2:
            raise Killed
        post(self, *request)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(ServerCatalog, "_post", dying)
        with pytest.raises(Killed):
            Project(place.models).run()
    assert (place.seen("marts.revenue"), len(place.seen("staging.sales"))) == ([(2, 30)], 3)
    if then == "run":
        assert lakeorch(capsys, "run", place.models)[1] == "nothing to do: 2 models up to date\n"
        assert (place.seen("marts.revenue"), len(place.seen("staging.sales"))) == ([(3, 60)], 3)
    else:
        assert lakeorch(capsys, "rollback", "--to", first, "-p", place.models)[0] == 0
        assert (place.seen("marts.revenue"), len(place.seen("staging.sales"))) == ([(2, 30)], 2)


def test_a_project_moves_to_another_catalog(place: Place) -> None:
    """As the how-to has it: every table is registered where it lies, and nothing is stale."""
    page = (ROOT / "docs/how-to/catalogs.md").read_text(encoding="utf-8")
    scope: dict[str, Any] = {}
    exec(page[page.index("from pyiceberg.catalog") : page.rindex("```")], scope)
    place.make({"lakeorch.yml": "name: shop\n"})
    Project(place.models).run()
    before = Project(place.models).config.catalog
    old, new = load_catalog("lakeorch", uri=before, warehouse=str(place.models.parent / "warehouse")), place.others
    scope["move"](old, new)
    old.close()
    new.close()
    place.make({"lakeorch.yml": f"catalog: {place.uri}\n"})
    assert Project(place.models).run().status == "nothing to do"
    place.make({"raw/sales/2.csv": "id,amount\n3,30\n"})
    assert Project(place.models).run().status == "published"
    assert place.seen("marts.revenue") == [(3, 60)]


def test_a_missing_driver_is_named(make: Make, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    models = make({**FILES, "lakeorch.yml": "catalog: postgresql://nobody@127.0.0.1:9/none\n"})
    code, _, err = lakeorch(capsys, "run", models)
    assert code == 2
    assert "pip install 'lakeorch[postgres]'" in err
