"""The sample project run for real: the mart equals the generator's answer key to the cent."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from lakeorch.errors import ProjectError
from lakeorch.project import Project
from tests.conftest import picture

SAMPLE = Path(__file__).parents[2] / "sql_models"


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A copy of the sample project with its shipped input."""
    folder = tmp_path / "sql_models"
    shutil.copytree(SAMPLE, folder)
    return folder


def generate(folder: Path, *words: str) -> None:
    command = [sys.executable, str(folder / "_landing/generate.py"), "--out", str(folder / "_landing"), *words]
    subprocess.run(command, check=True, capture_output=True)


def differences(folder: Path) -> list[tuple[object, ...]]:
    """Rows that only the mart or only the answer key has."""
    mart = Project(folder).query("SELECT store_id, business_date, revenue_eur FROM marts.daily_sales").read_all()
    assert mart.num_rows > 0
    key = f"SELECT * FROM read_csv('{folder}/_landing/answer_key.csv', types={{'revenue_eur': 'DECIMAL(18,2)'}})"
    found = duckdb.sql(
        f"(SELECT 'mart', * FROM (FROM mart EXCEPT ALL {key})) UNION ALL "
        f"(SELECT 'key', * FROM ({key} EXCEPT ALL FROM mart))"
    )
    return found.fetchall()


def test_the_mart_equals_the_answer_key_and_the_second_run_writes_nothing(sample: Path) -> None:
    result = Project(sample).run()
    assert result.status == "published"
    assert not [check for outcome in result.outcomes for check in outcome.checks if not check.passed]
    assert differences(sample) == []
    before = picture(sample.parent / "warehouse")
    shutil.rmtree(sample.parent / ".lakeorch", ignore_errors=True)
    assert Project(sample).run().status == "nothing to do"
    assert picture(sample.parent / "warehouse") == before


def test_the_mart_equals_the_answer_key_at_twenty_times_the_size(sample: Path) -> None:
    generate(sample, "--scale", "20")
    assert Project(sample).run().status == "published"
    assert differences(sample) == []


def test_late_files_arrive_later(sample: Path, tmp_path: Path) -> None:
    """Some files come after the first run: append reads only them, and the mart ends where one run would have."""
    landing = sample / "_landing"
    late = sorted(p for p in landing.rglob("*resend*") if p.is_file())
    late += sorted(p for p in landing.rglob("pos/**/*") if p.is_file() and "resend" not in p.name)[::7]
    assert len(late) > 3
    for path in late:
        shutil.move(path, tmp_path / path.name)
    assert Project(sample).run().status == "published"
    assert differences(sample) != []
    for path in late:
        shutil.move(tmp_path / path.name, path)
    result = Project(sample).run()
    reasons = {o.model: o.reason for o in result.outcomes if o.model.startswith("raw.pos")}
    assert any(reason.startswith("new files:") for reason in reasons.values())
    assert differences(sample) == []


def test_another_input_in_the_same_place_is_refused_until_full(sample: Path) -> None:
    Project(sample).run()
    generate(sample, "--seed", "99")
    with pytest.raises(ProjectError, match="finding"):
        Project(sample).run()
    assert Project(sample).run(full=True).status == "published"
    assert differences(sample) == []


def test_what_is_set_apart_is_what_was_broken(sample: Path) -> None:
    Project(sample).run()
    found = Project(sample).query("SELECT reason, count(*) AS n FROM staging.quarantine GROUP BY 1").read_all()
    quarantined = {row["reason"]: row["n"] for row in found.to_pylist()}
    assert quarantined == json.loads((sample / "_landing/dirt.json").read_text())["quarantined"]
