"""What the log of authentications has when a reply arrives, and what is kept in memory, by the settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import authentications
from radius import directory_cache
from radius.packet import Code
from radius.service import Port
from tests.radius.support import Client, access_request, rows, server_on

pytestmark = pytest.mark.usefixtures("city")


async def log_of(database: Database, keyring: Keyring, folder: Path, **settings: bool) -> list[bool]:
    """Whether each logged login was accepted, looked at as soon as a right and a wrong one were answered."""
    async with server_on(database, keyring, folder, **settings) as server:
        with Client(server, Port.AUTHENTICATION) as client:
            for identifier, (password, code) in enumerate([("demo", Code.ACCESS_ACCEPT), ("x", Code.ACCESS_REJECT)]):
                request = access_request({"User-Name": "demo", "User-Password": password}, identifier=identifier)
                assert (await client.ask(request)).code is code
        return sorted(row.accepted for row in await rows(database, authentications))


async def test_a_login_is_in_the_log_before_its_reply(database: Database, keyring: Keyring, tmp_path: Path) -> None:
    assert await log_of(database, keyring, tmp_path) == [False, True]


async def test_logins_that_were_accepted_need_not_be_logged(
    database: Database, keyring: Keyring, tmp_path: Path
) -> None:
    assert await log_of(database, keyring, tmp_path, log_accepted=False) == [False]


async def test_a_line_may_also_follow_its_reply(database: Database, keyring: Keyring, tmp_path: Path) -> None:
    await log_of(database, keyring, tmp_path, log_before_reply=False)
    assert len(await rows(database, authentications)) == 2


async def test_what_is_kept_of_the_directory_is_sampled(database: Database, keyring: Keyring, tmp_path: Path) -> None:
    async with server_on(database, keyring, tmp_path, directory_cache_entries=321) as server:
        server.sample_metrics()
    assert directory_cache.entries_limit._value.get() == 321
