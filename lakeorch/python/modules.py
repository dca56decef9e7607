"""A model's module: how it is loaded, and where in the user's code an error came from."""

from __future__ import annotations

import builtins
import functools
import importlib
import sys
import threading
import traceback
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import cache_from_source
from pathlib import Path

from lakeorch.errors import EngineError
from lakeorch.model import Model
from lakeorch.parse.python import FUNCTION

# the module path and sys.modules are the process's: one model is loaded at a time
_LOADING = threading.Lock()


def load(model: Model, root: Path) -> Callable[..., object]:
    """A model's function, from the text that was parsed; modules of the project are loaded anew with it.

    Args:
        model: a Python model.
        root: the project root, which stands last on the module path while the module is loaded.

    Raises:
        Exception: whatever the module raises.
    """
    name = f"_lakeorch_model_{model.name.replace('.', '_')}"
    module = types.ModuleType(name)
    module.__file__ = str(root / model.source.file)
    # standard output belongs to the command line, and may be one JSON document
    vars(module)["print"] = functools.partial(builtins.print, file=sys.stderr)
    code = compile(model.source.text, module.__file__, "exec", dont_inherit=True)
    with _LOADING, _project_on_path(model, root):
        sys.modules[name] = module  # where dataclasses and typing look their module up
        exec(code, vars(module))
    function: Callable[..., object] = vars(module)[FUNCTION]
    return function


@contextmanager
def _project_on_path(model: Model, root: Path) -> Iterator[None]:
    tops = {path.partition("/")[0].removesuffix(".py") for path in model.modules}
    held = {name: sys.modules.pop(name) for name in [*sys.modules] if name.partition(".")[0] in tops}
    importlib.invalidate_caches()
    for path in model.modules:
        # Python takes a compiled copy for that of the text where both are of one size and one second
        with suppress(OSError):
            Path(cache_from_source(str(root / path))).unlink()
    sys.path.append(str(root))
    try:
        yield
    finally:
        sys.path.remove(str(root))
        for name in [*sys.modules]:
            if name.partition(".")[0] in tops:
                del sys.modules[name]
        sys.modules.update(held)


def failure(error: BaseException, model: Model, root: Path) -> EngineError:
    """What a model's code raised, at the line of the user's that it came from.

    An error that arises where a lazy result is computed has passed no line of the user's: it counts for the function.
    """
    known = {str(root / shown): shown for shown in (model.source.file, *model.modules)}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in known]
    if frames:
        at = frames[-1]
        place = f"{known[at.filename]}:{at.lineno}:{(at.colno or 0) + 1}"
    elif isinstance(error, SyntaxError) and error.filename in known:
        place = f"{known[error.filename]}:{error.lineno}:{error.offset or 1}"
    else:
        place = place_of(model)
    # what stands below the first paragraph is for a debugger: Polars draws its whole plan there
    message = str(error).strip().partition("\n\n")[0] or "no message"
    hint = (
        "install it, or put it into the project's folder"
        if isinstance(error, ModuleNotFoundError)
        else error_hint(error)
    )
    return EngineError(f"{place}: {type(error).__name__}: {message}", hint=hint)


def place_of(model: Model) -> str:
    """Where a model's function begins."""
    lines = enumerate(model.source.text.split("\n"), 1)
    line = next((number for number, text in lines if text.startswith(f"def {FUNCTION}")), 1)
    return f"{model.source.file}:{line}:1"


def error_hint(error: BaseException) -> str:
    """The hint that an error of lakeorch's own carries."""
    return error.hint if isinstance(error, EngineError) else ""
