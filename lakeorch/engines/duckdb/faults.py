"""DuckDB's errors in plain words, with the place of the offence in the SQL that lakeorch was given."""

from __future__ import annotations

import errno
import json
import re
from pathlib import Path

import duckdb

from lakeorch.engines import Files
from lakeorch.errors import EngineError, Interrupted

_FULL = (errno.ENOSPC, errno.EDQUOT)
# "Candidate bindings" and the like repeat what travels in `candidates`
_REST = re.compile(r"\n\s*(Candidate|Did you mean|Possible)", re.IGNORECASE)
_LISTED = re.compile(r"\n\s*(?:Candidate[^\n:]*|Did you mean)[\s:]*((?:\"(?:[^\"])+\"[,\s?]*)+)")
# what is wrong, in messages that carry no `name` of their own; the first group is the offending name
_NAMED = tuple(
    re.compile(pattern)
    for pattern in (
        r"does not have a column named \"([^\"]+)\"",
        r"Referenced table \"([^\"]+)\" not found",
        r"Cannot extract field '([^']+)'",
        r"Could not find key \"([^\"]+)\"",
        r"[Cc]olumn \"([^\"]+)\"",
        r"named parameter \"([^\"]+)\"",
    )
)
_PLAINER = tuple(
    (re.compile(pattern), words, remedy)
    for pattern, words, remedy in (
        (r"Referenced column (\".+?\") not found", r"there is no column \1", ""),
        (r"Table (\".+?\") does not have a column named (\".+?\")", r"\1 has no column \2", ""),
        (r"Referenced table (\".+?\") not found", r"no table in FROM is called \1", ""),
        (r"(?:\w+ )?Function with name (\S+) does not exist", r"there is no function \1()", ""),
        (r"Type with name (\S+) does not exist", r"there is no type \1", ""),
        (r"Table with name (\S+) does not exist", r"there is no table \1", ""),
        (
            r"column (\".+?\") must appear in the GROUP BY",
            r"\1 is neither grouped by nor aggregated",
            "add it to GROUP BY",
        ),
        (r"No function matches .*? argument types '(.+?)'", r"the types do not fit: \1", "CAST to types that do"),
    )
)
# a string or a quoted name is kept (group 1), whatever dashes stand in it
_COMMENT = re.compile(r"('(?:[^']|'')*'|\"(?:[^\"]|\"\")*\")|--[^\n]*|/\*.*?\*/", re.DOTALL)
_CSV_FILE = re.compile(r"^\s*file = (.+)$", re.MULTILINE)
_CSV_LINE = re.compile(r"CSV Error on Line: (\d+)\n(?:Original Line: ?(.*)\n)?")
_CSV_FIX = re.compile(r"\n\s*(?:\* |Possible fixes:\n\* |Possible Solution: )(.+)")


def engine_error(error: BaseException, sent: str, sql: str) -> EngineError | Interrupted:
    """What DuckDB (or Arrow, while a stream is read) raised, as an error about `sql`, which stands in `sent`.

    Args:
        error: as it was caught.
        sent: the statement that was sent.
        sql: the part of it that the caller gave, for positions; empty where nothing of it is the caller's.
    """
    facts = _facts(str(error))
    text = facts.get("exception_message", "").strip()
    if isinstance(error, duckdb.InterruptException) or facts.get("exception_type", "").upper() == "INTERRUPT":
        return Interrupted("interrupted")
    if (plain := _resources(error, facts, text)) is not None:
        return plain
    if "CSV Error on Line" in text:
        return _csv_row(text)
    if match := re.match(r'Error when sniffing file "(.+)"', text):
        message = f"{match.group(1)}: cannot tell how this CSV file is laid out"
        hint = "look for a row with too many or too few values, or say delim, quote, header, skip to the reader"
        return EngineError(message, hint=hint, position=_position(facts.get("position"), sent, sql))
    name = facts.get("name", "")
    for pattern in _NAMED:
        if name:
            break
        name = match.group(1) if (match := pattern.search(text)) else ""
    position = _position(facts.get("position"), sent, sql)
    if name and (at := find_name(sql, name, max(position or 0, 0))) is not None:
        position = at if position is None or at - position < _REACH else position
    message = re.sub(r"\s*\n\s*", " ", _REST.split(text, maxsplit=1)[0]).strip()
    hint = ""
    for pattern, plain_words, remedy in _PLAINER:
        if match := pattern.match(message):
            message, hint = match.expand(plain_words), remedy
    return EngineError(
        message,
        position=position,
        candidates=_candidates(facts, text),
        name=name,
        hint=hint,
    )


def lost_file(table: Files) -> EngineError | None:
    """What is wrong with a table one of whose local data files is gone; None where none is."""
    local = (path.removeprefix("file://") for path in table.paths)
    lost = [path for path in local if "://" not in path and not Path(path).exists()]
    if not lost:
        return None
    more = f" and {len(lost) - 1:,} more" if len(lost) > 1 else ""
    # names of lakeorch's own are for one version of a table
    known = not table.name.startswith("_lakeorch.")
    return EngineError(
        f"{f'{table.name}: ' if known else ''}a data file of the table is gone: {lost[0]}{more}",
        hint="put it back from a backup"
        + (f", or build the table anew: lakeorch run --full -s {table.name}" if known else ""),
    )


# how far behind the position that DuckDB gives (the start of `t.column`) the offending name may stand
_REACH = 160


def find_name(sql: str, name: str, start: int = 0) -> int | None:
    """The offset of a name in SQL, bare or quoted, letter case aside; None where it does not occur after `start`.

    Comments do not count.
    """
    shown = _COMMENT.sub(lambda found: found.group(1) or " " * len(found.group()), sql)
    match = re.compile(rf"(?<![\w$]){re.escape(name)}(?!\w)", re.IGNORECASE).search(shown, start)
    return match.start() if match else None


def _facts(text: str) -> dict[str, str]:
    brace = text.find("{")
    if brace >= 0:
        try:
            # Arrow appends its own words to the text of an error that arises while a stream is read
            facts, _ = json.JSONDecoder().raw_decode(text, brace)
        except json.JSONDecodeError:
            return {"exception_message": text}
        return {key: str(value) for key, value in facts.items()} if isinstance(facts, dict) else {}
    return {"exception_message": text}


def _position(given: str | None, sent: str, sql: str) -> int | None:
    # DuckDB counts bytes of the whole statement; the caller counts characters of its own part
    start = sent.find(sql) if sql else -1
    if given is None or not given.isdigit() or start < 0:
        return None
    offset = len(sent.encode()[: int(given)].decode(errors="ignore")) - start
    return offset if 0 <= offset <= len(sql) else None


def _candidates(facts: dict[str, str], text: str) -> tuple[str, ...]:
    if facts.get("error_subtype") == "NO_MATCHING_FUNCTION":
        return ()
    if match := _LISTED.search(text):
        return tuple(re.findall(r'"([^"]+)"', match.group(1)))
    return tuple(part.strip(' "') for part in facts.get("candidates", "").split(",") if part.strip(' "'))


def _resources(error: BaseException, facts: dict[str, str], text: str) -> EngineError | None:
    number = int(facts["errno"]) if facts.get("errno", "").isdigit() else 0
    first = text.partition("\n")[0]
    if number in _FULL or "No space left on device" in text or "failed to offload" in text:
        return EngineError(f"the disk is full ({first})", hint="make room and run again; finished steps are kept")
    if isinstance(error, duckdb.OutOfMemoryException):
        return EngineError(f"out of memory ({first})", hint="run with fewer --threads, or on a larger machine")
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return EngineError(f"no permission ({first})", hint="check who owns the folder and whether it is writable")
    if facts.get("exception_type") == "Missing Extension" or "it exists in the" in text:
        hint = "lakeorch loads no DuckDB extensions from the network"
        if "httpfs" in text:
            hint += ": copy the files here, or keep the warehouse in the same object store"
        return EngineError(first, hint=hint)
    return None


def _csv_row(text: str) -> EngineError:
    file, line = _CSV_FILE.search(text), _CSV_LINE.search(text)
    fixes = [fix for fix in _CSV_FIX.findall(text) if "COPY" not in fix]
    what = text[line.end() :] if line else text
    what = re.split(r"\n\s*(?:\n|\* |Possible|Column )", what, maxsplit=1)[0].replace("\n", " ").strip()
    place = f"{file.group(1) if file else 'a CSV file'}, line {line.group(1) if line else '?'}"
    shown = f" (the line: {line.group(2)})" if line and line.group(2) else ""
    return EngineError(f"{place}: {what}{shown}", hint=fixes[0].strip() if fixes else "")
