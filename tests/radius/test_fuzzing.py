"""Twenty thousand wrong packets; ``make fuzz`` sends a million."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.fuzz_radius.__main__ import fuzz

PACKETS = 10_000


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_wrong_packets_and_conversations_are_answered_or_discarded_and_nothing_else(
    any_database_url: str, tmp_path: Path
) -> None:
    """On both databases, because PostgreSQL refuses octets that SQLite takes."""
    results = await fuzz(tmp_path, PACKETS, seed=7, database_url=any_database_url)
    assert results.findings == []
    assert results.packets >= PACKETS
    # They come through to where decisions are made, not only to the first check.
    for outcome in ("access_accept", "access_reject", "access_challenge", "accounting_response"):
        assert results.outcomes[outcome] > PACKETS / 100, outcome
