"""A register's row read by the fields of a venue instead of by the publisher's columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from citywifi.imports.readers import Row
from citywifi.imports.registers import RegisterMapping
from citywifi.imports.report import Problems
from citywifi.imports.values import ValueNotUsable, text_or_none

# What the database holds, in characters.
_LONGEST = {"name": 200, "address": 400, "kind": 64}
_BETWEEN = {"reference": " / ", "address": ", "}

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class FieldReader:
    """Reads the fields of one row; what cannot be used is told to ``problems``."""

    row: Row
    mapping: RegisterMapping
    problems: Problems

    def columns(self, *names: str) -> str:
        """The fields' columns, for a message."""
        found = [column for name in names for column in self.mapping.columns.get(name, ())]
        return ", ".join(found) or names[0]

    def raw(self, *names: str) -> str:
        """What stands in the fields' columns, for a message."""
        found = [self.row.values[column] for name in names for column in self.mapping.columns.get(name, ())]
        return ", ".join(text for text in found if text.strip())

    def texts(self, name: str) -> list[str]:
        """What the field's columns say, without those that say nothing."""
        found = (text_or_none(self.row.values[column]) for column in self.mapping.columns.get(name, ()))
        return [text for text in found if text is not None]

    def text(self, name: str) -> str | None:
        """The field's columns as one text, cut to what the database holds."""
        joined = _BETWEEN.get(name, " ").join(text.strip(" ,") for text in self.texts(name))
        longest = _LONGEST.get(name)
        if longest is not None and len(joined) > longest:
            self.remark(self.columns(name), joined, f"is cut after {longest} characters")
            joined = joined[:longest]
        return joined or None

    def value(self, name: str, parse: Callable[[str], _Value]) -> _Value | None:
        """The field's first text, parsed; a value that cannot be parsed is left out and told."""
        for text in self.texts(name)[:1]:
            try:
                return parse(text)
            except ValueNotUsable as error:
                self.remark(self.columns(name), text, f"{error}; it is left out")
        return None

    def remark(self, columns: str, value: str, reason: str) -> None:
        """The row is used without this value."""
        self.problems.remark(self.row.line, columns, value, reason)
