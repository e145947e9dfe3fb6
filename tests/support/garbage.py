"""Garbage is collected seldom: a test's portal is some hundred thousand objects, which go when it is over."""

from __future__ import annotations

import gc

# CPython's own is 700; with it an eighth of the time went into looking for circles.
_YOUNGEST = 40_000


def pytest_configure() -> None:
    """In this process."""
    gc.set_threshold(_YOUNGEST, *gc.get_threshold()[1:])
