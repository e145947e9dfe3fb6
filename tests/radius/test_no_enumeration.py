"""Nobody can find out which user names there are: every refusal looks the same from outside."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from foundation.database import Database
from foundation.privacy import Keyring
from radius.authentication.credential import CredentialVerifier
from radius.authentication.eap.gtc import EapGtc
from radius.authentication.eap.md5 import EapMd5
from radius.authentication.eap.method import Continue, Failed, Method
from radius.authentication.eap.mschapv2 import EapMschapv2
from radius.directory import Directory
from radius.packet import Code
from radius.server import RadiusServer
from radius.service import Port
from tests.radius.support import (
    DEVICE,
    TOKEN_NAME,
    City,
    Client,
    Values,
    access_request,
    add_hashed_credential,
    eap_mschapv2_response,
)

# Who tries, with which password. Names of one length, as the length of a reply could tell only of ours.
TRIES = [
    ("demo", "wrong"),  # its password is kept
    ("anna", "wrong"),  # its NT hash is
    ("nobo", "wrong"),
    ("nobo", ""),
    ("bert", "right"),  # revoked
    ("cleo", "right"),  # expired
]


@pytest.fixture(autouse=True)
async def people(database: Database, keyring: Keyring, city: City) -> None:
    past = datetime.now(UTC) - timedelta(hours=1)
    await add_hashed_credential(database, keyring, city, "anna", "right")
    await add_hashed_credential(database, keyring, city, "bert", "right", revoked_at=past)
    await add_hashed_credential(database, keyring, city, "cleo", "right", expires_at=past)


def without_chance(reply: bytes) -> bytes:
    """A reply without both authenticators and the failure message's challenge."""
    without_authenticators = reply[:4] + reply[20:22] + reply[38:]
    return re.sub(rb"C=[0-9A-F]{32} ", b"C= ", without_authenticators)


async def ask(client: Client, values: Values) -> bytes:
    reply = await client.ask(access_request(values))
    assert reply.code is Code.ACCESS_REJECT
    return without_chance(reply.octets)


@pytest.mark.parametrize("method", ["User-Password", "CHAP", "MS-CHAPv2"])
async def test_every_refusal_has_the_same_octets(server: RadiusServer, method: str) -> None:
    with Client(server, Port.AUTHENTICATION) as client:
        replies = [await ask(client, {"User-Name": name, method: password}) for name, password in TRIES]
    assert len(set(replies)) == 1


async def test_so_has_every_refusal_of_a_device_or_a_one_time_password(server: RadiusServer) -> None:
    other = "02-00-5E-00-53-99"
    tries: list[Values] = [
        {"User-Name": "nobo", "User-Password": "wrong"},
        {"User-Name": TOKEN_NAME, "User-Password": "wrong"},
        {"User-Name": other, "User-Password": "password", "Calling-Station-Id": other},
        {"User-Name": str(DEVICE), "User-Password": "password", "Calling-Station-Id": other},
        {"User-Name": str(DEVICE), "User-Password": "wrong", "Calling-Station-Id": str(DEVICE)},
    ]
    with Client(server, Port.AUTHENTICATION) as client:
        assert len({await ask(client, values) for values in tries}) == 1


def answers(method: Method, name: str, password: str) -> Iterator[bytes]:
    """What a device sends in each round; 0x51 is the packets' identifier."""
    request = method.begin()
    if isinstance(method, EapMschapv2):
        yield eap_mschapv2_response(request, password.encode(), user_name=name.encode())
        yield b"\x04"
    elif isinstance(method, EapMd5):
        yield b"\x10" + hashlib.md5(b"\x51" + password.encode() + request[1:]).digest()
    else:
        yield password.encode()


@pytest.mark.parametrize("make", [EapMschapv2, EapGtc, EapMd5])
async def test_inside_eap_every_refusal_takes_the_same_rounds_with_the_same_octets(
    database: Database, keyring: Keyring, city: City, make: type[EapMschapv2 | EapGtc | EapMd5]
) -> None:
    seen = []
    for name, password in TRIES:
        method = make(name, city.council_id, CredentialVerifier(Directory(database), keyring))
        requests = []
        for answer in answers(method, name, password):
            outcome = await method.respond(answer, datetime.now(UTC), 0x51)
            if isinstance(outcome, Continue):
                # The second octet of EAP-MSCHAPv2 is its random identifier.
                requests.append(without_chance_in_eap(outcome.type_data))
        assert isinstance(outcome, Failed)
        seen.append(requests)
    assert all(requests == seen[0] for requests in seen)


def without_chance_in_eap(type_data: bytes) -> bytes:
    return re.sub(rb"C=[0-9A-F]{32} ", b"C= ", type_data[:1] + type_data[2:])
