"""The methods inside the tunnels: EAP-MSCHAPv2, EAP-GTC and EAP-MD5, each with a device made by hand."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foundation.credentials import nt_hash
from foundation.database import Database
from foundation.privacy import Keyring
from radius.authentication import mschap
from radius.authentication.credential import CredentialVerifier
from radius.authentication.eap.gtc import EapGtc
from radius.authentication.eap.md5 import EapMd5
from radius.authentication.eap.method import Continue, Failed, Method, Round, Succeeded
from radius.authentication.eap.mschapv2 import EapMschapv2
from radius.authentication.outcome import RejectReason
from radius.authentication.stored_password import StoredPassword
from radius.directory import Directory
from radius.errors import EapMalformedError
from tests.radius.support import City, add_credential, add_hashed_credential, eap_mschapv2_response

NOW = datetime.now(UTC)
PASSWORD = b"correct-horse-battery"
ANNA = "anna"

Make = Callable[..., Method]


@pytest.fixture
async def verifier(database: Database, keyring: Keyring, city: City) -> CredentialVerifier:
    """Anna has only an NT hash; demo has a password in clear (and sealed)."""
    await add_hashed_credential(database, keyring, city, ANNA, PASSWORD.decode())
    return CredentialVerifier(Directory(database), keyring)


def proof_of(challenge: bytes, answer: bytes, user_name: bytes) -> mschap.Mschapv2Proof:
    return mschap.read_response(answer[5:54], user_name, challenge[5:21], answer[1])


async def tell(method: Method, type_data: bytes, identifier: int = 9) -> Round:
    return await method.respond(type_data, NOW, identifier)


def told(outcome: Round) -> bytes:
    assert isinstance(outcome, Continue)
    operation, _, length = struct.unpack_from("!BBH", outcome.type_data)
    assert length == len(outcome.type_data)
    return bytes((operation,)) + outcome.type_data[4:]


async def test_mschapv2_proves_both_sides_to_each_other_and_derives_the_key(
    verifier: CredentialVerifier, city: City
) -> None:
    method = EapMschapv2(ANNA, city.council_id, verifier)
    challenge = method.begin()
    answer = eap_mschapv2_response(challenge, PASSWORD)
    message = told(await tell(method, answer))
    proof = proof_of(challenge, answer, b"anna")
    stored = StoredPassword(nt_hash(PASSWORD))
    assert message == b"\x03" + proof.success(stored) + b" M=Welcome"
    outcome = await tell(method, b"\x03")
    assert isinstance(outcome, Succeeded)
    keys = proof.keys(stored)
    assert outcome.msk == keys.receive + keys.send + bytes(32)
    assert (outcome.method, outcome.credential.user_name) == ("mschapv2", "anna")


@pytest.mark.parametrize("user_name", [b"anna", rb"LAPTOP-7\anna"])
async def test_mschapv2_knows_the_person_by_the_name_in_the_response(
    verifier: CredentialVerifier, city: City, user_name: bytes
) -> None:
    method = EapMschapv2("anonymous", city.council_id, verifier)
    answer = eap_mschapv2_response(method.begin(), PASSWORD, user_name=b"anna", name=user_name)
    assert told(await tell(method, answer)).startswith(b"\x03S=")


async def test_mschapv2_takes_the_identity_where_the_response_has_no_name(
    verifier: CredentialVerifier, city: City
) -> None:
    method = EapMschapv2(ANNA, city.council_id, verifier)
    assert told(await tell(method, eap_mschapv2_response(method.begin(), PASSWORD, name=b""))).startswith(b"\x03S=")


@pytest.mark.parametrize(
    ("user_name", "password", "reason"),
    [
        (b"anna", b"wrong", RejectReason.WRONG_PASSWORD),
        (b"nobody", PASSWORD, RejectReason.UNKNOWN_USER),
        (b"\xff\x00\xfe", PASSWORD, RejectReason.UNKNOWN_USER),
        (b"a" * 300, PASSWORD, RejectReason.UNKNOWN_USER),
        (b"revoked", PASSWORD, RejectReason.CREDENTIAL_REVOKED),
    ],
)
async def test_mschapv2_tells_every_failure_in_the_same_words_and_waits_for_the_acknowledgement(
    database: Database,
    keyring: Keyring,
    city: City,
    verifier: CredentialVerifier,
    user_name: bytes,
    password: bytes,
    reason: RejectReason,
) -> None:
    past = NOW - timedelta(days=1)
    await add_hashed_credential(database, keyring, city, "revoked", PASSWORD.decode(), revoked_at=past)
    method = EapMschapv2(ANNA, city.council_id, verifier)
    message = told(await tell(method, eap_mschapv2_response(method.begin(), password, user_name=user_name)))
    assert message[:13] == b"\x04E=691 R=0 C="
    assert message[45:] == b" V=3 M=Authentication failed"
    assert await tell(method, b"\x04") == Failed("mschapv2", reason)


async def test_after_a_failure_nothing_makes_it_a_success(verifier: CredentialVerifier, city: City) -> None:
    method = EapMschapv2(ANNA, city.council_id, verifier)
    challenge = method.begin()
    await tell(method, eap_mschapv2_response(challenge, b"wrong"))
    for claim in (b"\x03", eap_mschapv2_response(challenge, PASSWORD)):
        assert await tell(method, claim) == Failed("mschapv2", RejectReason.WRONG_PASSWORD)


@pytest.mark.parametrize("answer", [b"", b"\x04", b"\x03\x00", b"\x02\x00\x00\x04", bytes(54)])
async def test_a_success_counts_only_when_the_device_says_so(
    verifier: CredentialVerifier, city: City, answer: bytes
) -> None:
    method = EapMschapv2(ANNA, city.council_id, verifier)
    await tell(method, eap_mschapv2_response(method.begin(), PASSWORD))
    with pytest.raises(EapMalformedError):
        await tell(method, answer)


def damaged(answer: bytes) -> list[bytes]:
    header, rest = answer[:4], answer[4:]
    return [
        b"",
        header,
        answer[:53],
        b"\x01" + answer[1:],
        b"\x03",
        b"\x07" + answer[1:],
        header[:2] + b"\x00\x00" + rest,
        header[:2] + b"\xff\xff" + rest,
        answer + b"x",
        header + b"\x30" + rest[1:],
        header + b"\x32" + rest[1:],
    ]


@pytest.mark.parametrize("number", range(11))
async def test_a_response_of_another_form_is_malformed(verifier: CredentialVerifier, city: City, number: int) -> None:
    method = EapMschapv2(ANNA, city.council_id, verifier)
    with pytest.raises(EapMalformedError):
        await tell(method, damaged(eap_mschapv2_response(method.begin(), PASSWORD))[number])


async def test_each_run_has_a_challenge_of_its_own(verifier: CredentialVerifier, city: City) -> None:
    first, second = (EapMschapv2(ANNA, city.council_id, verifier) for _ in range(2))
    answer = eap_mschapv2_response(first.begin(), PASSWORD)
    assert first.begin()[5:] != second.begin()[5:]
    assert told(await tell(second, answer)).startswith(b"\x04")


async def test_gtc_asks_once_and_takes_the_password(verifier: CredentialVerifier, city: City) -> None:
    method = EapGtc(ANNA, city.council_id, verifier)
    assert method.begin() == b"Password: "
    outcome = await tell(method, PASSWORD)
    assert isinstance(outcome, Succeeded)
    assert (outcome.method, outcome.credential.user_name, outcome.msk) == ("gtc", ANNA, b"")


@pytest.mark.parametrize("password", [b"", b"wrong", b"\xff\xfe", PASSWORD + b"\0", b"x" * 4000])
async def test_gtc_takes_nothing_else(verifier: CredentialVerifier, city: City, password: bytes) -> None:
    method = EapGtc(ANNA, city.council_id, verifier)
    assert await tell(method, password) == Failed("gtc", RejectReason.WRONG_PASSWORD)


def md5_response(request: bytes, password: bytes, identifier: int) -> bytes:
    assert (request[0], len(request)) == (16, 17)
    return b"\x10" + hashlib.md5(bytes((identifier,)) + password + request[1:]).digest()


@pytest.mark.parametrize("name", [b"", b"whoever"])
async def test_md5_is_chap_over_the_packets_identifier(verifier: CredentialVerifier, city: City, name: bytes) -> None:
    method = EapMd5("demo", city.council_id, verifier)
    answer = md5_response(method.begin(), b"demo", 77) + name
    outcome = await tell(method, answer, 77)
    assert isinstance(outcome, Succeeded)
    assert (outcome.method, outcome.msk) == ("md5", b"")
    assert await tell(method, answer, 78) == Failed("md5", RejectReason.WRONG_PASSWORD)


async def test_md5_needs_the_password_itself(verifier: CredentialVerifier, city: City) -> None:
    method = EapMd5(ANNA, city.council_id, verifier)
    answer = md5_response(method.begin(), PASSWORD, 1)
    assert await tell(method, answer, 1) == Failed("md5", RejectReason.CHAP_NEEDS_PASSWORD)


@pytest.mark.parametrize("type_data", [b"", b"\x10", bytes(17), b"\x10" + bytes(15), b"\x11" + bytes(17)])
async def test_an_md5_response_of_another_form_is_malformed(
    verifier: CredentialVerifier, city: City, type_data: bytes
) -> None:
    method = EapMd5("demo", city.council_id, verifier)
    with pytest.raises(EapMalformedError):
        await tell(method, type_data)


@pytest.mark.parametrize(("make", "eap_type"), [(EapMschapv2, 26), (EapGtc, 6), (EapMd5, 4)])
async def test_their_numbers_are_those_of_the_registry(
    verifier: CredentialVerifier, city: City, make: Make, eap_type: int
) -> None:
    assert make(ANNA, city.council_id, verifier).eap_type == eap_type


async def test_a_realm_is_part_of_the_name(database: Database, keyring: Keyring, city: City) -> None:
    await add_credential(database, keyring, city, "anna@coventry.gov.uk", "x")
    verifier = CredentialVerifier(Directory(database), keyring)
    method = EapGtc("anna@coventry.gov.uk", city.council_id, verifier)
    assert isinstance(await tell(method, b"x"), Succeeded)


@given(st.sampled_from([EapMschapv2, EapGtc, EapMd5]), st.lists(st.binary(max_size=80), min_size=1, max_size=3))
@settings(max_examples=300)
def test_whatever_a_device_sends_a_round_or_a_malformed_message_comes_of_it(
    make: type[EapMschapv2 | EapGtc | EapMd5], sent: list[bytes]
) -> None:
    class Nobody:
        async def credential(self, council_id: int, user_name: str) -> None:
            user_name.encode()

    async def talk() -> None:
        method = make(ANNA, 1, CredentialVerifier(cast(Directory, Nobody()), Keyring(bytes(32))))
        for type_data in (*sent, method.begin(), eap_mschapv2_response(beginning(method), b"x") + sent[0]):
            with contextlib.suppress(EapMalformedError):
                outcome = await tell(method, type_data)
                assert not isinstance(outcome, Succeeded)

    asyncio.run(talk())


def beginning(method: Method) -> bytes:
    """The challenge of a run of EAP-MSCHAPv2, and of another for the other methods."""
    return method.begin() if isinstance(method, EapMschapv2) else b"\x01\x00\x00\x15\x10" + bytes(16)
