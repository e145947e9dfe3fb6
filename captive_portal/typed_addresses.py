"""Addresses that are typed from one screen into another: short, and still unguessable."""

from __future__ import annotations

import secrets
from typing import Final

# Without letters and digits that are taken for one another.
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS: Final = 3
_GROUP_LETTERS: Final = 4

PATTERN: Final = "[A-Za-z0-9-]{12,14}"
"""What a route takes for one."""


def new_page_path() -> str:
    """The unguessable part of a page's address: 12 letters and digits (59 bits) in groups, to be typed."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LETTERS)) for _ in range(_GROUPS))
    return "-".join(groups)


def read_page_path(typed: str) -> str | None:
    """The address as it was made, from what somebody typed; None for what cannot be one."""
    letters = typed.lower().replace("-", "")
    if len(letters) != _GROUPS * _GROUP_LETTERS or not set(letters) <= set(_ALPHABET):
        return None
    return "-".join(letters[start : start + _GROUP_LETTERS] for start in range(0, len(letters), _GROUP_LETTERS))
