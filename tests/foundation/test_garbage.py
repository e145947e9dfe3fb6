from __future__ import annotations

import gc

from foundation.garbage import collected_seldom


class Node:
    """Refers to itself, so that only the collector can free it."""

    freed = 0

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        Node.freed += 1


def test_what_is_made_meanwhile_is_still_collected_and_the_settings_come_back() -> None:
    before, freed = gc.get_threshold(), Node.freed
    with collected_seldom():
        assert gc.get_threshold()[0] > before[0]
        assert gc.get_freeze_count() > 0
        Node()
        gc.collect()
        assert Node.freed == freed + 1
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
