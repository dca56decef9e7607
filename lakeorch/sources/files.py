"""Raw files: which files a pattern means, and a digest of what is in them.

Size and content hash identify a file; path, size and times only short-cut the hashing. On object stores the etag
stands for the content.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from blake3 import blake3

from lakeorch.errors import UsageError, suggestion
from lakeorch.model import FileSet, InputFile

# A file changed again within the clock's grain keeps its times: what was so young when it was hashed is not trusted.
_GRAIN_NS = 2_000_000_000
# of BLAKE3 (https://github.com/BLAKE3-team/BLAKE3-specs): 128 bits tell files apart that nobody made to collide
_BYTES = 16
_CHUNK = 4 * 1024 * 1024


def list_files(pattern: str, root: Path, cache: Hashes) -> FileSet:
    """The files behind a path or glob, sorted by path, with their digests.

    Args:
        pattern: a path or a glob in DuckDB's words (`*`, `?`, `[a-z]`, `[!a-z]`, `**` for any depth), relative to
            `root`, absolute, or a URL.
        root: the project root. Paths of files below it are given relative to it.
        cache: remembers digests; to `save` it is the caller's.

    Raises:
        UsageError: nothing matches, or a file cannot be read; the message fits a Finding.
    """
    files = _remote(pattern) if _is_url(pattern) else [_local(path, root, cache) for path in _match(pattern, root)]
    if not files:
        raise _no_match(pattern, root)
    return file_set(pattern, files)


def find_files(pattern: str, root: Path) -> tuple[str, ...]:
    """The paths of local files behind a pattern, as `list_files` gives them, without reading any file.

    For a URL, which only the network could answer, it is the pattern itself.

    Raises:
        UsageError: nothing matches.
    """
    if _is_url(pattern):
        return (pattern,)
    found = tuple(sorted(_shown(path, root) for path in _match(pattern, root)))
    if not found:
        raise _no_match(pattern, root)
    return found


def stamp_of(path: Path) -> tuple[int, int, int]:
    """A file's size and times, which every write to it moves; zeros where it is gone."""
    try:
        seen = path.stat()
    except OSError:
        return 0, 0, 0
    return seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def literal_path(path: str, root: Path) -> str:
    """A listed path for an engine: absolute, and with glob characters escaped, so that it means this file only."""
    if _is_url(path):
        return path
    return re.sub(r"[*?\[]", r"[\g<0>]", str(root / path))


def absolute_pattern(pattern: str, root: Path) -> str:
    """A pattern for an engine: relative to nothing, so that no file near the current folder can take its place."""
    if _is_url(pattern):
        return pattern
    pattern = pattern.removeprefix("file://")
    return str(Path(pattern).expanduser()) if _from_anchor(pattern) else f"{literal_path('', root)}/{pattern}"


def file_set(pattern: str, files: list[InputFile]) -> FileSet:
    """A FileSet of these files, in order of path, with the digest over all of them."""
    ordered = tuple(sorted(files, key=lambda file: file.path))
    facts = [[file.path, file.size, file.digest] for file in ordered]
    return FileSet(pattern, ordered, _hash(json.dumps(facts, separators=(",", ":")).encode()))


def listing_text(files: FileSet) -> str:
    """A listing as JSON, to be kept under its digest."""
    rows = [[file.path, file.size, file.digest] for file in files.files]
    return json.dumps({"pattern": files.pattern, "digest": files.digest, "files": rows}, separators=(",", ":"))


def read_listing(text: str) -> FileSet:
    """Reads what `listing_text` wrote; raises ValueError on anything else, or where the digest does not fit."""
    try:
        doc = json.loads(text)
        files = [InputFile(str(path), int(size), str(digest)) for path, size, digest in doc["files"]]
        found = file_set(str(doc["pattern"]), files)
        expected = doc["digest"]
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a listing of files: {error}") from error
    if found.digest != expected:
        raise ValueError("the listing of files does not fit its digest")
    return found


def not_as_before(files: Iterable[InputFile], root: Path) -> tuple[str, ...]:
    """The paths of those files that are gone, or hold something else now. Every local one is read."""
    return tuple(file.path for file in files if _content(file.path, root) != (file.size, file.digest))


def _content(path: str, root: Path) -> tuple[int, str] | None:
    if _is_url(path):
        try:
            [found] = _remote(path)
        except (UsageError, ValueError):
            return None
        return found.size, found.digest
    try:
        with (root / path).open("rb") as stream:
            return (root / path).stat().st_size, _digest_of(stream)
    except OSError:
        return None


class Hashes:
    """Digests of local files, remembered in `<root>/.lakeorch/files.json`; lost or spoilt, they are made again.

    Args:
        root: the project root.
    """

    def __init__(self, root: Path) -> None:
        self._file = root / ".lakeorch" / "files.json"
        self._known = self._read()
        self._changed = False

    def digest(self, path: Path) -> tuple[int, str]:
        """Size and content hash of a file; raises OSError."""
        seen = path.stat()
        # the inode's change time too: a copy can restore a file's modification time, but not this one
        key = [seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns]
        known = self._known.get(str(path))
        if known and known[:3] == key:
            return seen.st_size, str(known[3])
        now = time.time_ns()
        with path.open("rb") as stream:
            found = _digest_of(stream)
            size = stream.tell()
        if size == seen.st_size and abs(now - max(seen.st_mtime_ns, seen.st_ctime_ns)) > _GRAIN_NS:
            self._known[str(path)] = [*key, found]
            self._changed = True
        return size, found

    def save(self) -> None:
        """Writes what was learnt, in one step; a folder that cannot be written to is no error."""
        if not self._changed:
            return
        text = json.dumps({"version": 2, "files": self._known}, separators=(",", ":"))
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._file.parent, prefix="files-", suffix=".tmp")
            try:
                with os.fdopen(handle, "w") as stream:
                    stream.write(text)
                Path(name).replace(self._file)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError:
            return

    def _read(self) -> dict[str, list[object]]:
        try:
            doc = json.loads(self._file.read_bytes())
            rows = doc["files"].items() if doc["version"] == 2 else ()
            return {path: row for path, row in rows if len(row) == 4 and isinstance(row[3], str)}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}


def _local(path: str, root: Path, cache: Hashes) -> InputFile:
    try:
        size, digest = cache.digest(Path(path))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error
    return InputFile(_shown(path, root), size, digest)


def _shown(path: str, root: Path) -> str:
    try:
        return Path(path).relative_to(root).as_posix()
    except ValueError:
        return Path(path).as_posix()


def _match(pattern: str, root: Path) -> list[str]:
    pattern = pattern.removeprefix("file://")
    path = Path(pattern).expanduser()
    if not re.search(r"[*?\[]", pattern):
        full = os.path.normpath(root / path)
        return [full] if Path(full).is_file() else []
    parts = Path(os.path.normpath(path)).parts
    # parts of the root are never a pattern, whatever characters its name holds
    start, parts = (path.anchor, parts[1:]) if path.is_absolute() else (str(root), parts)
    return sorted(set(_walk(start, parts)))


def _is_url(pattern: str) -> bool:
    return "://" in pattern and not pattern.startswith("file://")


def _from_anchor(pattern: str) -> bool:
    return Path(pattern).expanduser().is_absolute()


def _no_match(pattern: str, root: Path) -> UsageError:
    return UsageError(f"no file matches {pattern!r}", hint=_why_none(pattern, root))


def _walk(folder: str, parts: tuple[str, ...]) -> Iterator[str]:
    first, rest = parts[0], parts[1:]
    if first == "**":
        # like DuckDB: links to folders are not followed, so that a link upwards cannot make it endless
        yield from _walk(folder, rest or ("*",))
        for entry in _entries(folder):
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, parts)
        return
    if first == "..":
        yield from _walk(str(Path(folder).parent), rest)
        return
    match = re.compile(_component(first)).fullmatch
    for entry in _entries(folder):
        if match(entry.name) and (entry.is_dir() if rest else entry.is_file()):
            if rest:
                yield from _walk(entry.path, rest)
            else:
                yield entry.path


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []


def _component(glob: str) -> str:
    """One part of a glob as a regular expression; unlike a shell's, `*` also takes names that begin with a dot."""
    out, at = "", 0
    while at < len(glob):
        char = glob[at]
        close = glob.find("]", at + 2) if char == "[" else -1
        if close > 0:
            inner = glob[at + 1 : close]
            negated = inner.startswith("!")
            inner = re.sub(r"([\\\[\]^&~|])", r"\\\1", inner.removeprefix("!"))
            out += f"[{'^' if negated else ''}{inner}]"
            at = close
        else:
            out += {"*": ".*", "?": "."}.get(char, re.escape(char))
        at += 1
    return f"(?s:{out})"


def _remote(pattern: str) -> list[InputFile]:
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(pattern)
        system.invalidate_cache()  # one file system serves a process for good, and remembers what a folder held
        found = system.glob(path, detail=True) if re.search(r"[*?\[]", path) else _single(system, path)
        facts = {name: info for name, info in found.items() if info.get("type") != "directory"}
        return [_remote_file(system, name, info) for name, info in facts.items()]
    except ImportError as error:
        raise UsageError(f"cannot read {pattern!r}: {error}") from error
    except Exception as error:  # each store's library has errors of its own
        hint = "check the address, and the login that the environment gives"
        raise UsageError(f"cannot list {pattern!r}: {error}", hint=hint) from error


def _single(system: Any, path: str) -> dict[str, dict[str, object]]:
    try:
        return {path: dict(system.info(path))}
    except FileNotFoundError:
        return {}


def _remote_file(system: Any, name: str, info: dict[str, object]) -> InputFile:
    url = str(system.unstrip_protocol(name))
    size = int(str(info.get("size") or 0))
    etag = info.get("ETag") or info.get("etag") or info.get("e_tag") or info.get("md5Hash")
    if etag:
        return InputFile(url, size, _hash(str(etag).strip('"').encode()))
    with system.open(name, "rb") as stream:
        return InputFile(url, size, _digest_of(stream))


def _why_none(pattern: str, root: Path) -> str:
    """The first part of a path that leads nowhere."""
    if _is_url(pattern):
        return ""
    path = Path(pattern.removeprefix("file://")).expanduser()
    folder = Path(path.anchor) if path.is_absolute() else root
    for part in path.relative_to(folder).parts if path.is_absolute() else path.parts:
        shown = _shown(str(folder), root)
        shown = "the project root" if shown == "." else shown
        if re.search(r"[*?\[]", part):
            return f"nothing in {shown} fits {part!r}"
        if not (folder / part).exists():
            return suggestion(part, [entry.name for entry in _entries(str(folder))]) or f"{shown} has no {part!r}"
        folder /= part
    return f"{pattern!r} is a folder: name the files in it, as in {pattern.rstrip('/') + '/*.csv'!r}"


def _digest_of(stream: BinaryIO) -> str:
    """The digest of a file, made by all processors: beside the engine nothing else in a run looks at every byte."""
    state = blake3(max_threads=blake3.AUTO)
    while chunk := stream.read(_CHUNK):
        state.update(chunk)
    return state.hexdigest(length=_BYTES)


def _hash(data: bytes) -> str:
    return blake3(data).hexdigest(length=_BYTES)
