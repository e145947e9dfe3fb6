"""Passwords whose hashes cost nothing: what is slow on purpose is not the matter of most tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from argon2 import Parameters
from argon2.low_level import Type

from foundation import passwords

_CHEAP = Parameters(type=Type.ID, version=19, salt_len=16, hash_len=32, time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="session", autouse=True)
def cheap_hashes() -> Iterator[None]:
    """In this process; those that tests start have the real ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "PARAMETERS", _CHEAP)
        yield
