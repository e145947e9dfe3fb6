"""How kinds of equipment take the names that are reachable before login.

Where a product was not tried, forms and limits are general knowledge; docs/essentials.md says which.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class NameForm(StrEnum):
    """How equipment reads a name of its list."""

    # ``*.`` before a name stands for all names that end so.
    WILDCARD = "wildcard"
    # A name stands for itself and for all that ends with it.
    SUFFIX = "suffix"
    # A name stands for itself.
    EXACT = "exact"
    # Names are not known at all.
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class GardenSyntax:
    """What a kind of equipment takes."""

    form: NameForm = NameForm.EXACT
    # How many entries; None for as many as one likes.
    most: int | None = None
    # How many of them are the portal's and the vendor's.
    own: int = 1


ONLY_EXACT_NAMES: Final = GardenSyntax()
