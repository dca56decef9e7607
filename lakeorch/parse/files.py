"""One file → one `Model`: its settings, its query, what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from lakeorch.errors import Finding, Place, ProjectError, Source, Span, suggestion
from lakeorch.model import Check, Model, Settings, Severity
from lakeorch.parse.block import find_block, stray_blocks
from lakeorch.parse.facts import Facts
from lakeorch.parse.settings import read_settings
from lakeorch.parse.yaml import Places, load_yaml, locate

_CHECK_KEYS = ("description", "owner", "tags")


def parse_model(
    source: Source,
    name: str,
    defaults: Mapping[str, object] | None = None,
    root: Path | None = None,
    before: Model | None = None,
) -> tuple[Model | None, tuple[Finding, ...]]:
    """Reads one model.

    Args:
        source: the file: a query, or a module of Python where it is called `.py`.
        name: the model's name, `namespace.table`.
        defaults: settings that hold where the file says nothing.
        root: the project root, which a Python model imports modules of its own from.
        before: the model of an earlier text of the same file, without mistakes and by the same defaults. Mostly a query
            is edited and not its settings, and what reads those takes longer to load than everything else here.

    Returns:
        The model and what is wrong with it; None where there is no query to speak of. A model with findings is for
        messages about other models only: it must not run.
    """
    if source.file.endswith(".py"):
        return _python_model(source, name, defaults, root)
    settings, start, findings = _settings(source, defaults, before)
    facts = _facts(source, start) if start < len(source.text) or not findings else Facts(Span(0, 0))
    findings += (*facts.findings, *_self_reads(source, name, facts))
    model = _model(source, name, facts, settings)
    return model, _in_order(findings, name)


def _python_model(
    source: Source, name: str, defaults: Mapping[str, object] | None, root: Path | None
) -> tuple[Model | None, tuple[Finding, ...]]:
    from lakeorch.parse.python import parse_module, read_module

    module = parse_module(source)
    if isinstance(module, Finding):
        return None, (replace(module, model=name),)
    findings: tuple[Finding, ...] = ()
    written: object = {}
    places: Places = {}
    if module.block is not None:
        try:
            written, places = load_yaml(source, module.block.yaml)
        except ProjectError as error:
            findings = error.findings
    settings, wrong = read_settings(written, places, source, defaults=defaults)
    inputs = dict(settings.inputs)
    facts = read_module(module, inputs, {each: locate(places, ("inputs", each)) for each in inputs}, root)
    findings += (*wrong, *facts.findings, *_self_reads(source, name, facts))
    return _model(source, name, facts, settings), _in_order(findings, name)


def parse_check(source: Source, name: str) -> tuple[Model | None, tuple[Finding, ...]]:
    """Reads one file of FOLDER/checks: a SELECT that must return no row.

    Its settings block may hold `description`, `owner`, `tags` and `severity`; the severity stands in the one `Check`
    of the result's settings.
    """
    data, start, findings = _settings_data(source)
    severity: Severity = "error"
    settings = Settings()
    if data is not None:
        written, places = data
        told = written.get("severity", "error") if isinstance(written, dict) else "error"
        if told == "warn":
            severity = "warn"
        elif told != "error":
            findings += (source.finding(locate(places, ("severity",)), "expected severity error or warn"),)
        settings, wrong = _check_settings(written, places, source)
        findings += wrong
    facts = _facts(source, start)
    findings += facts.findings
    check = Check("sql", (), {"name": name.rpartition(".")[2]}, severity, source.place(facts.body.start))
    model = _model(source, name, facts, replace(settings, checks=(check,)))
    return model, _in_order(findings, name)


def parse_query(text: str, file: str = "<query>") -> Facts:
    """Reads one SELECT that stands alone: its references, files, variables, clock reads, and findings."""
    return _facts(Source(file, text), 0)


def read_source(path: Path, shown: str) -> tuple[Source | None, tuple[Finding, ...]]:
    """Reads a file as UTF-8, line ends as they are.

    Args:
        path: the file.
        shown: its path in messages.

    Returns:
        The source, None where the file cannot be read, and the finding that says why.
    """
    try:
        return decoded(path.read_bytes(), shown)
    except OSError as error:
        return None, (Finding(Place(shown), f"this file cannot be read: {error.strerror or error}"),)


def decoded(raw: bytes, shown: str) -> tuple[Source | None, tuple[Finding, ...]]:
    """The text of a file; as `read_source`."""
    try:
        source = Source(shown, raw.decode("utf-8-sig"))
        if (at := source.text.find("\0")) >= 0:
            return None, (source.finding(Span(at, at + 1), "a NUL byte: this is not text", hint="save it as UTF-8"),)
        return source, ()
    except UnicodeDecodeError as error:
        # the decoder counts from behind a byte order mark
        good = error.object[: error.start].decode("utf-8")
        bad = Source(shown, good + "\N{REPLACEMENT CHARACTER}")
        message = f"this file is not UTF-8: byte 0x{error.object[error.start]:02x} cannot be read"
        span = Span(len(good), len(good) + 1)
        return None, (bad.finding(span, message, hint="save it as UTF-8"),)


def _in_order(findings: Iterable[Finding], name: str) -> tuple[Finding, ...]:
    return tuple(sorted((replace(wrong, model=name) for wrong in findings), key=lambda wrong: wrong.place))


def _settings(
    source: Source, defaults: Mapping[str, object] | None, before: Model | None
) -> tuple[Settings, int, tuple[Finding, ...]]:
    """The settings of a model, where its SQL begins, and what is wrong."""
    block, _ = find_block(source)
    if block is not None and before is not None and before.source.text.startswith(source.text[: block.end]):
        return before.settings, block.end, stray_blocks(source, block.end)
    data, start, findings = _settings_data(source)
    if data is None and not defaults:
        return Settings(), start, findings
    written, places = data or ({}, {})
    settings, wrong = read_settings(written, places, source, defaults=defaults)
    return settings, start, (*findings, *wrong)


def _settings_data(source: Source) -> tuple[tuple[object, Places] | None, int, tuple[Finding, ...]]:
    """The data of the settings block with its places, where the SQL begins, and what is wrong."""
    block, findings = find_block(source)
    if block is None:
        # what was opened and not closed would be read as SQL: one message about it is enough
        return None, len(source.text) if findings else 0, findings or stray_blocks(source, 0)
    findings = stray_blocks(source, block.end)
    try:
        return load_yaml(source, block.yaml), block.end, findings
    except ProjectError as error:
        return None, block.end, (*error.findings, *findings)


def _check_settings(data: object, places: Places, source: Source) -> tuple[Settings, tuple[Finding, ...]]:
    if isinstance(data, dict):
        known = (*_CHECK_KEYS, "severity")
        for key in data:
            if key not in known:
                message = f'unknown key "{key}" in the settings of a check'
                hint = suggestion(str(key), known) or f"known keys: {', '.join(sorted(known))}"
                return Settings(), (source.finding(locate(places, (key,), key=True), message, hint=hint),)
        shared = {key: data[key] for key in data if key in _CHECK_KEYS} if isinstance(data, dict) else data
    return read_settings(shared, places, source)


def _self_reads(source: Source, name: str, facts: Facts) -> Iterator[Finding]:
    namespace = name.rpartition(".")[0]
    for reference in facts.references:
        full = reference.name if "." in reference.name else f"{namespace}.{reference.name}"
        if full == name:
            hint = "name the table it is made from" + ("" if "." in reference.name else ", with its namespace")
            yield source.finding(reference.span, f"{name} names itself as its input", hint=hint)


def _model(source: Source, name: str, facts: Facts, settings: Settings) -> Model | None:
    if facts.body.start == facts.body.end:
        return None
    return Model(
        name=name,
        source=source,
        body=facts.body,
        settings=settings,
        references=facts.references,
        files=facts.files,
        variables=facts.variables,
        clock=facts.clock,
        query_hash=facts.query_hash,
        growth=facts.growth,
        parameters=facts.parameters,
        modules=facts.modules,
    )


def _facts(source: Source, start: int) -> Facts:
    from lakeorch.parse.query import read_query

    return read_query(source, start)
