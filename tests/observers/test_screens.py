"""What the screens say of a run, fed with the events of one."""

import io

import pytest

from lakeorch.model import Action, CheckResult, Outcome, Step
from lakeorch.observe import Event
from lakeorch.observers.console import Screen
from lakeorch.observers.lines import Lines
from lakeorch.observers.tally import Tally, why

FAILED = CheckResult("not_null(id)", "error", False, 12)


def steps(count, action=Action.BUILD):
    return tuple(Step(f"bulk.m{i:04}", action, f"reason {i}", "full") for i in range(count))


def started(plan):
    return Event("run_started", "r1", 100.0, steps=plan)


def step_started(step, at=101.0):
    return Event("step_started", "r1", at, model=step.model, step=step)


def finished(step, action=Action.BUILD, **facts):
    facts = {"rows": 1240, "bytes": 23_400, "seconds": 0.5} | facts
    return Event(
        "step_finished", "r1", 102.0, model=step.model, outcome=Outcome(step.model, action, step.reason, **facts)
    )


def screen(width=80, height=24):
    from rich.console import Console

    console = Console(width=width, height=height, force_terminal=True, file=io.StringIO())
    return Screen(console, clock=lambda: 103.0), console


def drawn(shown, console):
    from rich.console import Console

    # not the live console itself: it would draw its own picture beside this one
    paper = Console(width=console.width, height=console.height, file=io.StringIO())
    paper.print(shown.draw())
    return paper.file.getvalue().splitlines()


def feed(observer, events):
    for event in events:
        observer(event)


def test_a_row_shows_state_time_rows_size_and_reason():
    shown, console = screen(120)
    plan = steps(3)
    with shown:
        feed(shown, [started(plan), step_started(plan[0]), finished(plan[0]), step_started(plan[1])])
        shown(Event("step_progress", "r1", 102.0, model=plan[1].model, fraction=0.62, rows=700_000))
        lines = drawn(shown, console)
    assert lines[1].split() == ["bulk.m0000", "✓", "built", "0.50s", "1,240", "23.4", "kB", "reason", "0"]
    assert lines[2].split() == ["bulk.m0001", "━━━━───", "62%", "2.00s", "700,000", "reason", "1"]
    assert "waiting" in lines[3]
    assert lines[4].startswith("1 of 3 models · 3.00s · 1 running · 1,240 rows")


def progress(step, at, **facts):
    return Event("step_progress", "r1", at, model=step.model, **facts)


@pytest.mark.parametrize(
    ("facts", "left"),
    [
        ({}, None),  # nothing is known
        ({"fraction": 0.05}, None),  # the beginning of a query says little
        ({"fraction": 0.25}, 30.0),
        ({"fraction": 1.0}, 0.0),
        ({"fraction": 1.2}, 0.0),  # an engine may be mistaken
        ({"expected": 45.0}, 35.0),
        ({"expected": 9.0}, None),  # it has taken longer than that
        ({"fraction": 0.05, "expected": 45.0}, 35.0),
        ({"fraction": 0.25, "expected": 45.0}, 30.0),
        ({"fraction": 0.25, "expected": 9.0}, 30.0),
    ],
)
def test_the_time_left_is_told_where_something_tells_it(facts, left):
    tally, [step] = Tally(), steps(1)
    feed(tally.add, [started([step]), step_started(step, at=101.0), progress(step, 111.0, **facts)])
    row = tally.rows[step.model]
    assert row.left(111.0) == left
    tally.add(finished(step))
    assert row.left(111.0) is None


def test_a_long_step_shows_bytes_and_the_time_left():
    shown, console = screen(120)
    [step] = steps(1)
    with shown:
        feed(shown, [started([step]), step_started(step), progress(step, 103.0, bytes=12_300_000, expected=62.0)])
        line = drawn(shown, console)[1]
    assert line.split()[2:] == ["running", "2.00s", "12.3", "MB", "1m00s", "left", "·", "reason", "0"]


def test_plain_lines_tell_of_long_steps_now_and_then():
    out, plan = io.StringIO(), steps(2)
    observe = Lines(out)
    feed(observe, [started(plan), step_started(plan[0], at=101.0), step_started(plan[1], at=101.0)])
    for second in range(102, 165):
        observe(progress(plan[0], float(second), fraction=(second - 101) / 100, bytes=second * 1_000_000))
    observe(progress(plan[1], 140.0))
    assert out.getvalue().splitlines() == [
        "running  bulk.m0000  30.0s, 30%, 131 MB so far, about 1m10s left",
        "running  bulk.m0000  1m00s, 60%, 161 MB so far, about 40.0s left",
        "running  bulk.m0001  39.0s",
    ]


@pytest.mark.parametrize("count", [12, 1000])
def test_the_screen_fits_a_terminal_of_80_by_24(count):
    shown, console = screen()
    plan = steps(count)
    with shown:
        shown(started(plan))
        for step in plan[: count // 2]:
            feed(shown, [step_started(step), finished(step, error="a long story " * 20, action=Action.FAILED)])
        for step in plan[-3:]:
            shown(step_started(step))
        lines = drawn(shown, console)
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80
    # what runs is always seen
    assert sum("running" in line for line in lines) == 4


def test_what_failed_stays_on_a_full_screen():
    plan = steps(100)
    tally = Tally()
    feed(tally.add, [started(plan), finished(plan[0], Action.FAILED)])
    feed(tally.add, [finished(step) for step in plan[1:60]])
    assert plan[0].model in [row.step.model for row in tally.visible(10)]


def test_nothing_to_do_shows_nothing():
    shown, console = screen()
    with shown:
        feed(shown, [started(steps(3, Action.SKIP)), Event("run_finished", "r1", 101.0, status="nothing to do")])
    assert console.file.getvalue() == ""


def test_the_screen_is_taken_down_when_the_run_breaks():
    shown, console = screen()

    def broken_run():
        with shown:
            shown(started(steps(3)))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_run()
    assert not console.is_alt_screen
    hidden, visible = (console.file.getvalue().rfind(code) for code in ("\x1b[?25l", "\x1b[?25h"))
    assert 0 <= hidden < visible, "the cursor must be given back"


def test_square_brackets_are_text_and_not_markup():
    shown, console = screen(120)
    plan = (Step("a.b", Action.BUILD, "input [red]x[/red] \n moved"),)
    with shown:
        feed(shown, [started(plan), step_started(plan[0])])
        assert "input [red]x[/red] \\n moved" in "\n".join(drawn(shown, console))


def test_plain_lines_are_stable():
    out = io.StringIO()
    plan = (*steps(2), Step("raw.a", Action.SKIP, "up to date"), Step("raw.b", Action.BUILD, "never built"))
    observe = Lines(out)
    feed(observe, [started(plan), step_started(plan[0]), finished(plan[0])])
    feed(observe, [finished(plan[1], Action.HELD), finished(plan[2], Action.SKIP)])
    observe(finished(plan[3], Action.FAILED, checks=(FAILED, FAILED)))
    assert out.getvalue().splitlines() == [
        "skipped  raw.a       up to date",
        "built    bulk.m0000  1,240 rows, 23.4 kB, 0.50s, reason 0",
        "held     bulk.m0001  reason 1",
        "failed   raw.b       not_null(id): 12 rows, and 1 more check",
    ]


def test_plain_lines_of_an_idle_run_are_none():
    out = io.StringIO()
    plan = (*steps(2, Action.SKIP), Step("a.v", Action.VIEW, "inlined"))
    feed(Lines(out), [started(plan), finished(plan[0], Action.SKIP), finished(plan[2], Action.VIEW)])
    assert out.getvalue() == ""


def test_a_model_that_turned_out_the_same_counts_as_skipped():
    plan = steps(2)
    tally = Tally()
    feed(tally.add, [started(plan), finished(plan[0], Action.SKIP, rows=0, bytes=0), step_started(plan[1])])
    assert tally.counts() == {"skipped": 1, "running": 1}
    assert tally.written() == (0, 0)


def test_an_error_is_told_by_its_first_line():
    assert why(Outcome("a.b", Action.FAILED, "never built", error="no space left\n  at write")) == "no space left"
