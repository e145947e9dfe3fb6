"""Disconnect-Request against small pieces of equipment that answer as real ones do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from radius import attributes
from radius.dynamic_authorization import (
    ERROR_CAUSES,
    DeviceAtEquipment,
    Outcome,
    Result,
    ask_again,
    change_session,
    disconnect_device,
    disconnect_session,
    explain_error_cause,
    sessions,
)
from radius.dynamic_authorization.requests import ports_of, read_session
from radius.packet import Code, Packet, encode_reply
from tests.radius.equipment import QUICK, Equipment, acknowledge, add_session, is_made_by, listens_at
from tests.radius.support import DEVICE, SECRET, City, build_city
from tools.free_ports import free_ports


@pytest.fixture
async def city(database: Database, keyring: Keyring) -> City:
    return await build_city(database, keyring)


async def change(database: Database, keyring: Keyring, session_id: int) -> Outcome:
    return await change_session(database, keyring, session_id, LIMITS, waits_seconds=QUICK)


async def disconnect(database: Database, keyring: Keyring, session_id: int, **more: Any) -> Outcome:
    return await disconnect_session(database, keyring, session_id, waits_seconds=QUICK, **more)


async def test_a_session_is_disconnected_by_all_its_names(database: Database, keyring: Keyring, city: City) -> None:
    session_id = await add_session(database, city)
    with Equipment(acknowledge) as equipment:
        await listens_at(database, equipment.port)
        outcome = await disconnect(database, keyring, session_id, source_host="127.0.0.3")
    assert outcome == Outcome(Result.DISCONNECTED, "the equipment ended the session")
    (request,) = equipment.requests
    assert request.octets[20:22] == bytes((80, 18))
    assert attributes.get_text(request, "User-Name") == "somebody"
    assert attributes.get_text(request, "Acct-Session-Id") == "5f3759df"
    assert attributes.get_text(request, "Calling-Station-Id") == str(DEVICE)
    assert attributes.get_text(request, "NAS-Identifier") == "gateway"
    stamped_at = attributes.get_date(request, "Event-Timestamp")
    assert stamped_at is not None
    assert abs((stamped_at - datetime.now(UTC)).total_seconds()) < 30
    assert equipment.sources == ["127.0.0.3"]


async def test_names_that_the_session_lacks_are_left_out(database: Database, keyring: Keyring, city: City) -> None:
    session_id = await add_session(database, city, user_name=None, nas_identifier="")
    with Equipment(acknowledge) as equipment:
        await is_made_by(database, "hostapd", equipment.port)
        await disconnect(database, keyring, session_id)
    assert {number for number, _ in equipment.requests[0].attributes} == {80, 44, 31, 55}


NAMES_BY_VENDOR = {
    "coovachilli": {"User-Name", "Acct-Session-Id", "Calling-Station-Id", "NAS-Identifier"},
    "mikrotik": {"User-Name", "Acct-Session-Id", "Calling-Station-Id", "Framed-IP-Address"},
    "cisco": {"User-Name", "Acct-Session-Id", "Calling-Station-Id", "Cisco-AVPair"},
    "meraki": {"User-Name", "Acct-Session-Id", "Calling-Station-Id", "Framed-IP-Address", "NAS-Identifier"},
    "aruba": {"User-Name", "Acct-Session-Id", "Calling-Station-Id", "Framed-IP-Address"},
    "ruckus": {"User-Name", "Acct-Session-Id", "Calling-Station-Id", "NAS-Identifier"},
    "hostapd": {"User-Name", "Acct-Session-Id", "Calling-Station-Id", "NAS-Identifier"},
}
KNOWN_NAMES = sorted(set().union(*NAMES_BY_VENDOR.values()))


@pytest.mark.parametrize("vendor", NAMES_BY_VENDOR)
async def test_each_vendor_is_told_the_names_that_it_wants(
    database: Database, keyring: Keyring, city: City, vendor: str
) -> None:
    more = {"framed_ip_address": "10.1.0.5", "audit_session_id": "0A0B0C0D000000AB"}
    session_id = await add_session(database, city, **more)
    with Equipment(acknowledge) as equipment:
        await is_made_by(database, vendor, equipment.port)
        outcome = await disconnect(database, keyring, session_id)
    assert outcome.result is Result.DISCONNECTED
    (request,) = equipment.requests
    assert {name for name in KNOWN_NAMES if attributes.get(request, name) is not None} == NAMES_BY_VENDOR[vendor]
    assert attributes.get_date(request, "Event-Timestamp") is not None
    if vendor == "cisco":
        assert attributes.get_text(request, "Cisco-AVPair") == "audit-session-id=0A0B0C0D000000AB"


async def test_a_name_that_the_vendor_cannot_do_without_is_missed_in_words(
    database: Database, keyring: Keyring, city: City
) -> None:
    session_id = await add_session(database, city, user_name=None)
    await is_made_by(database, "coovachilli", 3799)
    outcome = await disconnect(database, keyring, session_id)
    assert outcome.result is Result.NOT_NAMEABLE
    assert outcome.explanation == "CoovaChilli finds a session only by User-Name, which is not stored"


async def test_a_session_without_any_name_is_not_nameable(database: Database, keyring: Keyring, city: City) -> None:
    names = {"user_name": None, "acct_session_id": "", "calling_station_id": None, "nas_identifier": ""}
    session_id = await add_session(database, city, **names)
    await is_made_by(database, "hostapd", 3799)
    assert (await disconnect(database, keyring, session_id)).result is Result.NOT_NAMEABLE


async def test_equipment_without_dynamic_authorisation_is_named(
    database: Database, keyring: Keyring, city: City
) -> None:
    session_id = await add_session(database, city)
    await is_made_by(database, "opennds", 3799)
    outcome = await disconnect(database, keyring, session_id)
    assert outcome.result is Result.NOT_SUPPORTED
    assert outcome.explanation.startswith("openNDS takes no Disconnect-Request")


LIMITS = (
    ("Session-Timeout", 1200),
    ("Idle-Timeout", 600),
    ("WISPr-Bandwidth-Max-Down", 2_000_000),
    ("WISPr-Bandwidth-Max-Up", 1_000_000),
)


@pytest.mark.parametrize("vendor", ["coovachilli", "mikrotik", "aruba"])
async def test_a_change_carries_the_complete_set_of_limits(
    database: Database, keyring: Keyring, city: City, vendor: str
) -> None:
    session_id = await add_session(database, city)
    with Equipment(lambda request: [encode_reply(Code.COA_ACK, request, (), SECRET)]) as equipment:
        await is_made_by(database, vendor, equipment.port)
        outcome = await change(database, keyring, session_id)
    assert outcome == Outcome(Result.CHANGED, "the equipment took the change")
    (request,) = equipment.requests
    assert request.code is Code.COA_REQUEST
    assert request.octets[20:22] == bytes((80, 18))
    assert attributes.get_text(request, "User-Name") == "somebody"
    assert [(name, attributes.get(request, name)) for name, _ in LIMITS] == list(LIMITS)


async def test_cisco_is_asked_to_authenticate_the_device_again_instead(
    database: Database, keyring: Keyring, city: City
) -> None:
    session_id = await add_session(database, city, audit_session_id="0A0B0C0D000000AB")
    with Equipment(lambda request: [encode_reply(Code.COA_ACK, request, (), SECRET)]) as equipment:
        await is_made_by(database, "cisco", equipment.port)
        outcome = await change(database, keyring, session_id)
    assert outcome.result is Result.CHANGED
    (request,) = equipment.requests
    assert attributes.get_all(request, "Cisco-AVPair") == [
        "audit-session-id=0A0B0C0D000000AB",
        "subscriber:command=reauthenticate",
        "subscriber:reauthenticate-type=last",
    ]
    assert attributes.get(request, "Session-Timeout") is None


@pytest.mark.parametrize("vendor", ["meraki", "hostapd", "ruckus"])
async def test_equipment_that_cannot_change_a_session_is_not_asked_to(
    database: Database, keyring: Keyring, city: City, vendor: str
) -> None:
    session_id = await add_session(database, city)
    await is_made_by(database, vendor, 3799)
    outcome = await change(database, keyring, session_id)
    assert outcome.result is Result.NOT_SUPPORTED
    assert "does not change a session that is open; end it" in outcome.explanation


async def test_without_a_port_of_its_own_a_vendors_ports_are_tried_in_turn(
    database: Database, keyring: Keyring, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = await add_session(database, city)
    (silent,) = free_ports(1)
    with Equipment(acknowledge) as equipment:
        await is_made_by(database, "cisco", None)
        monkeypatch.setattr(sessions, "ports_of", lambda _: (silent, equipment.port))
        outcome = await disconnect(database, keyring, session_id)
    assert outcome.result is Result.DISCONNECTED


@pytest.mark.parametrize(
    ("vendor", "ports"), [("cisco", (1700, 3799)), ("mikrotik", (3799, 1700)), ("hostapd", (3799,)), ("new", (3799,))]
)
async def test_the_ports_are_the_vendors_unless_one_is_set(
    database: Database, city: City, vendor: str, ports: tuple[int, ...]
) -> None:
    session_id = await add_session(database, city)
    await is_made_by(database, vendor, None)
    assert ports_of(await read_session(database, session_id)) == ports
    await is_made_by(database, vendor, 3800)
    assert ports_of(await read_session(database, session_id)) == (3800,)


async def test_a_refusal_is_explained(database: Database, keyring: Keyring, city: City) -> None:
    def refuse(request: Packet) -> list[bytes]:
        cause = attributes.encode("Error-Cause", 503)
        return [encode_reply(Code.DISCONNECT_NAK, request, [cause], SECRET)]

    session_id = await add_session(database, city)
    with Equipment(refuse) as equipment:
        await listens_at(database, equipment.port)
        outcome = await disconnect(database, keyring, session_id)
    assert (outcome.result, outcome.error_cause) == (Result.REFUSED, 503)
    assert "no such session" in outcome.explanation


async def test_a_refusal_without_error_cause_is_what_coovachilli_sends(
    database: Database, keyring: Keyring, city: City
) -> None:
    session_id = await add_session(database, city)
    with Equipment(lambda request: [encode_reply(Code.DISCONNECT_NAK, request, (), SECRET)]) as equipment:
        await listens_at(database, equipment.port)
        outcome = await disconnect(database, keyring, session_id)
    assert (outcome.result, outcome.error_cause) == (Result.REFUSED, None)
    assert "CoovaChilli" in outcome.explanation


async def test_the_same_packet_is_sent_again_until_it_is_answered(
    database: Database, keyring: Keyring, city: City
) -> None:
    session_id = await add_session(database, city)
    with Equipment(lambda request: acknowledge(request) if len(equipment.requests) == 3 else []) as equipment:
        await listens_at(database, equipment.port)
        outcome = await disconnect(database, keyring, session_id)
    assert outcome.result is Result.DISCONNECTED
    assert len({request.octets for request in equipment.requests}) == 1


async def test_forged_and_foreign_replies_are_passed_over(database: Database, keyring: Keyring, city: City) -> None:
    def answer(request: Packet) -> list[bytes]:
        forged = encode_reply(Code.DISCONNECT_ACK, request, (), b"another secret")
        cause = attributes.encode("Error-Cause", 501)
        return [b"noise", forged, encode_reply(Code.DISCONNECT_NAK, request, [cause], SECRET)]

    session_id = await add_session(database, city)
    with Equipment(answer) as equipment:
        await listens_at(database, equipment.port)
        outcome = await disconnect(database, keyring, session_id)
    assert (outcome.result, outcome.error_cause) == (Result.REFUSED, 501)


async def test_equipment_that_says_nothing_or_does_not_listen_is_no_answer(
    database: Database, keyring: Keyring, city: City
) -> None:
    session_id = await add_session(database, city)
    with Equipment(lambda _: []) as equipment:
        await listens_at(database, equipment.port)
        assert (await disconnect(database, keyring, session_id)).result is Result.NO_ANSWER
    assert len(equipment.requests) == 3
    await listens_at(database, free_ports(1)[0])
    assert (await disconnect(database, keyring, session_id)).result is Result.NO_ANSWER


async def test_what_needs_no_question_is_said_at_once(database: Database, keyring: Keyring, city: City) -> None:
    open_id = await add_session(database, city)
    ended_id = await add_session(database, city, session_key=b"e" * 16, stopped_at=datetime.now(UTC), ended_by="stop")
    assert (await disconnect(database, keyring, open_id)).result is Result.NOT_SUPPORTED
    assert (await disconnect(database, keyring, ended_id)).result is Result.ALREADY_ENDED
    assert (await disconnect(database, keyring, 999_999)).result is Result.NO_SUCH_SESSION


async def test_a_key_that_does_not_open_the_secret_is_said(database: Database, city: City) -> None:
    session_id = await add_session(database, city)
    await listens_at(database, 3799)
    outcome = await disconnect(database, Keyring(b"\x09" * 32), session_id)
    assert outcome.result is Result.UNREADABLE_SECRET


@pytest.mark.parametrize("number", [201, 401, 402, 403, 404, 405, 406, 407, *range(501, 509)])
def test_every_error_cause_has_words_of_its_own(number: int) -> None:
    assert explain_error_cause(number) == ERROR_CAUSES[number]


def test_an_unknown_error_cause_is_shown_by_its_number() -> None:
    assert "599" in explain_error_cause(599)


async def test_a_device_that_no_accounting_tells_of_is_asked_about_anew_at_cisco(
    database: Database, keyring: Keyring, city: City
) -> None:
    with Equipment(lambda request: [encode_reply(Code.COA_ACK, request, (), SECRET)]) as equipment:
        await is_made_by(database, "cisco", equipment.port)
        asked = DeviceAtEquipment(city.nas_id, DEVICE, "0A0B0C0D000000AB")
        outcome = await ask_again(database, keyring, asked, waits_seconds=QUICK)
    assert outcome.result is Result.CHANGED
    (request,) = equipment.requests
    assert request.code is Code.COA_REQUEST
    assert attributes.get_text(request, "Calling-Station-Id") == str(DEVICE)
    assert attributes.get_all_octets(request, "Cisco-AVPair") == [
        b"audit-session-id=0A0B0C0D000000AB",
        b"subscriber:command=reauthenticate",
        b"subscriber:reauthenticate-type=last",
    ]


async def test_equipment_that_cannot_ask_anew_is_made_to_by_putting_the_device_off(
    database: Database, keyring: Keyring, city: City
) -> None:
    with Equipment(acknowledge) as equipment:
        await is_made_by(database, "hostapd", equipment.port)
        outcome = await ask_again(database, keyring, DeviceAtEquipment(city.nas_id, DEVICE), waits_seconds=QUICK)
    assert outcome.result is Result.DISCONNECTED
    (request,) = equipment.requests
    assert request.code is Code.DISCONNECT_REQUEST
    # Message-Authenticator, Calling-Station-Id, Event-Timestamp: hostapd refuses what it does not know.
    assert {number for number, _ in request.attributes} == {80, 31, 55}


async def test_a_device_is_put_off_by_its_address(database: Database, keyring: Keyring, city: City) -> None:
    with Equipment(acknowledge) as equipment:
        await is_made_by(database, "cisco", equipment.port)
        outcome = await disconnect_device(
            database, keyring, DeviceAtEquipment(city.nas_id, DEVICE), waits_seconds=QUICK
        )
    assert outcome.result is Result.DISCONNECTED
    assert equipment.requests[0].code is Code.DISCONNECT_REQUEST


async def test_equipment_that_is_gone_or_takes_no_requests_is_named_for_devices_too(
    database: Database, keyring: Keyring, city: City
) -> None:
    outcome = await ask_again(database, keyring, DeviceAtEquipment(city.nas_id, DEVICE))
    assert outcome.result is Result.NOT_SUPPORTED
    outcome = await disconnect_device(database, keyring, DeviceAtEquipment(city.nas_id + 1, DEVICE))
    assert outcome.result is Result.NO_SUCH_SESSION
