"""A version of a table made again, from nothing but what its snapshots recorded: query, inputs, variables, time.

A table that is always its whole query is made by running it once. Append and merge grow: their versions are replayed
one by one since the last full build, each on the input that was new to it. Where an early one cannot be replayed,
because a raw file is gone say, the rows that stood behind it are taken as given.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lakeorch.bind import statement
from lakeorch.bind.recorded import NotAQueryError, Recorded, SecretError, read_query
from lakeorch.engines import Engine, Files, Query, Relation, Target, relation
from lakeorch.errors import LakeorchError
from lakeorch.execute.reading import Reading
from lakeorch.lake import Lake, Scan, Timeline, Version
from lakeorch.model import Field, FileSet, Inputs, Published, Scalar, Settings
from lakeorch.plan import INCREMENTAL, Survey
from lakeorch.sources.files import file_set, not_as_before, read_listing
from lakeorch.types import identifier

EXPECTED = "_lakeorch.expected"
_GIVEN = "_lakeorch.given"
_AFTER, _BEFORE = "_lakeorch.after", "_lakeorch.before"


class NotReplayableError(Exception):
    """Why a version cannot be made again."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A version made again.

    Attributes:
        relations: the last of them, called EXPECTED, holds its rows.
        given: why the rows of an earlier version were taken as they are; empty where everything was made again.
    """

    relations: tuple[Relation, ...]
    given: str


@dataclass(frozen=True, slots=True)
class _Link:
    """One build that can be run again.

    Attributes:
        survey: what the build saw, as far as it decides which rows came out.
        inputs: the snapshots that it read.
        new: it was incremental: of what drives it, it took what was new.
        listed: pattern → the files behind it then.
        merges: its rows took the place of those with the same key.
    """

    survey: Survey
    inputs: Inputs
    new: bool
    listed: Mapping[str, FileSet]
    merges: bool


@dataclass(frozen=True)
class Replay:
    """Makes versions again.

    Attributes:
        root: the project root, which the paths of raw files start from.
        directory: an empty folder, which the rows are written to.
        variables: of the project now; of secret ones no value was recorded.
    """

    lake: Lake
    engine: Engine
    root: Path
    directory: str
    variables: Mapping[str, Scalar]

    def run(self, line: Timeline, version: Version, fields: Sequence[Field]) -> Replayed:
        """Makes a version of a table again.

        Args:
            line: the table's past.
            version: which one.
            fields: its columns.

        Raises:
            NotReplayableError: with the reason.
            EngineError: the engine failed on the inputs.
        """
        links, given, why = self._links(line, version)
        parts: list[str] = []
        relations: list[Relation] = []
        if given is not None:
            scan = self.lake.scan(line.name, given.snapshot_id, line.location)
            relations.append(relation(scan, name=_GIVEN))
            parts.append(self._part(_GIVEN, -1, fields, {field.name.lower() for field in scan.fields}, merges=False))
        for at, link in enumerate(links):
            name = f"_lakeorch.link {at}"
            relations.append(Files(name, tuple(fields), self._write(line.name, link, fields, f"{at:06d}")))
            parts.append(self._part(name, at, fields, {field.name.lower() for field in fields}, merges=link.merges))
        key = _settings(version.facts).unique_key if any(link.merges for link in links) else ()
        relations.append(Query(EXPECTED, _folded(parts, fields, key)))
        return Replayed(tuple(relations), why)

    # ---- which builds ----

    def _links(self, line: Timeline, version: Version) -> tuple[list[_Link], Version | None, str]:
        """The builds to run again, oldest first; the version whose rows are given, if any; and why they are."""
        if not version.run_id:
            raise NotReplayableError("another writer made it")
        kind = _settings(version.facts).materialized
        if kind == "table":
            return [self._link(line, version, None)], None, ""
        if kind not in INCREMENTAL:
            raise NotReplayableError(f"the rows of a {kind} depend on more than its recorded inputs")
        chain = [each for each in line.ancestors(version.snapshot_id) if each.changes_rows]
        links: list[_Link] = []
        for at, each in enumerate(chain):
            full = each.facts.get("lakeorch.refresh") == "full"
            before = next((older for older in chain[at + 1 :] if older.run_id), None)
            try:
                if not each.run_id:
                    raise NotReplayableError(f"snapshot {each.snapshot_id} is another writer's")
                if not full and before is None:
                    raise NotReplayableError("the snapshots before it have expired")
                links.insert(0, self._link(line, each, None if full else before))
            except NotReplayableError as error:
                if not links:
                    raise
                return links, each, str(error)
            if full:
                break
        return links, None, ""

    def _link(self, line: Timeline, version: Version, before: Version | None) -> _Link:
        facts = line.holding(version) if version.snapshot_id == line.head else version.facts
        settings = _settings(facts)
        text = self.lake.read_query(facts.get("lakeorch.fingerprint", ""))
        if text is None:
            raise NotReplayableError("its query was not recorded")
        try:
            recorded = read_query(text, line.name, settings, self.variables)
            inputs = Inputs.from_json(facts["lakeorch.inputs"])
            then = Inputs() if before is None else Inputs.from_json(before.facts["lakeorch.inputs"])
        except SecretError as error:
            raise NotReplayableError(f"{error}: give it with --var, or in lakeorch.yml") from error
        except NotAQueryError as error:
            raise NotReplayableError(str(error)) from error
        except (ValueError, KeyError) as error:
            raise NotReplayableError(f"what was recorded of it cannot be read: {error}") from error
        files = {pattern: self._listing(pattern, inputs) for pattern in recorded.graph.files_behind(line.name)}
        known = {then.files[pattern]: self._listing(pattern, then) for pattern in then.files}
        survey = self._survey(line.name, recorded, files, known, inputs, before)
        link = _Link(survey, inputs, before is not None, files, settings.materialized == "merge" and before is not None)
        self._require_files(line.name, link)
        for table in recorded.graph.tables_behind(line.name):
            self._scan(table, inputs)
        return link

    def _survey(
        self,
        name: str,
        recorded: Recorded,
        files: Mapping[str, FileSet],
        known: Mapping[str, FileSet],
        inputs: Inputs,
        before: Version | None,
    ) -> Survey:
        """What the build of a version saw, as far as it decides which rows came out."""
        # a driving file that had been read and is gone may have been renamed: then it is not new by its new name
        read = {file.path for listing in known.values() for file in listing.files}
        gone = {path for path in read if "://" not in path and not (self.root / path).exists()}
        drives = recorded.graph.driving(name)
        here = {
            pattern: file_set(pattern, [file for file in listing.files if file.path not in gone])
            if pattern in drives
            else listing
            for pattern, listing in files.items()
        }
        published = {}
        if before is not None:
            published[name] = Published(name, "", before.snapshot_id, None, (), before.facts, ())
        now = datetime.fromisoformat(inputs.now) if inputs.now else datetime.fromtimestamp(0, UTC)
        return Survey(recorded.graph, {}, {}, recorded.variables, published, here, known, now)

    # ---- inputs ----

    def _scan(self, table: str, inputs: Inputs) -> Scan:
        snapshot = inputs.tables.get(table)
        if snapshot is None:
            raise NotReplayableError(f"its input {table} had no snapshot")
        try:
            return self.lake.scan(table, snapshot)
        except LakeorchError as error:
            raise NotReplayableError(f"its input is gone: {error.message}") from error

    def _listing(self, pattern: str, inputs: Inputs) -> FileSet:
        text = self.lake.read_listing(inputs.files.get(pattern, ""))
        if text is None:
            raise NotReplayableError(f"the list of the files behind {pattern} is gone")
        try:
            return read_listing(text)
        except ValueError as error:
            raise NotReplayableError(f"the list of the files behind {pattern} is damaged") from error

    def _require_files(self, name: str, link: _Link) -> None:
        """Raises where a raw file that the build read is gone, or holds something else now."""
        for pattern, paths in self._reading(link).paths(name, new=link.new).items():
            read = set(paths)
            moved = not_as_before((file for file in link.listed[pattern].files if file.path in read), self.root)
            if moved:
                listed = ", ".join(moved[:3]) + (", …" if len(moved) > 3 else "")
                raise NotReplayableError(f"{listed} changed since, or is gone")

    # ---- rows ----

    def _reading(self, link: _Link) -> Reading:
        return Reading(self.lake, self.engine, link.survey, self.root)

    def _write(self, name: str, link: _Link, fields: Sequence[Field], stem: str) -> tuple[str, ...]:
        """Runs a build again, the way it was run: see `lakeorch.execute`."""
        reading = self._reading(link)
        only = reading.paths(name, new=link.new)

        def scan(table: str) -> Scan:
            return self._scan(table, link.inputs)

        if not link.new or reading.survey.graph.adds_up(name):
            relations = (reading.new if link.new else reading.whole)(name, scan, only)
            return self._written(name, link, relations, fields, stem)
        sides = ((_AFTER, reading.whole(name, scan, only)), (_BEFORE, reading.before(name, scan)))
        made = [Files(side, tuple(fields), self._written(name, link, given, fields, stem)) for side, given in sides]
        names, quote = ", ".join(identifier(field.name) for field in fields), self.engine.quote
        sql = f"SELECT {names} FROM {quote(_AFTER)} EXCEPT ALL SELECT {names} FROM {quote(_BEFORE)}"
        with self.engine.session(made, {}, str(self.root)) as session:
            return session.write(sql, Target(self.directory, stem, tuple(fields)))

    def _written(
        self, name: str, link: _Link, relations: Sequence[Relation], fields: Sequence[Field], stem: str
    ) -> tuple[str, ...]:
        views = link.survey.graph.views_behind(name)
        only = self._reading(link).paths(name, new=link.new)
        tables = [each for each in relations if each.name not in views]
        inlined = [Query(view, self._sql(view, link, only)) for view in views]
        sql = self._sql(name, link, only)
        with self.engine.session([*tables, *inlined], link.survey.variables, str(self.root)) as session:
            yields = {column.name.lower() for column in session.columns(sql)}
            picked = f"SELECT {_picked(fields, yields)} FROM (\n{sql}\n)"
            return session.write(picked, Target(self.directory, stem, tuple(fields)))

    def _sql(self, name: str, link: _Link, only: Mapping[str, Sequence[str]]) -> str:
        graph, now = link.survey.graph, link.survey.now
        present = {pattern: [file.path for file in files.files] for pattern, files in link.survey.files.items()}
        model = graph.models[name]
        return statement(model, graph, self.engine, now=now, folder=self.root, only=only, present=present).sql

    def _part(self, name: str, at: int, fields: Sequence[Field], known: set[str], *, merges: bool) -> str:
        picked = _picked(fields, known)
        return f'SELECT {picked}, {at} AS "#at", {merges} AS "#merges" FROM {self.engine.quote(name)}'


def _folded(parts: Sequence[str], fields: Sequence[Field], key: Sequence[str]) -> str:
    """All rows; with a key only those behind which no merge wrote a row with the same one."""
    names = ", ".join(identifier(field.name) for field in fields)
    rows = " UNION ALL ".join(parts)
    if not key:
        return f"SELECT {names} FROM ({rows})"
    keys = ", ".join(identifier(name) for name in key)
    last = f'max("#at") FILTER ("#merges") OVER (PARTITION BY {keys})'
    return f'SELECT {names} FROM ({rows}) QUALIFY coalesce("#at" >= {last}, TRUE)'


def _picked(fields: Sequence[Field], known: set[str]) -> str:
    """The columns in the table's order; those that are not there are NULL."""
    names = ((identifier(field.name), field.name.lower() in known) for field in fields)
    return ", ".join(name if there else f"NULL AS {name}" for name, there in names)


def _settings(facts: Mapping[str, str]) -> Settings:
    """The settings that decide how a build is run again."""
    told = json.loads(facts.get("lakeorch.settings") or "{}")
    return Settings(
        materialized=told.get("materialized", "table"),
        unique_key=tuple(told.get("unique_key", ())),
        append_from=tuple(told.get("append_from", ())),
    )
