"""The command line and `Project` are twins: what one can do the other can, by the same names."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import click
import pytest

import lakeorch
from lakeorch.cli import COMMANDS, program
from lakeorch.project import Project

# how a result is shown, and where; a program decides that for itself
SHOWN = {"as_json", "form", "output", "limit", "html", "save", "listed"}
# what a command says of the project as a whole is said to the constructor
WHOLE = {"folder", "env", "variables", "threads"}
# a command that stands for a further method, with the options that mean its parameters
ALSO: dict[str, dict[str, dict[str, str]]] = {
    "tag": {"tags": {}, "untag": {"delete": "name"}},
    "test": {"create_test": {"create": "model", "where": "where"}},
}
# parameters that only a program has: the command line is itself the observer
ONLY_PYTHON = {
    "run": {"observers"},
    "promote": {"observers"},
    "bench": {"progress"},
    "maintain": {"observers"},
}
# before there is a project there is no `Project`: a function of the package, and what its parameters are called here
BEFORE = {"init": {"folder": {"folder"}, "data": {"data", "more"}}}

# commands that hold further ones, and the method that each of those is
GROUPS = {"env": {"list": "environments", "drop": "drop_environment"}}

WALKED = [name for name in COMMANDS if name not in {*BEFORE, *GROUPS}]
INNER = [(group, name, method) for group, names in GROUPS.items() for name, method in names.items()]


def command(name: str) -> click.Command:
    command = program.get_command(click.Context(program), name)
    assert command is not None
    return command


def options(name: str) -> set[str]:
    """The options and arguments of a command by the names that its function has for them."""
    return {param.name for param in command(name).params if param.name and param.expose_value}


def parameters(function: Callable[..., object]) -> set[str]:
    return set(inspect.signature(function).parameters) - {"self"}


@pytest.mark.parametrize("name", WALKED)
def test_every_command_is_a_method_with_the_same_options(name: str) -> None:
    elsewhere = {option for also in ALSO.get(name, {}).values() for option in also}
    given = options(name) - SHOWN - WHOLE
    taken = parameters(getattr(Project, name))
    assert given - elsewhere <= taken, f"`lakeorch {name}` has options that Project.{name} has not"
    assert taken - given <= ONLY_PYTHON.get(name, set()), f"Project.{name} has parameters that the command has not"
    for method, meanings in ALSO.get(name, {}).items():
        assert meanings.keys() <= options(name)
        assert parameters(getattr(Project, method)) == set(meanings.values())


@pytest.mark.parametrize("name", WALKED)
def test_what_the_project_is_goes_to_the_constructor(name: str) -> None:
    assert options(name) & WHOLE <= parameters(Project)
    assert "folder" in options(name)


@pytest.mark.parametrize(("group", "name", "method"), INNER)
def test_a_command_within_another_is_a_method_too(group: str, name: str, method: str) -> None:
    outer = command(group)
    assert isinstance(outer, click.Group)
    assert outer.commands.keys() == GROUPS[group].keys()
    inner = outer.commands[name]
    given = {param.name for param in inner.params if param.name and param.expose_value}
    assert given - SHOWN - WHOLE == parameters(getattr(Project, method))
    assert "folder" in given
    assert inner.help
    assert inspect.getdoc(getattr(Project, method))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    assert command(name).help
    flags = [param for param in command(name).params if isinstance(param, click.Option)]
    assert [flag.name for flag in flags if not flag.help] == []


@pytest.mark.parametrize("name", WALKED)
def test_every_method_is_documented_with_all_that_it_takes(name: str) -> None:
    text = inspect.getdoc(getattr(Project, name)) or ""
    assert text
    assert [
        word for word in parameters(getattr(Project, name)) - {"select", "exclude", "model"} if word not in text
    ] == []


@pytest.mark.parametrize("name", BEFORE)
def test_what_makes_a_project_is_a_function_of_the_package(name: str) -> None:
    function = getattr(lakeorch, name)
    assert parameters(function) == BEFORE[name].keys()
    assert options(name) - SHOWN == {option for meant in BEFORE[name].values() for option in meant}
    assert inspect.getdoc(function)


def test_every_method_is_a_command() -> None:
    public = {name for name, _ in inspect.getmembers(Project, inspect.isfunction) if not name.startswith("_")}
    assert public == {
        *WALKED,
        *(method for *_, method in INNER),
        *(method for also in ALSO.values() for method in also),
    }
