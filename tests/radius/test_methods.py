"""Who is let on, who is not, and why."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import devices, one_time_tokens, residents
from radius import attributes
from radius.authentication.credential import CredentialVerifier
from radius.authentication.methods import Authenticator
from radius.authentication.outcome import Accepted, Challenged, Outcome, Rejected, RejectReason, Step
from radius.directory import Directory
from radius.packet import Code, decode, encode_reply, encode_request
from radius.service import Request
from tests.radius.support import (
    DEVICE,
    NAS,
    SECRET,
    TOKEN_NAME,
    City,
    Values,
    access_request,
    add_credential,
    add_hashed_credential,
    add_token,
    build_city,
    request_of,
    rows,
)

Ask = Callable[..., Awaitable[Outcome]]


@pytest.fixture
async def city(database: Database, keyring: Keyring) -> City:
    return await build_city(database, keyring)


@pytest.fixture
def ask(database: Database, keyring: Keyring, city: City) -> Ask:
    authenticator = authenticator_of(Directory(database), keyring)
    nas = replace(NAS, id=city.nas_id, council_id=city.council_id)

    async def ask_with(values: Values, **nas_values: Any) -> Outcome:
        """The verdict; what the method puts into the reply is in tests of their own."""
        packet = access_request(values)
        step = await authenticator.authenticate(request_of(packet, replace(nas, **nas_values)))
        assert not isinstance(step, Challenged)
        if isinstance(step, Accepted):
            return replace(step, attributes=(), refusal_attributes=())
        return replace(step, attributes=())

    return ask_with


def authenticator_of(directory: Directory, keyring: Keyring) -> Authenticator:
    return Authenticator(directory, keyring, CredentialVerifier(directory, keyring))


METHODS = pytest.mark.parametrize(
    ("proof", "method"), [("User-Password", "pap"), ("CHAP", "chap"), ("MS-CHAPv2", "mschapv2")]
)


def rejected(method: str, reason: RejectReason) -> Rejected:
    return Rejected(method, reason)


@METHODS
async def test_a_credential_is_accepted_by_every_method(
    database: Database, keyring: Keyring, city: City, ask: Ask, proof: str, method: str
) -> None:
    await add_credential(database, keyring, city, "demo", "demo")
    assert await ask({"User-Name": "demo", proof: "demo"}) == Accepted(method)
    assert await ask({"User-Name": "demo", proof: "Demo"}) == rejected(method, RejectReason.WRONG_PASSWORD)
    assert await ask({"User-Name": "Demo", proof: "demo"}) == rejected(method, RejectReason.UNKNOWN_USER)


@METHODS
async def test_a_credential_of_which_only_the_hash_is_kept_is_accepted_by_all_but_chap(
    database: Database, keyring: Keyring, city: City, ask: Ask, proof: str, method: str
) -> None:
    await add_hashed_credential(database, keyring, city, "anna", "four-plain-words-here")
    right = await ask({"User-Name": "anna", proof: "four-plain-words-here"})
    wrong = await ask({"User-Name": "anna", proof: "three-plain-words"})
    if method == "chap":
        assert right == wrong == rejected("chap", RejectReason.CHAP_NEEDS_PASSWORD)
    else:
        assert (right, wrong) == (Accepted(method), rejected(method, RejectReason.WRONG_PASSWORD))


@METHODS
async def test_a_windows_domain_before_the_name_does_not_matter(
    database: Database, keyring: Keyring, city: City, ask: Ask, proof: str, method: str
) -> None:
    await add_credential(database, keyring, city, "demo", "demo")
    assert await ask({"User-Name": r"LAPTOP-7\demo", proof: "demo"}) == Accepted(method)


@pytest.mark.parametrize("password", [b"\xff\xfe", b"\xc3\x28" * 60, b""])
async def test_a_password_that_is_no_text_is_wrong_and_not_an_error(
    database: Database, keyring: Keyring, city: City, ask: Ask, password: bytes
) -> None:
    await add_hashed_credential(database, keyring, city, "anna", "x")
    await add_credential(database, keyring, city, "demo", "demo")
    for name in ("anna", "demo", "nobody", str(DEVICE), TOKEN_NAME):
        outcome = await ask({"User-Name": name, "User-Password": password})
        assert isinstance(outcome, Rejected)
        assert outcome.reason in (RejectReason.WRONG_PASSWORD, RejectReason.UNKNOWN_USER)


async def test_an_expired_or_revoked_credential_is_rejected(
    database: Database, keyring: Keyring, city: City, ask: Ask
) -> None:
    past, future = datetime.now(UTC) - timedelta(seconds=1), datetime.now(UTC) + timedelta(hours=1)
    await add_credential(database, keyring, city, "expired", "x", expires_at=past)
    await add_credential(database, keyring, city, "revoked", "x", revoked_at=past)
    await add_credential(database, keyring, city, "soon", "x", expires_at=future, resident_id=city.resident_id)
    assert await ask({"User-Name": "expired", "User-Password": "x"}) == rejected("pap", RejectReason.CREDENTIAL_EXPIRED)
    assert await ask({"User-Name": "revoked", "User-Password": "x"}) == rejected("pap", RejectReason.CREDENTIAL_REVOKED)
    async with database.write() as connection:
        await connection.execute(update(residents).values(group_name="staff"))
    accepted = Accepted("pap", city.resident_id, good_until=future, group_name="staff")
    assert await ask({"User-Name": "soon", "User-Password": "x"}) == accepted


async def test_another_councils_credential_is_unknown_here(
    database: Database, keyring: Keyring, city: City, ask: Ask
) -> None:
    await add_credential(database, keyring, city, "demo", "demo")
    outcome = await ask({"User-Name": "demo", "User-Password": "demo"}, council_id=city.council_id + 1)
    assert outcome == rejected("pap", RejectReason.UNKNOWN_USER)


def token_request(keyring: Keyring, *, proof: str = "User-Password", station: str = str(DEVICE)) -> Values:
    password = keyring.one_time_password(TOKEN_NAME)
    return {"User-Name": TOKEN_NAME, proof: password, "Calling-Station-Id": station}


@METHODS
async def test_a_one_time_token_is_accepted_twice_for_its_device_at_its_gateway(
    database: Database, keyring: Keyring, city: City, ask: Ask, proof: str, method: str
) -> None:
    await add_token(database, city)
    request = token_request(keyring, proof=proof)
    accepted = Accepted(method, city.resident_id, city.device_id)
    assert [await ask(request) for _ in range(3)] == [
        accepted,
        accepted,
        rejected(method, RejectReason.TOKEN_USED_UP),
    ]


async def test_a_token_may_carry_when_its_session_is_over(
    database: Database, keyring: Keyring, city: City, ask: Ask
) -> None:
    until = datetime.now(UTC) + timedelta(minutes=10)
    await add_token(database, city, access_until=until)
    outcome = await ask(token_request(keyring))
    # The authorizer makes Session-Timeout of it.
    assert isinstance(outcome, Accepted)
    assert outcome.good_until == until


async def test_a_token_is_good_for_nothing_else_and_a_failure_does_not_use_it_up(
    database: Database, keyring: Keyring, city: City, ask: Ask
) -> None:
    await add_token(database, city)
    good = token_request(keyring)
    assert isinstance(good, dict)
    without_station = {name: value for name, value in good.items() if name != "Calling-Station-Id"}
    other_device = RejectReason.TOKEN_OF_ANOTHER_DEVICE
    assert await ask(good | {"User-Password": "wrong"}) == rejected("pap", RejectReason.WRONG_PASSWORD)
    assert await ask(good | {"Calling-Station-Id": "02-00-5E-00-53-02"}) == rejected("pap", other_device)
    assert await ask(without_station) == rejected("pap", other_device)
    assert await ask(good, id=city.nas_id + 1) == rejected("pap", RejectReason.TOKEN_OF_ANOTHER_NAS)
    (token,) = await rows(database, one_time_tokens)
    assert token.uses == 0


async def test_an_expired_or_unknown_token_is_rejected(
    database: Database, keyring: Keyring, city: City, ask: Ask
) -> None:
    assert await ask(token_request(keyring)) == rejected("pap", RejectReason.UNKNOWN_USER)
    await add_token(database, city, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert await ask(token_request(keyring)) == rejected("pap", RejectReason.TOKEN_EXPIRED)


@METHODS
@pytest.mark.parametrize("password", ["password", str(DEVICE), DEVICE.format("", upper=False)])
async def test_a_remembered_device_is_let_on_by_its_address(
    city: City, ask: Ask, password: str, proof: str, method: str
) -> None:
    calling = DEVICE.format(":", upper=False)
    outcome = await ask({"User-Name": str(DEVICE), proof: password, "Calling-Station-Id": calling})
    assert isinstance(outcome, Accepted)
    assert (outcome.method, outcome.resident_id, outcome.device_id) == ("mac", city.resident_id, city.device_id)
    assert outcome.good_until is not None


async def test_an_address_opens_only_for_the_device_that_has_it(ask: Ask) -> None:
    named: dict[str, Any] = {"User-Name": str(DEVICE), "User-Password": "password"}
    other = "02-00-5E-00-53-02"
    theft = rejected("mac", RejectReason.ADDRESS_OF_ANOTHER_DEVICE)
    assert await ask(named | {"Calling-Station-Id": other}) == theft
    assert await ask(named) == theft
    assert await ask(named | {"Calling-Station-Id": str(DEVICE), "User-Password": "wrong"}) == rejected(
        "mac", RejectReason.WRONG_PASSWORD
    )
    unknown = {"User-Name": other, "User-Password": "password", "Calling-Station-Id": other}
    assert await ask(unknown) == rejected("mac", RejectReason.DEVICE_NOT_REMEMBERED)


async def test_a_device_is_remembered_only_by_choice_and_for_its_time(database: Database, ask: Ask) -> None:
    request = {"User-Name": str(DEVICE), "User-Password": "password", "Calling-Station-Id": str(DEVICE)}
    for until, reason in (
        (None, RejectReason.DEVICE_NOT_REMEMBERED),
        (datetime.now(UTC), RejectReason.DEVICE_NO_LONGER_REMEMBERED),
    ):
        async with database.write() as connection:
            await connection.execute(update(devices).values(remembered_until=until))
        assert await ask(request) == rejected("mac", reason)


@pytest.mark.parametrize(
    ("values", "method", "reason"),
    [
        ({"User-Name": "demo"}, "none", RejectReason.NO_CREDENTIAL),
        ({"User-Password": "demo"}, "pap", RejectReason.NO_USER_NAME),
        ({"User-Name": "demo", "User-Password": "a", "CHAP": "a"}, "none", RejectReason.TWO_CREDENTIALS),
        ({"User-Name": "demo", "User-Password": "a", "MS-CHAPv2": "a"}, "none", RejectReason.TWO_CREDENTIALS),
        ({"User-Name": "demo", "CHAP": "a", "MS-CHAPv2": "a"}, "none", RejectReason.TWO_CREDENTIALS),
        ({"User-Name": "demo", "CHAP": "a", "EAP-Message": b"\2"}, "none", RejectReason.TWO_CREDENTIALS),
        ({"User-Name": "demo", "EAP-Message": b"\x02\x01\x00\x05\x01"}, "eap", RejectReason.EAP_NOT_OFFERED),
    ],
)
async def test_a_request_without_a_usable_credential_is_rejected_with_the_reason(
    ask: Ask, values: Values, method: str, reason: RejectReason
) -> None:
    assert await ask(values) == rejected(method, reason)


MALFORMED = [
    (1, b"\xff\xfe"),
    (1, b"a\0b"),
    (3, b"short"),
    (26, b"\x00\x00\x01\x37\x19\x04\x00\x00"),  # MS-CHAP2-Response of two octets
    (26, b"\x00\x00\x01\x37\x19\xff"),  # one that reaches beyond its end
]


@pytest.mark.parametrize("malformed", MALFORMED)
async def test_malformed_attributes_are_rejected(
    database: Database, keyring: Keyring, malformed: tuple[int, bytes]
) -> None:
    packet = encode_request(Code.ACCESS_REQUEST, 1, [malformed, (2, bytes(16))], SECRET)
    outcome = await authenticator_of(Directory(database), keyring).authenticate(request_of(packet))
    assert outcome == rejected("none", RejectReason.MALFORMED_ATTRIBUTE)


async def test_eap_goes_to_the_eap_server(database: Database, keyring: Keyring) -> None:
    challenged = Challenged("eap", ())

    class Eap:
        async def step(self, request: Request) -> Step:
            return challenged

    directory = Directory(database)
    authenticator = Authenticator(directory, keyring, CredentialVerifier(directory, keyring), Eap())
    packet = access_request({"User-Name": "demo", "EAP-Message": b"\x02\x01\x00\x05\x01"})
    assert await authenticator.authenticate(request_of(packet)) is challenged


async def test_mschapv2_answers_the_device_whatever_the_verdict_and_the_policy_say(
    database: Database, keyring: Keyring, city: City
) -> None:
    await add_hashed_credential(database, keyring, city, "anna", "x")
    authenticator = authenticator_of(Directory(database), keyring)
    nas = replace(NAS, id=city.nas_id, council_id=city.council_id)
    right = request_of(access_request({"User-Name": "anna", "MS-CHAPv2": "x"}), nas)
    accepted = await authenticator.authenticate(right)
    assert isinstance(accepted, Accepted)
    reply = decode(encode_reply(Code.ACCESS_ACCEPT, right.packet, accepted.attributes, SECRET))
    assert attributes.get_octets(reply, "MS-CHAP2-Success") is not None
    assert len(attributes.get_salted(reply, "MS-MPPE-Send-Key", SECRET, right.packet.authenticator) or b"") == 16
    wrong = request_of(access_request({"User-Name": "anna", "MS-CHAPv2": "y"}), nas)
    refused = await authenticator.authenticate(wrong)
    assert isinstance(refused, Rejected)
    for found in (refused.attributes, accepted.refusal_attributes):
        reply = decode(encode_reply(Code.ACCESS_REJECT, wrong.packet, found, SECRET))
        error = attributes.get_octets(reply, "MS-CHAP-Error")
        assert error is not None
        assert error.startswith(b"\xa7E=691 R=0 ")


@pytest.mark.parametrize("reason", list(RejectReason))
def test_every_reason_is_explained_within_the_logs_column(reason: RejectReason) -> None:
    assert 0 < len(reason.explanation) <= 200
