"""Garbage collection of a process that works for long: seldom, and never through what it was started with."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# A request makes some thousand objects that are freed without the collector. At CPython's own 700 it looks at the
# youngest several times a request, and every few dozen requests at all that there is.
_YOUNGEST = 50_000


@contextmanager
def collected_seldom() -> Iterator[None]:
    """What is there already is taken to stay; as before when the block ends."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNGEST, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
