"""Which files a pattern means, what identifies them, and when a remembered digest is not to be trusted."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import pytest
from blake3 import blake3

from lakeorch.errors import UsageError
from lakeorch.sources import files
from lakeorch.sources.files import (
    Hashes,
    absolute_pattern,
    find_files,
    list_files,
    listing_text,
    literal_path,
    read_listing,
)

TREE = [
    "a.csv",
    "b.csv",
    "B.csv",
    ".dot.csv",
    "_x.csv",
    "[1].csv",
    "z*.csv",
    "sub/a.csv",
    "sub/deep/a.csv",
    "sub/.hid/a.csv",
    "c.txt",
]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "odd [r]oot*, x"
    for name in TREE:
        path = root / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"x\n{name}\n")
    monkeypatch.chdir(tmp_path)
    return root


PATTERNS = [
    "raw/*.csv",
    "raw/**/*.csv",
    "raw/**/a.csv",
    "**/a.csv",
    "raw/**",
    "raw/?.csv",
    "raw/[ab].csv",
    "raw/[!a].csv",
    "raw/[a-c]*",
    "raw/[[]1].csv",
    "raw/z[*].csv",
    "raw/*/a.csv",
    "raw/s*/**/a.csv",
    "./raw/a.*",
    "raw/../raw/b.csv",
    "raw/a.csv",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_globs_mean_what_they_mean_to_duckdb(root: Path, pattern: str) -> None:
    plain = root.parent / "plain"
    shutil.copytree(root, plain)
    with duckdb.connect() as connection:
        found = connection.execute("SELECT file FROM glob(?)", [str(plain / pattern)]).fetchall()
        expected = sorted(os.path.relpath(os.path.normpath(file), plain) for (file,) in found)
        assert expected
        assert list(find_files(pattern, plain)) == expected
        assert list(find_files(pattern, root)) == expected
        # what the engine is sent for it reads the same files, whatever the root is called
        sent = connection.execute("SELECT file FROM glob(?)", [absolute_pattern(pattern, root)]).fetchall()
        assert sorted(os.path.relpath(os.path.normpath(file), root) for (file,) in sent) == expected
        for path in expected:
            [(one,)] = connection.execute("SELECT file FROM glob(?)", [literal_path(path, root)]).fetchall()
            assert one == str(root / path)


def test_paths_outside_the_root(root: Path) -> None:
    other = root.parent / "other"
    other.mkdir()
    (other / "o.csv").write_text("x")
    for pattern in ("../other/*.csv", f"{other}/o.csv", f"file://{other}/*.csv", f"{other}/?.csv"):
        assert find_files(pattern, root) == (f"{other}/o.csv",)
        assert literal_path(f"{other}/o.csv", root) == f"{other}/o.csv"


def test_a_literal_path_is_no_pattern_of_the_root(root: Path) -> None:
    with pytest.raises(UsageError):
        find_files("raw/missing.csv", root)
    assert find_files("raw/a.csv", root) == ("raw/a.csv",)


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("rwa/*.csv", 'did you mean "raw"?'),
        ("raw/sbu/a.csv", 'did you mean "sub"?'),
        ("raw/nothing_like_it/a.csv", "raw has no 'nothing_like_it'"),
        ("raw/*.parquet", "nothing in raw fits '*.parquet'"),
        ("raw/sub", "'raw/sub' is a folder: name the files in it, as in 'raw/sub/*.csv'"),
        ("xyz", "the project root has no 'xyz'"),
    ],
)
def test_nothing_matches(root: Path, pattern: str, hint: str) -> None:
    for look in (lambda: find_files(pattern, root), lambda: list_files(pattern, root, Hashes(root))):
        with pytest.raises(UsageError, match="no file matches") as caught:
            look()
        assert caught.value.hint == hint


def test_links_upwards_do_not_loop(root: Path) -> None:
    (root / "raw" / "sub" / "up").symlink_to(root / "raw")
    assert "raw/sub/deep/a.csv" in find_files("raw/**/a.csv", root)
    (root / "raw" / "link.csv").symlink_to(root / "raw" / "a.csv")
    assert "raw/link.csv" in find_files("raw/*.csv", root)


# ---- digests ----


def test_a_file_set_is_its_paths_sizes_and_contents(root: Path) -> None:
    def listed() -> str:
        return list_files("raw/*.csv", root, Hashes(root)).digest

    first = listed()
    files = list_files("raw/*.csv", root, Hashes(root)).files
    assert [file.path for file in files] == sorted(file.path for file in files)
    assert files[0].size == (root / files[0].path).stat().st_size
    (root / "raw" / "a.csv").touch()
    assert listed() == first
    (root / "raw" / "new.csv").write_text("x")
    more = listed()
    assert more != first
    (root / "raw" / "new.csv").write_text("y")
    assert listed() not in (first, more)
    (root / "raw" / "new.csv").unlink()
    assert listed() == first
    (root / "raw" / "a.csv").rename(root / "raw" / "moved.csv")
    assert listed() != first


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose content was read."""
    seen: list[str] = []
    whole = files._digest_of

    def watched(stream: Any) -> str:
        seen.append(stream.name)
        return whole(stream)

    monkeypatch.setattr(files, "_digest_of", watched)
    return seen


@pytest.mark.parametrize("size", [0, 1, files._CHUNK - 1, files._CHUNK, 2 * files._CHUNK + 7])
def test_a_digest_is_that_of_all_bytes(tmp_path: Path, size: int) -> None:
    content = random.Random(size).randbytes(size)
    (tmp_path / "a.csv").write_bytes(content)
    [file] = list_files("a.csv", tmp_path, Hashes(tmp_path)).files
    assert (file.size, file.digest) == (size, blake3(content).hexdigest()[:32])


def settle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Moves the clock on, so that files just written count as old."""
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now + 3_000_000_000)


def test_digests_are_remembered(root: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch)
    hashes = Hashes(root)
    first = list_files("raw/*.csv", root, hashes)
    assert len(hashed) == len(first.files)
    hashes.save()
    assert list_files("raw/*.csv", root, Hashes(root)) == first
    assert len(hashed) == len(first.files)
    (root / "raw" / "a.csv").write_text("other")
    assert list_files("raw/*.csv", root, Hashes(root)).digest != first.digest
    assert len(hashed) == len(first.files) + 1


def test_a_young_file_is_read_again(root: Path, hashed: list[str]) -> None:
    hashes = Hashes(root)
    first = list_files("raw/a.csv", root, hashes)
    hashes.save()
    assert list_files("raw/a.csv", root, Hashes(root)) == first
    assert len(hashed) == 2


def test_same_size_and_time_do_not_hide_a_change(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch)
    path = root / "raw" / "a.csv"
    hashes = Hashes(root)
    first = list_files("raw/a.csv", root, hashes)
    hashes.save()
    before = path.stat()
    path.write_text(path.read_text()[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert list_files("raw/a.csv", root, Hashes(root)).digest != first.digest


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 1, "files": {}}', '{"version": 2, "files": {"a": [1]}}', "\0"]
)
def test_a_spoilt_cache_is_ignored(root: Path, text: str) -> None:
    first = list_files("raw/a.csv", root, Hashes(root))
    (root / ".lakeorch").mkdir()
    (root / ".lakeorch" / "files.json").write_text(text)
    assert list_files("raw/a.csv", root, Hashes(root)) == first


def test_a_folder_that_cannot_be_written_is_no_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch)
    (root / ".lakeorch").write_text("a file in the way")
    hashes = Hashes(root)
    list_files("raw/a.csv", root, hashes)
    hashes.save()
    assert (root / ".lakeorch").read_text() == "a file in the way"


def test_saving_leaves_no_other_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(monkeypatch)
    hashes = Hashes(root)
    list_files("raw/a.csv", root, hashes)
    hashes.save()
    hashes.save()
    assert [path.name for path in (root / ".lakeorch").iterdir()] == ["files.json"]


def test_a_file_that_cannot_be_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UsageError, match=r"cannot read .*a\.csv: Permission denied"):
        list_files("raw/a.csv", root, Hashes(root))


def test_listing_there_and_back(root: Path) -> None:
    found = list_files("raw/**/*.csv", root, Hashes(root))
    assert read_listing(listing_text(found)) == found
    spoilt = listing_text(found).replace("raw/a.csv", "raw/q.csv")
    for text in ("", "{}", "[]", "3", spoilt):
        with pytest.raises(ValueError, match=r"\S"):
            read_listing(text)


# ---- URLs ----


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    system = fsspec.filesystem("memory")
    system.pipe({"/bucket/a.csv": b"1", "/bucket/b.csv": b"2", "/bucket/sub/c.csv": b"3"})
    yield system
    system.rm("/bucket", recursive=True)


def test_urls_are_listed(root: Path, memory: fsspec.AbstractFileSystem) -> None:
    hashes = Hashes(root)
    one = list_files("memory://bucket/*.csv", root, hashes)
    assert [file.path.rsplit("/", 1)[1] for file in one.files] == ["a.csv", "b.csv"]
    assert all("://" in file.path for file in one.files)
    assert list_files("memory://bucket/a.csv", root, hashes).files == one.files[:1]
    assert len(list_files("memory://bucket/**/*.csv", root, hashes).files) == 3
    memory.pipe("/bucket/a.csv", b"9")
    assert list_files("memory://bucket/*.csv", root, hashes).digest != one.digest
    with pytest.raises(UsageError, match="no file matches"):
        list_files("memory://bucket/none.csv", root, hashes)
    with pytest.raises(UsageError, match="cannot list"):
        list_files("nosuch://bucket/x", root, hashes)
    assert find_files("memory://bucket/none.csv", root) == ("memory://bucket/none.csv",)


def test_an_etag_stands_for_the_content(
    root: Path, memory: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = {"tag": '"one"'}
    info = memory.info
    monkeypatch.setattr(type(memory), "info", lambda self, path, **_: {**info(path), "ETag": tags["tag"]})
    monkeypatch.setattr(type(memory), "open", lambda *_, **__: pytest.fail("the content was read"))
    first = list_files("memory://bucket/a.csv", root, Hashes(root))
    tags["tag"] = '"two"'
    assert list_files("memory://bucket/a.csv", root, Hashes(root)).digest != first.digest


def test_importing_loads_nothing_heavy() -> None:
    code = "import sys, lakeorch.sources.files; print([m for m in ('fsspec', 'duckdb') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
