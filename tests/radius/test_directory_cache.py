"""What is in memory is as good as the database, or it is not used, unless the database is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import delete, insert, update

from foundation.database import Database
from foundation.direct import DatabaseUnavailableError
from foundation.privacy import Keyring
from foundation.schema import devices, residents
from radius.directory import MOST_TOKEN_USES, Directory
from radius.directory_cache import Changes, DirectoryCache
from radius.directory_records import Credential, Device
from tests.radius.support import DEVICE, City, add_credential, add_token, build_city

COUNCIL = 1
NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=1)


def device_of(number: int, as_of: int = 0, group: str = "") -> Device:
    return Device(COUNCIL, number.to_bytes(16, "big"), number, 1000 + number, LATER, group, as_of)


def credential_of(number: int, as_of: int = 0, name: str = "demo") -> Credential:
    return Credential(COUNCIL, name, 1000 + number, b"", None, None, None, "", "E1", number, as_of)


def cache_of(*records: Device | Credential, limit: int = 100) -> DirectoryCache:
    """A cache that is current and has these."""
    cache = DirectoryCache(limit, stale_seconds=60)
    cache.sure(nothing_missed=True)
    put(cache, *records)
    return cache


def put(cache: DirectoryCache, *records: Device | Credential) -> None:
    for record in records:
        if isinstance(record, Device):
            key = record.council_id, record.mac_pseudonym
            cache.put_devices([key], {key: record})
        else:
            name = record.council_id, record.user_name
            cache.put_credentials([name], {name: record})


def looked_up(cache: DirectoryCache, number: int) -> Device | None:
    return cache.device(COUNCIL, number.to_bytes(16, "big"))


def test_what_was_found_is_told_again_in_its_council_only() -> None:
    cache = cache_of(device_of(1), credential_of(2))
    assert looked_up(cache, 1) == device_of(1)
    assert cache.credential(COUNCIL, "demo") == credential_of(2)
    assert cache.device(COUNCIL + 1, device_of(1).mac_pseudonym) is None
    assert cache.credential(COUNCIL + 1, "demo") is None
    assert cache.hits == 2


@pytest.mark.parametrize(("kind", "row_id"), [("device", 1), ("resident", 1001)])
def test_a_device_that_changed_is_not_told(kind: str, row_id: int) -> None:
    cache = cache_of(device_of(1), device_of(2))
    cache.changed(kind, row_id)
    assert looked_up(cache, 1) is None
    assert looked_up(cache, 2) == device_of(2)
    put(cache, device_of(1, as_of=cache.number))
    assert looked_up(cache, 1) is not None


@pytest.mark.parametrize(("kind", "row_id"), [("credential", 2), ("resident", 1002), ("council", COUNCIL)])
def test_a_credential_that_changed_is_not_told(kind: str, row_id: int) -> None:
    cache = cache_of(credential_of(2))
    if kind != "council":
        cache.changed(kind, row_id + 1)
    assert cache.credential(COUNCIL, "demo") is not None
    cache.changed(kind, row_id)
    assert cache.credential(COUNCIL, "demo") is None


def test_an_answer_that_was_on_its_way_when_its_row_changed_does_not_count() -> None:
    cache = cache_of()
    asked_at = cache.number
    cache.changed("device", 1)
    put(cache, device_of(1, as_of=asked_at))
    assert looked_up(cache, 1) is None
    assert cache.stale_device(COUNCIL, device_of(1).mac_pseudonym) is None


@pytest.mark.parametrize("until", [None, NOW])
def test_a_device_whose_time_is_over_is_asked_for_because_it_may_have_registered_again(until: datetime | None) -> None:
    cache = cache_of(replace(device_of(1), remembered_until=until))
    assert looked_up(cache, 1) is None
    assert cache.stale_device(COUNCIL, device_of(1).mac_pseudonym) is not None


@pytest.mark.parametrize("over", [replace(credential_of(2), revoked_at=NOW), replace(credential_of(2), expires_at=NOW)])
def test_a_credential_that_is_over_is_asked_for_because_it_may_be_good_again(over: Credential) -> None:
    cache = cache_of(over)
    assert cache.credential(COUNCIL, "demo") is None
    put(cache, replace(credential_of(2), expires_at=LATER))
    assert cache.credential(COUNCIL, "demo") is not None


def test_who_is_not_found_any_more_is_forgotten() -> None:
    cache = cache_of(device_of(1))
    cache.put_devices([(COUNCIL, device_of(1).mac_pseudonym)], {})
    assert looked_up(cache, 1) is None
    assert len(cache) == 0


def test_a_name_found_without_its_realm_is_asked_for_again_when_any_credential_changes() -> None:
    cache = cache_of(credential_of(2))
    cache.put_credential((COUNCIL, "demo@home"), credential_of(2))
    assert cache.credential(COUNCIL, "demo@home") is not None
    cache.changed("credential", 77)
    assert cache.credential(COUNCIL, "demo@home") is None
    assert cache.credential(COUNCIL, "demo") is not None


def test_nothing_is_told_while_changes_may_be_missed_but_for_a_database_that_is_away() -> None:
    cache = cache_of(device_of(1), credential_of(2))
    cache.unsure()
    assert looked_up(cache, 1) is None
    assert cache.credential(COUNCIL, "demo") is None
    assert cache.stale_device(COUNCIL, device_of(1).mac_pseudonym) == device_of(1)
    assert cache.stale_credential(COUNCIL, "demo") == credential_of(2)
    assert cache.stale_answers == 2


def test_after_a_gap_the_database_must_confirm_first() -> None:
    cache = cache_of(device_of(1))
    cache.unsure()
    cache.sure(nothing_missed=False)
    assert looked_up(cache, 1) is None
    assert cache.stale_device(COUNCIL, device_of(1).mac_pseudonym) is not None
    put(cache, device_of(1, as_of=cache.number))
    assert looked_up(cache, 1) is not None


def test_after_a_late_heartbeat_all_is_as_before() -> None:
    cache = cache_of(device_of(1))
    cache.unsure()
    cache.sure(nothing_missed=True)
    assert looked_up(cache, 1) is not None


def test_what_is_in_memory_is_good_for_a_limited_time_with_the_database_away(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("radius.directory_cache.time.monotonic", lambda: now)
    cache = cache_of(device_of(1))
    cache.unsure()
    now += 60
    assert cache.stale_device(COUNCIL, device_of(1).mac_pseudonym) is not None
    now += 1
    assert cache.stale_device(COUNCIL, device_of(1).mac_pseudonym) is None


def test_what_was_not_looked_at_goes_first() -> None:
    cache = cache_of(*map(device_of, range(10)), limit=10)
    put(cache, device_of(10))
    for number in range(5):
        looked_up(cache, number)
    put(cache, *map(device_of, range(11, 15)))
    assert [looked_up(cache, number) is not None for number in range(5)] == [True] * 5
    assert [looked_up(cache, number) is not None for number in range(5, 10)] == [False] * 5
    assert (len(cache), cache.evictions) == (10, 5)


def test_without_room_nothing_is_kept() -> None:
    cache = cache_of(device_of(1), limit=0)
    assert (len(cache), looked_up(cache, 1)) == (0, None)


def test_of_many_changes_the_oldest_are_forgotten_and_then_count_for_all() -> None:
    changes = Changes(limit=10)
    for number in range(1, 17):
        changes.note(100 + number, number)
    assert changes.has(999, 0)
    assert not changes.has(999, 10)
    assert changes.has(112, 11)
    assert not changes.has(112, 12)


class Follows(RuleBasedStateMachine):
    """A database whose answers and changes reach us late and in any order: what is told is never older than told."""

    @initialize()
    def begin(self) -> None:
        self.cache = cache_of(limit=3)
        self.versions = dict.fromkeys(range(6), 0)
        # The versions of which we were told that they are past.
        self.told = dict.fromkeys(range(6), 0)
        self.untold: list[tuple[int, int]] = []
        self.on_the_way: list[Device] = []

    @rule(number=st.integers(0, 5))
    def change(self, number: int) -> None:
        self.versions[number] += 1
        self.untold.append((number, self.versions[number]))

    @rule()
    def tell(self) -> None:
        if self.untold:
            number, version = self.untold.pop(0)
            self.told[number] = version
            self.cache.changed("device", number)

    @rule(number=st.integers(0, 5))
    def ask(self, number: int) -> None:
        self.on_the_way.append(device_of(number, self.cache.number, str(self.versions[number])))

    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        if self.on_the_way:
            place = data.draw(st.integers(0, len(self.on_the_way) - 1))
            put(self.cache, self.on_the_way.pop(place))

    @rule()
    def lose(self) -> None:
        self.cache.unsure()
        for number, version in self.untold:
            self.told[number] = version
        self.untold.clear()

    @rule()
    def find_again(self) -> None:
        if not self.cache.is_current:
            self.cache.sure(nothing_missed=False)
            self.told = dict(self.versions)

    @invariant()
    def nothing_older_than_what_was_told(self) -> None:
        for number in range(6):
            found = looked_up(self.cache, number)
            assert found is None or int(found.group_name) >= self.told[number]
        assert len(self.cache) <= 3


TestFollows = Follows.TestCase
TestFollows.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.fixture
async def city(any_database: Database, keyring: Keyring) -> City:
    city = await build_city(any_database, keyring)
    await add_credential(any_database, keyring, city, "demo", "secret word")
    return city


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = 1) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110  a database has no event for it
            await asyncio.sleep(0.01)


async def answered(value: bool) -> bool:
    return value


@asynccontextmanager
async def followed(database: Database, **options: Any) -> AsyncIterator[Directory]:
    """A directory with memory that is current."""
    directory = Directory(database, cache_entries=100, stale_seconds=60, **options)
    following = asyncio.create_task(directory.follow())
    try:
        await until(lambda: answered(directory.cache.is_current), seconds=10)
        yield directory
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_a_device_is_asked_for_once_and_a_change_is_known_within_a_second(
    any_database: Database, city: City, keyring: Keyring
) -> None:
    pseudonym = keyring.device_pseudonym(city.council_id, DEVICE)
    async with followed(any_database) as directory:
        assert directory.cache.device(city.council_id, pseudonym) is None
        first = await directory.device(city.council_id, pseudonym)
        assert await directory.device(city.council_id, pseudonym) is first
        assert directory.cache.device(city.council_id, pseudonym) is first
        later = datetime.now(UTC) + timedelta(days=90)
        async with any_database.write() as connection:
            await connection.execute(update(devices).values(remembered_until=later))

        async def is_known() -> bool:
            found = await directory.device(city.council_id, pseudonym)
            return found is not None and found.remembered_until == later

        await until(is_known)


async def test_a_device_that_registers_is_known_at_its_very_next_request(
    any_database: Database, city: City, keyring: Keyring
) -> None:
    pseudonym = bytes(16)
    async with followed(any_database) as directory:
        assert await directory.device(city.council_id, pseudonym) is None
        now = datetime.now(UTC)
        row = {"council_id": city.council_id, "resident_id": city.resident_id, "mac_pseudonym": pseudonym}
        async with any_database.write() as connection:
            await connection.execute(insert(devices).values(**row, randomised=True, created_at=now, last_seen_at=now))
        assert await directory.device(city.council_id, pseudonym) is not None


async def test_a_resident_who_is_erased_is_gone_within_a_second(
    any_database: Database, city: City, keyring: Keyring
) -> None:
    pseudonym = keyring.device_pseudonym(city.council_id, DEVICE)
    async with followed(any_database) as directory:
        assert await directory.device(city.council_id, pseudonym) is not None
        async with any_database.write() as connection:
            await connection.execute(delete(residents))

        async def is_gone() -> bool:
            return await directory.device(city.council_id, pseudonym) is None

        await until(is_gone)


async def test_a_name_with_our_realm_is_remembered_until_somebody_gets_the_whole_name(
    any_database: Database, city: City, keyring: Keyring
) -> None:
    async with followed(any_database, own_realms=["home"]) as directory:
        first = await directory.credential(city.council_id, "demo@home")
        assert first is not None
        assert directory.cache.credential(city.council_id, "demo@home") is first
        await add_credential(any_database, keyring, city, "demo@home", "other word")

        async def is_the_other() -> bool:
            found = await directory.credential(city.council_id, "demo@home")
            return found is not None and found.user_name == "demo@home"

        await until(is_the_other)


async def test_with_the_database_away_who_is_known_gets_on_and_others_wait(
    any_database: Database, city: City, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise DatabaseUnavailableError("away")

    pseudonym = keyring.device_pseudonym(city.council_id, DEVICE)
    async with followed(any_database) as directory:
        known = await directory.device(city.council_id, pseudonym)
        credential = await directory.credential(city.council_id, "demo")
    directory.cache.unsure()
    with monkeypatch.context() as patched:
        patched.setattr(any_database.direct, "fetch", fail)
        for _ in range(2):
            assert await directory.device(city.council_id, pseudonym) is known
            assert await directory.credential(city.council_id, "demo") is credential
        with pytest.raises(DatabaseUnavailableError):
            await directory.device(city.council_id, bytes(16))
        with pytest.raises(DatabaseUnavailableError):
            await directory.credential(city.council_id, "somebody")
    assert directory.cache.stale_answers == 4
    assert await directory.credential(city.council_id, "somebody") is None


async def test_without_following_the_database_is_asked_every_time(
    any_database: Database, city: City, keyring: Keyring
) -> None:
    directory = Directory(any_database, cache_entries=100, stale_seconds=60)
    pseudonym = keyring.device_pseudonym(city.council_id, DEVICE)
    assert await directory.device(city.council_id, pseudonym) is not await directory.device(city.council_id, pseudonym)


async def test_several_workers_never_grant_a_token_more_often_than_allowed(
    any_database_url: str, keyring: Keyring
) -> None:
    workers = [Database(any_database_url) for _ in range(3)]
    city = await build_city(workers[0], keyring)
    token = await add_token(workers[0], city)
    directories = [Directory(worker) for worker in workers]
    granted = await asyncio.gather(*[directory.use_token(token) for directory in directories * 3])
    assert sum(granted) == MOST_TOKEN_USES
    for worker in workers:
        await worker.close()
