"""Times held against those of before: by the spread, and on another machine only after calibration."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lakeorch.errors import UsageError
from lakeorch.project.bench.baseline import held_against, read_baseline
from lakeorch.project.bench.machine import Machine, this_machine
from lakeorch.project.bench.result import Baseline, Bench, Contender, Measured, Spread, judged
from lakeorch.project.bench.text import beside, moment, notes, ratio, spread

HERE = Machine("Fast 9000", 8, 32 * 2**30, "Linux", 0.1)


def times(*seconds: float) -> Spread:
    return Spread(seconds)


def bench(seconds: Spread, machine: Machine = HERE, rows: int = 10, fingerprint: str = "f1") -> Bench:
    contender = Contender("duckdb")
    measured = Measured("a.t", contender, seconds, seconds, 10**8, rows, 100, 1000, 1)
    run = replace(measured, model="", seconds=seconds.times(10))
    return Bench(
        project="shop",
        started_at="2026-11-21T08:00:00+00:00",
        seconds=1.0,
        machine=machine,
        versions={"lakeorch": "0.1.0", "duckdb": "1.5.6"},
        threads=2,
        repeat=len(seconds.values),
        threshold=1.2,
        tolerance=1e-9,
        contenders=(contender,),
        measured=(run, measured),
        answers=(),
        fingerprints={"a.t": fingerprint},
    )


def held(now: Bench, then: Bench, tmp_path: Path) -> Baseline:
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps(then.to_dict()))
    found = held_against(now, read_baseline(file), file).baseline
    assert found
    return found


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        (times(1.0, 1.0, 1.0), times(1.3, 1.3, 1.3), "slower"),
        (times(1.0, 1.0, 1.0), times(1.15, 1.15, 1.15), "alike"),  # within the threshold
        (times(1.0, 1.0, 1.0), times(0.9, 1.3, 1.4), "alike"),  # the quickest is as quick as before
        (times(0.9, 1.0, 1.5), times(1.3, 1.35, 1.4), "slower"),  # one bad time before is no excuse
        (times(0.9, 1.0, 1.4, 1.5), times(1.3, 1.5, 1.6), "alike"),  # many are
        (times(1.3, 1.3, 1.3), times(1.0, 1.0, 1.0), "faster"),
        (times(0.001, 0.001), times(0.0029, 0.0029), "alike"),  # less than two milliseconds
        (times(1.0), times(2.0), "slower"),
    ],
)
def test_a_difference_counts_where_it_is_larger_than_the_spread(before: Spread, now: Spread, verdict: str) -> None:
    assert judged(before, now, 1.2) == verdict
    opposite = {"slower": "faster", "faster": "slower", "alike": "alike"}
    assert judged(now, before, 1.2) in (opposite[verdict], "alike")


def test_a_regression_is_found_and_told(tmp_path: Path) -> None:
    now = bench(times(0.26, 0.25, 0.27), rows=20, fingerprint="f2")
    found = held(now, bench(times(0.1, 0.1, 0.11)), tmp_path)
    assert [(c.model, c.verdict, round(c.ratio, 1)) for c in found.slower] == [
        ("", "slower", 2.6),
        ("a.t", "slower", 2.6),
    ]
    assert found.slower[1].note == "its query changed; it writes 20 rows, not 10"
    assert found.warnings == ()
    told = replace(now, baseline=found)
    assert not told.ok
    assert ("slower", ["a.t (duckdb): 2.60× the baseline's time: 100 ms, now 260 ms; its query changed; it writes 20 "
                       "rows, not 10"]) in list(notes(told))  # fmt: skip


def test_another_machine_counts_only_after_calibration(tmp_path: Path) -> None:
    slow = replace(HERE, processor="Slow 1", calibration=0.2)
    # twice as slow a machine takes twice as long: nothing has changed
    found = held(bench(times(0.2, 0.2, 0.21), slow), bench(times(0.1, 0.1, 0.11)), tmp_path)
    assert (found.slower, found.scale) == ((), 2.0)
    assert [c.ratio for c in found.changes] == [1.0, 1.0]
    assert "another machine (8 × Fast 9000, 32 GiB)" in found.warnings[0]
    found = held(bench(times(0.1, 0.1, 0.1)), bench(times(0.1, 0.1, 0.1), slow), tmp_path)
    assert [c.verdict for c in found.changes] == ["slower", "slower"]


def test_what_makes_a_baseline_say_less(tmp_path: Path) -> None:
    now = replace(bench(times(1.0), replace(HERE, calibration=0.15)), threads=4, versions={"duckdb": "1.6.0"})
    found = held(now, bench(times(1.0)), tmp_path)
    assert found.scale == 1.0
    assert [warning.split(":")[-1].strip() for warning in found.warnings] == [
        "the machine is busier now",
        "the baseline was taken with 2 threads, this with 4",
        "the baseline was taken with duckdb 1.5.6, this with 1.6.0",
    ]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "machine": {"cpu": 1}}'])
def test_a_file_that_is_no_baseline(tmp_path: Path, text: str) -> None:
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(UsageError, match="is no baseline"):
        read_baseline(tmp_path / "b.json")
    with pytest.raises(UsageError, match="cannot be read"):
        read_baseline(tmp_path / "none.json")


def test_this_machine_is_itself() -> None:
    machine = this_machine()
    assert machine.is_like(machine)
    assert machine.calibration > 0
    assert not machine.is_like(replace(machine, processors=machine.processors + 1))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0000123, "12.3 µs"),
        (0.0123, "12.3 ms"),
        (0.9996, "1.00 s"),
        (0.5, "500 ms"),
        (59.96, "60.0 s"),
        (245, "4m05s"),
    ],
)
def test_moments(seconds: float, text: str) -> None:
    assert moment(seconds) == text


def test_spreads_and_ratios() -> None:
    assert spread(times(0.0141, 0.0119)) == "11.9..14.1 ms"
    assert spread(times(0.9, 1.2)) == "900 ms..1.20 s"
    assert [ratio(value) for value in (0.0123, 0.5, 1.0, 12.4)] == ["0.012×", "0.50×", "1.00×", "12×"]
    assert beside(times(1.0, 1.1), times(1.05, 1.2)) == "≈1.07×"
    assert beside(times(1.0, 1.1), times(2.1, 2.1)) == "2.00×"
    assert times(1.0, 2.0, 3.0, 4.0).quartiles == (1.75, 3.25)
