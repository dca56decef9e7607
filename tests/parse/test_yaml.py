"""YAML with places: what scalars mean, where entries stand, what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from lakeorch.errors import ProjectError, Source, Span
from lakeorch.parse import load_yaml, locate, validate


def data(text: str) -> object:
    return load_yaml(Source("x.yml", text))[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a", "a"),
        ("NO", "NO"),
        ("on", "on"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("", None),
        ("~", None),
        ("null", None),
        ("0", 0),
        ("-12", -12),
        ("007", "007"),
        ("0x1f", "0x1f"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1.2.3", "1.2.3"),
        ("2024-02-29", date(2024, 2, 29)),
        ("2024-02-30", "2024-02-30"),
        ("2024-01-02 03:04:05", datetime(2024, 1, 2, 3, 4, 5)),
        ("2024-01-02T03:04Z", datetime(2024, 1, 2, 3, 4, tzinfo=UTC)),
        ("'5'", "5"),
        ('"true"', "true"),
        ("'2024-01-01'", "2024-01-01"),
        ("|\n  5\n", "5\n"),
        (">\n  true\n", "true\n"),
        ("[1, a]", [1, "a"]),
        ("{1: b}", {"1": "b"}),
        ("{on: b}", {"on": "b"}),
    ],
)
def test_value(text: str, value: object) -> None:
    found = data(f"k: {text}")
    assert isinstance(found, dict)
    assert found["k"] == value
    assert type(found["k"]) is type(value)


def test_an_empty_document_is_no_keys() -> None:
    assert data("") == data("# only a comment\n") == {}


@given(
    keys=st.lists(st.text("aä😀_", min_size=1, max_size=4), min_size=1, max_size=4, unique=True),
    values=st.lists(st.sampled_from(["x", "[1, ü]", "{é: 😀}", "'q q'", "5"]), min_size=4, max_size=4),
    before=st.sampled_from(["", "😀é SELECT ", "\n\n"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_marks_cover_keys_and_values(keys: list[str], values: list[str], before: str, end: str) -> None:
    text = before + end + end.join(f"{key}:  {value}  # c" for key, value in zip(keys, values, strict=False)) + end
    source = Source("x.yml", text + "behind")
    _, places = load_yaml(source, Span(len(before), len(text)))
    for key, value in zip(keys, values, strict=False):
        mark = places[(key,)]
        assert source.text[mark.key.start : mark.key.end] == key
        assert source.text[mark.value.start : mark.value.end] == value


def test_places_of_nested_entries() -> None:
    source = Source("x.yml", "a:\n  - b: 1\n  - c\n")
    _, places = load_yaml(source)
    assert str(source.place(locate(places, ("a", 0, "b")).start)) == "x.yml:2:8"
    assert str(source.place(locate(places, ("a", 0, "b"), key=True).start)) == "x.yml:2:5"
    assert str(source.place(locate(places, ("a", 1)).start)) == "x.yml:3:5"
    assert str(source.place(locate(places, ("a", 1, "deeper")).start)) == "x.yml:3:5"


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("a: 1\nb: 2\na: 3", 'key "a" is here twice (first in line 1)', "x.yml:3:1"),
        ("a: [1", "not valid YAML", "x.yml:1:5"),
        ("? [a]\n: b", "a key must be text", "x.yml:1:3"),
        ("a: 1\n---\nb: 2", "not valid YAML", "x.yml:2:1"),
        ("a: &x [*x]", "repeats itself", "x.yml:1:4"),
        ("a: \x00", "a control character", "x.yml:1:4"),
        ("é: \x07", "a control character", "x.yml:1:4"),
    ],
)
def test_refused(text: str, message: str, place: str) -> None:
    with pytest.raises(ProjectError) as caught:
        load_yaml(Source("x.yml", text))
    (finding,) = caught.value.findings
    assert message in finding.message
    assert str(finding.place) == place


def test_what_grows_without_bound_is_refused() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ProjectError, match="1 finding"):
        load_yaml(Source("x.yml", "\n".join(lines)))


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = 0
    flag: bool = False


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    inner: Inner = Inner()
    many: dict[str, Inner] = {}
    listed: list[Inner] = []
    maybe: Inner | None = None


@pytest.mark.parametrize(
    ("text", "message", "hint", "place"),
    [
        ("name: a\ninner: {sze: 1}", 'unknown key "sze"', '"size"', "x.yml:2:9"),
        ("name: a\nmany: {x: {sze: 1}}", 'unknown key "sze"', '"size"', "x.yml:2:12"),
        ("name: a\nlisted:\n- {sze: 1}", 'unknown key "sze"', '"size"', "x.yml:3:4"),
        ("name: a\nmaybe: {flg: 1}", 'unknown key "flg"', '"flag"', "x.yml:2:9"),
        ("name: a\ninner: {size: x}", 'expected a whole number, got "x"', "", "x.yml:2:15"),
        ("name: a\ninner: {flag: 5.5}", "expected true or false", "", "x.yml:2:15"),
        ("inner: {}", 'key "name" is missing', "", "x.yml:1:1"),
        ("nam: x", 'unknown key "nam"', '"name"', "x.yml:1:1"),
    ],
)
def test_validate_says_where_and_what(text: str, message: str, hint: str, place: str) -> None:
    source = Source("x.yml", text)
    found, places = load_yaml(source)
    result, findings = validate(Outer, found, places, source)
    assert result is None
    (finding,) = findings
    assert message in finding.message
    assert hint in finding.hint
    assert str(finding.place) == place


def test_validate_a_part() -> None:
    source = Source("x.yml", "deep:\n  inner: {size: 3}\n")
    found, places = load_yaml(source)
    result, findings = validate(Inner, found["deep"]["inner"], places, source, at=("deep", "inner"))
    assert (result, findings) == (Inner(size=3), ())
    _, findings = validate(Inner, {"sze": 1}, places, source, at=("deep", "inner"))
    assert str(findings[0].place) == "x.yml:2:3"
