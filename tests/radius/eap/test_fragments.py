"""Messages in fragments, both ways; whatever a device claims, little is kept of it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.authentication.eap.fragments import MOST_MESSAGE_OCTETS, Framing
from radius.errors import EapMalformedError

ACKNOWLEDGEMENT = b"\0"


def test_a_short_message_goes_in_one_piece_without_a_length() -> None:
    assert Framing(1000).send(b"hello") == b"\0hello"
    assert Framing(1000).receive(b"\0hello") == (b"hello", True)


@given(st.binary(min_size=1, max_size=5000), st.integers(min_value=64, max_value=1400))
def test_a_message_arrives_whole_in_pieces_of_any_size(message: bytes, fragment_octets: int) -> None:
    ours, theirs = Framing(fragment_octets), Framing(fragment_octets)
    piece = ours.send(message)
    while True:
        assert len(piece) <= fragment_octets
        got, is_whole = theirs.receive(piece)
        if is_whole:
            break
        assert got == ACKNOWLEDGEMENT
        piece, is_answer = ours.receive(got)
        assert not is_answer
    assert got == message


def test_the_first_piece_tells_the_length_and_the_last_one_that_it_is_the_last() -> None:
    framing = Framing(25)
    first = framing.send(bytes(45))
    assert first[:5] == bytes.fromhex("c0 0000002d")
    assert framing.receive(ACKNOWLEDGEMENT) == (b"\x40" + bytes(20), False)
    assert framing.receive(ACKNOWLEDGEMENT) == (b"\0" + bytes(5), False)
    assert framing.receive(ACKNOWLEDGEMENT) == (b"", True)


@pytest.mark.parametrize(
    "type_datas",
    [
        [""],
        ["2000"],  # only the server starts
        ["0161"],  # version 1
        ["80000000"],  # the length cut off
        ["8000000005 61"],  # shorter than announced
        ["8000000001 6161"],  # longer than announced
        ["4061"],  # a fragment whose length nobody told
        ["c0000000ff"],  # an empty fragment
        ["c0000000ff 61", "c0000000fe 61"],
        ["c000000004 6161", "0061"],
        ["c000000004 6161", "00616161"],
        ["c000000004 6161", "40616161"],
        [f"c0{MOST_MESSAGE_OCTETS + 1:08x} 61"],
        ["c0ffffffff 61"],
    ],
)
def test_fragments_that_do_not_fit_together_are_malformed(type_datas: list[str]) -> None:
    framing = Framing(1000)
    *before, last = [bytes.fromhex(type_data) for type_data in type_datas]
    for type_data in before:
        framing.receive(type_data)
    with pytest.raises(EapMalformedError):
        framing.receive(last)


def test_a_device_that_sends_before_it_has_everything_is_malformed() -> None:
    framing = Framing(100)
    framing.send(bytes(500))
    with pytest.raises(EapMalformedError):
        framing.receive(b"\0something")


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_whatever_is_sent_no_more_is_kept_than_was_announced(type_datas: list[bytes]) -> None:
    framing = Framing(1000)
    with contextlib.suppress(EapMalformedError):
        for type_data in type_datas:
            octets, is_message = framing.receive(type_data)
            assert is_message or octets == ACKNOWLEDGEMENT
            assert len(octets) <= MOST_MESSAGE_OCTETS
