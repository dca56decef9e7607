"""The page of a benchmark: it holds everything, refers to nothing outside, and draws every time where it belongs."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lakeorch.project.bench.result import Answer, Baseline, Bench, Change, Contender, Measured, Spread
from tests.project.bench.test_baseline import bench, times
from tests.project.test_chart import data_of

NASTY = "a</script><b>\"'&{{data}}"
OTHER = Contender("duckdb", "main~3")


@pytest.fixture
def found() -> Bench:
    one = bench(times(0.1, 0.11, 0.2))
    [run, model] = one.measured
    second = replace(model, contender=OTHER, seconds=times(1.0, 1.1, 1.2))
    failed = Measured("a.failed", one.contenders[0], error=NASTY)
    change = Change("a.t", "duckdb", times(0.05), model.seconds, "slower", "its query changed")
    return replace(
        one,
        project=NASTY,
        contenders=(*one.contenders, OTHER),
        measured=(run, model, second, failed),
        answers=(Answer("a.t", OTHER, "different", reason=NASTY),),
        baseline=Baseline("b.json", "2026", 1.0, (change,), ("a warning",)),
    )


def test_the_page_holds_everything_and_refers_to_nothing_outside(found: Bench) -> None:
    page = found.to_html()
    assert "://" not in page
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?!#)|@import|url\(|fetch\(|XMLHttpRequest|import\(""", page)
    assert "prefers-color-scheme: dark" in page
    assert data_of(page) == found.to_dict() | {"machine": data_of(page)["machine"]}
    for kind in ("failed", "different", "slower", "warning"):
        assert f'<li class="{kind}">' in page


def test_nothing_in_it_can_break_the_page(found: Bench) -> None:
    page = found.to_html()
    assert page.count("</script>") == 2
    assert "<b>\"'" not in page
    assert "{{" not in page.replace("{{data}}", "")


def test_longer_times_lie_further_to_the_right(found: Bench) -> None:
    groups = re.findall(
        r'<g class="(c\d)"><title>([^<]*)</title>(.*?)</g>', found.to_html().partition('id="models"')[2]
    )
    assert [(colour, told) for colour, told, _ in groups] == [
        ("c0", "duckdb: 110 ms, 100..200 ms"),
        ("c1", "duckdb, main~3: 1.10 s, 1.00..1.20 s"),
    ]
    ours, theirs = ([float(x) for x in re.findall(r'cx="([\d.]+)"', drawn)] for _, _, drawn in groups)
    assert len(ours) == len(theirs) == 3
    assert 0 < ours[0] < ours[1] < ours[2] < theirs[0] < theirs[2] < 600


def test_three_hundred_models_are_a_page_that_a_browser_opens_and_sorts(tmp_path: Path) -> None:
    one = bench(times(1.0))
    models = [replace(one.models[0], model=f"ns.m{n}", seconds=Spread((1.0 + n % 7, 2.0 + n % 7))) for n in range(300)]
    text = replace(one, measured=tuple(models)).to_html()
    assert len(text) < 1_000_000
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("there is no browser here")
    page = tmp_path / "bench.html"
    ask = "find.value = 'm29'; find.oninput(); document.querySelector('th[data-by=median]').click();"
    page.write_text(text.replace("</script>\n</body>", f"{ask}</script>\n</body>"), encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    options += ["--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}"]
    try:
        done = subprocess.run(
            [browser, *options, "--dump-dom", page.as_uri()], capture_output=True, text=True, check=True, timeout=60
        )
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"the browser does not run here: {error}")
    rows = re.findall(r'<tr data-name="(ns\.m\d+)"[^>]*?data-median="([\d.]+)"[^>]*?( hidden="")?>', done.stdout)
    assert len(rows) == 300
    assert {name for name, _, hidden in rows if not hidden} == {"ns.m29", *(f"ns.m29{n}" for n in range(10))}
    medians = [float(median) for _, median, _ in rows]
    assert medians == sorted(medians, reverse=True)
    assert "11 of 300 models" in done.stdout
