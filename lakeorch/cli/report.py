"""How a run ended: what failed and where to see it, what was kept back, what was published, where to look next."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from lakeorch.cli.options import DEFAULT_FOLDER
from lakeorch.cli.output import near
from lakeorch.model import Action, CheckResult, Outcome
from lakeorch.observers.findings import render_all
from lakeorch.observers.text import clip, count, duration, nothing_to_do, one_line, size, table, width

if TYPE_CHECKING:
    from lakeorch.project.result import Result

MANY = 20
CELL = 28
ROOM = 72


def report(result: Result, folder: str, env: str | None = None, *, listed: bool) -> str:
    """The end of a run as text, with ANSI colours that `click.echo` drops where there is no terminal.

    Args:
        result: the run.
        folder: the folder of models, for the commands to try next.
        env: the environment that was run in, for the same.
        listed: name each published table; not needed where each step was printed as it ended.
    """
    departed = [f"no longer in the project, kept: {name} (lakeorch drop {name})" for name in result.departed]
    if result.status == "nothing to do":
        pinned = [f"{o.model}: {o.reason}" for o in result.outcomes if o.reason.startswith("pinned")]
        nothing = nothing_to_do(len(result.outcomes), len(pinned))
        return "\n".join([click.style(nothing, fg="green"), *pinned, *departed])
    stopped = "interrupted" if result.status == "interrupted" else None
    blocks = [troubles([o for o in result.outcomes if o.action is not Action.FAILED or o.error != stopped])]
    if result.findings:
        blocks.append(render_all(result.findings))
    blocks.append(_published(result, listed=listed))
    blocks.append("\n".join([*departed, *result.notes]))
    blocks.append(_next(result, folder, env))
    return "\n\n".join(block for block in blocks if block)


def troubles(outcomes: Sequence[Outcome]) -> str:
    """What failed, what a check only warned of, what was kept back; empty where all is well."""
    # reported again where an unchanged model still fails: its checks ran on rows that are kept, so it was not built
    blocks = [_failed(outcome) for outcome in outcomes if outcome.action is Action.FAILED]
    blocks += [_warned(outcome) for outcome in outcomes if outcome.action is not Action.FAILED]
    blocks.append(_held([outcome for outcome in outcomes if outcome.action is Action.HELD]))
    return "\n\n".join(block for block in blocks if block)


def _failed(outcome: Outcome) -> str:
    lines = [f"{click.style('failed', fg='red', bold=True)}  {click.style(outcome.model, bold=True)}"]
    lines += [f"    {line}" for line in outcome.error.strip().splitlines()]
    for check in outcome.checks:
        lines += _check(check)
    if outcome.kept_at:
        lines.append(f"    the rejected rows can be read at {near(outcome.kept_at)}")
    return "\n".join(lines)


def _warned(outcome: Outcome) -> str:
    warned = [check for check in outcome.checks if not check.passed]
    if not warned:
        return ""
    lines = [f"{click.style('warned', fg='yellow', bold=True)}  {click.style(outcome.model, bold=True)}"]
    return "\n".join([*lines, *(line for check in warned for line in _check(check))])


def _check(check: CheckResult) -> list[str]:
    """A check that did not pass: how many rows broke it, where it is written, the first of them."""
    if check.passed:
        return []
    color = "red" if check.severity == "error" else "yellow"
    rows = f": {count(check.failed_rows, 'row')}" if check.failed_rows else ""
    lines = ["    " + click.style(f"{check.name}{rows}", fg=color)]
    if check.message:
        lines.append(f"        {one_line(check.message)}")
    if check.place.file:
        lines.append("        " + click.style(f"at {check.place}", dim=True))
    if check.sample and check.columns:
        lines += [f"        {line}" for line in _sample(check)]
    return lines


def _sample(check: CheckResult) -> list[str]:
    """The first failing rows: the columns that the check is about, then others, as many as a screen holds."""
    about = {*re.findall(r"\w+", check.name)}
    order = sorted(range(len(check.columns)), key=lambda i: check.columns[i] not in about)
    cells = [[clip(one_line(cell), CELL) for cell in row] for row in check.sample]
    fitting, used = order[:1], 0
    for i in order:
        used += max(width(check.columns[i]), *(width(row[i]) for row in cells)) + 2
        if used > ROOM:
            break
        fitting = order[: order.index(i) + 1]
    lines = table([check.columns[i] for i in fitting], [[row[i] for i in fitting] for row in cells], limit=ROOM)
    more = [f"{check.failed_rows - len(cells):,} more"] if check.failed_rows > len(cells) else []
    more += [count(len(order) - len(fitting), "more column")] if len(fitting) < len(order) else []
    return [*lines, click.style(f"… and {', '.join(more)}", dim=True)] if more else lines


def _held(held: Sequence[Outcome]) -> str:
    """The models that were kept back, by what kept them."""
    if not held:
        return ""
    lines = [f"{click.style('kept back', fg='yellow', bold=True)}  {count(len(held), 'model')}, unchanged for readers"]
    reasons: dict[str, list[str]] = {}
    for outcome in held:
        reasons.setdefault(one_line(outcome.reason), []).append(outcome.model)
    for reason, models in reasons.items():
        lines.append(f"    {reason}:")
        names = ", ".join(_few(models, "… and {:,} more"))
        lines += textwrap.wrap(
            names,
            ROOM,
            initial_indent=" " * 8,
            subsequent_indent=" " * 8,
            break_on_hyphens=False,
            break_long_words=False,
        )
    return "\n".join(lines)


def _published(result: Result, *, listed: bool) -> str:
    built = [o for o in result.outcomes if o.action is Action.BUILD]
    if result.status == "interrupted":
        kept = f"; {count(len(built), 'finished step')} kept for the next run" if built else ""
        return click.style("interrupted", fg="red", bold=True) + f", nothing was published{kept}"
    amended = sum(o.action is Action.AMEND for o in result.outcomes)
    parts = [f"{count(amended, 'table')} (metadata only)"] if amended else []
    if built:
        rows, written = sum(o.rows for o in built), sum(o.bytes for o in built)
        parts.insert(0, f"{count(len(built), 'table')}, {count(rows, 'row')}, {size(written)}")
    if not parts:
        return f"nothing was published; what was built is kept for the next run ({duration(result.seconds)})"
    title = f"{' and '.join(parts)} in {duration(result.seconds)}"
    lines = [f"{click.style('published', fg='green', bold=True)}  {title}"]
    if listed and built:
        cells = [(o.model, f"{o.rows:,}", size(o.bytes), duration(o.seconds), clip(o.reason, 40)) for o in built]
        names = ("table", "rows", "size", "time", "why")
        body = [f"    {line}" for line in table(names, cells, right=frozenset({1, 2, 3}), limit=ROOM)]
        lines += body[:2] + _few(body[2:], "    … and {:,} more")
    return "\n".join(lines)


def _next(result: Result, folder: str, env: str | None) -> str:
    if result.status == "interrupted":
        return ""
    built = [o.model for o in result.outcomes if o.action is Action.BUILD and o.rows]
    where = "" if folder == DEFAULT_FOLDER else f" -p {shlex.quote(folder)}"
    where += f" --env {shlex.quote(env)}" if env else ""
    lines = [f"warehouse  {near(result.warehouse)}"]
    if built:
        # the last table in the order of building is the one that the others were made for
        lines.append(f'look next  lakeorch query{where} "SELECT * FROM {built[-1]} LIMIT 10"')
        lines.append(f"           lakeorch list{where}")
    return "\n".join(lines)


def _few(items: Sequence[str], rest: str) -> list[str]:
    """The first items, and how many more there are."""
    hidden = len(items) - MANY
    return [*items] if hidden <= 1 else [*items[:MANY], rest.format(hidden)]
