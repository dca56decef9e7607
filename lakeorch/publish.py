"""Step 7: which of the staged changes become current together, and which are kept back."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from lakeorch.graph import Graph

Policy = Literal["connected", "passed", "all"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What to make current, and why the rest is held.

    Attributes:
        publish: models whose staged change becomes current, all in one commit.
        held: model → the reason it is kept back; its work is reused by the next run.
    """

    publish: frozenset[str]
    held: Mapping[str, str]


def decide(
    graph: Graph,
    staged: Collection[str],
    failed: Collection[str],
    unbuilt: Collection[str],
    policy: Policy,
    links: Iterable[tuple[str, str]] = (),
) -> Decision:
    """Applies a publish policy to the end of a run.

    Args:
        graph: the project.
        staged: models with a staged change, those whose audit failed included.
        failed: models that failed, by an error or by a check.
        unbuilt: models that were not started because something before them failed.
        policy: `connected` keeps back every changed model that is connected with a failed one through changed
            models; `passed` only the failed ones and what reads them; `all` nothing that was staged.
        links: pairs of models that a check looked at together: it may not hold for one of them alone, so one is kept
            back with the other.
    """
    changed = set(staged) | set(failed) | set(unbuilt)
    if policy == "all":
        return Decision(frozenset(staged), dict.fromkeys(unbuilt, "not built"))
    near: dict[str, set[str]] = {name: set() for name in changed}
    for name in changed:
        for up in _reads(graph, name):
            if up in changed:
                near[up].add(name)
                if policy == "connected":
                    near[name].add(up)
    for one, other in links:
        if one in near and other in near:
            near[one].add(other)
            near[other].add(one)
    blame = _reach(failed, near)
    held = {name: f"kept back with {cause}, which failed" for name, cause in blame.items() if name not in set(failed)}
    return Decision(frozenset(set(staged) - blame.keys()), held | {n: held.get(n, "not built") for n in unbuilt})


def _reads(graph: Graph, name: str) -> tuple[str, ...]:
    return graph.tables_behind(name) + graph.views_behind(name)


def _reach(start: Iterable[str], edges: Mapping[str, set[str]]) -> dict[str, str]:
    """Every node reachable from `start`, with the start it was first reached from."""
    cause = {name: name for name in sorted(start)}
    todo = deque(cause)
    while todo:
        name = todo.popleft()
        for neighbour in sorted(edges.get(name, ())):
            if neighbour not in cause:
                cause[neighbour] = cause[name]
                todo.append(neighbour)
    return cause
