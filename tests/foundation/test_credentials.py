from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from foundation.credentials import (
    CredentialError,
    WantedCredential,
    add_credential,
    add_credentials,
    checked_group,
    checked_nt_hash,
    checked_password,
    checked_user_name,
    generate_password,
    generate_user_name,
    nt_hash,
)
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import credentials, residents
from tests.conftest import insert_council

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_the_nt_hash_is_that_of_ms_nlmp() -> None:
    # MS-NLMP section 4.2.2.1.2: NTOWFv1 of "Password".
    assert nt_hash("Password").hex() == "a4f49c406510bdcab6824ee7c30fd852"
    assert nt_hash("ŵ".encode()) == nt_hash("ŵ")


def test_passwords_and_names_can_be_read_out_and_do_not_repeat() -> None:
    passwords = {generate_password() for _ in range(200)}
    assert len(passwords) == 200
    for password in passwords:
        words = password.split("-")
        assert len(words) == 4
        assert all(word.isascii() and word.isalpha() and word.islower() for word in words)
    assert checked_user_name(generate_user_name())


async def test_a_credential_is_stored_sealed(database: Database, keyring: Keyring, council_id: int) -> None:
    async with database.write() as connection:
        made = await add_credential(
            connection, keyring, council_id=council_id, resident_id=None, now=NOW, keep_password=True
        )
    async with database.read() as connection:
        row = (await connection.execute(select(credentials))).one()
    assert row.user_name == made.user_name
    assert made.password.encode() not in row.nt_hash_encrypted + row.password_encrypted
    assert keyring.decrypt("nt hash", row.nt_hash_encrypted) == nt_hash(made.password)
    assert keyring.decrypt("credential", row.password_encrypted) == made.password.encode()
    assert made.password not in repr(made)


async def test_many_are_stored_in_order_each_with_a_resident(any_database: Database, keyring: Keyring) -> None:
    council_id = await insert_council(any_database)
    known = bytes(range(16))
    wanted = [
        WantedCredential("anna", password="her own", group_name="staff"),
        WantedCredential("ben", nt_hash=known),
        *(WantedCredential(f"person {number}") for number in range(600)),
    ]
    async with any_database.write() as connection:
        made = await add_credentials(connection, keyring, wanted, council_id=council_id, now=NOW, keep_password=True)
    assert [one.user_name for one in made] == [one.user_name for one in wanted]
    assert (made[0].password, made[1].password) == ("her own", "")
    assert len({one.password for one in made[2:]}) == 600
    async with any_database.read() as connection:
        rows = (await connection.execute(select(credentials).order_by(credentials.c.id))).all()
        people = {row.id: row for row in await connection.execute(select(residents))}
    assert [row.user_name for row in rows] == [one.user_name for one in wanted]
    assert len({row.resident_id for row in rows}) == 602
    assert people[rows[0].resident_id].group_name == "staff"
    assert {person.contact_kind for person in people.values()} == {"none"}
    assert keyring.decrypt("nt hash", rows[1].nt_hash_encrypted) == known
    assert rows[1].password_encrypted is None
    assert keyring.decrypt("nt hash", rows[2].nt_hash_encrypted) == nt_hash(made[2].password)


async def test_only_the_nt_hash_is_kept_where_chap_is_not_wanted(
    database: Database, keyring: Keyring, council_id: int
) -> None:
    async with database.write() as connection:
        wanted = [WantedCredential("anna")]
        await add_credentials(connection, keyring, wanted, council_id=council_id, now=NOW, keep_password=False)
        assert await add_credentials(connection, keyring, [], council_id=council_id, now=NOW, keep_password=False) == []
    async with database.read() as connection:
        row = (await connection.execute(select(credentials))).one()
    assert row.password_encrypted is None


async def test_a_user_name_is_a_councils_only_once(database: Database, keyring: Keyring, council_id: int) -> None:
    wanted = [WantedCredential("anna")]
    async with database.write() as connection:
        await add_credentials(connection, keyring, wanted, council_id=council_id, now=NOW, keep_password=False)
    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await add_credentials(connection, keyring, wanted, council_id=council_id, now=NOW, keep_password=False)


@pytest.mark.parametrize(
    "name",
    ["", "  ", "x" * 254, "a\nb", "a\x00b", "00-00-5E-00-53-01", "00005e005301", "t" + "a2" * 13],
)
def test_names_by_which_nobody_could_log_in_are_refused(name: str) -> None:
    with pytest.raises(CredentialError):
        checked_user_name(name)


@pytest.mark.parametrize("name", ["anna", "anna@coventry.gov.uk", "Siôn Ŵyn", "token", "t" + "a2" * 12])
def test_other_names_are_taken(name: str) -> None:
    assert checked_user_name(f" {name} ") == name


@pytest.mark.parametrize("password", ["", "x" * 129, "a\tb"])
def test_passwords_that_no_device_could_send_are_refused(password: str) -> None:
    with pytest.raises(CredentialError):
        checked_password(password)


def test_an_nt_hash_is_read_in_either_case() -> None:
    assert checked_nt_hash(" 8846F7EAEE8FB117AD06BDD830B7586C ") == nt_hash("password")
    for wrong in ("", "8846F7", "g" * 32, "0x" + "8" * 30):
        with pytest.raises(CredentialError):
            checked_nt_hash(wrong)


def test_a_groups_name_is_short_and_printable() -> None:
    assert checked_group(" staff ") == "staff"
    for wrong in ("x" * 65, "a\nb"):
        with pytest.raises(CredentialError):
            checked_group(wrong)
