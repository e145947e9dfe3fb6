"""Commands whose modules are imported when they are wanted, so that each starts with what it needs itself.

A service is a command, too: what all the others import would cost each of its processes time and memory.
"""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group


def group_of(modules: Mapping[str, str]) -> type[TyperGroup]:
    """A group of the commands that modules make, by name.

    A module has either a Typer ``app``, which becomes a group, or a function of the module's own name.
    """

    class LateGroup(TyperGroup):
        def __init__(self, **attributes: Any) -> None:
            super().__init__(**attributes)
            self.commands = _Commands(dict(modules) | dict(self.commands))

    return LateGroup


class _Commands(UserDict[str, Any]):
    """By name; the name of a module becomes its command when that is looked up."""

    def __getitem__(self, name: str) -> Any:
        known = super().__getitem__(name)
        if isinstance(known, str):
            known = self.data[name] = _command_of(known, name)
        return known


def _command_of(module_name: str, name: str) -> TyperCommand | TyperGroup:
    module = import_module(module_name)
    if hasattr(module, "app"):
        group = get_group(module.app)
        group.name = name
        return group
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name)(getattr(module, module_name.rpartition(".")[2]))
    command = get_command(alone)
    assert isinstance(command, TyperCommand)
    return command
