"""`lakeorch init`: the small project works at once; drafts work too."""

from __future__ import annotations

import shlex
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakeorch as lo
from lakeorch.errors import UsageError
from tests.cli.test_commands import Capture, document, lakeorch
from tests.conftest import picture


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_new_project_runs_at_once_and_leaves_nothing_to_wish(
    place: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = lakeorch(capsys, "init", "my shop")
    assert (code, err) == (0, "")
    assert out.splitlines()[0].split() == ["created", "my", "shop/README.md"]
    assert out.splitlines()[-1] == "next     cd 'my shop' && lakeorch run"
    monkeypatch.chdir(place / "my shop")
    assert Path(".gitignore").is_file()
    assert lakeorch(capsys, "run")[0] == 0
    assert lakeorch(capsys, "run")[1] == "nothing to do: 4 models up to date\n"
    assert lakeorch(capsys, "test")[0] == 0
    assert lakeorch(capsys, "lint")[:2] == (0, "nothing to remark\n")
    assert lakeorch(capsys, "format", "--check")[0] == 0
    _, out, _ = lakeorch(capsys, "show", "daily_revenue")
    assert "sql(revenue_adds_up)" in out


def test_the_readme_of_a_new_project_tells_commands_that_work(
    place: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    lo.init("shop")
    monkeypatch.chdir(place / "shop")
    block = Path("README.md").read_text(encoding="utf-8").split("```bash\n")[1].split("```")[0]
    commands = [line.partition("  ")[0].strip() for line in block.splitlines()]
    assert len(commands) == 4
    for command in commands:
        assert lakeorch(capsys, *shlex.split(command)[1:])[0] == 0, command


def test_only_into_an_empty_folder(place: Path, capsys: Capture) -> None:
    (place / "empty").mkdir()
    assert lakeorch(capsys, "init", "empty")[0] == 0
    before = picture(place)
    code, _, err = lakeorch(capsys, "init", "empty")
    assert (code, "empty is not empty" in err) == (2, True)
    code, _, err = lakeorch(capsys, "init", "empty/README.md")
    assert (code, "is a file" in err) == (2, True)
    code, _, err = lakeorch(capsys, "init", "new", "x.csv")
    assert (code, "--from" in err) == (2, True)
    assert picture(place) == before


ODD = "Order ID,order,Größe,Order-ID,1st,when\n1,a,2.5,x,1,2025-01-01 10:00:00\n"


def test_models_are_drafted_from_files(place: Path, capsys: Capture) -> None:
    (place / "data/days").mkdir(parents=True)
    (place / "data/Odd File-2024.csv").write_text(ODD, encoding="utf-8")
    (place / "data/events.jsonl").write_text('{"id": 1, "tags": ["a"], "at": {"x": 1.5}}\n', encoding="utf-8")
    pq.write_table(pa.table({"id": pa.array([1], pa.int32())}), place / "data/numbers.parquet")
    for day in (1, 2):
        (place / f"data/days/2025-01-0{day}.csv").write_text(f"day,n\n2025-01-0{day},{day}\n", encoding="utf-8")
    files = ["data/events.jsonl", "data/numbers.parquet", "data/days/*.csv"]
    code, out, err = lakeorch(capsys, "init", ".", "--from", "data/Odd File-2024.csv", *files)
    assert (code, err) == (0, "")
    assert [line.split(maxsplit=1)[-1] for line in out.splitlines()[2:-1]] == [
        "sql_models/staging/odd_file_2024.sql",
        "sql_models/staging/events.sql",
        "sql_models/staging/numbers.sql",
        "sql_models/staging/days.sql",
    ]
    assert (place / "sql_models/staging/odd_file_2024.sql").read_text(encoding="utf-8") == (
        "/* ---\n"
        'description: "The rows of data/Odd File-2024.csv"\n'
        "columns:\n"
        "  order_id: {type: long}\n"
        "  order: {type: string}\n"
        "  grosse: {type: double}\n"
        "  order_id_2: {type: string}\n"
        "  c_1st: {type: long}\n"
        "  when: {type: timestamp}\n"
        "--- */\n"
        "SELECT\n"
        '    "Order ID" AS order_id,\n'
        '    "order" AS "order",\n'
        '    "Größe" AS grosse,\n'
        '    "Order-ID" AS order_id_2,\n'
        '    "1st" AS c_1st,\n'
        '    "when" AS "when"\n'
        "FROM read_csv('data/Odd File-2024.csv')\n"
    )
    assert '  at: {type: "struct<x: double>"}' in (place / "sql_models/staging/events.sql").read_text(encoding="utf-8")
    assert lakeorch(capsys, "run")[0] == 0
    assert lakeorch(capsys, "format", "--check")[0] == 0
    rows = lo.Project("sql_models").query("SELECT day::VARCHAR AS day, n FROM staging.days ORDER BY day")
    assert rows.read_all().to_pylist() == [{"day": "2025-01-01", "n": 1}, {"day": "2025-01-02", "n": 2}]


def test_drafts_join_a_project_and_overwrite_nothing(place: Path, capsys: Capture) -> None:
    outside = place / "elsewhere.csv"
    outside.write_text("a\n1\n", encoding="utf-8")
    lo.init("shop")
    (place / "shop/lakeorch.yml").write_text("models: queries\n", encoding="utf-8")
    (place / "shop/sql_models").rename(place / "shop/queries")
    assert lo.init("shop", [outside]) == (place / "shop/queries/staging/elsewhere.sql",)
    assert f"read_csv('{outside}')" in (place / "shop/queries/staging/elsewhere.sql").read_text(encoding="utf-8")
    before = picture(place)
    code, _, err = lakeorch(capsys, "init", "shop", "--from", "elsewhere.csv")
    assert (code, "already there: queries/staging/elsewhere.sql" in err) == (2, True)
    assert picture(place) == before


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["nosuch.csv"], "no file matches"),
        (["a.xlsx"], "what kind of file is this?"),
        (["a.csv", "b/a.csv"], "two of the files would be sql_models/staging/a.sql"),
        (["*.csv"], "has other columns than the first"),
    ],
)
def test_files_that_no_model_can_be_made_of(place: Path, files: list[str], message: str) -> None:
    (place / "b").mkdir()
    for name, text in {"a.csv": "x\n1\n", "b/a.csv": "x\n1\n", "c.csv": "y\n1\n", "a.xlsx": ""}.items():
        (place / name).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        lo.init("new", files)
    assert not (place / "new").exists()


def test_json(place: Path, capsys: Capture) -> None:
    code, doc = document(capsys, "init", "shop")
    assert (code, doc["folder"]) == (0, str(place / "shop"))
    assert all((place / "shop" / name).is_file() for name in doc["files"])
