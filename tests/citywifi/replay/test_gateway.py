"""The simulated gateway does what a CoovaChilli does, towards browsers and towards RADIUS."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from citywifi.replay.accounting import AccountingRecord, Status
from citywifi.replay.errors import ServiceUnreachableError
from citywifi.replay.gateway import Gateway, Phone
from citywifi.replay.schedule import TerminateCause
from citywifi.replay.uam import chap_response, keyed_challenge, mask_password, seal
from foundation.mac_address import MacAddress
from radius.attribute_values import Value
from radius.attributes import get, get_date, get_integer, get_octets, get_text
from radius.authenticators import reveal_password
from radius.packet import Code, Packet
from tests.citywifi.replay.conftest import ACCEPT, RADIUS_SECRET, UAM_SECRET, RadiusDouble, eventually, status_of

DEVICE = MacAddress.parse("02-00-5E-00-53-01")
PASSWORD = b"one-time-password"
YESTERDAY = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def log_on_query(url: str, user_name: str = "tuser") -> dict[str, str]:
    """What the portal would send the browser back with."""
    keyed = keyed_challenge(bytes.fromhex(query_of(url)["challenge"]), UAM_SECRET)
    return {"username": user_name, "response": chap_response(PASSWORD, keyed).hex()}


async def get_online(gateway: Gateway, phone: Phone) -> str:
    return await gateway.log_on(phone, log_on_query(gateway.intercept(phone, "http://example.org/")))


def is_online(phone: Phone) -> bool:
    """Asked anew each time: mypy takes an attribute to stay as it was seen."""
    return phone.session is not None


async def test_an_unknown_device_is_asked_for_by_its_address_and_then_sent_to_the_portal(
    gateway: Gateway, radius: RadiusDouble
) -> None:
    phone = gateway.connect(DEVICE)
    assert not await gateway.first_packet(phone)
    (request,) = radius.requests
    assert get_text(request, "User-Name") == get_text(request, "Calling-Station-Id") == "02-00-5E-00-53-01"
    hidden = get_octets(request, "User-Password") or b""
    assert reveal_password(hidden, RADIUS_SECRET, request.authenticator) == b"password"
    assert request.attributes[0][0] == 80, "Message-Authenticator is not first"

    url = gateway.intercept(phone, "http://example.org/?a=b&c")
    names = [name for name, _ in parse_qsl(urlsplit(url).query)]
    expected = "res uamip uamport challenge called mac ip ssid nasid sessionid userurl md"
    assert names == expected.split()
    unsealed, _, digest = url.partition("&md=")
    assert digest == seal(unsealed, UAM_SECRET)
    assert query_of(url)["res"] == "notyet"
    assert query_of(url)["userurl"] == "http://example.org/?a=b&c"


async def test_mac_authentication_is_tried_once_for_each_time_that_a_device_connects(
    gateway: Gateway, radius: RadiusDouble
) -> None:
    phone = gateway.connect(DEVICE)
    await gateway.first_packet(phone)
    await gateway.first_packet(phone)
    assert len(radius.requests) == 1
    assert gateway.connect(DEVICE) is phone
    await gateway.first_packet(phone)
    assert len(radius.requests) == 2


async def test_a_remembered_device_is_on_without_a_page(gateway: Gateway, radius: RadiusDouble) -> None:
    radius.answer = lambda request: (
        (Code.ACCESS_ACCEPT, ACCEPT) if request.code is Code.ACCESS_REQUEST else (Code.ACCOUNTING_RESPONSE, {})
    )
    phone = gateway.connect(DEVICE)
    assert await gateway.first_packet(phone)
    assert phone.session is not None
    assert phone.session.user_name == "02-00-5E-00-53-01"


async def test_a_log_on_becomes_a_chap_request_and_its_accept_a_session(
    gateway: Gateway, radius: RadiusDouble, answered: list[AccountingRecord]
) -> None:
    phone = gateway.connect(DEVICE, clock=lambda: YESTERDAY)
    url = await get_online(gateway, phone)
    assert query_of(url)["res"] == "success"
    assert query_of(url)["uid"] == "tuser"
    assert phone.session is not None
    assert phone.session.starting is not None
    await phone.session.starting
    request, start = radius.requests
    challenge, response = get_octets(request, "CHAP-Challenge"), get_octets(request, "CHAP-Password")
    assert challenge is not None
    assert response == b"\0" + chap_response(PASSWORD, challenge)
    assert get_text(request, "Called-Station-Id") == "00-00-5E-00-53-87"
    assert get_text(request, "NAS-Identifier") == "tile-hill"
    assert get_integer(request, "NAS-Port-Type") == 19
    assert status_of(start) == "Start"
    assert get_octets(start, "Class") == b"\x01class"
    assert get_text(start, "Acct-Session-Id") == get_text(request, "Acct-Session-Id") == "test-07-00001"
    assert answered == [AccountingRecord(Status.START, "tile-hill", "test-07-00001", YESTERDAY)]
    assert phone.session.grant.limits.session_timeout_seconds == 7200
    assert phone.session.grant.limits.interim_interval_seconds == 300
    assert phone.session.grant.limits.download_bits_per_second == 8_000_000


async def test_the_past_is_reported_with_the_delay_and_the_time_of_the_event(
    gateway: Gateway, radius: RadiusDouble
) -> None:
    phone = gateway.connect(DEVICE, clock=lambda: YESTERDAY)
    await get_online(gateway, phone)
    assert phone.session is not None
    phone.session.seconds, phone.session.output_octets = 600, 5 * 2**32 + 7
    await gateway.stop(phone, YESTERDAY + timedelta(seconds=600), TerminateCause.IDLE_TIMEOUT)
    stop = radius.requests[-1]
    assert status_of(stop) == "Stop"
    assert get_date(stop, "Event-Timestamp") == YESTERDAY + timedelta(seconds=600)
    assert get_integer(stop, "Acct-Delay-Time") == pytest.approx(86400 - 600, abs=600)
    assert get_integer(stop, "Acct-Session-Time") == 600
    assert (get_integer(stop, "Acct-Output-Gigawords"), get_integer(stop, "Acct-Output-Octets")) == (5, 7)
    assert get_integer(stop, "Acct-Terminate-Cause") == 4
    assert get(stop, "Acct-Input-Gigawords") is None


async def test_a_masked_password_becomes_a_hidden_one(gateway: Gateway, radius: RadiusDouble) -> None:
    phone = gateway.connect(DEVICE)
    challenge = bytes.fromhex(query_of(gateway.intercept(phone, ""))["challenge"])
    masked = mask_password(PASSWORD, keyed_challenge(challenge, UAM_SECRET))
    await gateway.log_on(phone, {"username": "tuser", "password": masked.hex()})
    request = radius.requests[0]
    hidden = get_octets(request, "User-Password") or b""
    assert reveal_password(hidden, RADIUS_SECRET, request.authenticator) == PASSWORD


async def test_a_rejection_says_why_and_brings_a_new_challenge(gateway: Gateway, radius: RadiusDouble) -> None:
    radius.answer = lambda _request: (Code.ACCESS_REJECT, {"Reply-Message": "not now"})
    phone = gateway.connect(DEVICE)
    before = phone.challenge
    url = await get_online(gateway, phone)
    query = query_of(url)
    assert (query["res"], query["reason"], query["reply"]) == ("failed", "reject", "not now")
    assert query["challenge"] != before.hex()
    assert url.index("res=") < url.index("reason=") < url.index("uamip=")


async def test_no_answer_from_radius_is_a_failure_of_another_kind(gateway: Gateway, radius: RadiusDouble) -> None:
    radius.answer = lambda _request: None
    phone = gateway.connect(DEVICE)
    query = query_of(await get_online(gateway, phone))
    assert (query["res"], query["reason"]) == ("failed", "timeout")
    assert len(set(radius.datagrams)) == 1, "a retransmission must be the same octets"
    assert len(radius.datagrams) == 3


@pytest.mark.parametrize(
    "query", [{}, {"username": "tuser"}, {"response": "00" * 16}, {"username": "u", "response": "x"}]
)
async def test_a_log_on_without_proof_never_reaches_radius(
    gateway: Gateway, radius: RadiusDouble, query: dict[str, str]
) -> None:
    phone = gateway.connect(DEVICE)
    gateway.intercept(phone, "")
    answer = query_of(await gateway.log_on(phone, query))
    assert (answer["res"], answer["reason"]) == ("failed", "other")
    assert radius.requests == []


async def test_a_challenge_that_is_too_old_is_not_good_any_more(gateway: Gateway, radius: RadiusDouble) -> None:
    phone = gateway.connect(DEVICE)
    query = log_on_query(gateway.intercept(phone, ""))
    phone.challenge_made_at -= timedelta(seconds=601)
    assert query_of(await gateway.log_on(phone, query))["res"] == "failed"
    assert radius.requests == []


async def test_a_device_that_is_on_is_told_so_with_its_times(gateway: Gateway) -> None:
    phone = gateway.connect(DEVICE)
    await get_online(gateway, phone)
    query = query_of(await gateway.log_on(phone, {}))
    assert query["res"] == "already"
    assert query["sessiontimeout"] == "7200"
    assert int(query["timeleft"]) <= 7200
    status = await gateway.visit(phone, "/status", {})
    assert status is not None
    assert query_of(status)["res"] == "already"


async def test_logging_off_ends_the_session_by_the_user_s_request(
    gateway: Gateway, answered: list[AccountingRecord]
) -> None:
    phone = gateway.connect(DEVICE)
    await get_online(gateway, phone)
    assert query_of(await gateway.log_off(phone))["res"] == "logoff"
    assert not is_online(phone)
    assert [(record.status, record.terminate_cause) for record in answered] == [
        (Status.START, None),
        (Status.STOP, TerminateCause.USER_REQUEST),
    ]
    await get_online(gateway, phone)
    assert phone.session is not None
    assert phone.session.acct_session_id == "test-07-00002"


async def test_a_record_is_offered_until_it_is_answered(
    gateway: Gateway, radius: RadiusDouble, answered: list[AccountingRecord]
) -> None:
    def silent_for_a_while(request: Packet) -> tuple[Code, dict[str, Value]] | None:
        return (Code.ACCOUNTING_RESPONSE, {}) if len(radius.requests) > 5 else None

    radius.answer = silent_for_a_while
    await gateway.report_restart(Status.ON, YESTERDAY)
    assert [record.status for record in answered] == [Status.ON]
    assert len(radius.requests) == 6
    # The same packet again and again, then a new one that tells the delay anew.
    assert len(set(radius.datagrams)) == 2


async def test_a_record_that_nobody_answers_is_given_up_loudly(gateway: Gateway, radius: RadiusDouble) -> None:
    radius.answer = lambda _request: None
    object.__setattr__(gateway.settings, "accounting_patience_seconds", 0.1)
    with pytest.raises(ServiceUnreachableError, match="citywifi serve --demo"):
        await gateway.report_restart(Status.ON, YESTERDAY)


async def test_a_forged_reply_is_no_answer(
    gateway: Gateway, radius: RadiusDouble, answered: list[AccountingRecord]
) -> None:
    radius.forge = lambda reply: reply[:4] + bytes(16) + reply[20:]
    task = asyncio.create_task(gateway.report_restart(Status.ON, YESTERDAY))
    await eventually(lambda: gateway.accounting.counters.discarded > 0)
    assert answered == []
    radius.forge = lambda reply: reply
    await task
    assert len(answered) == 1


def test_a_record_is_the_same_after_a_file() -> None:
    record = AccountingRecord(Status.STOP, "a", "b", YESTERDAY, 1, 2, 3, TerminateCause.ADMIN_RESET)
    assert AccountingRecord.from_json(record.to_json()) == record
