"""How costly a guess at a stolen hash is, and that a check says what it should."""

from __future__ import annotations

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type
from argon2.profiles import RFC_9106_LOW_MEMORY

from foundation import passwords
from foundation.passwords import PARAMETERS, PasswordChecks, hash_password


def test_a_password_is_hashed_as_rfc_9106_recommends_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Section 4, the second recommended option: three passes, four lanes, 64 MiB."""
    # Those of this file's import: all other tests have cheap ones.
    monkeypatch.setattr(passwords, "PARAMETERS", PARAMETERS)
    used = extract_parameters(hash_password("correct horse"))
    assert used == RFC_9106_LOW_MEMORY
    assert (used.type, used.time_cost, used.parallelism, used.memory_cost) == (Type.ID, 3, 4, 64 * 1024)


async def test_only_the_password_is_right() -> None:
    checks, hashed = PasswordChecks(), hash_password("correct horse")
    assert await checks.verify(hashed, "correct horse")
    assert not await checks.verify(hashed, "correct horse ")
