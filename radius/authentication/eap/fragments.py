"""The framing that EAP-TLS, TTLS and PEAP share: TLS messages in pieces, each acknowledged by an empty one.

RFC 5216 section 3 (flags, length), RFC 5281 section 9.2 and [MS-PEAP] section 2.2.2 (the version in the lowest bits).
A *message* is here what one side sends before it waits for the other: one or more TLS records.
"""

from __future__ import annotations

import struct
from typing import Final

from radius.errors import EapMalformedError

MOST_MESSAGE_OCTETS: Final = 32_768
"""The longest message that a device may send: a chain of several certificates fits, nothing that fills memory."""

_LENGTH_INCLUDED: Final = 0x80
_MORE_FRAGMENTS: Final = 0x40
_START: Final = 0x20
_VERSION: Final = 0x07
_LENGTH: Final = struct.Struct("!I")

START: Final = bytes((_START,))
"""The type data of the first request, in version 0 of every method."""

_ACKNOWLEDGEMENT: Final = bytes(1)


class Framing:
    """One conversation's messages both ways; ``fragment_octets`` is the most that one type data of ours has."""

    def __init__(self, fragment_octets: int) -> None:
        self._piece_octets = fragment_octets - 1 - _LENGTH.size
        self._unsent = b""
        self._received = b""
        self._expected: int | None = None

    def send(self, message: bytes) -> bytes:
        """The type data with a message, or with its first piece."""
        piece, self._unsent = message[: self._piece_octets], message[self._piece_octets :]
        if not self._unsent:
            return _ACKNOWLEDGEMENT + piece
        return bytes((_LENGTH_INCLUDED | _MORE_FRAGMENTS,)) + _LENGTH.pack(len(message)) + piece

    def receive(self, type_data: bytes) -> tuple[bytes, bool]:
        """What came: the whole message and True, or what to send back for the rest of it and False.

        A message without octets acknowledges the last one of ours. Raises EapMalformedError.
        """
        flags, piece = self._parse(type_data)
        if self._unsent:
            if piece or flags & _MORE_FRAGMENTS:
                raise EapMalformedError("the device sent something while it had not yet got the whole message")
            return self._next_piece(), False
        self._received += piece
        if len(self._received) > (MOST_MESSAGE_OCTETS if self._expected is None else self._expected):
            raise EapMalformedError("the fragments are longer than the message that was announced")
        if flags & _MORE_FRAGMENTS:
            if not piece or self._expected is None:
                raise EapMalformedError("a message in fragments tells its length first, and no fragment is empty")
            return _ACKNOWLEDGEMENT, False
        if self._expected is not None and len(self._received) != self._expected:
            raise EapMalformedError("the fragments are shorter than the message that was announced")
        message, self._received, self._expected = self._received, b"", None
        return message, True

    def _next_piece(self) -> bytes:
        piece, self._unsent = self._unsent[: self._piece_octets], self._unsent[self._piece_octets :]
        return bytes((_MORE_FRAGMENTS if self._unsent else 0,)) + piece

    def _parse(self, type_data: bytes) -> tuple[int, bytes]:
        """Flags and piece; notes the length that the device announces."""
        if not type_data:
            raise EapMalformedError("flags are missing")
        flags, piece = type_data[0], type_data[1:]
        if flags & (_START | _VERSION):
            raise EapMalformedError("the device wants to start, or another version of the method than 0")
        if not flags & _LENGTH_INCLUDED:
            return flags, piece
        if len(piece) < _LENGTH.size:
            raise EapMalformedError("the length is cut off")
        (length,) = _LENGTH.unpack_from(piece)
        if length > MOST_MESSAGE_OCTETS:
            raise EapMalformedError(f"a message of {length} octets is over the {MOST_MESSAGE_OCTETS} that are taken")
        # Some devices repeat it in every fragment.
        if self._expected not in (None, length) or (self._received and self._expected is None):
            raise EapMalformedError("the length changed between two fragments")
        self._expected = length
        return flags, piece[_LENGTH.size :]
