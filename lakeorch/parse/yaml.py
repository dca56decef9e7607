"""YAML that remembers where everything stands: data, and the place of every key and value in the file.

Scalars are read the way people mean them: only `true` and `false` are booleans (a column may be called `on`, a country
`NO`), a number with a leading zero is text, an ISO date is a date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from lakeorch.errors import Finding, ProjectError, Source, Span, suggestion

if TYPE_CHECKING:
    import yaml
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

    Model = TypeVar("Model", bound=BaseModel)

Path = tuple[str | int, ...]

_MOST_NODES = 100_000
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][-+]?[0-9]+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[-+]\d\d:\d\d)?)?")
_WORDS: dict[str, object] = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Mark:
    """Where an entry stands in a file: its key (the value itself for an item of a list) and its value."""

    key: Span
    value: Span


Places = Mapping[Path, Mark]


def load_yaml(source: Source, span: Span | None = None) -> tuple[Any, Places]:
    """Reads one YAML document.

    Args:
        source: the file.
        span: the part of it that is YAML; all of it where None.

    Returns:
        The data (`{}` for an empty document), and the mark of every entry by its path, `()` being the whole.

    Raises:
        ProjectError: it is not YAML, has a key twice, or says something that this reader does not take.
    """
    import yaml

    span = span or Span(0, len(source.text))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        node = yaml.compose(source.text[span.start : span.end], Loader=loader)
    except yaml.YAMLError as error:
        raise ProjectError((_syntax(error, source, span),)) from error
    reader = _Reader(source, span)
    if node is None:
        return {}, {(): Mark(span, span)}
    data = reader.read(node)
    if reader.findings:
        raise ProjectError(tuple(reader.findings))
    return data, reader.places


def locate(places: Places, path: Path, *, key: bool = False) -> Span:
    """The span of an entry: its value, or its key; of its nearest parent that is written where it is not."""
    while path not in places and path:
        path = path[:-1]
    mark = places.get(path, Mark(Span(0, 1), Span(0, 1)))
    return mark.key if key else mark.value


def validate(
    model_type: type[Model], data: object, places: Places, source: Source, *, at: Path = ()
) -> tuple[Model | None, tuple[Finding, ...]]:
    """Checks data against a pydantic model and says of every mistake where it is and what was expected.

    Args:
        model_type: the pydantic model; `extra="forbid"` makes unknown keys mistakes.
        data: what `load_yaml` gave, or a part of it.
        places: what `load_yaml` gave.
        source: the file, for places.
        at: the path of `data` in the document.

    Returns:
        The object, or None where there is any mistake; and the findings.
    """
    from pydantic import ValidationError

    try:
        return model_type.model_validate(data), ()
    except ValidationError as error:
        details = error.errors(include_url=False)
        return None, tuple(_explain(each, model_type, places, source, at) for each in _telling(details))


class _Reader:
    """Turns composed nodes into data and notes where each stood."""

    def __init__(self, source: Source, span: Span) -> None:
        self.source = source
        self.start = span.start
        self.places: dict[Path, Mark] = {}
        self.findings: list[Finding] = []
        self._open: set[int] = set()
        self._count = 0

    def read(self, node: yaml.Node) -> object:
        span = self._span(node)
        self.places[()] = Mark(span, span)
        return self._value(node, ())

    def _span(self, node: yaml.Node) -> Span:
        start, end = node.start_mark.index, node.end_mark.index
        text = self.source.text[self.start + start : self.start + end]
        return Span(self.start + start, self.start + start + max(1, len(text.rstrip())))

    def _value(self, node: yaml.Node, path: Path) -> object:
        import yaml

        self._count += 1
        if self._count > _MOST_NODES or id(node) in self._open:
            if not self.findings:
                self.findings.append(self.source.finding(self._span(node), "this repeats itself too often"))
            return None
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        self._open.add(id(node))
        value = self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._list(node, path)
        self._open.discard(id(node))
        return value

    def _list(self, node: yaml.Node, path: Path) -> list[object]:
        items = []
        for number, item in enumerate(node.value):
            span = self._span(item)
            self.places[(*path, number)] = Mark(span, span)
            items.append(self._value(item, (*path, number)))
        return items

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        import yaml

        found: dict[str, object] = {}
        for key, value in node.value:
            span = self._span(key)
            if not isinstance(key, yaml.ScalarNode):
                self.findings.append(self.source.finding(span, "a key must be text"))
            elif key.value in found:
                first = self.source.place(self.places[(*path, key.value)].key.start)
                message = f'key "{key.value}" is here twice (first in line {first.line})'
                self.findings.append(self.source.finding(span, message))
            else:
                empty = value.start_mark.index == value.end_mark.index
                self.places[(*path, key.value)] = Mark(span, span if empty else self._span(value))
                found[key.value] = self._value(value, (*path, key.value))
        return found


def _scalar(node: yaml.ScalarNode) -> object:
    text: str = node.value
    if node.style in ("'", '"', "|", ">"):
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and not re.match(r"[-+]?0[0-9]", text):
        return float(text)
    if _DATE.fullmatch(text):
        try:
            return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
        except ValueError:
            return text
    return text


def _syntax(error: yaml.YAMLError, source: Source, span: Span) -> Finding:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    text = source.text[span.start : span.end]
    if mark is not None:
        index = mark.index
        problem = str(getattr(error, "problem", "") or "it cannot be read")
    else:
        bad = re.search(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
        index = bad.start() if bad else 0
        problem = "a control character"
    hint = "look for a bracket or quote that is not closed, or an indent that does not fit"
    line = text[text.rfind("\n", 0, index) + 1 : index + 1]
    if "\t" in line and not line.strip():
        hint = "indent with spaces: YAML does not take tabs"
    elif "mapping values are not allowed" in problem or "cannot start any token" in problem:
        hint = "put text that has a colon or begins with a sign into quotes"
    at = min(span.start + index, max(span.start, span.end - 1))
    return source.finding(Span(at, at + 1), f"not valid YAML: {problem}", hint=hint)


def _telling(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leaves out that a key is missing where the same key is there, mistyped."""
    unknown = [each["loc"] for each in details if each["type"] == "extra_forbidden"]

    def mistyped(loc: tuple[int | str, ...]) -> bool:
        return any(loc[:-1] == other[:-1] and suggestion(str(other[-1]), [str(loc[-1])]) for other in unknown)

    return [each for each in details if each["type"] != "missing" or not mistyped(each["loc"])]


def _explain(error: ErrorDetails, model_type: type[BaseModel], places: Places, source: Source, at: Path) -> Finding:
    path: Path = (*at, *error["loc"])
    kind, given, facts = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        known = _keys(model_type, error["loc"][:-1])
        hint = suggestion(str(path[-1]), known) or f"known keys: {', '.join(sorted(known))}"
        return source.finding(locate(places, path, key=True), f'unknown key "{path[-1]}"', hint=hint)
    if kind == "missing":
        message = f'key "{path[-1]}" is missing'
        return source.finding(locate(places, path[:-1], key=True), message)
    span = locate(places, path, key=path[-1:] == ("[key]",))  # pydantic's word for "the key itself"
    if kind in ("literal_error", "enum"):
        expected = str(facts.get("expected", ""))
        hint = suggestion(str(given), re.findall(r"'([^']*)'", expected))
        return source.finding(span, f"expected {_unquoted(expected)}, got {_shown(given)}", hint=hint)
    if kind == "value_error":
        return source.finding(span, str(facts.get("error", error["msg"])))
    wanted = _WANTED.get(kind)
    if wanted:
        hint = "put it in quotes" if kind == "string_type" and isinstance(given, bool | int | float | date) else ""
        return source.finding(span, f"expected {wanted}, got {_shown(given)}", hint=hint)
    return source.finding(span, error["msg"][:1].lower() + error["msg"][1:])


_WANTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "keys with values",
    "mapping_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
}


def _keys(model_type: type[BaseModel], loc: Iterable[str | int]) -> set[str]:
    """The keys that may stand at a path: walks field annotations down to the model found there."""
    from pydantic import BaseModel

    found: Any = model_type
    for step in loc:
        if isinstance(found, type) and issubclass(found, BaseModel):
            fields = found.model_fields
            named = {field.alias or name: field.annotation for name, field in fields.items()}
            found = named.get(str(step), found)
        inner = _models_in(found)
        found = inner[0] if inner else found
    if not (isinstance(found, type) and issubclass(found, BaseModel)):
        return set()
    return {field.alias or name for name, field in found.model_fields.items()}


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    from pydantic import BaseModel

    if isinstance(annotation, type) and not hasattr(annotation, "__args__") and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]


def _unquoted(expected: str) -> str:
    return expected.replace("'", "")


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else "a long text"
    if isinstance(value, dict):
        return "keys with values"
    return "a list" if isinstance(value, list) else str(value)
