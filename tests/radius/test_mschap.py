"""MS-CHAPv2 against the RFCs' own vectors."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from foundation.credentials import nt_hash
from radius.authentication.mschap import (
    Mschapv2Proof,
    authenticator_response,
    challenge_hash,
    challenge_response,
    failure,
    mppe_keys,
    read_attribute,
    read_response,
    without_domain,
)
from radius.authentication.stored_password import StoredPassword

# RFC 2759 section 9.2
USER_NAME = b"User"
PASSWORD = b"clientPass"
AUTHENTICATOR_CHALLENGE = bytes.fromhex("5B5D7C7D7B3F2F3E3C2C602132262628")
PEER_CHALLENGE = bytes.fromhex("21402324255E262A28295F2B3A337C7E")
CHALLENGE = bytes.fromhex("D02E4386BCE91226")
PASSWORD_HASH = bytes.fromhex("44EBBA8D5312B8D611474411F56989AE")
NT_RESPONSE = bytes.fromhex("82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF")
AUTHENTICATOR_RESPONSE = "407A5589115FD0D6209F510FE9C04566932CDA56"

STORED = StoredPassword.of(PASSWORD)
PROOF = Mschapv2Proof(USER_NAME, AUTHENTICATOR_CHALLENGE, PEER_CHALLENGE, NT_RESPONSE, identifier=7)


def test_the_vectors_of_rfc_2759() -> None:
    assert nt_hash(PASSWORD) == PASSWORD_HASH
    assert challenge_hash(PEER_CHALLENGE, AUTHENTICATOR_CHALLENGE, USER_NAME) == CHALLENGE
    assert challenge_response(CHALLENGE, PASSWORD_HASH) == NT_RESPONSE
    given_back = authenticator_response(PASSWORD_HASH, NT_RESPONSE, PEER_CHALLENGE, AUTHENTICATOR_CHALLENGE, USER_NAME)
    assert given_back.hex().upper() == AUTHENTICATOR_RESPONSE


def test_the_vectors_of_rfc_3079() -> None:
    # Section 3.5.3; it tells the server's send key only.
    keys = mppe_keys(PASSWORD_HASH, NT_RESPONSE)
    assert keys.send.hex().upper() == "8B7CDC149B993A1BA118CB153F56DCCB"
    assert len(keys.receive) == 16
    assert keys.receive != keys.send


def test_a_proof_proves_its_password_and_no_other() -> None:
    assert PROOF.proves(STORED)
    assert PROOF.proves(StoredPassword(PASSWORD_HASH))
    assert not PROOF.proves(StoredPassword.of(b"clientpass"))
    assert PROOF.success(STORED) == b"S=" + AUTHENTICATOR_RESPONSE.encode()
    assert PROOF.keys(STORED) == mppe_keys(PASSWORD_HASH, NT_RESPONSE)


def test_every_part_of_a_response_counts() -> None:
    for user_name, challenge, peer_challenge, nt_response in (
        (b"user", AUTHENTICATOR_CHALLENGE, PEER_CHALLENGE, NT_RESPONSE),
        (USER_NAME, bytes(16), PEER_CHALLENGE, NT_RESPONSE),
        (USER_NAME, AUTHENTICATOR_CHALLENGE, bytes(16), NT_RESPONSE),
        (USER_NAME, AUTHENTICATOR_CHALLENGE, PEER_CHALLENGE, NT_RESPONSE[:-1] + b"\0"),
        (USER_NAME, AUTHENTICATOR_CHALLENGE, PEER_CHALLENGE, b""),
    ):
        assert not Mschapv2Proof(user_name, challenge, peer_challenge, nt_response, 7).proves(STORED)


def test_a_windows_domain_takes_no_part() -> None:
    assert without_domain(rb"CITY\User") == b"User"
    assert Mschapv2Proof(rb"CITY\User", AUTHENTICATOR_CHALLENGE, PEER_CHALLENGE, NT_RESPONSE, 7).proves(STORED)


def test_a_response_is_read_by_its_fields_in_eap_and_in_radius() -> None:
    fields = PEER_CHALLENGE + bytes(8) + NT_RESPONSE
    assert read_response(fields + b"\0", USER_NAME, AUTHENTICATOR_CHALLENGE, 7) == PROOF
    assert read_attribute(b"\x07\x00" + fields, USER_NAME, AUTHENTICATOR_CHALLENGE) == PROOF


def test_the_failure_message_has_the_rfcs_form_and_a_fresh_challenge() -> None:
    assert re.fullmatch(rb"E=691 R=0 C=[0-9A-F]{32} V=3 M=[ -~]+", failure())
    assert failure() != failure()


@given(st.binary(max_size=64), st.binary(max_size=64))
def test_any_octets_as_password_and_name_are_compared_and_not_an_error(password: bytes, user_name: bytes) -> None:
    stored = StoredPassword.of(password)
    challenge = challenge_hash(PEER_CHALLENGE, AUTHENTICATOR_CHALLENGE, user_name)
    nt_response = challenge_response(challenge, stored.nt_hash)
    assert Mschapv2Proof(user_name, AUTHENTICATOR_CHALLENGE, PEER_CHALLENGE, nt_response, 7).proves(stored)
    assert not PROOF.proves(StoredPassword.of(password + b"x"))


def test_a_proof_is_not_printed() -> None:
    assert "User" not in repr(PROOF)
