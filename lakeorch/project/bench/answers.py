"""Whether contenders gave the same rows, in whatever order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lakeorch.engines import Engine, Files, Session
from lakeorch.errors import LakeorchError
from lakeorch.model import Field
from lakeorch.project.bench.result import Answer, Contender
from lakeorch.project.compare import Comparison, Side, compare_rows, floats

TOLERANCE = 1e-9
SAMPLES = 3
_FIRST, _OTHER = "_lakeorch.first", "_lakeorch.other"


@dataclass(frozen=True, slots=True)
class Written:
    """What a contender wrote: columns, and files."""

    fields: tuple[Field, ...]
    paths: tuple[str, ...]


def compared(
    engine: Engine,
    root: str,
    model: str,
    key: Sequence[str],
    written: Mapping[Contender, Written],
    again: Callable[[], tuple[str, ...]],
) -> Iterator[Answer]:
    """Holds what every contender wrote against what the first one did.

    Args:
        engine: compares.
        root: of the project.
        model: whose rows they are.
        key: of the model; empty where it has none.
        written: by contender.
        again: has the first contender write once more, and returns the files.
    """
    (_, first), *others = written.items()
    for contender, other in others:
        columns = _told(first, other)
        if columns:
            yield Answer(model, contender, "different", reason=columns)
            continue
        near = floats(first.fields)
        try:
            difference = _difference(engine, root, key, first, other)
            if difference is None or difference.equal:
                yield Answer(model, contender, "same", near=near if difference else ())
                continue
            repeated = _difference(engine, root, key, first, Written(first.fields, again()))
        except LakeorchError as error:
            yield Answer(model, contender, "unknown", reason=error.message)
            continue
        if repeated is not None and not repeated.equal:
            reason = "it gives other rows each time: is there a LIMIT without an order, or a random value?"
            yield Answer(model, contender, "unsteady", reason=reason)
        else:
            yield Answer(model, contender, "different", difference=difference)


def _told(first: Written, other: Written) -> str:
    """How the columns differ; empty where they do not."""
    one, two = ({field.name.lower(): field.type for field in each.fields} for each in (first, other))
    if one == two:
        return ""
    parts = [f"{name} is missing" for name in one.keys() - two.keys()]
    parts += [f"{name} is new" for name in two.keys() - one.keys()]
    parts += [f"{name} is {two[name]}, not {one[name]}" for name in one.keys() & two.keys() if one[name] != two[name]]
    return f"other columns: {', '.join(sorted(parts))}"


def _difference(engine: Engine, root: str, key: Sequence[str], first: Written, other: Written) -> Comparison | None:
    """How the rows differ; None where they are certainly the same."""
    sides = [Files(name, each.fields, each.paths) for name, each in ((_FIRST, first), (_OTHER, other))]
    with engine.session(sides, {}, root) as session:
        a, b = (Side(engine.quote(side.name), side.fields, side.name) for side in sides)
        if _digest(session, a, first.fields) == _digest(session, b, first.fields):
            return None
        return compare_rows(engine, session, a, b, key, TOLERANCE, samples=SAMPLES)


def _digest(session: Session, side: Side, fields: Sequence[Field]) -> str:
    from lakeorch.types import identifier

    names = ", ".join(identifier(field.name) for field in fields)
    return session.digest(f"SELECT {names} FROM {side.relation}")
