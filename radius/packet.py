"""RADIUS packets: octets to a packet or a reason to discard them, and a packet to octets. No sockets, no clock.

RFC 2865 (authentication), 2866 (accounting), 3579 (Message-Authenticator), 5176 (dynamic authorisation), 5997
(Status-Server), and the defence against BlastRADIUS (CVE-2024-3596): Message-Authenticator is the first attribute
of what we send and, by default, required in what we receive.

A server calls ``decode``, ``verify_request`` and ``encode_reply``; a client calls ``encode_request``, ``decode`` and
``verify_reply``. Attributes are pairs of type and value; ``radius.attributes`` gives them names and types.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from enum import IntEnum
from hmac import compare_digest
from typing import Final

from radius.authenticators import (
    AUTHENTICATOR_LENGTH,
    NO_AUTHENTICATOR,
    check_secret,
    hide_password,
    keyed_digest,
    message_authenticator,
    reveal_password,
)
from radius.errors import DiscardReason, PacketDiscarded, UnencodableError
from radius.parser import read_attributes

__all__ = [
    "LONGEST_PACKET_OCTETS",
    "LONGEST_VALUE_OCTETS",
    "MOST_ATTRIBUTES",
    "REPLIES",
    "SHORTEST_PACKET_OCTETS",
    "Attribute",
    "Code",
    "DiscardReason",
    "Packet",
    "PacketDiscarded",
    "decode",
    "encode_reply",
    "encode_request",
    "hide_password",
    "new_authenticator",
    "reveal_password",
    "verify_reply",
    "verify_request",
]

SHORTEST_PACKET_OCTETS: Final = 20
LONGEST_PACKET_OCTETS: Final = 4096
LONGEST_VALUE_OCTETS: Final = 253
# FreeRADIUS's limit, too; the fullest packets of real equipment have about sixty.
MOST_ATTRIBUTES: Final = 200

Attribute = tuple[int, bytes]
"""Type (1 to 255) and value (0 to 253 octets) as they are on the wire."""

_HEAD_OCTETS: Final = 4
# Each octet by its number, because looking it up is quicker than making it.
_OCTETS: Final = [bytes((number,)) for number in range(256)]
_LENGTHS: Final = _OCTETS[2 : 2 + LONGEST_VALUE_OCTETS + 1]
"""An attribute's length octet by the length of its value."""
_PROXY_STATE: Final = 33
_EAP_MESSAGE: Final = 79
_MESSAGE_AUTHENTICATOR: Final = 80
_MESSAGE_AUTHENTICATOR_HEAD: Final = bytes((_MESSAGE_AUTHENTICATOR, 2 + AUTHENTICATOR_LENGTH))
_SENDABLE_TYPES: Final = {kind: _OCTETS[kind] for kind in range(1, 256) if kind != _MESSAGE_AUTHENTICATOR}
_NO_MESSAGE_AUTHENTICATOR: Final = _MESSAGE_AUTHENTICATOR_HEAD + NO_AUTHENTICATOR


class Code(IntEnum):
    """The packet codes that we know; every other one is discarded."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCOUNTING_REQUEST = 4
    ACCOUNTING_RESPONSE = 5
    ACCESS_CHALLENGE = 11
    STATUS_SERVER = 12
    STATUS_CLIENT = 13
    DISCONNECT_REQUEST = 40
    DISCONNECT_ACK = 41
    DISCONNECT_NAK = 42
    COA_REQUEST = 43
    COA_ACK = 44
    COA_NAK = 45


REPLIES: dict[Code, frozenset[Code]] = {
    Code.ACCESS_REQUEST: frozenset({Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE}),
    Code.ACCOUNTING_REQUEST: frozenset({Code.ACCOUNTING_RESPONSE}),
    # RFC 5997: which of the two depends on the port.
    Code.STATUS_SERVER: frozenset({Code.ACCESS_ACCEPT, Code.ACCOUNTING_RESPONSE}),
    Code.DISCONNECT_REQUEST: frozenset({Code.DISCONNECT_ACK, Code.DISCONNECT_NAK}),
    Code.COA_REQUEST: frozenset({Code.COA_ACK, Code.COA_NAK}),
}
"""Every request, and what may answer it."""

_CODES: Final = {int(code): code for code in Code}
# Their authenticator is random, so that only Message-Authenticator protects them and their replies.
_RANDOM_AUTHENTICATOR: Final = frozenset({Code.ACCESS_REQUEST, Code.STATUS_SERVER})
# RFC 5176 section 3.4 has Message-Authenticator in these; in accounting it is unknown to the RFCs.
_SENT_WITH_MESSAGE_AUTHENTICATOR: Final = _RANDOM_AUTHENTICATOR | {Code.DISCONNECT_REQUEST, Code.COA_REQUEST}


class Packet:
    """A well-formed packet, which nobody changes.

    ``authenticator`` has 16 octets; ``octets`` is the whole packet as received or to be sent, without padding;
    ``message_authenticator_at`` is the offset in them of that attribute's value, 0 where there is none. ``first`` has
    the first value of each type, so that a dozen look-ups do not go through all attributes a dozen times.
    """

    # A frozen dataclass takes three times as long to be made, and every datagram makes one.
    __slots__ = (
        "attributes",
        "authenticator",
        "code",
        "first",
        "identifier",
        "message_authenticator_at",
        "octets",
    )

    def __init__(
        self,
        code: Code,
        identifier: int,
        authenticator: bytes,
        attributes: tuple[Attribute, ...],
        octets: bytes,
        message_authenticator_at: int,
        first: dict[int, bytes],
    ) -> None:
        self.code: Final = code
        self.identifier: Final = identifier
        self.authenticator: Final = authenticator
        self.attributes: Final = attributes
        self.octets: Final = octets
        self.message_authenticator_at: Final = message_authenticator_at
        self.first: Final = first

    def __eq__(self, other: object) -> bool:
        # Everything else follows from them.
        return isinstance(other, Packet) and self.octets == other.octets

    def __hash__(self) -> int:
        return hash(self.octets)

    def __repr__(self) -> str:
        # Attributes are personal data; a traceback must not carry them.
        return f"Packet({self.code.name}, identifier={self.identifier}, {len(self.attributes)} attributes)"


def decode(datagram: bytes) -> Packet:
    """Read a datagram. It is well-formed then, not yet authentic: see ``verify_request`` and ``verify_reply``.

    Octets beyond the length field are padding and are ignored (RFC 2865 section 3). Raises PacketDiscarded.
    """
    if len(datagram) < SHORTEST_PACKET_OCTETS:
        raise PacketDiscarded(DiscardReason.TOO_SHORT)
    code = _CODES.get(datagram[0])
    if code is None:
        raise PacketDiscarded(DiscardReason.UNKNOWN_CODE)
    length = datagram[2] << 8 | datagram[3]
    if length < SHORTEST_PACKET_OCTETS:
        raise PacketDiscarded(DiscardReason.LENGTH_FIELD_TOO_SMALL)
    if length > LONGEST_PACKET_OCTETS:
        raise PacketDiscarded(DiscardReason.TOO_LONG)
    if length > len(datagram):
        raise PacketDiscarded(DiscardReason.LENGTH_FIELD_TOO_LARGE)
    octets = datagram[:length]
    attributes = read_attributes(octets, SHORTEST_PACKET_OCTETS)
    if len(attributes) > MOST_ATTRIBUTES:
        # The smallest have two octets: 2038 fit, and whatever looks for one of them would look through them all.
        raise PacketDiscarded(DiscardReason.TOO_MANY_ATTRIBUTES)
    first = dict(attributes)
    has_doubles = len(first) < len(attributes)
    if has_doubles:
        first = dict(reversed(attributes))
    at = _find_message_authenticator(attributes, has_doubles) if _MESSAGE_AUTHENTICATOR in first else 0
    authenticator = octets[_HEAD_OCTETS:SHORTEST_PACKET_OCTETS]
    return Packet(code, octets[1], authenticator, tuple(attributes), octets, at, first)


def verify_request(
    request: Packet, secret: bytes, *, require_message_authenticator: bool = True, is_protected: bool = False
) -> None:
    """Check that a request was made by somebody who knows the secret; until then believe nothing in it.

    ``require_message_authenticator`` discards an Access-Request that has none, because anybody in between could have
    altered it (BlastRADIUS). Status-Server (RFC 5997 section 3) and EAP-Message (RFC 3579 section 3.1) need one
    whatever it says, and Proxy-State without one is what BlastRADIUS looks like, unless TLS keeps everybody out
    (``is_protected``). Where there is one it is verified, in accounting and dynamic authorisation too.
    Raises PacketDiscarded.
    """
    check_secret(secret)
    if request.code not in REPLIES:
        raise PacketDiscarded(DiscardReason.UNEXPECTED_CODE)
    if request.code in _RANDOM_AUTHENTICATOR:
        if request.message_authenticator_at:
            _check_message_authenticator(request, request.authenticator, secret)
        else:
            _check_may_lack_message_authenticator(request, required=require_message_authenticator)
            if not is_protected:
                _check_is_from_no_proxy(request)
        return
    _check_authenticator(request, NO_AUTHENTICATOR, secret, DiscardReason.REQUEST_AUTHENTICATOR_WRONG)
    if request.message_authenticator_at:
        # RFC 5176 section 3.4; equipment that sends one with accounting computes it in the same way.
        _check_message_authenticator(request, NO_AUTHENTICATOR, secret)


def verify_reply(reply: Packet, request: Packet, secret: bytes, *, require_message_authenticator: bool = True) -> None:
    """Check that a reply belongs to a request of ours and was made by somebody who knows the secret.

    ``require_message_authenticator`` counts for replies to Access-Request and Status-Server. Raises PacketDiscarded.
    """
    check_secret(secret)
    if reply.code not in REPLIES[request.code]:
        raise PacketDiscarded(DiscardReason.UNEXPECTED_CODE)
    if reply.identifier != request.identifier:
        raise PacketDiscarded(DiscardReason.UNEXPECTED_IDENTIFIER)
    _check_authenticator(reply, request.authenticator, secret, DiscardReason.REPLY_AUTHENTICATOR_WRONG)
    if reply.message_authenticator_at:
        _check_message_authenticator(reply, request.authenticator, secret)
    elif request.code in _RANDOM_AUTHENTICATOR:
        _check_may_lack_message_authenticator(reply, required=require_message_authenticator)


def encode_reply(code: Code, request: Packet, attributes: Iterable[Attribute], secret: bytes) -> bytes:
    """The datagram that answers ``request``.

    A reply to Access-Request or Status-Server begins with Message-Authenticator; the request's Proxy-State
    attributes end every reply, in their order (RFC 2865 section 5.33). The caller gives neither.
    Raises UnencodableError.
    """
    check_secret(secret)
    if code not in REPLIES.get(request.code, ()):
        raise UnencodableError(f"{code.name} does not answer {request.code.name}; REPLIES has what does")
    body = _encode_attributes(attributes)
    if _PROXY_STATE in request.first:
        body += _encode_attributes(attribute for attribute in request.attributes if attribute[0] == _PROXY_STATE)
    authenticator, is_signed = request.authenticator, request.code in _RANDOM_AUTHENTICATOR
    head = _encode_head(code, request.identifier, body, is_signed)
    if is_signed:
        body = _prepend_message_authenticator(head, authenticator, body, secret)
    return head + keyed_digest(head, authenticator, body, secret) + body


def new_authenticator() -> bytes:
    """A Request Authenticator for Access-Request or Status-Server: 16 unpredictable octets."""
    return secrets.token_bytes(AUTHENTICATOR_LENGTH)


def encode_request(
    code: Code,
    identifier: int,
    attributes: Iterable[Attribute],
    secret: bytes,
    *,
    authenticator: bytes | None = None,
) -> Packet:
    """A request: its ``octets`` to send, itself to keep for ``verify_reply``.

    Its first attribute is Message-Authenticator, but in accounting, where the RFCs know none. ``authenticator`` is
    for Access-Request and Status-Server: a password has to be hidden with it before there is a packet. Without it a
    new one is made. Raises UnencodableError.
    """
    check_secret(secret)
    if code not in REPLIES:
        raise UnencodableError(f"{code.name} is not a request; REPLIES has those")
    if not 0 <= identifier <= 255:
        raise UnencodableError(f"an identifier is from 0 to 255, not {identifier}")
    if code in _RANDOM_AUTHENTICATOR:
        authenticator = new_authenticator() if authenticator is None else authenticator
        if len(authenticator) != AUTHENTICATOR_LENGTH:
            raise UnencodableError(f"an authenticator has 16 octets, not {len(authenticator)}")
    elif authenticator is not None:
        raise UnencodableError(f"the authenticator of {code.name} follows from its content; leave it out")
    body = _encode_attributes(attributes)
    is_signed = code in _SENT_WITH_MESSAGE_AUTHENTICATOR
    head = _encode_head(code, identifier, body, is_signed)
    if is_signed:
        body = _prepend_message_authenticator(head, authenticator or NO_AUTHENTICATOR, body, secret)
    return decode(head + (authenticator or keyed_digest(head, NO_AUTHENTICATOR, body, secret)) + body)


def _encode_head(code: Code, identifier: int, body: bytes, is_signed: bool) -> bytes:
    """The first four octets; Message-Authenticator is still to come into ``body`` where the packet ``is_signed``."""
    length = SHORTEST_PACKET_OCTETS + len(body) + (len(_NO_MESSAGE_AUTHENTICATOR) if is_signed else 0)
    if length > LONGEST_PACKET_OCTETS:
        raise UnencodableError(f"a packet of {length} octets is over {LONGEST_PACKET_OCTETS}; send fewer attributes")
    return _OCTETS[code] + _OCTETS[identifier] + _OCTETS[length >> 8] + _OCTETS[length & 0xFF]


def _prepend_message_authenticator(head: bytes, authenticator: bytes, body: bytes, secret: bytes) -> bytes:
    signature = message_authenticator(head + authenticator + _NO_MESSAGE_AUTHENTICATOR + body, secret)
    return _MESSAGE_AUTHENTICATOR_HEAD + signature + body


def _encode_attributes(attributes: Iterable[Attribute]) -> bytes:
    encoded: list[bytes] = []
    try:
        for attribute_type, value in attributes:
            encoded += _SENDABLE_TYPES[attribute_type], _LENGTHS[len(value)], value
    except LookupError:
        raise _unencodable(attribute_type, value) from None
    if len(encoded) > 3 * MOST_ATTRIBUTES:
        raise UnencodableError(f"a packet has at most {MOST_ATTRIBUTES} attributes; send fewer")
    return b"".join(encoded)


def _unencodable(attribute_type: int, value: bytes) -> UnencodableError:
    if attribute_type == _MESSAGE_AUTHENTICATOR:
        return UnencodableError("Message-Authenticator is added by the codec; leave it out")
    return UnencodableError(
        f"attribute {attribute_type} of {len(value)} octets cannot be sent; types are 1 to 255, values at most"
        f" {LONGEST_VALUE_OCTETS} octets"
    )


def _find_message_authenticator(attributes: list[Attribute], has_doubles: bool) -> int:
    """The offset in the packet of its value; it is there. Raises PacketDiscarded for a second one or a wrong length."""
    value_at = SHORTEST_PACKET_OCTETS + 2
    for attribute_type, value in attributes:
        if attribute_type == _MESSAGE_AUTHENTICATOR:
            break
        value_at += 2 + len(value)
    if len(value) != AUTHENTICATOR_LENGTH:
        raise PacketDiscarded(DiscardReason.MESSAGE_AUTHENTICATOR_MALFORMED)
    if has_doubles and [kind for kind, _ in attributes].count(_MESSAGE_AUTHENTICATOR) > 1:
        raise PacketDiscarded(DiscardReason.MESSAGE_AUTHENTICATOR_REPEATED)
    return value_at


def _check_authenticator(packet: Packet, signed_with: bytes, secret: bytes, reason: DiscardReason) -> None:
    octets = packet.octets
    expected = keyed_digest(octets[:_HEAD_OCTETS], signed_with, octets[SHORTEST_PACKET_OCTETS:], secret)
    if not compare_digest(expected, packet.authenticator):
        raise PacketDiscarded(reason)


def _check_message_authenticator(packet: Packet, signed_with: bytes, secret: bytes) -> None:
    octets, start = packet.octets, packet.message_authenticator_at
    end = start + AUTHENTICATOR_LENGTH
    before = octets[:start]
    if signed_with is not packet.authenticator:
        before = octets[:_HEAD_OCTETS] + signed_with + octets[SHORTEST_PACKET_OCTETS:start]
    expected = message_authenticator(before + NO_AUTHENTICATOR + octets[end:], secret)
    if not compare_digest(expected, octets[start:end]):
        raise PacketDiscarded(DiscardReason.MESSAGE_AUTHENTICATOR_WRONG)


def _check_may_lack_message_authenticator(packet: Packet, *, required: bool) -> None:
    if _EAP_MESSAGE in packet.first:
        raise PacketDiscarded(DiscardReason.EAP_WITHOUT_MESSAGE_AUTHENTICATOR)
    if required or packet.code is Code.STATUS_SERVER:
        raise PacketDiscarded(DiscardReason.MESSAGE_AUTHENTICATOR_MISSING)


def _check_is_from_no_proxy(request: Packet) -> None:
    """BlastRADIUS needs the reply to end with octets of its own: it hides them in a Proxy-State, which comes back.

    A NAS itself sends none, and a proxy is to send Message-Authenticator.
    """
    if _PROXY_STATE in request.first:
        raise PacketDiscarded(DiscardReason.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR)
