"""What an accepted device is told."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from foundation.privacy import Keyring
from radius import attributes
from radius.authentication.outcome import Accepted
from radius.authorization import REJECT_ATTRIBUTES, ReplyPolicy, interim_seconds, make_class, read_class
from radius.packet import Code, Packet, decode, encode_reply
from tests.radius.support import NOW, SECRET, access_request, radius_settings

KEYRING = Keyring(bytes(range(32)))
CHANCE = b"\x80" * 16


def accept(accepted: Accepted, authenticator: bytes = CHANCE, **settings: int) -> Packet:
    policy = ReplyPolicy(radius_settings(**settings), KEYRING)
    values = policy.accept_attributes(accepted, authenticator, NOW)
    return decode(encode_reply(Code.ACCESS_ACCEPT, access_request({}), values, SECRET))


def test_the_set_is_complete_and_bandwidth_is_in_bits_per_second() -> None:
    reply = accept(Accepted("pap", 1, 2), download_kilobits_per_second=10_000, upload_kilobits_per_second=5_000)
    assert attributes.get_integer(reply, "Session-Timeout") == 4 * 3600
    assert attributes.get_integer(reply, "Idle-Timeout") == 900
    assert attributes.get_integer(reply, "WISPr-Bandwidth-Max-Down") == 10_000_000
    assert attributes.get_integer(reply, "WISPr-Bandwidth-Max-Up") == 5_000_000
    assert read_class(KEYRING, attributes.get_all_octets(reply, "Class")) == (1, 2)


def test_a_bandwidth_that_no_attribute_can_hold_is_the_largest_it_can() -> None:
    reply = accept(Accepted("pap"), download_kilobits_per_second=10_000_000)
    assert attributes.get_integer(reply, "WISPr-Bandwidth-Max-Down") == 2**32 - 1


def test_a_session_ends_when_the_right_ends_but_is_never_uselessly_short() -> None:
    def seconds(left: int) -> int | None:
        accepted = Accepted("mac", good_until=NOW + timedelta(seconds=left))
        return attributes.get_integer(accept(accepted), "Session-Timeout")

    assert [seconds(90 * 86_400), seconds(1000), seconds(5)] == [4 * 3600, 1000, 60]


@given(st.binary(min_size=16, max_size=16), st.integers(60, 86_400))
def test_interim_intervals_are_spread_by_ten_per_cent_and_never_below_a_minute(
    authenticator: bytes, interval: int
) -> None:
    seconds = interim_seconds(interval, authenticator)
    assert max(60, interval * 0.9 - 1) <= seconds <= interval * 1.1 + 1
    assert seconds == interim_seconds(interval, authenticator)


def test_interim_intervals_of_many_requests_differ() -> None:
    assert len({interim_seconds(600, bytes([number]) * 16) for number in range(256)}) > 50


@given(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1))
def test_class_is_sealed_and_comes_back(resident: int, device: int) -> None:
    sealed = make_class(KEYRING, resident or None, device or None)
    assert len(sealed) <= 253
    assert read_class(KEYRING, [b"another server's", sealed]) == (resident or None, device or None)


def test_a_reject_says_the_same_to_everybody() -> None:
    assert [attribute for attribute, _ in REJECT_ATTRIBUTES] == [18]
