"""What of a NAS's request goes to a home server, and what of the home server's reply comes back to the NAS.

Outwards everything goes (RFC 2865 section 2.3), with secrets hidden anew and what a visited network has to add.
Inwards only what is on a list: a foreign server may say who it is and for how long, but not which VLAN, filter,
redirect or vendor's right a guest gets here. Those are our policy's to give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from foundation.privacy import Keyring
from radius import attributes
from radius.attributes import encode
from radius.authentication.eap.packet import Code as EapCode
from radius.authentication.eap.packet import EapPacket, split
from radius.authenticators import hide_password, hide_salted, reveal_password, reveal_salted
from radius.authorization import is_own_class
from radius.errors import MalformedAttributeError, PacketDiscarded, UnencodableError
from radius.packet import Attribute, Code, Packet
from radius.parser import Parser
from radius.roaming.realm import parse_identifier

MOST_PROXY_STATES: Final = 10
"""More proxies than that between a device and us are a loop; federations have five at the most."""

_USER_NAME: Final = 1
_USER_PASSWORD: Final = 2
_CHAP_PASSWORD: Final = 3
_REPLY_MESSAGE: Final = 18
_STATE: Final = 24
_CLASS: Final = 25
_VENDOR_SPECIFIC: Final = 26
_SESSION_TIMEOUT: Final = 27
_PROXY_STATE: Final = 33
_ACCT_DELAY_TIME: Final = 41
_CHAP_CHALLENGE: Final = 60
_EAP_MESSAGE: Final = 79
_MESSAGE_AUTHENTICATOR: Final = 80
_CHARGEABLE_USER_IDENTITY: Final = 89
_OPERATOR_NAME: Final = 126

_MICROSOFT: Final = (311).to_bytes(4, "big")
_MS_CHAP_ERROR: Final = 2
_MS_CHAP2_SUCCESS: Final = 26
# MS-MPPE-Send-Key and -Recv-Key, salted (RFC 2548 section 2.4.2)
_MPPE_KEYS: Final = {16: "MS-MPPE-Send-Key", 17: "MS-MPPE-Recv-Key"}

_COMES_BACK: Final = {
    Code.ACCESS_ACCEPT: frozenset({_EAP_MESSAGE, _CHARGEABLE_USER_IDENTITY, _CLASS, _REPLY_MESSAGE, _USER_NAME}),
    # Here Session-Timeout is how long the device may take (RFC 2869 section 5.13 is where Prompt comes from).
    Code.ACCESS_CHALLENGE: frozenset({_EAP_MESSAGE, _STATE, _REPLY_MESSAGE, _SESSION_TIMEOUT}),
    # What a reject says is ours to say: nobody learns from it which names exist elsewhere.
    Code.ACCESS_REJECT: frozenset({_EAP_MESSAGE}),
}
_COMES_BACK_OF_MICROSOFT: Final = {
    Code.ACCESS_ACCEPT: frozenset({_MS_CHAP2_SUCCESS, *_MPPE_KEYS}),
    Code.ACCESS_CHALLENGE: frozenset(),
    Code.ACCESS_REJECT: frozenset({_MS_CHAP_ERROR}),
}


def marker_of(keyring: Keyring, council_id: int) -> bytes:
    """The Proxy-State by which we know our own requests again; of each council, which may be another's home."""
    return keyring.pseudonym("proxy state", council_id, b"")[:8]


def has_passed_proxies(packet: Packet) -> bool:
    """Whether a request has come through any proxy at all; most have not."""
    return _PROXY_STATE in packet.first


def is_loop(packet: Packet, marker: bytes) -> bool:
    """Whether a request has been here before, or has been through so many proxies that it goes round somewhere."""
    return has_been_here(packet, marker) or has_too_many_proxies(packet)


def has_been_here(packet: Packet, marker: bytes) -> bool:
    """Whether a request carries our own Proxy-State."""
    return (_PROXY_STATE, marker) in packet.attributes


def has_too_many_proxies(packet: Packet) -> bool:
    """Whether a request has been through more proxies than any way has."""
    return sum(number == _PROXY_STATE for number, _ in packet.attributes) > MOST_PROXY_STATES


def operator_attribute(operator_name: str) -> tuple[Attribute, ...]:
    """Operator-Name of the realm namespace, ``1`` (RFC 5580 section 4.1)."""
    return (encode("Operator-Name", f"1{operator_name}"),) if operator_name else ()


def outward(
    received: Packet,
    received_secret: bytes,
    authenticator: bytes,
    secret: bytes,
    operator: Iterable[Attribute],
    marker: bytes,
) -> list[Attribute]:
    """An Access-Request's attributes for a home server with whom ``secret`` is shared.

    ``authenticator`` is that of the new request. Raises MalformedAttributeError for a password that cannot be revealed.
    """
    present = {number for number, _ in received.attributes}
    forwarded: list[Attribute] = []
    for number, value in received.attributes:
        if number == _USER_PASSWORD:
            password = reveal_password(value, received_secret, received.authenticator)
            forwarded.append((number, hide_password(password, secret, authenticator)))
        elif number != _MESSAGE_AUTHENTICATOR:
            forwarded.append((number, value))
    if _CHAP_PASSWORD in present and _CHAP_CHALLENGE not in present:
        # The challenge was the authenticator of the request (RFC 2865 section 5.3), which is another one now.
        forwarded.append((_CHAP_CHALLENGE, received.authenticator))
    if _OPERATOR_NAME not in present:
        forwarded += operator
    if _CHARGEABLE_USER_IDENTITY not in present:
        forwarded.append((_CHARGEABLE_USER_IDENTITY, b"\0"))  # asks for one: RFC 4372 section 2.1
    forwarded.append((_PROXY_STATE, marker))
    return forwarded


def outward_accounting(
    received: Packet, keyring: Keyring, delay_seconds: int, operator: Iterable[Attribute], marker: bytes
) -> list[Attribute]:
    """An Accounting-Request's attributes for a home server.

    Our own Class is sealed for us and stays here. ``delay_seconds`` is how long the record has been here; it joins
    Acct-Delay-Time (RFC 2866 section 5.2).
    """
    own = without_own_class(received.attributes, keyring)
    forwarded = [(number, value) for number, value in own if number not in _OF_THIS_HOP]
    delay = (attributes.get_integer(received, "Acct-Delay-Time") or 0) + delay_seconds
    forwarded.append(encode("Acct-Delay-Time", delay))
    if all(number != _OPERATOR_NAME for number, _ in forwarded):
        forwarded += operator
    forwarded.append((_PROXY_STATE, marker))
    return forwarded


_OF_THIS_HOP: Final = frozenset({_MESSAGE_AUTHENTICATOR, _ACCT_DELAY_TIME})


def inward(
    reply: Packet,
    asked: Packet,
    secret: bytes,
    received: Packet,
    received_secret: bytes,
    is_same_realm: Callable[[str], bool],
) -> tuple[Attribute, ...]:
    """A home server's reply as attributes for the NAS: what is on the lists, keys hidden anew.

    ``asked`` is our request and ``secret`` what we share with the home server; ``received`` is the NAS's request. A
    User-Name goes to the NAS only if ``is_same_realm`` knows its realm: accounting will come under that name, and must
    find its way home. Raises MalformedAttributeError for what does not open.
    """
    wanted, wanted_of_microsoft = _COMES_BACK[reply.code], _COMES_BACK_OF_MICROSOFT[reply.code]
    returned: list[Attribute] = []
    for number, value in reply.attributes:
        if number == _VENDOR_SPECIFIC and value.startswith(_MICROSOFT):
            for kind, inner in _microsoft_attributes(value):
                if kind in wanted_of_microsoft:
                    returned.append(_of_microsoft(kind, inner, asked, secret, received, received_secret))
        elif number in wanted and (number != _USER_NAME or _leads_home(value, is_same_realm)):
            returned.append((number, value))
    return tuple(returned)


def without_own_class(given: Iterable[Attribute], keyring: Keyring) -> tuple[Attribute, ...]:
    """Without the Classes that ``radius.authorization`` sealed.

    Operators see those of our residents who travel. One that sent such a Class back with a guest of its own would have
    the guest's sessions counted as our resident's.
    """
    return tuple((number, value) for number, value in given if number != _CLASS or not is_own_class(keyring, value))


def good_until(reply: Packet, now: datetime) -> datetime | None:
    """When the home server's Session-Timeout ends what it has granted."""
    seconds = attributes.get_integer(reply, "Session-Timeout")
    return None if seconds is None else now + timedelta(seconds=seconds)


def method_of(packet: Packet) -> str:
    """By which method a request is to be decided, for the log: ``proxy/pap`` and so on."""
    present = {number for number, _ in packet.attributes}
    if _EAP_MESSAGE in present:
        return "proxy/eap"
    if _USER_PASSWORD in present:
        return "proxy/pap"
    if _CHAP_PASSWORD in present:
        return "proxy/chap"
    return "proxy/mschap" if any(_is_of_microsoft(attribute) for attribute in packet.attributes) else "proxy/none"


def eap_failure(packet: Packet) -> tuple[Attribute, ...]:
    """EAP-Failure for a request that carries EAP (RFC 3748 section 4.2, RFC 3579 section 2.6.3), else nothing."""
    message = attributes.get_octets(packet, "EAP-Message")
    if message is None or len(message) < 2:
        return ()
    return split(EapPacket(EapCode.FAILURE, message[1]).encode())


def state_of(packet: Packet) -> bytes | None:
    """The State of a request or reply."""
    return attributes.get_octets(packet, "State")


def _is_of_microsoft(attribute: Attribute) -> bool:
    number, value = attribute
    return number == _VENDOR_SPECIFIC and value.startswith(_MICROSOFT)


def _leads_home(user_name: bytes, is_same_realm: Callable[[str], bool]) -> bool:
    identifier = parse_identifier(user_name)
    return identifier is not None and is_same_realm(identifier.realm)


def _microsoft_attributes(value: bytes) -> tuple[Attribute, ...]:
    parser = Parser(value)
    parser.take(len(_MICROSOFT))
    try:
        return parser.attributes()
    except PacketDiscarded:
        raise MalformedAttributeError("Vendor-Specific", "type, length and value") from None


def _of_microsoft(
    kind: int, value: bytes, asked: Packet, secret: bytes, received: Packet, received_secret: bytes
) -> Attribute:
    name = _MPPE_KEYS.get(kind)
    if name is not None:
        key = reveal_salted(value, secret, asked.authenticator, name)
        value = hide_salted(key, received_secret, received.authenticator)
    if len(value) > 253 - len(_MICROSOFT) - 2:
        raise UnencodableError(f"{name} is too long to be sent on")
    return _VENDOR_SPECIFIC, _MICROSOFT + bytes((kind, len(value) + 2)) + value
