"""What openNDS packs into its redirects; vectors computed apart, by OpenSSL's arithmetic."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captive_portal.gateways.base import Refusal, RefusalReason
from captive_portal.gateways.opennds_redirect import (
    hid_of,
    is_report_sealed,
    pack,
    read_encrypted,
    read_list,
    read_plain,
    report_seal,
    rhid_of,
)

FASKEY = b"1234567890"
HID = "7dcf407fa84a0e0519c7991154c4148de0244d7589020c0d9842db9efad82094"
VECTOR = "0123456789abcdef"
ENCRYPTED = (
    "ZWxPRU5jbFk5aUZ3Rml0ZzdoVk1UcVZRODdwQU0wRjF2S1gwNzdCaVpwUXhFd3pETUhhTDlCT2F4dmZEc1NLNlNBajB6MHBkdTFXWTBuTmR4L2JXc2Vz"
    "a2lHaWsyWVNOR1UwcEk5djEyaEtycmJZMFBYdWYxUDVhd0lScjdWL1VhSnBqUDJ3K2pnODNYa1BHNG94NlZjTnRXRWQxTjJNelI5Y2c1bkM1cjROS2Nk"
    "aU45alFpTzZlYmRvSWg3T3ZlMlVQQVJXRmYzWG9FaEN6cEh2QTM2NFU3UnBhV2htNm9nTWd3ZGR3VjdXT3dweURKcm1CTjJOemJBVVVBUkt2SEdpdWtV"
    "RTdUcFJPQ01vdmQvdkdpaEhsUHhrQ2JvVFhNbmZYNDl1ZnZVT3pnZkhTZElka2toQ25EMXNTK0JZVm1veUpDU1NpUUI2YXVZMWsrYjJHeFRBPT0="
)
ITEMS = {
    "hid": HID,
    "clientip": "192.168.1.77",
    "clientmac": "aa:bb:cc:dd:ee:ff",
    "gatewayname": "Leith%20Library",
    "gatewayaddress": "192.168.1.1:2050",
    "authdir": "opennds_auth",
}


def test_hid_and_rhid_are_digests_of_the_token() -> None:
    assert hid_of("a1b2c3d4") == HID
    assert rhid_of(HID, FASKEY) == "2cecc66808b7beb602d6b5678d332acc7febfde384ea428fe2c19ed657f50073"


def test_an_encrypted_list_is_read() -> None:
    assert read_encrypted(ENCRYPTED, VECTOR, FASKEY) == ITEMS


def test_a_plain_list_is_read_also_where_a_form_s_parser_made_spaces_of_plus_signs() -> None:
    octets = b"hid=h>, gatewayname=a~~~, originurl=http%3a%2f%2fexample.org, themespec=(null), (null)(null)"
    encoded = base64.b64encode(octets).decode()
    assert "+" in encoded
    expected = {"hid": "h>", "gatewayname": "a~~~"}
    assert read_plain(encoded) == read_plain(encoded.replace("+", " ")) == expected


def test_where_the_device_wanted_to_go_is_not_even_read() -> None:
    assert read_list(b"originurl=http%3a%2f%2fevil.example, redir=x, clientip=10.0.0.1") == {"clientip": "10.0.0.1"}


def test_a_list_with_another_secret_is_refused() -> None:
    assert read_encrypted(ENCRYPTED, VECTOR, b"another") == Refusal(RefusalReason.WRONG_SEAL)


@pytest.mark.parametrize("vector", ["", "0123", VECTOR.upper(), "0123456789abcdeg", VECTOR + "0", "\u0660" * 16])
def test_a_vector_that_is_none_is_refused(vector: str) -> None:
    assert read_encrypted(ENCRYPTED, vector, FASKEY) == Refusal(RefusalReason.MALFORMED)


@pytest.mark.parametrize(
    "octets",
    [b"hid=1, hid=2", b"clientmac=a, x=1, clientmac=a", b"hid=\r\nSet-Cookie: a", b"hid=\xff", b"hid=a\0b"],
    ids=["twice", "twice the same", "line end", "not UTF-8", "zero octet"],
)
def test_a_list_that_could_be_read_in_two_ways_is_refused(octets: bytes) -> None:
    assert read_list(octets) == Refusal(RefusalReason.MALFORMED)


@given(st.text(max_size=200), st.text(max_size=20))
def test_any_text_is_read_or_refused(fas: str, vector: str) -> None:
    for read in (read_plain(fas), read_encrypted(fas, vector, FASKEY), read_encrypted(fas, VECTOR, FASKEY)):
        assert isinstance(read, dict | Refusal)


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_what_is_packed_is_read_again_and_is_the_same_each_time(is_encrypted: bool) -> None:
    packed = pack(ITEMS, FASKEY, is_encrypted=is_encrypted)
    assert packed == pack(ITEMS, FASKEY, is_encrypted=is_encrypted)
    read = read_encrypted(packed["fas"], packed["iv"], FASKEY) if is_encrypted else read_plain(packed["fas"])
    assert read == ITEMS


def test_a_report_s_seal_is_what_a_router_makes_with_sha256sum_alone() -> None:
    inner = hashlib.sha256(FASKEY + b"a report").hexdigest()
    seal = hashlib.sha256(FASKEY + inner.encode()).hexdigest()
    assert report_seal("a report", FASKEY) == seal
    assert is_report_sealed("a report", seal, FASKEY)
    for wrong in ("", "é", seal.upper(), "0" * 64, inner):
        assert not is_report_sealed("a report", wrong, FASKEY)
