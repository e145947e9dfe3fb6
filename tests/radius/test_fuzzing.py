"""Twenty thousand wrong packets; ``make fuzz`` sends a million."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.fuzz_radius.__main__ import fuzz

PACKETS = 20_000


@pytest.mark.slow
async def test_wrong_packets_and_conversations_are_answered_or_discarded_and_nothing_else(tmp_path: Path) -> None:
    results = await fuzz(tmp_path, PACKETS, seed=7)
    assert results.findings == []
    assert results.packets >= PACKETS
    # They come through to where decisions are made, not only to the first check.
    for outcome in ("access_accept", "access_reject", "access_challenge", "accounting_response"):
        assert results.outcomes[outcome] > PACKETS / 100, outcome
