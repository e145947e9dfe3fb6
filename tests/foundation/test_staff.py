"""Staff log in with name, password and code; what is wrong is never told, and what is over is over."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from foundation import staff
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import councils, staff_accounts, staff_sessions
from foundation.staff import IDLE, LONGEST, LogInResult, Role, StaffDoor, add_account

PASSWORD = "a long enough password"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


class Desk:
    """Somebody at a library's desk: an account, and the app on a telephone."""

    def __init__(self, database: Database, keyring: Keyring, uri: str) -> None:
        self.database = database
        self.door = StaffDoor(database, keyring)
        self._key = base64.b32decode(parse_qs(urlsplit(uri).query)["secret"][0])

    def code(self, now: datetime = NOW) -> str:
        return TOTP(self._key, 6, SHA1(), 30).generate(int(now.timestamp())).decode()

    async def log_in(self, now: datetime = NOW, password: str = PASSWORD, name: str = "desk") -> str | LogInResult:
        return await self.door.log_in(name, password, self.code(now), now)


@pytest.fixture
async def desk(any_database: Database, keyring: Keyring, council: int) -> Desk:
    async with any_database.write() as connection:
        uri = await add_account(connection, keyring, "desk", PASSWORD, [council], [Role.HELPER], NOW)
    return Desk(any_database, keyring, uri)


@pytest.fixture
async def council(any_database: Database) -> int:
    async with any_database.write() as connection:
        row = {"code": "E08000026", "name": "Coventry", "created_at": NOW}
        return int((await connection.execute(councils.insert().values(row).returning(councils.c.id))).scalar_one())


async def test_name_password_and_code_together_open_the_door(desk: Desk, council: int) -> None:
    token = await desk.log_in(name=" Desk ")
    assert not isinstance(token, LogInResult)
    member = await desk.door.member(token, NOW)
    assert member is not None
    assert member.councils(Role.HELPER) == [council]
    assert len(member.form_token) == 32
    assert token not in repr(member)


async def test_neither_password_nor_code_nor_token_is_in_the_database(desk: Desk) -> None:
    token = await desk.log_in()
    async with desk.database.read() as connection:
        rows = [*await connection.execute(select(staff_accounts)), *await connection.execute(select(staff_sessions))]
    assert len(rows) == 2
    for secret in (PASSWORD, str(token), desk._key.decode("latin-1")):
        assert secret not in repr(rows)


@pytest.mark.parametrize(
    ("name", "password", "aside"),
    [("desk", "another password", 0), ("nobody", PASSWORD, 0), ("desk", PASSWORD, 3600)],
    ids=["password", "name", "code"],
)
async def test_whatever_is_wrong_the_refusal_is_the_same(desk: Desk, name: str, password: str, aside: int) -> None:
    code = desk.code(NOW + timedelta(seconds=aside))
    assert await desk.door.log_in(name, password, code, NOW) is LogInResult.WRONG


async def test_a_code_opens_once(desk: Desk) -> None:
    assert not isinstance(await desk.log_in(), LogInResult)
    assert await desk.log_in() is LogInResult.WRONG
    assert not isinstance(await desk.log_in(NOW + timedelta(seconds=30)), LogInResult)


async def test_guesses_at_one_name_are_slowed_and_others_are_not(desk: Desk) -> None:
    results = [await desk.door.log_in("boss", "guess", "000000", NOW) for _ in range(6)]
    assert results == [*[LogInResult.WRONG] * 5, LogInResult.TOO_MANY_GUESSES]
    assert not isinstance(await desk.log_in(), LogInResult)
    assert await desk.door.log_in("boss", "guess", "000000", NOW + timedelta(minutes=3)) is LogInResult.WRONG


async def test_a_log_in_ends_when_it_is_idle_and_after_a_working_day(desk: Desk) -> None:
    token = str(await desk.log_in())
    now = NOW
    while now - NOW < LONGEST - IDLE:
        now += IDLE - timedelta(minutes=1)
        assert await desk.door.member(token, now) is not None
    assert await desk.door.member(token, NOW + LONGEST) is None
    other = str(await desk.log_in(NOW + timedelta(hours=1)))
    assert await desk.door.member(other, NOW + timedelta(hours=1) + IDLE) is None


async def test_an_invented_token_is_nobodys(desk: Desk) -> None:
    assert await desk.door.member("", NOW) is None
    assert await desk.door.member("x" * 32, NOW) is None


async def test_who_is_disabled_is_out_at_once_and_cannot_come_back(desk: Desk) -> None:
    token = str(await desk.log_in())
    async with desk.database.write() as connection:
        await staff.disable_account(connection, 1, NOW)
    assert await desk.door.member(token, NOW) is None
    assert await desk.log_in(NOW + timedelta(minutes=1)) is LogInResult.WRONG


async def test_a_renewed_account_has_another_password_and_another_app(desk: Desk, keyring: Keyring) -> None:
    token = str(await desk.log_in())
    async with desk.database.write() as connection:
        uri = await staff.renew_account(connection, keyring, 1, "desk", "a new long password")
    assert await desk.door.member(token, NOW) is None
    assert await desk.log_in(NOW + timedelta(minutes=1)) is LogInResult.WRONG
    renewed = Desk(desk.database, keyring, uri)
    assert not isinstance(await renewed.log_in(password="a new long password"), LogInResult)


async def test_logging_out_ends_this_log_in_only(desk: Desk) -> None:
    first, second = str(await desk.log_in()), str(await desk.log_in(NOW + timedelta(minutes=1)))
    member = await desk.door.member(first, NOW)
    assert member is not None
    async with desk.database.write() as connection:
        await staff.end_session(connection, member.session_id)
    assert await desk.door.member(first, NOW) is None
    assert await desk.door.member(second, NOW) is not None


async def test_a_password_of_ones_own_ends_all_other_log_ins(desk: Desk) -> None:
    first, second = str(await desk.log_in()), str(await desk.log_in(NOW + timedelta(minutes=1)))
    member = await desk.door.member(first, NOW)
    assert member is not None
    assert await desk.door.change_password(member, "another password", "a new long password", NOW) is LogInResult.WRONG
    assert await desk.door.change_password(member, PASSWORD, "a new long password", NOW) is None
    assert await desk.door.member(first, NOW) is not None
    assert await desk.door.member(second, NOW) is None
    later = NOW + timedelta(minutes=10)
    assert await desk.log_in(later) is LogInResult.WRONG
    assert not isinstance(await desk.log_in(later, password="a new long password"), LogInResult)


async def test_a_password_that_somebody_made_is_marked_until_its_owner_chose_one(
    any_database: Database, keyring: Keyring, council: int
) -> None:
    async with any_database.write() as connection:
        uri = await add_account(connection, keyring, "desk", PASSWORD, [council], [Role.HELPER], NOW, is_given=True)
    desk = Desk(any_database, keyring, uri)
    token = str(await desk.log_in())
    member = await desk.door.member(token, NOW)
    assert member is not None
    assert member.password_is_given
    await desk.door.change_password(member, PASSWORD, "a new long password", NOW)
    member = await desk.door.member(token, NOW)
    assert member is not None
    assert not member.password_is_given


async def test_a_form_is_of_one_log_in_only(desk: Desk) -> None:
    tokens = str(await desk.log_in()), str(await desk.log_in(NOW + timedelta(minutes=1)))
    first, second = [await desk.door.member(token, NOW) for token in tokens]
    assert first is not None
    assert second is not None
    assert first.sent(first.form_token)
    for other in (second.form_token, "", "é"):
        assert not first.sent(other)


async def test_two_accounts_of_one_name_are_refused(desk: Desk, keyring: Keyring) -> None:
    with pytest.raises(IntegrityError):
        async with desk.database.write() as connection:
            await add_account(connection, keyring, "desk", PASSWORD, [], [Role.HELPER], NOW)
