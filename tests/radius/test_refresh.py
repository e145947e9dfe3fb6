"""The limits of the policies as they are now, brought into a session that is open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import policies
from foundation.settings import RadiusSettings
from radius import attributes
from radius.dynamic_authorization import Outcome, Result, refresh_session
from radius.packet import Code, encode_reply
from tests.radius.equipment import QUICK, Equipment, add_session, is_made_by
from tests.radius.support import SECRET, City, build_city, insert

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STARTED = NOW - timedelta(minutes=30)


@pytest.fixture
async def city(database: Database, keyring: Keyring) -> City:
    return await build_city(database, keyring)


async def add_policy(database: Database, city: City, **limits: Any) -> None:
    made = {"created_at": NOW, "updated_at": NOW}
    await insert(database, policies, council_id=city.council_id, scope=f"council {city.council_id}", **made, **limits)


async def refreshed(
    database: Database, keyring: Keyring, city: City, vendor: str = "coovachilli", **session: Any
) -> tuple[Outcome, Equipment]:
    """What comes of it, and the equipment that was asked."""
    values = {"started_at": STARTED, "updated_at": NOW, "received_at": NOW, "resident_id": city.resident_id}
    session_id = await add_session(database, city, **values | session)
    with Equipment(lambda request: [encode_reply(Code.COA_ACK, request, (), SECRET)]) as equipment:
        await is_made_by(database, vendor, equipment.port)
        settings = RadiusSettings(session_timeout_seconds=7200)
        outcome = await refresh_session(database, keyring, settings, session_id, NOW, waits_seconds=QUICK)
    return outcome, equipment


async def test_limits_come_complete_and_in_the_vendors_units(database: Database, keyring: Keyring, city: City) -> None:
    await add_policy(database, city, download_kilobits_per_second=3000, idle_seconds=300)
    outcome, equipment = await refreshed(database, keyring, city)
    assert outcome.result is Result.CHANGED
    (request,) = equipment.requests
    # Of the session's two hours, counted from its beginning.
    assert attributes.get_integer(request, "Session-Timeout") == 7200
    assert attributes.get_integer(request, "Idle-Timeout") == 300
    assert attributes.get_integer(request, "WISPr-Bandwidth-Max-Down") == 3_000_000
    assert attributes.get_integer(request, "WISPr-Bandwidth-Max-Up") == 5_000_000


async def test_what_was_used_already_is_part_of_what_the_equipment_counts(
    database: Database, keyring: Keyring, city: City
) -> None:
    await add_policy(database, city, daily_seconds=3600, daily_octets=1_000_000)
    outcome, equipment = await refreshed(database, keyring, city, input_octets=100_000, output_octets=300_000)
    assert outcome.result is Result.CHANGED
    (request,) = equipment.requests
    # Half an hour and 400,000 octets are gone; the whole day's share is the session's.
    assert attributes.get_integer(request, "Session-Timeout") == 3600
    assert attributes.get_integer(request, "ChilliSpot-Max-Total-Octets") == 1_000_000


async def test_a_session_ends_when_the_place_closes(database: Database, keyring: Keyring, city: City) -> None:
    await add_policy(database, city, opens_at="08:00", closes_at="12:45")
    _, equipment = await refreshed(database, keyring, city)
    assert attributes.get_integer(equipment.requests[0], "Session-Timeout") == 30 * 60 + 45 * 60


async def test_what_the_policies_forbid_is_to_be_ended_instead(
    database: Database, keyring: Keyring, city: City
) -> None:
    await add_policy(database, city, daily_seconds=600)
    outcome, equipment = await refreshed(database, keyring, city)
    assert outcome.result is Result.NOT_ALLOWED
    assert outcome.explanation.endswith("end the session")
    assert equipment.requests == []


async def test_a_session_that_is_longer_than_it_may_be_ends_at_once(
    database: Database, keyring: Keyring, city: City
) -> None:
    await add_policy(database, city, session_seconds=900)
    _, equipment = await refreshed(database, keyring, city)
    timeout = attributes.get_integer(equipment.requests[0], "Session-Timeout")
    assert timeout == 900


async def test_it_is_one_of_the_devices_that_are_on(database: Database, keyring: Keyring, city: City) -> None:
    await add_policy(database, city, simultaneous_devices=1)
    outcome, _ = await refreshed(database, keyring, city)
    assert outcome.result is Result.CHANGED


async def test_cisco_is_asked_to_ask_again(database: Database, keyring: Keyring, city: City) -> None:
    outcome, equipment = await refreshed(database, keyring, city, "cisco")
    assert outcome.result is Result.CHANGED
    assert "subscriber:command=reauthenticate" in attributes.get_all(equipment.requests[0], "Cisco-AVPair")


async def test_no_session_is_told(database: Database, keyring: Keyring, city: City) -> None:
    outcome = await refresh_session(database, keyring, RadiusSettings(), 999_999, NOW)
    assert outcome.result is Result.NO_SUCH_SESSION
