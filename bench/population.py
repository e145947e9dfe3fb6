"""The same residents for both systems: a password each, a device each, written straight into their tables.

A million of them are made in a minute. What is sealed is the same for those who share a password, of which there are
a thousand; every row is one of its own.
"""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import Table, insert

from foundation.credentials import nt_hash
from foundation.database import Database
from foundation.mac_address import MacAddress
from foundation.privacy import Keyring
from foundation.schema import councils, credentials, devices, network_access_servers, residents

_PASSWORDS = 1_000
_COUNCIL_ID = 1
_ROWS_AT_ONCE = 5_000

Rows = Iterator[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Population:
    """So many residents; who they are follows from their numbers."""

    size: int
    passwords: tuple[str, ...]

    @classmethod
    def of(cls, size: int) -> Population:
        """Residents with fresh passwords."""
        return cls(size, tuple(secrets.token_hex(8) for _ in range(_PASSWORDS)))

    def user_name(self, number: int) -> str:
        return f"resident{number}"

    def password(self, number: int) -> str:
        return self.passwords[number % len(self.passwords)]

    def address(self, number: int) -> MacAddress:
        return MacAddress(b"\x02\x00" + number.to_bytes(4, "big"))

    def write_users(self, file: Path) -> Path:
        """Names and passwords, as the generator reads them."""
        with file.open("w") as out:
            out.writelines(f"{self.user_name(number)}\t{self.password(number)}\n" for number in range(self.size))
        return file

    def write_devices(self, file: Path) -> Path:
        """Addresses, each with itself as password: MAC authentication, as the generator reads it."""
        with file.open("w") as out:
            out.writelines(f"{address}\t{address}\n" for address in map(self.address, range(self.size)))
        return file

    def write_freeradius_users(self, file: Path) -> Path:
        """In the format of FreeRADIUS's users file: residents only."""
        with file.open("w") as out:
            out.writelines(
                f'{name} Cleartext-Password := "{password}"\n' for _, name, password in self._known(devices=False)
            )
        return file

    def radcheck(self) -> Rows:
        """Rows of radcheck: id, name, attribute, operator, value."""
        return ((row, name, "Cleartext-Password", ":=", value) for row, name, value in self._known(devices=True))

    def _known(self, *, devices: bool) -> Iterator[tuple[int, str, str]]:
        for number in range(self.size):
            yield 2 * number + 1, self.user_name(number), self.password(number)
            if devices:
                address = str(self.address(number))
                yield 2 * number + 2, address, address


@dataclass(frozen=True, slots=True)
class _Content:
    """Rows for one table."""

    table: Table
    columns: tuple[str, ...]
    rows: Rows


def fill(database_url: str, keyring: Keyring, population: Population, nas_secret: str) -> None:
    """Council, NAS and residents into a fresh migrated database of ours."""
    contents = _contents(keyring, population, nas_secret)
    if database_url.startswith("sqlite"):
        asyncio.run(_insert(database_url, contents))
    else:
        asyncio.run(_copy(database_url, [(one.table.name, one.columns, one.rows) for one in contents]))


def fill_freeradius(database_url: str, population: Population) -> None:
    """Users and devices into a PostgreSQL database that has FreeRADIUS's schema."""
    columns = ("id", "username", "attribute", "op", "value")
    asyncio.run(_copy(database_url, [("radcheck", columns, population.radcheck())]))


def fill_freeradius_file(connection: sqlite3.Connection, population: Population) -> None:
    """Users and devices into an SQLite file that has FreeRADIUS's schema."""
    connection.executemany("INSERT INTO radcheck VALUES (?, ?, ?, ?, ?)", population.radcheck())
    connection.commit()
    connection.close()


def _contents(keyring: Keyring, population: Population, nas_secret: str) -> list[_Content]:
    now = datetime.now(UTC)
    numbers = range(population.size)
    secret = keyring.encrypt("nas secret", nas_secret.encode())
    remembered_until = now + timedelta(days=90)
    sealed = [
        (keyring.encrypt("nt hash", nt_hash(password)), keyring.encrypt("credential", password.encode()))
        for password in population.passwords
    ]

    def pseudonym(number: int) -> bytes:
        return keyring.device_pseudonym(_COUNCIL_ID, population.address(number))

    nas = (1, _COUNCIL_ID, "load", "127.0.0.0/8", secret, "coovachilli", now, now)
    return [
        _Content(councils, ("id", "code", "name", "created_at"), iter([(1, "E08000026", "Coventry", now)])),
        _Content(
            network_access_servers,
            ("id", "council_id", "name", "network", "secret_encrypted", "vendor", "created_at", "updated_at"),
            iter([nas]),
        ),
        _Content(
            residents,
            ("id", "council_id", "contact_kind", "registered_at", "last_seen_at"),
            ((number + 1, _COUNCIL_ID, "none", now, now) for number in numbers),
        ),
        _Content(
            devices,
            (
                *("id", "council_id", "resident_id", "mac_pseudonym"),
                *("randomised", "remembered_until", "created_at", "last_seen_at"),
            ),
            (
                (number + 1, _COUNCIL_ID, number + 1, pseudonym(number), True, remembered_until, now, now)
                for number in numbers
            ),
        ),
        _Content(
            credentials,
            (
                *("id", "council_id", "resident_id", "user_name"),
                *("nt_hash_encrypted", "password_encrypted", "created_at"),
            ),
            (
                (number + 1, _COUNCIL_ID, number + 1, population.user_name(number), *sealed[number % _PASSWORDS], now)
                for number in numbers
            ),
        ),
    ]


async def _insert(database_url: str, contents: list[_Content]) -> None:
    database = Database(database_url)
    try:
        for content in contents:
            while some := list(islice(content.rows, _ROWS_AT_ONCE)):
                async with database.write() as connection:
                    values = [dict(zip(content.columns, row, strict=True)) for row in some]
                    await connection.execute(insert(content.table), values)
    finally:
        await database.close()


async def _copy(database_url: str, contents: Sequence[tuple[str, tuple[str, ...], Rows]]) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        # The rows refer to each other rightly: no need to look each reference up, nor to tell anybody of each row.
        await connection.execute("SET session_replication_role = replica")
        for table, columns, rows in contents:
            await connection.copy_records_to_table(table, records=rows, columns=columns)
            await connection.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"  # noqa: S608  ours
            )
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
