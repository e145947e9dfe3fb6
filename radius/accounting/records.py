"""An Accounting-Request becomes a record: whose session, what happened, and when it happened.

RFC 2866 (attributes), 2869 (Gigawords, Event-Timestamp). Nothing here has a clock: the time of arrival is given.

Every Accounting-Request comes through here, so plain attributes are read by their number from the packet's table; what
``radius.attributes`` does for each name would cost more than all of it.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from socket import inet_ntoa
from typing import Final, NamedTuple

from foundation.privacy import Keyring
from radius import attributes
from radius.authorization import read_class
from radius.discards import RequestUnansweredError, Unanswered
from radius.errors import MalformedAttributeError
from radius.nas import NasTable, NetworkAccessServer
from radius.packet import Packet
from radius.policies.effective import network_name
from radius.quarantine import audit_session_id

# RFC 2866 section 5.1
_START: Final = 1
_STOP: Final = 2
_INTERIM_UPDATE: Final = 3
_ON: Final = 7
_OFF: Final = 8
_SESSION_STATUS: Final = {_START: "start", _STOP: "stop", _INTERIM_UPDATE: "interim_update"}

# Event-Timestamp is believed when it is so near to the time of arrival less Acct-Delay-Time: many clocks are wrong.
_CLOCK_TOLERANCE_SECONDS: Final = 300
# A session that claims to last longer is a counter gone wrong, and would put usage into the distant past.
_LONGEST_SESSION_SECONDS: Final = 366 * 86_400
_LARGEST_COUNT: Final = 2**63 - 1
_NUMBER: Final = struct.Struct("!I")
# Class comes back in every record of a session; opening it takes as long as reading all the rest.
_REMEMBERED_CLASSES: Final = 65_536

_USER_NAME: Final = attributes.definition_of("User-Name").number
_FRAMED_IP_ADDRESS: Final = attributes.definition_of("Framed-IP-Address").number
_CLASS: Final = attributes.definition_of("Class").number
_CALLED_STATION_ID: Final = attributes.definition_of("Called-Station-Id").number
_CALLING_STATION_ID: Final = attributes.definition_of("Calling-Station-Id").number
_NAS_IDENTIFIER: Final = attributes.definition_of("NAS-Identifier").number
_ACCT_STATUS_TYPE: Final = attributes.definition_of("Acct-Status-Type").number
_ACCT_DELAY_TIME: Final = attributes.definition_of("Acct-Delay-Time").number
_ACCT_INPUT_OCTETS: Final = attributes.definition_of("Acct-Input-Octets").number
_ACCT_OUTPUT_OCTETS: Final = attributes.definition_of("Acct-Output-Octets").number
_ACCT_SESSION_ID: Final = attributes.definition_of("Acct-Session-Id").number
_ACCT_SESSION_TIME: Final = attributes.definition_of("Acct-Session-Time").number
_ACCT_TERMINATE_CAUSE: Final = attributes.definition_of("Acct-Terminate-Cause").number
_ACCT_INPUT_GIGAWORDS: Final = attributes.definition_of("Acct-Input-Gigawords").number
_ACCT_OUTPUT_GIGAWORDS: Final = attributes.definition_of("Acct-Output-Gigawords").number
_EVENT_TIMESTAMP: Final = attributes.definition_of("Event-Timestamp").number

_PLAIN: Final = {each.number: each for each in attributes.DEFINITIONS.values() if not (each.vendor or each.parent)}
# An attribute has at most 253 octets, and as replaced text three times as many.
_LENGTHS: Final = tuple(length.to_bytes(2, "big") for length in range(3 * 253 + 1))


class SessionRecord(NamedTuple):
    """What one Start, Interim-Update or Stop says. Octets as the NAS counts: input is from the device.

    Its values stand in the order in which ``radius.accounting.merging`` writes them, so that a row is a slice of it.
    """

    council_id: int
    session_key: bytes
    nas_id: int
    nas_identifier: str
    access_point_id: int | None
    venue_id: int | None
    acct_session_id: str
    # Cisco's name of the session, which its dynamic authorisation wants.
    audit_session_id: str | None
    user_name: str | None
    calling_station_id: str | None
    framed_ip_address: str | None
    network_name: str | None
    # The event's time less Acct-Session-Time; of a record without it, the event's.
    started_at: datetime
    event_at: datetime
    received_at: datetime
    # Of a Stop its event and "stop".
    stopped_at: datetime | None
    ended_by: str | None
    terminate_cause: int | None
    session_seconds: int
    input_octets: int
    output_octets: int
    # Whether ``started_at`` is more than a guess: it is a Start, or there is an Acct-Session-Time.
    start_is_known: bool
    resident_id: int | None
    device_id: int | None
    status: str

    @property
    def is_stop(self) -> bool:
        """Whether the NAS says that the session is over."""
        return self.stopped_at is not None

    def __repr__(self) -> str:
        # A traceback must not carry what it says of a person.
        return f"SessionRecord({self.status})"


class Restart(NamedTuple):
    """An Accounting-On or -Off: no session of this NAS that began before it can still be open."""

    council_id: int
    nas_id: int
    nas_identifier: str
    access_point_id: int | None
    restarted_at: datetime
    received_at: datetime
    status: str


Record = SessionRecord | Restart


def read_record(
    packet: Packet,
    nas: NetworkAccessServer,
    table: NasTable,
    keyring: Keyring,
    received_at: datetime,
    delay_limit_seconds: int,
) -> Record:
    """What an authentic Accounting-Request says.

    Raises RequestUnansweredError for what cannot be recorded, MalformedAttributeError for values that do not fit.
    """
    first = packet.first
    if _ACCT_STATUS_TYPE not in first:
        raise RequestUnansweredError(Unanswered.ACCT_STATUS_TYPE_MISSING)
    status = _number(first, _ACCT_STATUS_TYPE)
    happened_at = event_time(packet, received_at, delay_limit_seconds)
    called = _text(first, _CALLED_STATION_ID)
    access_point = table.access_point(nas.council_id, called)
    nas_identifier = _text(first, _NAS_IDENTIFIER) or ""
    access_point_id = access_point.id if access_point else None
    if status in (_ON, _OFF):
        word = "on" if status == _ON else "off"
        return Restart(nas.council_id, nas.id, nas_identifier, access_point_id, happened_at, received_at, word)
    if status not in _SESSION_STATUS:
        raise RequestUnansweredError(Unanswered.ACCT_STATUS_TYPE_UNSUPPORTED)
    session_id = first.get(_ACCT_SESSION_ID)
    if not session_id:
        raise RequestUnansweredError(Unanswered.ACCT_SESSION_ID_MISSING)
    seconds = _number(first, _ACCT_SESSION_TIME)
    if seconds > _LONGEST_SESSION_SECONDS:
        seconds = 0
    is_start, is_stop = status == _START, status == _STOP
    resident_id, device_id = _of_class(packet, keyring)
    # By position, which takes half the time of names; the order is the class's.
    return SessionRecord(
        nas.council_id,
        _session_key(first, nas, keyring, nas_identifier, session_id),
        nas.id,
        nas_identifier,
        access_point_id,
        (access_point.venue_id if access_point else None) or nas.venue_id,
        _text(first, _ACCT_SESSION_ID) or "",
        audit_session_id(packet) if attributes.VENDOR_SPECIFIC in first else None,
        _text(first, _USER_NAME),
        _text(first, _CALLING_STATION_ID),
        _address(first, _FRAMED_IP_ADDRESS),
        network_name(called) or None,
        happened_at if is_start or not seconds else happened_at - timedelta(seconds=seconds),
        happened_at,
        received_at,
        happened_at if is_stop else None,
        "stop" if is_stop else None,
        _number(first, _ACCT_TERMINATE_CAUSE) if is_stop and _ACCT_TERMINATE_CAUSE in first else None,
        seconds,
        _octets(first, _ACCT_INPUT_OCTETS, _ACCT_INPUT_GIGAWORDS),
        _octets(first, _ACCT_OUTPUT_OCTETS, _ACCT_OUTPUT_GIGAWORDS),
        is_start or seconds > 0,
        resident_id,
        device_id,
        _SESSION_STATUS[status],
    )


def event_time(packet: Packet, received_at: datetime, delay_limit_seconds: int) -> datetime:
    """When it happened: arrival less Acct-Delay-Time, made exact by an Event-Timestamp that agrees with it.

    Acct-Delay-Time (RFC 2866 section 5.2) beyond the limit is not believed. Event-Timestamp (RFC 2869 section 5.3)
    stays the same in retransmissions, so where it can be believed the same event always has the same time.
    """
    first = packet.first
    happened_at = received_at
    delay = _number(first, _ACCT_DELAY_TIME)
    if 0 < delay <= delay_limit_seconds:
        happened_at -= timedelta(seconds=delay)
    if _EVENT_TIMESTAMP in first:
        stamped_at = datetime.fromtimestamp(_number(first, _EVENT_TIMESTAMP), UTC)
        if abs((stamped_at - happened_at).total_seconds()) <= _CLOCK_TOLERANCE_SECONDS:
            return stamped_at
    return happened_at


def _number(first: Mapping[int, bytes], number: int) -> int:
    """An attribute's value, which has four octets; 0 where there is none."""
    octets = first.get(number)
    if octets is None:
        return 0
    try:
        value: int = _NUMBER.unpack(octets)[0]
    except struct.error:
        raise _malformed(number) from None
    return value


def _octets(first: Mapping[int, bytes], low: int, high: int) -> int:
    count = _number(first, low)
    return min(_number(first, high) << 32 | count, _LARGEST_COUNT) if high in first else count


def _text(first: Mapping[int, bytes], number: int) -> str | None:
    """Kept readable, whatever octets it has; PostgreSQL stores no NUL."""
    octets = first.get(number)
    if octets is None:
        return None
    text = octets.decode(errors="replace")
    return text.replace("\0", "\ufffd") if "\0" in text else text


def _address(first: Mapping[int, bytes], number: int) -> str | None:
    octets = first.get(number)
    if octets is None:
        return None
    if len(octets) != 4:
        raise _malformed(number)
    return inet_ntoa(octets)


def _malformed(number: int) -> MalformedAttributeError:
    return MalformedAttributeError(_PLAIN[number].name, _PLAIN[number].value_type.expected)


def _session_key(
    first: Mapping[int, bytes], nas: NetworkAccessServer, keyring: Keyring, nas_identifier: str, session_id: bytes
) -> bytes:
    """Keyed, because the device's address is in it and the key outlives the address."""
    number, name = b"%d" % nas.id, nas_identifier.encode()
    station = first.get(_CALLING_STATION_ID, b"")
    parts = (
        _LENGTHS[len(number)], number, _LENGTHS[len(name)], name,
        _LENGTHS[len(session_id)], session_id, _LENGTHS[len(station)], station,
    )  # fmt: skip
    return keyring.pseudonym("session", nas.council_id, b"".join(parts))


def _of_class(packet: Packet, keyring: Keyring) -> tuple[int | None, int | None]:
    """Resident and device."""
    value = packet.first.get(_CLASS)
    if value is None:
        return None, None
    found = _open_class(keyring, value)
    if found == (None, None):
        # The first one may be somebody else's.
        others = [value for number, value in packet.attributes if number == _CLASS][1:]
        return read_class(keyring, others)
    return found


@lru_cache(_REMEMBERED_CLASSES)
def _open_class(keyring: Keyring, value: bytes) -> tuple[int | None, int | None]:
    return read_class(keyring, [value])
