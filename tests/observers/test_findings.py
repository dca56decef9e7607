import click

from lakeorch.errors import Finding, Place, Source, Span
from lakeorch.observers.findings import render, render_all


def plain(finding):
    return click.unstyle(render(finding))


def test_place_line_caret_and_hint():
    source = Source("sql_models/marts/a.sql", "SELECT\n  amont\nFROM x")
    finding = source.finding(Span(9, 14), "no column amont", hint='did you mean "amount"?')
    assert plain(finding).splitlines() == [
        "sql_models/marts/a.sql:2:3: no column amont",
        "    2 │   amont",
        "      │   ^^^^^",
        '    hint: did you mean "amount"?',
    ]


def test_the_caret_stands_under_its_name_after_tabs_and_wide_characters():
    line = "\t'日本' || amont"
    source = Source("a.sql", line)
    at = line.index("amont")
    shown = plain(source.finding(Span(at, at + 5), "no")).splitlines()
    from rich.cells import cell_len

    name, caret = shown[1], shown[2]
    assert cell_len(name[: name.index("amont")]) == cell_len(caret[: caret.index("^")])
    assert caret.endswith("^^^^^")


def test_a_long_line_is_cut_around_the_caret():
    line = "x" * 500 + "HERE" + "y" * 500
    shown = plain(Source("a.sql", line).finding(Span(500, 504), "no")).splitlines()
    assert all(len(text) < 130 for text in shown)
    assert shown[1][shown[2].index("^") : shown[2].index("^") + 4] == "HERE"
    assert shown[2].count("^") == 4


def test_a_finding_without_a_line_or_a_file():
    assert plain(Finding(Place(""), "nothing to build")) == "nothing to build"
    assert plain(Finding(Place("a.sql"), "not UTF-8")) == "a.sql:1:1: not UTF-8"


def test_findings_come_in_the_order_of_their_places():
    found = [Finding(Place("b.sql"), "2"), Finding(Place("a.sql", 9), "1"), Finding(Place("a.sql", 10), "x")]
    text = click.unstyle(render_all(found))
    assert [line.partition(":")[0] for line in text.split("\n\n")] == ["a.sql", "a.sql", "b.sql"]
    assert text.index(":9:") < text.index(":10:")
