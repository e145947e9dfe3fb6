"""An Accounting-Request becomes a record: whose session, what happened, and when it happened.

RFC 2866 (attributes), 2869 (Gigawords, Event-Timestamp). Nothing here has a clock: the time of arrival is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from foundation.privacy import Keyring
from radius import attributes
from radius.authorization import read_class
from radius.discards import RequestUnansweredError, Unanswered
from radius.errors import MalformedAttributeError
from radius.nas import NasTable, NetworkAccessServer
from radius.packet import Packet
from radius.policies.effective import network_name

# RFC 2866 section 5.1
_START: Final = 1
_STOP: Final = 2
_INTERIM_UPDATE: Final = 3
_ON: Final = 7
_OFF: Final = 8

# Event-Timestamp is believed when it is so near to the time of arrival less Acct-Delay-Time: many clocks are wrong.
_CLOCK_TOLERANCE_SECONDS: Final = 300
# A session that claims to last longer is a counter gone wrong, and would put usage into the distant past.
_LONGEST_SESSION_SECONDS: Final = 366 * 86_400
_LARGEST_COUNT: Final = 2**63 - 1
_AUDIT_SESSION_ID: Final = b"audit-session-id="


@dataclass(frozen=True, slots=True, repr=False)
class SessionRecord:
    """What one Start, Interim-Update or Stop says. Octets as the NAS counts: input is from the device."""

    council_id: int
    session_key: bytes
    nas_id: int
    nas_identifier: str
    access_point_id: int | None
    venue_id: int | None
    resident_id: int | None
    device_id: int | None
    acct_session_id: str
    user_name: str | None
    calling_station_id: str | None
    framed_ip_address: str | None
    network_name: str | None
    started_at: datetime
    event_at: datetime
    received_at: datetime
    is_stop: bool
    terminate_cause: int | None
    session_seconds: int
    input_octets: int
    output_octets: int
    status: str
    # Cisco's name of the session, which its dynamic authorisation wants.
    audit_session_id: str | None = None


@dataclass(frozen=True, slots=True)
class Restart:
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
    status = attributes.get_integer(packet, "Acct-Status-Type")
    if status is None:
        raise RequestUnansweredError(Unanswered.ACCT_STATUS_TYPE_MISSING)
    happened_at = event_time(packet, received_at, delay_limit_seconds)
    called = attributes.get_text(packet, "Called-Station-Id", lenient=True)
    access_point = table.access_point(nas.council_id, called)
    nas_identifier = attributes.get_text(packet, "NAS-Identifier", lenient=True) or ""
    if status in (_ON, _OFF):
        return Restart(
            council_id=nas.council_id,
            nas_id=nas.id,
            nas_identifier=nas_identifier,
            access_point_id=access_point.id if access_point else None,
            restarted_at=happened_at,
            received_at=received_at,
            status="on" if status == _ON else "off",
        )
    if status not in _SESSION_STATUS:
        raise RequestUnansweredError(Unanswered.ACCT_STATUS_TYPE_UNSUPPORTED)
    session_id = attributes.get_octets(packet, "Acct-Session-Id")
    if not session_id:
        raise RequestUnansweredError(Unanswered.ACCT_SESSION_ID_MISSING)
    resident_id, device_id = read_class(keyring, attributes.get_all_octets(packet, "Class"))
    seconds = _session_seconds(packet)
    address = attributes.get_address(packet, "Framed-IP-Address")
    return SessionRecord(
        council_id=nas.council_id,
        session_key=_session_key(packet, nas, keyring, nas_identifier, session_id),
        nas_id=nas.id,
        nas_identifier=nas_identifier,
        access_point_id=access_point.id if access_point else None,
        venue_id=(access_point.venue_id if access_point else None) or nas.venue_id,
        resident_id=resident_id,
        device_id=device_id,
        acct_session_id=attributes.get_text(packet, "Acct-Session-Id", lenient=True) or "",
        user_name=attributes.get_text(packet, "User-Name", lenient=True),
        calling_station_id=attributes.get_text(packet, "Calling-Station-Id", lenient=True),
        framed_ip_address=str(address) if address else None,
        network_name=network_name(called) or None,
        started_at=happened_at if status == _START else happened_at - timedelta(seconds=seconds),
        event_at=happened_at,
        received_at=received_at,
        is_stop=status == _STOP,
        terminate_cause=attributes.get_integer(packet, "Acct-Terminate-Cause") if status == _STOP else None,
        session_seconds=seconds,
        input_octets=_octets(packet, "Acct-Input-Octets", "Acct-Input-Gigawords"),
        output_octets=_octets(packet, "Acct-Output-Octets", "Acct-Output-Gigawords"),
        status=_SESSION_STATUS[status],
        audit_session_id=_audit_session_id(packet),
    )


def event_time(packet: Packet, received_at: datetime, delay_limit_seconds: int) -> datetime:
    """When it happened: arrival less Acct-Delay-Time, made exact by an Event-Timestamp that agrees with it.

    Acct-Delay-Time (RFC 2866 section 5.2) beyond the limit is not believed. Event-Timestamp (RFC 2869 section 5.3)
    stays the same in retransmissions, so where it can be believed the same event always has the same time.
    """
    delay = attributes.get_integer(packet, "Acct-Delay-Time") or 0
    happened_at = received_at - timedelta(seconds=delay) if delay <= delay_limit_seconds else received_at
    stamped_at = attributes.get_date(packet, "Event-Timestamp")
    if stamped_at and abs((stamped_at - happened_at).total_seconds()) <= _CLOCK_TOLERANCE_SECONDS:
        return stamped_at
    return happened_at


_SESSION_STATUS: Final = {_START: "start", _STOP: "stop", _INTERIM_UPDATE: "interim_update"}


def _session_key(
    packet: Packet, nas: NetworkAccessServer, keyring: Keyring, nas_identifier: str, session_id: bytes
) -> bytes:
    """Keyed, because the device's address is in it and the key outlives the address."""
    station = attributes.get_octets(packet, "Calling-Station-Id") or b""
    parts = (str(nas.id).encode(), nas_identifier.encode(), session_id, station)
    return keyring.pseudonym("session", nas.council_id, b"".join(len(part).to_bytes(2, "big") + part for part in parts))


def _audit_session_id(packet: Packet) -> str | None:
    """From Cisco-AVPair (Cisco, RADIUS Change of Authorization); a malformed one must not keep a record out."""
    try:
        pairs = attributes.get_all_octets(packet, "Cisco-AVPair")
    except MalformedAttributeError:
        return None
    found = next((pair for pair in pairs if pair.startswith(_AUDIT_SESSION_ID)), _AUDIT_SESSION_ID)
    return found.removeprefix(_AUDIT_SESSION_ID).decode(errors="replace").replace("\0", "\ufffd") or None


def _session_seconds(packet: Packet) -> int:
    seconds = attributes.get_integer(packet, "Acct-Session-Time") or 0
    return seconds if seconds <= _LONGEST_SESSION_SECONDS else 0


def _octets(packet: Packet, low_name: str, high_name: str) -> int:
    low = attributes.get_integer(packet, low_name) or 0
    high = attributes.get_integer(packet, high_name) or 0
    return min(high << 32 | low, _LARGEST_COUNT)
