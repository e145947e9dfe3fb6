"""Devices that nobody registered, where their equipment puts them into quarantine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import devices
from radius.authentication.credential import CredentialVerifier
from radius.authentication.methods import Authenticator
from radius.authentication.outcome import Accepted, Rejected, RejectReason, Step
from radius.directory import Directory
from radius.nas import Quarantine
from radius.packet import Code
from radius.service import Arrival, Request
from tests.radius.support import DEVICE, NAS, SECRET, access_request, build_city

STRANGER = "02-00-5E-00-53-99"
SHUT_IN = Quarantine(vlan=99)
Ask = Callable[..., Awaitable[Step]]


@pytest.fixture
async def ask(database: Database, keyring: Keyring) -> Ask:
    city = await build_city(database, keyring)
    directory = Directory(database)
    authenticator = Authenticator(directory, keyring, CredentialVerifier(directory, keyring))
    nas = replace(NAS, id=city.nas_id, council_id=city.council_id)

    async def by_address(
        address: str, quarantine: Quarantine | None = SHUT_IN, *, calling: str | None = None, **proof: str
    ) -> Step:
        values: dict[str, Any] = {"User-Name": address, "Calling-Station-Id": calling or address}
        values |= {name.replace("_", "-"): value for name, value in (proof or {"User_Password": address}).items()}
        server = replace(nas, quarantine=quarantine)
        at = Arrival(datetime.now(UTC), 0.0)
        return await authenticator.authenticate(
            Request(access_request(values), server, SECRET, at, ("127.0.0.1", 1, Code.ACCESS_REQUEST, 7))
        )

    return by_address


def quarantined(step: Step) -> bool:
    return isinstance(step, Accepted) and step.is_quarantined


@pytest.mark.parametrize("password", [STRANGER, STRANGER.lower().replace("-", ""), "password"])
async def test_a_device_that_nobody_registered_is_let_into_quarantine_as_nobodys(ask: Ask, password: str) -> None:
    step = await ask(STRANGER, User_Password=password)
    assert isinstance(step, Accepted)
    assert (step.is_quarantined, step.method, step.resident_id, step.device_id) == (True, "mac", None, None)
    assert step.detail == f"quarantined: {RejectReason.DEVICE_NOT_REMEMBERED.explanation}"


async def test_so_is_it_by_chap(ask: Ask) -> None:
    assert quarantined(await ask(STRANGER, CHAP=STRANGER))


async def test_a_device_whose_time_is_over_is_quarantined_again(database: Database, ask: Ask) -> None:
    async with database.write() as connection:
        await connection.execute(update(devices).values(remembered_until=datetime.now(UTC) - timedelta(seconds=1)))
    assert quarantined(await ask(str(DEVICE)))


async def test_a_remembered_device_is_let_on_as_ever(ask: Ask) -> None:
    step = await ask(str(DEVICE))
    assert isinstance(step, Accepted)
    assert not step.is_quarantined


async def test_without_quarantine_it_is_rejected(ask: Ask) -> None:
    assert await ask(STRANGER, None) == Rejected("mac", RejectReason.DEVICE_NOT_REMEMBERED)


async def test_a_wrong_password_or_another_devices_address_leads_to_no_quarantine(ask: Ask) -> None:
    assert await ask(STRANGER, User_Password="something else") == Rejected("mac", RejectReason.WRONG_PASSWORD)
    forged = await ask(STRANGER, calling=str(DEVICE))
    assert forged == Rejected("mac", RejectReason.ADDRESS_OF_ANOTHER_DEVICE)
