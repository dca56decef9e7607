"""A table as a piece of HTML for notebooks: it brings its own looks and loads nothing."""

from __future__ import annotations

import html
from collections.abc import Sequence

_CELL = "padding:3px 14px 3px 0;border-bottom:1px solid rgba(128,128,128,.25);vertical-align:top;"
_TONES = {"good": "#2f9e6e", "bad": "#d1383d", "busy": "#b7791f", "quiet": "#858c97"}
_TONE_OF = {
    **dict.fromkeys(("build", "build (incremental)", "amend"), "busy"),
    **dict.fromkeys(("failed", "held"), "bad"),
    **dict.fromkeys(("skip", "view"), "quiet"),
}


def table(
    headline: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: frozenset[int] = frozenset(),
    notes: Sequence[str] = (),
) -> str:
    """A headline, a table, notes below it.

    Args:
        headline: plain text, as all that follows.
        columns: the names.
        rows: the cells; one that is an action's word (`build`, `failed`, …) has its colour.
        right: the columns aligned to the right.
        notes: a line each.
    """
    head = "".join(_cell("th", name, i in right) for i, name in enumerate(columns))
    body = "".join(f"<tr>{''.join(_cell('td', cell, i in right) for i, cell in enumerate(row))}</tr>" for row in rows)
    below = "".join(
        f'<div style="color:{_TONES["quiet"]};white-space:pre-wrap">{html.escape(note)}</div>' for note in notes
    )
    shown = f'<table style="border-collapse:collapse;margin:6px 0"><tr>{head}</tr>{body}</table>' if rows else ""
    return f'<div style="font-size:13px;line-height:1.5"><b>{html.escape(headline)}</b>{shown}{below}</div>'


def _cell(tag: str, text: str, right: bool) -> str:
    side = "right" if right else "left"
    tone = _TONE_OF.get(text, "") if tag == "td" else "quiet"
    colour = f"color:{_TONES[tone]};" if tone else ""
    digits = "font-variant-numeric:tabular-nums;" if right else ""
    return f'<{tag} style="text-align:{side};background:none;{_CELL}{colour}{digits}">{html.escape(text)}</{tag}>'
