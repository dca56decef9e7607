"""What a project's tables were and what they are called, and their upkeep: all that is not about building them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakeorch.observe import Observer, announcer
from lakeorch.project.wiring import Wiring, require_production

if TYPE_CHECKING:
    from lakeorch.lake import Version
    from lakeorch.project.diff import Diff
    from lakeorch.project.drop import Drop
    from lakeorch.project.environments import Dropped, Held
    from lakeorch.project.maintain import Maintained
    from lakeorch.project.past import PastRun
    from lakeorch.project.promote import Promotion
    from lakeorch.project.rollback import Rollback
    from lakeorch.project.tag import Tag, Tagged
    from lakeorch.project.verify import Verified


class Tables:
    """The tables of a project.

    Args:
        wiring: opens the lake and the engine.
    """

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring

    def history(self, model: str) -> tuple[Version, ...]:
        """Every version of a model's table that is kept, newest first. Raises UsageError where there is no table."""
        from lakeorch.project import past

        with self.wiring.lake(create=False) as lake:
            return past.timeline(lake.timelines(), model).versions

    def runs(self) -> tuple[PastRun, ...]:
        """Every run that changed rows which are kept, newest first; read from the tables' snapshots."""
        from lakeorch.project import past

        with self.wiring.lake(create=False) as lake:
            return past.runs(lake.timelines())

    def diff(
        self,
        model: str,
        a: str | None = None,
        b: str | None = None,
        *,
        key: Sequence[str] | None = None,
        samples: int = 5,
    ) -> Diff:
        """How a version of a model's table differs from another: columns, and rows by key.

        Args:
            model: the table.
            a: a run, tag, time or snapshot id; None for the version before `b`.
            b: the same; None for what is current.
            key: columns that tell rows apart; None for the model's own; empty to compare whole rows.
            samples: how many rows of each kind to show.

        Raises:
            UsageError: there is no such table or version, or the key is not unique.
        """
        from lakeorch.project.diff import run_diff

        with self.wiring.lake(create=False) as lake, self.wiring.engine() as engine:
            return run_diff(self.wiring.site(), lake, engine, model, a, b, key, samples)

    def rollback(self, run: str | None = None, *, to: str | None = None) -> Rollback:
        """Takes a run back, or returns all tables to what they were at a run, tag or time; one commit.

        The tables that moved are pinned: runs leave them as they are until their query changes or `run(unpin=True)`.

        Args:
            run: whose tables become what they were before it.
            to: instead of a run to take back: the state that every table returns to.

        Raises:
            UsageError: there is no such run or state, or nothing to go back to.
            ConflictError: another writer has changed a table since.
        """
        from lakeorch.project.rollback import roll_back

        with self.wiring.lake(create=False) as lake:
            return roll_back(lake, run, to)

    def verify(self, *targets: str, tolerance: float = 1e-9) -> tuple[Verified, ...]:
        """Makes published rows again from the inputs that were recorded with them, and compares every row.

        Args:
            targets: models, and runs: all that they published.
            tolerance: floating-point values x and y that differ by no more than this times max(1, |x|, |y|) are the
                same: the order in which an engine adds them up is not recorded.

        Raises:
            UsageError: a target is neither model nor run.
        """
        from lakeorch.project.verify import verify

        with self.wiring.lake(create=False) as lake, self.wiring.engine() as engine:
            return tuple(verify(self.wiring.site(), lake, engine, targets, tolerance))

    def promote(self, environment: str, *, dry_run: bool = False, observers: Sequence[Observer] = ()) -> Promotion:
        """Makes what an environment shows production's, in one commit; nothing is built that was audited there.

        Args:
            environment: its name. The project itself is that of production.
            dry_run: only tell what would be promoted, and what would be built again before.
            observers: receive every event of the run that goes before.

        Raises:
            UsageError: there is no such environment, or it is a lake of its own.
            ProjectError: the project has mistakes; no data moved.
            ConflictError: production kept moving.
        """
        from lakeorch.project.promote import plan_promotion, promote

        if dry_run:
            return plan_promotion(self.wiring, environment)
        return promote(self.wiring, environment, announcer(observers))

    def environments(self) -> tuple[Held, ...]:
        """The environments that `lakeorch.yml` declares or that have tables, each with what it holds of its own."""
        from lakeorch.project.environments import environments

        return environments(self.wiring)

    def drop_environment(self, name: str) -> Dropped:
        """Takes an environment's own tables away, in one transaction; their files are left to `lakeorch maintain`.

        Args:
            name: of the environment.

        Raises:
            UsageError: there is no such environment, or it is a lake of its own.
        """
        from lakeorch.project.environments import drop

        return drop(self.wiring, name)

    def tag(self, name: str, run: str | None = None, *, force: bool = False) -> Tagged:
        """Gives the state of all tables a name: an Iceberg tag on each, in one commit, kept by maintenance.

        Args:
            name: of the tag.
            run: a run, another tag or a time whose state is meant; None for what is current.
            force: move a tag that is there already.

        Raises:
            UsageError: the name is taken or cannot be had, or what `run` means has expired.
        """
        from lakeorch.project.tag import set_tag

        require_production(self.wiring.config, "tags are production's")
        with self.wiring.lake(create=False) as lake:
            return set_tag(lake, name, run, force=force)

    def tags(self) -> tuple[Tag, ...]:
        """Every tag that a table has."""
        from lakeorch.project.tag import tags

        with self.wiring.lake(create=False) as lake:
            return tags(lake.timelines())

    def untag(self, name: str) -> Tagged:
        """Takes a tag away: what only it kept can expire. Raises UsageError where there is none."""
        from lakeorch.project.tag import delete_tag

        require_production(self.wiring.config, "tags are production's")
        with self.wiring.lake(create=False) as lake:
            return delete_tag(lake, name)

    def drop(self, *models: str, departed: bool = False) -> Drop:
        """Takes tables out of the catalog whose model left the project; maintenance deletes their files a day later.

        Args:
            models: names of tables.
            departed: take all of them.

        Raises:
            UsageError: there is no such table, or a model of the project makes or reads it.
        """
        from lakeorch.project.drop import drop

        with self.wiring.lake(create=False) as lake:
            return drop(lake, self.wiring.graph(), models, departed=departed)

    def maintain(
        self,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        dry_run: bool = False,
        grace: str = "1d",
        observers: Sequence[Observer] = (),
    ) -> Maintained:
        """Keeps the lake small: old snapshots expire, small files are rewritten, what nothing needs is deleted.

        What is kept is set by `keep_snapshots` and `keep_for`. Rows that are kept, and plans, stay as they are.

        Args:
            select: a selector, or several; empty for every table, those whose model left the project included.
            exclude: a selector of what is left out, or several.
            dry_run: only find out what would be done.
            grace: for so long nothing is touched that was made, or was current: `1d`, `12h`.
            observers: receive every event.

        Raises:
            CatalogError: something cannot be read that must be; no file was deleted.
        """
        from lakeorch.project.maintain import maintain

        return maintain(self.wiring, select, exclude, grace, announcer(observers), dry=dry_run)
