"""MS-CHAPv2 in RADIUS: what goes back to the device, and the keys that only its equipment can read."""

from __future__ import annotations

import re

from foundation.credentials import nt_hash
from radius import attributes
from radius.authentication.mschap_attributes import error_attributes, read_proof, success_attributes
from radius.authentication.stored_password import StoredPassword
from radius.packet import Code, Packet, decode, encode_reply
from tests.radius.support import SECRET, access_request

STORED = StoredPassword(nt_hash("demo"))
REQUEST = access_request({"User-Name": "demo", "MS-CHAPv2": "demo"})


def reply_with(found: tuple[tuple[int, bytes], ...]) -> Packet:
    return decode(encode_reply(Code.ACCESS_ACCEPT, REQUEST, found, SECRET))


def test_success_carries_our_proof_and_hides_the_keys() -> None:
    proof = read_proof(REQUEST)
    assert proof is not None
    reply = reply_with(success_attributes(proof, STORED, SECRET, REQUEST.authenticator))
    assert attributes.get_octets(reply, "MS-CHAP2-Success") == b"\xa7" + proof.success(STORED)
    keys = proof.keys(STORED)
    for name, key in (("MS-MPPE-Send-Key", keys.send), ("MS-MPPE-Recv-Key", keys.receive)):
        assert attributes.get_salted(reply, name, SECRET, REQUEST.authenticator) == key
        assert key not in reply.octets
    assert attributes.get_integer(reply, "MS-MPPE-Encryption-Policy") == 1
    assert attributes.get_integer(reply, "MS-MPPE-Encryption-Types") == 4


def test_the_error_repeats_the_identifier_and_gives_no_reason() -> None:
    proof = read_proof(REQUEST)
    assert proof is not None
    error = attributes.get_octets(reply_with(error_attributes(proof)), "MS-CHAP-Error")
    assert error is not None
    assert re.fullmatch(rb"\xa7E=691 R=0 C=[0-9A-F]{32} V=3 M=Authentication failed", error)


def test_a_request_without_a_response_offers_none() -> None:
    assert read_proof(access_request({"User-Name": "demo", "MS-CHAP-Challenge": bytes(16)})) is None
