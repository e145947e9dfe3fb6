"""Who may connect: all that wait share one question, and a token is good twice, never three times."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from foundation.database import Database
from foundation.direct import Row, Statement
from foundation.privacy import Keyring
from foundation.schema import one_time_tokens
from radius.directory import Directory
from tests.radius.support import DEVICE, TOKEN_NAME, City, add_credential, add_token, build_city, rows


@pytest.fixture
async def city(any_database: Database, keyring: Keyring) -> City:
    return await build_city(any_database, keyring)


@contextmanager
def counted_questions(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Statement[Any]]]:
    """What is asked past SQLAlchemy's engine."""
    asked: list[Statement[Any]] = []
    fetch = database.direct.fetch

    async def note_and_fetch(statement: Statement[Any], /, **parameters: Any) -> list[Row]:
        asked.append(statement)
        return await fetch(statement, **parameters)

    with monkeypatch.context() as patched:
        patched.setattr(database.direct, "fetch", note_and_fetch)
        yield asked


async def test_a_credential_is_found_in_its_council_only(any_database: Database, city: City, keyring: Keyring) -> None:
    await add_credential(any_database, keyring, city, "demo", "secret word")
    directory = Directory(any_database)
    mine, foreign, unknown = await asyncio.gather(
        directory.credential(city.council_id, "demo"),
        directory.credential(city.council_id + 1, "demo"),
        directory.credential(city.council_id, "nobody"),
    )
    assert mine is not None
    assert mine.password_encrypted is not None
    assert keyring.decrypt("credential", mine.password_encrypted) == b"secret word"
    assert (foreign, unknown) == (None, None)


async def test_a_device_is_found_by_its_pseudonym(any_database: Database, city: City, keyring: Keyring) -> None:
    device = await Directory(any_database).device(city.council_id, keyring.device_pseudonym(city.council_id, DEVICE))
    assert device is not None
    assert (device.id, device.resident_id) == (city.device_id, city.resident_id)
    assert device.remembered_until is not None


async def test_a_token_comes_with_the_pseudonym_of_its_device(
    any_database: Database, city: City, keyring: Keyring
) -> None:
    token_id = await add_token(any_database, city)
    token = await Directory(any_database).token(TOKEN_NAME)
    assert token is not None
    assert (token.id, token.nas_id, token.uses) == (token_id, city.nas_id, 0)
    assert token.mac_pseudonym == keyring.device_pseudonym(city.council_id, DEVICE)


async def test_all_that_wait_in_one_turn_share_one_question_of_each_kind(
    any_database: Database, city: City, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        await add_credential(any_database, keyring, city, f"user {number}", f"{number}")
    directory = Directory(any_database)
    with counted_questions(any_database, monkeypatch) as asked:
        found = await asyncio.gather(
            *[directory.credential(city.council_id, f"user {number}") for number in range(40)],
            *[directory.token(f"{number}") for number in range(5)],
        )
    assert [credential is not None for credential in found[:40]] == [True] * 30 + [False] * 10
    assert len(asked) == 2


async def test_a_token_is_granted_twice_also_when_three_ask_at_once(any_database: Database, city: City) -> None:
    first = await add_token(any_database, city)
    second = await add_token(any_database, city, name="t" + "b" * 26, uses=1)
    directory = Directory(any_database)
    granted = await asyncio.gather(*[directory.use_token(token) for token in (first, second, first, first, second)])
    assert granted == [True, True, True, False, False]
    assert [row.uses for row in await rows(any_database, one_time_tokens)] == [2, 2]
    assert await directory.use_token(first) is False


async def test_a_token_that_does_not_exist_is_not_granted(any_database: Database, city: City) -> None:
    assert await Directory(any_database).use_token(999_999) is False


async def test_following_without_a_cache_does_not_end_because_a_worker_ends_with_its_jobs(database: Database) -> None:
    following = asyncio.create_task(Directory(database, cache_entries=0).follow())
    done, _ = await asyncio.wait([following], timeout=0.05)
    following.cancel()
    assert not done
