"""One SELECT → its `Facts`. Imports sqlglot: import this module where it is needed, not at the top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import TokenType, exp
from sqlglot.errors import ParseError

from lakeorch.errors import Finding, Source, Span, suggestion
from lakeorch.model import FileRead
from lakeorch.parse.digest import query_hash
from lakeorch.parse.facts import Facts
from lakeorch.parse.growth import growth
from lakeorch.parse.tables import read_names
from lakeorch.parse.tokens import dialect, read_words, span_of, tokenize

if TYPE_CHECKING:
    from sqlglot.tokenizer_core import Token

_BEGINNINGS = ("select", "with", "from", "values", "pivot", "pivot_wider", "pivot_longer", "unpivot", "table", "(")
_WRITES = ("insert", "create", "update", "delete", "merge", "replace", "truncate", "copy", "drop", "alter")
_OTHERS = (
    "attach", "begin", "call", "checkpoint", "commit", "describe", "detach", "execute", "explain", "export",
    "import", "install", "load", "pragma", "prepare", "rollback", "set", "show", "summarize", "use", "vacuum",
)  # fmt: skip
_PURPOSE = "write only the SELECT: of a model, lakeorch makes the table from it"


def read_query(source: Source, start: int = 0) -> Facts:
    """Reads the one statement of a file.

    Args:
        source: the file.
        start: where the SQL begins in it.

    Returns:
        The facts, with findings where there is not exactly one SELECT or something in it cannot be followed.
    """
    nothing = Span(start, start)
    tokens = tokenize(source, start)
    if isinstance(tokens, Finding):
        return Facts(nothing, findings=(tokens,))
    statement, more = _first_statement(tokens)
    if not statement:
        at = Span(0, 1)
        return Facts(
            nothing, findings=(source.finding(at, "there is no query here: expected one SELECT", hint=_PURPOSE),)
        )
    body = span_of(statement[0], statement[-1])
    wrong = _templated(source, statement) or _not_one_select(source, statement, more)
    if wrong:
        return Facts(body, findings=(wrong,))
    words = read_words(source, statement)
    tree = _parse(source, statement)
    if isinstance(tree, Finding):
        return Facts(body, findings=words.findings or (tree,))
    nodes = [*tree.walk()]
    names = read_names(source, nodes)
    findings = (*words.findings, *names.findings)
    files = sorted((*words.files, *names.files), key=_call_start)
    return Facts(
        body,
        names.references,
        tuple(files),
        words.variables,
        words.clock,
        "" if findings else query_hash(source.text, statement, names.spelled),
        growth(nodes),
        findings=findings,
    )


def _call_start(read: FileRead) -> int:
    return read.call.start


def _first_statement(tokens: Sequence[Token]) -> tuple[list[Token], Token | None]:
    """The tokens of the first statement, and the token where a second one begins."""
    statement: list[Token] = []
    ended = False
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            ended = bool(statement)
        elif ended:
            return statement, token
        else:
            statement.append(token)
    return statement, None


def _not_one_select(source: Source, statement: Sequence[Token], more: Token | None) -> Finding | None:
    first = statement[0]
    word = first.text.lower().split()[0] if first.text.strip() else ""
    span = span_of(first)
    if word in _WRITES:
        return source.finding(span, f"expected a SELECT, got {word.upper()}", hint=_PURPOSE)
    if word in _OTHERS:
        return source.finding(span, f"expected a SELECT, got {word.upper()}")
    if word not in _BEGINNINGS and first.token_type != TokenType.L_PAREN:
        return source.finding(span, f'expected a SELECT, got "{first.text}"', hint=suggestion(word, _BEGINNINGS))
    if more is not None:
        message = "a model is one statement: a second one begins here"
        return source.finding(span_of(more), message, hint="put it into a file of its own, or use WITH")
    return None


def _parse(source: Source, statement: list[Token]) -> exp.Expr | Finding:
    parser = dialect().parser()
    try:
        trees = parser.parse(statement, source.text)
    except ParseError as error:
        return _syntax(source, statement, error)
    except RecursionError:
        return source.finding(span_of(statement[0]), "this is nested too deeply to be read")
    except Exception:
        # on some broken SQL sqlglot trips over its own tree; where it stood is all there is to say
        before = getattr(parser, "_prev", None)
        at = next((token for token in statement if token is before), statement[0])
        return source.finding(span_of(at), f'syntax error: at or near "{at.text}"')
    tree = trees[0] if trees else None
    if isinstance(tree, exp.Query | exp.Pivot | exp.Values):
        return tree
    kind = type(tree).__name__.lower()
    for token in statement:
        if token.text.lower() == kind:
            return source.finding(span_of(token), f"expected a SELECT, got {kind.upper()}", hint=_PURPOSE)
    return source.finding(span_of(statement[0]), "expected a SELECT")


def _syntax(source: Source, statement: Sequence[Token], error: ParseError) -> Finding:
    facts = error.errors[0] if error.errors else {}
    at = next((t for t in statement if (t.line, t.col) == (facts.get("line"), facts.get("col"))), statement[-1])
    what = str(facts.get("description") or "").rstrip(".")
    missing = what.startswith("Required keyword")
    if missing or what.startswith("Expecting"):
        message = f'something is missing behind "{at.text}"' if missing else what
    else:
        message = f'at or near "{at.text}"'
    return source.finding(span_of(at), f"syntax error: {message}")


def _templated(source: Source, statement: Sequence[Token]) -> Finding | None:
    """Finds `{{ … }}` and `{% … %}`, which sqlglot would take for a struct in a struct."""
    for token in statement:
        sign = source.text[token.start : token.start + 2]
        if sign in ("{{", "{%"):
            message = "models are plain SQL without templating"
            hint = "write the table's name itself, and $name for a variable"
            return source.finding(Span(token.start, token.start + 2), message, hint=hint)
    return None
