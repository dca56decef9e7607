"""What is measured is what a build does, nothing of the user's is touched, and other answers are found."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from lakeorch.errors import LakeorchError, ProjectError, UsageError
from lakeorch.project import Project
from lakeorch.project.bench.result import Bench, Contender, Measured
from lakeorch.project.bench.turns import Progress
from lakeorch.project.bench.worker import Act, Failure, Sample, working
from tests.conftest import Make, picture

PYTHON = '''"""---
materialized: history
unique_key: [id]
columns: {id: long}
---"""

import pyarrow as pa


def model(m: pa.Table) -> pa.Table:
    return m.select(["id"])
'''
FILES = {
    "raw/a.csv": "id,x\n1,10\n2,20\n3,30\n",
    "models/raw/a.sql": "/* ---\nmaterialized: append\n--- */\nFROM read_csv('raw/a*.csv')",
    "models/mid/v.sql": "/* ---\nmaterialized: view\n--- */\nSELECT id, x + 1 AS x FROM raw.a",
    "models/mid/m.sql": "/* ---\nmaterialized: merge\nunique_key: [id]\n--- */\nSELECT id, x FROM mid.v",
    "models/top/h.sql": "/* ---\nmaterialized: history\nunique_key: [id]\n--- */\nSELECT id, x FROM mid.m",
    "models/top/s.sql": "SELECT sum(x) AS total, $low AS low FROM mid.m WHERE x > $low",
    "models/top/p.py": PYTHON,
    "lakeorch.yml": "models: models\nvariables: {low: 11}\n",
}
NAMES = ["raw.a", "mid.m", "top.h", "top.p", "top.s"]


def one(bench: Bench, model: str) -> Measured:
    [found] = bench.of(model)
    return found


def answers(bench: Bench) -> dict[str, str]:
    return {answer.model: answer.status for answer in bench.answers}


def test_every_kind_of_model_is_measured_and_nothing_of_the_users_is_touched(make: Make) -> None:
    folder = make(FILES)
    Project(folder).run()
    make({"raw/a2.csv": "id,x\n4,40\n", "models/top/s.sql": FILES["models/top/s.sql"] + " -- edited"})
    before, seen = picture(folder.parent), list[Progress]()
    bench = Project(folder).bench(repeat=2, progress=seen.append)
    assert picture(folder.parent) == before
    assert [each.model for each in bench.measured] == ["", *NAMES]
    assert {each.model: each.error for each in bench.measured if each.error} == {}
    # as a full build writes them now: the file that came since is read too
    assert [one(bench, name).rows for name in NAMES] == [4, 4, 4, 4, 1]
    assert one(bench, "").rows == 17
    assert (one(bench, "raw.a").read, one(bench, "mid.m").read, one(bench, "top.s").read) == (None, 4, 4)
    for each in bench.measured:
        assert len(each.seconds.values) == len(each.cpu.values) == 2
        assert each.memory is None or each.memory > 10**7
    assert bench.ok
    assert {each.total for each in seen} == {0, 3 * 6}
    assert [each.done for each in seen if each.total] == list(range(18))


def test_a_project_that_never_ran_leaves_no_warehouse(make: Make) -> None:
    folder = make(FILES)
    before = picture(folder.parent)
    bench = Project(folder).bench(["top.s"], repeat=1, only="models")
    assert picture(folder.parent) == before
    assert (one(bench, "top.s").rows, one(bench, "top.s").read, bench.runs) == (1, 3, ())


def test_published_inputs_are_read_where_they_are_and_stale_ones_made_anew(make: Make) -> None:
    folder = make(FILES)
    project = Project(folder)
    project.run()
    for path in (folder.parent / "raw").iterdir():
        path.unlink()  # whoever made raw.a again would find nothing
    (folder.parent / "raw/a.csv").write_text(FILES["raw/a.csv"])
    make({"models/mid/m.sql": FILES["models/mid/m.sql"] + " UNION ALL SELECT 9, 90"})
    bench = project.bench(["top.s"], repeat=1, only="models")
    assert one(bench, "top.s").read == 4


def test_a_view_is_nothing_to_measure(make: Make) -> None:
    with pytest.raises(UsageError, match="no table is selected"):
        Project(make(FILES)).bench(["mid.v"])


def test_what_cannot_be_asked_for(make: Make) -> None:
    project = Project(make(FILES))
    with pytest.raises(UsageError, match="no engine 'duckdbb'"):
        project.bench(engines=["duckdb,duckdbb"])
    with pytest.raises(UsageError, match="nowhere is neither a folder nor a git revision"):
        project.bench(against="nowhere")
    with pytest.raises(UsageError, match="--repeat"):
        project.bench(repeat=0)
    make({"models/top/s.sql": "SELECT nope FROM mid.m"})
    with pytest.raises(ProjectError):
        project.bench()


def test_an_input_that_cannot_be_made_is_named(make: Make) -> None:
    folder = make(
        {"models/a/one.sql": "SELECT CAST(x AS INT) AS x FROM (VALUES ('a')) v(x)", "models/a/two.sql": "FROM a.one"}
    )
    with pytest.raises(LakeorchError, match=r"a\.one, which is read, cannot be built"):
        Project(folder).bench(["a.two"], repeat=1)


def test_a_model_that_fails_is_told_and_the_others_go_on(make: Make) -> None:
    folder = make(
        {"models/a/one.sql": "SELECT CAST(x AS INT) AS x FROM (VALUES ('a')) v(x)", "models/a/two.sql": "SELECT 1 AS x"}
    )
    bench = Project(folder).bench(repeat=1)
    assert "Could not convert" in one(bench, "a.one").error
    assert "Could not convert" in one(bench, "").error
    assert one(bench, "a.two").rows == 1
    assert not bench.ok


def test_another_answer_of_another_version_is_found(make: Make, tmp_path: Path) -> None:
    folder = make(FILES)
    Project(folder).run()
    other = tmp_path / "other"
    subprocess.run(["cp", "-r", folder, other], check=True)
    (other / "top/s.sql").write_text(FILES["models/top/s.sql"].replace("sum(x)", "sum(x) + 1"))
    (other / "top/h.sql").unlink()
    bench = Project(folder).bench(repeat=1, only="models", against=str(other))
    assert answers(bench) == {"raw.a": "same", "mid.m": "same", "top.p": "same", "top.s": "different"}
    assert bench.missing == {"top.h": str(other)}
    [answer] = bench.different
    assert answer.difference
    assert (answer.difference.removed, answer.difference.added) == (1, 1)
    assert not bench.ok
    assert bench.contenders == (Contender("duckdb"), Contender("duckdb", str(other)))


def test_a_folder_of_models_alone_has_the_settings_of_the_project(make: Make, tmp_path: Path) -> None:
    config = "models: models\nengine: polars\ndefaults:\n  raw: {engine: duckdb}\n"
    read = "/* ---\nengine: duckdb\n--- */\nSELECT x FROM raw.a"
    folder = make(
        {"lakeorch.yml": config, "models/raw/a.sql": "SELECT range AS x FROM range(3)", "models/b/b.sql": read}
    )
    Project(folder).run()
    other = tmp_path / "other"
    subprocess.run(["cp", "-r", folder, other], check=True)
    bench = Project(folder).bench(["b.b"], repeat=1, against=str(other), engines=["duckdb"])
    assert bench.ok
    assert answers(bench) == {"b.b": "same"}


def test_a_version_whose_inputs_had_other_columns_reads_its_own(make: Make, tmp_path: Path) -> None:
    folder = make(FILES)
    Project(folder).run()
    other = tmp_path / "other"
    subprocess.run(["cp", "-r", folder, other], check=True)
    renamed = FILES["models/mid/m.sql"].replace("SELECT id, x", "SELECT id, x AS y")
    (other / "mid/m.sql").write_text(renamed)
    (other / "top/s.sql").write_text(FILES["models/top/s.sql"].replace("sum(x)", "sum(y)").replace("x >", "y >"))
    bench = Project(folder).bench(["top.s", "mid.m"], repeat=1, against=str(other))
    assert answers(bench) == {"mid.m": "different", "top.s": "same"}
    assert bench.answers[0].reason == "other columns: x is missing, y is new"
    assert {each.error for each in bench.measured} == {""}


def git(root: Path, *words: str) -> str:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    done = subprocess.run(["git", *words], cwd=root, env=os.environ | who, capture_output=True, text=True, check=True)
    return done.stdout


def test_a_git_revision_is_measured_beside_the_files_and_git_stays_as_it_is(make: Make, tmp_path: Path) -> None:
    # the project is not the root of the repository, and its data is not in git
    folder = make({f"shop/{name}": text for name, text in FILES.items()}).parent / "shop/models"
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitignore").write_text("raw/*.csv\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    changed = FILES["models/top/s.sql"].replace("sum(x)", "sum(x) * 2")
    (folder / "top/s.sql").write_text(changed)
    (folder / "top/new.sql").write_text("SELECT 1 AS x")
    git(tmp_path, "add", "shop/models/top/new.sql")
    states = [["status", "--porcelain"], ["ls-files", "--stage"], ["worktree", "list"], ["stash", "list"]]
    before = [git(tmp_path, *state) for state in states]
    bench = Project(folder).bench(["top.*"], repeat=1, only="models", against="HEAD")
    assert [git(tmp_path, *state) for state in states] == before
    assert answers(bench) == {"top.h": "same", "top.p": "same", "top.s": "different"}
    assert bench.missing == {"top.new": "HEAD"}


def test_engines_are_measured_beside_each_other(make: Make) -> None:
    files = {
        "models/a/one.sql": "/* ---\nmaterialized: history\nunique_key: [g]\n--- */\n"
        "SELECT g % 3 AS g, sum(g)::BIGINT AS x FROM a.src GROUP BY ALL",
        "models/a/src.sql": "SELECT x AS g FROM range(9) t(x)",
    }
    bench = Project(make(files)).bench(["a.one"], engines=["duckdb,polars"], repeat=1)
    assert [str(each) for each in bench.contenders] == ["duckdb", "polars"]
    assert [(each.model, each.error, each.rows) for each in bench.models] == [("a.one", "", 3)] * 2
    assert answers(bench) == {"a.one": "same"}
    assert [each.contender.engine for each in bench.runs] == ["duckdb", "polars"]


def test_rows_that_are_never_the_same_are_no_difference(make: Make, tmp_path: Path) -> None:
    folder = make({"models/a/t.sql": "SELECT random() AS x FROM range(10)"})
    subprocess.run(["cp", "-r", folder, tmp_path / "other"], check=True)
    bench = Project(folder).bench(repeat=1, only="models", against=str(tmp_path / "other"))
    assert answers(bench) == {"a.t": "unsteady"}
    assert bench.ok


def test_order_and_the_last_digit_of_floats_do_not_count(make: Make, tmp_path: Path) -> None:
    folder = make({"models/a/t.sql": "SELECT g % 3 AS g, 0.1::DOUBLE + 0.2::DOUBLE AS x FROM range(9) t(g) ORDER BY g"})
    other = tmp_path / "other"
    subprocess.run(["cp", "-r", folder, other], check=True)
    (other / "a/t.sql").write_text("SELECT g % 3 AS g, 0.3::DOUBLE AS x FROM range(9) t(g) ORDER BY g DESC")
    [answer] = Project(folder).bench(repeat=1, only="models", against=str(other)).answers
    assert (answer.status, answer.near) == ("same", ("x",))
    (other / "a/t.sql").write_text("SELECT g % 3 AS g, 0.3000001::DOUBLE AS x FROM range(9) t(g)")
    [answer] = Project(folder).bench(repeat=1, only="models", against=str(other)).answers
    assert answer.status == "different"


@dataclass(frozen=True)
class Dying:
    """A job that ends its process the second time."""

    def begin(self) -> Act:
        times = [0]

        def act() -> tuple[tuple[str, ...], int]:
            times[0] += 1
            print("an engine may print")
            if times[0] > 1:
                os.kill(os.getpid(), 9)
            return (), 7

        return act


def test_a_process_that_dies_is_told(tmp_path: Path) -> None:
    with working(Dying()) as take:  # type: ignore[arg-type]
        found = take()
        assert isinstance(found, Sample)
        assert found.rows == 7
        for _ in range(2):
            assert take() == Failure("the process was killed by signal 9: is there enough memory?")
