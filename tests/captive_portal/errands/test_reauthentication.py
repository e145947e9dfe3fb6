"""What happens between the portal and equipment that RADIUS decides for: packets over real UDP sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from captive_portal import app
from captive_portal.errands.reauthentication import Reauthenticator
from captive_portal.pages.common import ERRANDS
from foundation.arrival_tokens import ArrivalToken, seal
from foundation.mac_address import MacAddress
from foundation.schema import accounting_sessions, authentications, devices, network_access_servers
from radius import attributes
from radius.attributes import encode_all
from radius.packet import Code, Packet, encode_reply
from tests.captive_portal.codes_on_paper import offer
from tests.captive_portal.conftest import PHONE, City, Phone, newest_code, start_session
from tests.radius.equipment import Equipment
from tests.radius.support import SECRET

AUDIT_SESSION_ID = "0A0101010000000B5F3E2D1C"
CODES = {
    Code.COA_REQUEST: (Code.COA_ACK, Code.COA_NAK),
    Code.DISCONNECT_REQUEST: (Code.DISCONNECT_ACK, Code.DISCONNECT_NAK),
}


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = Reauthenticator(waits_seconds=(0.2, 0.2), told_after_seconds=0.0)
    monkeypatch.setattr(app, "Reauthenticator", lambda: quick)


def yes(request: Packet) -> list[bytes]:
    return [encode_reply(CODES[request.code][0], request, (), SECRET)]


def no(error_cause: int) -> Callable[[Packet], list[bytes]]:
    values = encode_all({"Error-Cause": error_cause})
    return lambda request: [encode_reply(CODES[request.code][1], request, values, SECRET)]


@pytest.fixture
async def equipment(request: pytest.FixtureRequest) -> AsyncIterator[Equipment]:
    with Equipment(getattr(request, "param", yes)) as opened:
        yield opened


@pytest.fixture
async def way_in(city: City, equipment: Equipment) -> str:
    """The address that RADIUS gave the phone."""
    keyring = city.runtime.keyring
    values = {
        "vendor": "cisco",
        "gateway_driver": "cisco-central",
        "secret_encrypted": keyring.encrypt("nas secret", SECRET),
        "dynamic_authorization_host": "127.0.0.1",
        "dynamic_authorization_port": equipment.port,
    }
    async with city.database.write() as connection:
        await connection.execute(update(network_access_servers).values(**values))
    expires_at = datetime.now(UTC) + timedelta(hours=1)
    token = ArrivalToken(
        city.nas_id, MacAddress.parse(PHONE), expires_at, MacAddress.parse("00-00-5E-00-53-00"), AUDIT_SESSION_ID
    )
    return f"/r/{seal(keyring, token)}?&redirect_url=http%3A%2F%2Fexample.org%2F"


async def remembered_until(city: City) -> datetime | None:
    async with city.database.read() as connection:
        until: datetime | None = (await connection.execute(select(devices.c.remembered_until))).scalar_one()
        return until


async def asked(equipment: Equipment, count: int) -> list[Code]:
    """The codes of the requests, when there are so many."""
    for _ in range(500):
        if len(equipment.requests) >= count:
            break
        await asyncio.sleep(0.01)
    return [request.code for request in equipment.requests]


async def until_page(phone: Phone, page: str) -> None:
    journey = phone.path.rpartition("/")[0]
    async with asyncio.timeout(5):
        while phone.page != page:
            await asyncio.sleep(0.02)
            await phone.get(f"{journey}/")


async def log_accept(city: City, detail: str = "") -> None:
    """What RADIUS writes when the equipment asks and the device is let on."""
    keyring = city.runtime.keyring
    name = PHONE.replace("-", "").lower().encode()
    async with city.database.write() as connection:
        await connection.execute(
            authentications.insert().values(
                at=datetime.now(UTC),
                council_id=city.council_id,
                nas_id=city.nas_id,
                method="mac",
                accepted=True,
                reason="",
                detail=detail,
                user_pseudonym=keyring.pseudonym("user", city.council_id, name),
                milliseconds=1.0,
            )
        )


async def test_a_device_arrives_at_its_own_address_and_nothing_of_it_stands_there(phone: Phone, way_in: str) -> None:
    assert PHONE.replace("-", "").lower() not in way_in.lower()
    await phone.get(way_in)
    assert phone.page == "start"


async def test_the_right_to_be_on_is_there_before_the_equipment_is_asked(
    phone: Phone, city: City, way_in: str, equipment: Equipment
) -> None:
    await phone.get(way_in)
    await phone.submit(way="click", accept_terms="yes")
    assert phone.page == "waiting"
    assert await asked(equipment, 1) == [Code.COA_REQUEST]
    request = equipment.requests[0]
    assert attributes.get_text(request, "Calling-Station-Id") == PHONE
    pairs = attributes.get_all_octets(request, "Cisco-AVPair")
    assert f"audit-session-id={AUDIT_SESSION_ID}".encode() in pairs
    assert b"subscriber:command=reauthenticate" in pairs
    until = await remembered_until(city)
    assert until is not None
    # For a session: nobody asked to be remembered.
    assert timedelta(hours=3, minutes=59) < until - datetime.now(UTC) <= timedelta(hours=4)


async def test_who_chose_to_be_remembered_is_let_on_for_that_long(phone: Phone, city: City, way_in: str) -> None:
    await phone.get(way_in)
    await phone.submit(way="click", accept_terms="yes", remember_device="yes")
    until = await remembered_until(city)
    assert until is not None
    assert until - datetime.now(UTC) > timedelta(days=89)


async def test_equipment_that_says_yes_and_asks_is_left_in_peace(
    phone: Phone, city: City, way_in: str, equipment: Equipment
) -> None:
    await phone.get(way_in)
    await phone.submit(way="click", accept_terms="yes")
    await log_accept(city)
    await asyncio.sleep(0.6)
    assert await asked(equipment, 1) == [Code.COA_REQUEST]


@pytest.mark.parametrize("detail", [None, "quarantined: it did not register"], ids=["not asked", "in quarantine"])
async def test_a_device_is_put_off_where_the_equipment_did_not_ask_or_has_it_in_quarantine_still(
    phone: Phone, city: City, way_in: str, equipment: Equipment, detail: str | None
) -> None:
    await phone.get(way_in)
    await phone.submit(way="click", accept_terms="yes")
    if detail is not None:
        await log_accept(city, detail)
    assert await asked(equipment, 2) == [Code.COA_REQUEST, Code.DISCONNECT_REQUEST]


async def test_a_session_that_went_on_through_quarantine_is_proof_when_it_is_heard_of_again(
    phone: Phone, city: City, way_in: str
) -> None:
    await phone.get(way_in)
    await phone.submit(way="click", accept_terms="yes")
    await start_session(city, user_name="00005e005301", started_at=datetime.now(UTC) - timedelta(minutes=3))
    await phone.get(phone.path)
    assert phone.page == "online"
    await phone.get(phone.path.replace("online", "status"))
    assert "This device is remembered" not in phone.text


@pytest.mark.parametrize("equipment", [no(405)], indirect=True, ids=["unsupported service"])
async def test_a_refusal_fails_the_journey_and_can_be_tried_again(
    phone: Phone, way_in: str, equipment: Equipment
) -> None:
    await phone.get(way_in)
    await phone.submit(way="click", accept_terms="yes")
    await until_page(phone, "failed")
    assert await asked(equipment, 3) == [Code.COA_REQUEST, Code.DISCONNECT_REQUEST, Code.DISCONNECT_REQUEST]
    await phone.submit()
    assert phone.page == "waiting"


@pytest.mark.parametrize("equipment", [no(503)], indirect=True, ids=["no such session"])
async def test_a_device_that_has_gone_is_waited_for(phone: Phone, way_in: str, equipment: Equipment) -> None:
    await phone.get(way_in)
    await phone.submit(way="click", accept_terms="yes")
    await asked(equipment, 3)
    await asyncio.sleep(0.1)
    await phone.get(phone.path)
    assert phone.page == "waiting"


async def test_equipment_that_takes_no_requests_fails_the_journey(phone: Phone, city: City, way_in: str) -> None:
    async with city.database.write() as connection:
        await connection.execute(update(network_access_servers).values(dynamic_authorization_host=None))
    await phone.get(way_in)
    await phone.submit(way="click", accept_terms="yes")
    await until_page(phone, "failed")


async def get_on(phone: Phone, city: City, way_in: str) -> None:
    await phone.get(way_in)
    await phone.submit(way="click", accept_terms="yes", remember_device="yes")
    await start_session(city, user_name="00005e005301")
    await phone.get(phone.path)
    assert phone.page == "online"
    errands = phone.client.app[ERRANDS]
    for _ in range(500):
        if not errands:
            break
        await asyncio.sleep(0.01)


async def test_logging_out_takes_the_right_away_and_then_the_session(
    phone: Phone, city: City, way_in: str, equipment: Equipment
) -> None:
    await get_on(phone, city, way_in)
    async with city.database.write() as connection:
        await connection.execute(update(accounting_sessions).values(calling_station_id=PHONE))
    await phone.get(phone.path.replace("online", "status"))
    before = len(equipment.requests)
    await phone.submit()
    codes = await asked(equipment, before + 1)
    assert codes[before:] == [Code.DISCONNECT_REQUEST]
    assert attributes.get_text(equipment.requests[before], "Acct-Session-Id") == "1"
    assert await remembered_until(city) is None
    await until_page(phone, "ended")
    # The choice to be remembered is the journey's, and counts again with the next press of the button.
    await phone.submit()
    assert await remembered_until(city) is not None


async def test_a_session_that_cannot_be_named_is_ended_by_the_devices_address(
    phone: Phone, city: City, way_in: str, equipment: Equipment
) -> None:
    await get_on(phone, city, way_in)
    await phone.get(phone.path.replace("online", "status"))
    async with city.database.write() as connection:
        await connection.execute(update(accounting_sessions).values(acct_session_id=""))
    before = len(equipment.requests)
    await phone.submit()
    assert len(await asked(equipment, before + 1)) == before + 1
    assert attributes.get_text(equipment.requests[before], "Calling-Station-Id") == PHONE


async def test_a_device_that_is_on_and_comes_by_its_own_address_stays_on(phone: Phone, city: City, way_in: str) -> None:
    await get_on(phone, city, way_in)
    await phone.get(way_in)
    assert phone.page == "online"


async def test_a_code_that_is_typed_in_grace_lets_the_device_stay_and_makes_the_equipment_ask_anew(
    phone: Phone, city: City, way_in: str, equipment: Equipment
) -> None:
    await offer(city, "email")
    await phone.get(way_in)
    await phone.submit(way="email", accept_terms="yes")
    await phone.submit(email="ann@example.org")
    await phone.post(phone.path.replace("code", "grace"))
    assert await asked(equipment, 1) == [Code.COA_REQUEST]
    until = await remembered_until(city)
    assert until is not None
    assert until - datetime.now(UTC) <= timedelta(minutes=10)
    await log_accept(city)
    await start_session(city)
    await until_page(phone, "online")
    async with city.database.write() as connection:
        values = {"calling_station_id": PHONE, "audit_session_id": AUDIT_SESSION_ID}
        await connection.execute(update(accounting_sessions).values(**values))
    await phone.get(phone.path.replace("online", "code"))
    await phone.submit(code=newest_code(city))
    assert "Your code was right. You stay online." in phone.text
    assert [request.code for request in equipment.requests][-1] is Code.COA_REQUEST
    until = await remembered_until(city)
    assert until is not None
    assert until - datetime.now(UTC) > timedelta(hours=3)
