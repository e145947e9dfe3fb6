"""The gateway's packets: which attributes CoovaChilli sends, and what it takes from an Access-Accept. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address

from citywifi.replay.accounting import AccountingRecord, Status
from citywifi.replay.uam import Proof
from foundation.mac_address import MacAddress
from radius import attributes as radius_attributes
from radius.attribute_values import Value
from radius.packet import Attribute, Packet, hide_password

# What CoovaChilli sends as the password of a device (macpasswd).
MAC_PASSWORD = b"password"
# Below this it does not report in between.
SHORTEST_INTERIM_INTERVAL_SECONDS = 60
_GIGAWORD = 2**32
_WIRELESS = 19
_CHAP_IDENTIFIER = b"\0"
_MEAN_FRAME_OCTETS = 900

Pair = tuple[str, Value]


@dataclass(frozen=True, slots=True)
class Place:
    """What a gateway says of itself in every packet."""

    address: str
    nas_identifier: str
    access_point: MacAddress
    location_name: str
    logoff_url: str


@dataclass(frozen=True, slots=True)
class Station:
    """What it says of a device in every packet."""

    device: MacAddress
    ip_address: IPv4Address
    port: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What the RADIUS server imposed on a session; 0 means nothing was said. Bandwidth in bit/s."""

    session_timeout_seconds: int = 0
    idle_timeout_seconds: int = 0
    interim_interval_seconds: int = 0
    upload_bits_per_second: int = 0
    download_bits_per_second: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """An Access-Accept: the limits, and what accounting must give back (RFC 2865 section 5.25)."""

    limits: Limits
    classes: tuple[bytes, ...] = ()
    # What to call the resident in accounting, where the server says so (RFC 2865 section 5.1).
    user_name: str | None = None
    redirection_url: str | None = None


def limits_from(packet: Packet) -> Limits:
    """Read limits strictly. Raises MalformedAttributeError."""
    interim = _number(packet, "Acct-Interim-Interval")
    return Limits(
        session_timeout_seconds=_number(packet, "Session-Timeout"),
        idle_timeout_seconds=_number(packet, "Idle-Timeout"),
        interim_interval_seconds=interim if interim >= SHORTEST_INTERIM_INTERVAL_SECONDS else 0,
        upload_bits_per_second=_number(packet, "WISPr-Bandwidth-Max-Up"),
        download_bits_per_second=_number(packet, "WISPr-Bandwidth-Max-Down"),
    )


def grant_from(accept: Packet) -> Grant:
    """Read an Access-Accept strictly. Raises MalformedAttributeError."""
    return Grant(
        limits=limits_from(accept),
        classes=tuple(radius_attributes.get_all_octets(accept, "Class")),
        user_name=radius_attributes.get_text(accept, "User-Name"),
        redirection_url=radius_attributes.get_text(accept, "WISPr-Redirection-URL"),
    )


def access_request(
    place: Place,
    station: Station,
    user_name: str,
    proof: Proof,
    acct_session_id: str,
    secret: bytes,
    authenticator: bytes,
) -> tuple[Attribute, ...]:
    """An Access-Request after /logon or, with the device's address as user name, on its first packet."""
    pairs: list[Pair] = [("User-Name", user_name)]
    if proof.response is not None:
        pairs.append(("CHAP-Password", _CHAP_IDENTIFIER + proof.response))
        pairs.append(("CHAP-Challenge", proof.challenge))
    else:
        pairs.append(("User-Password", hide_password(proof.password or b"", secret, authenticator)))
    pairs += [
        ("Service-Type", "Login-User"),
        ("Acct-Session-Id", acct_session_id),
        *station_pairs(station),
        *place_pairs(place),
        ("WISPr-Location-ID", f"isocc=gb,cc=44,ac=,network={place.nas_identifier}"),
        ("WISPr-Location-Name", place.location_name),
        ("WISPr-Logoff-URL", place.logoff_url),
    ]
    return radius_attributes.encode_all(pairs)


def session_accounting(
    place: Place,
    station: Station,
    user_name: str,
    classes: Iterable[bytes],
    record: AccountingRecord,
    now: datetime,
) -> tuple[Attribute, ...]:
    """Start, Interim-Update or Stop, with the time that passed since it happened (RFC 2866 section 5.2)."""
    pairs: list[Pair] = [
        ("User-Name", user_name),
        *(("Class", value) for value in classes),
        ("Acct-Authentic", "RADIUS"),
        ("Acct-Session-Id", record.acct_session_id),
        *station_pairs(station),
        *_event_pairs(place, record, now),
    ]
    if record.status is not Status.START:
        pairs += [("Acct-Session-Time", record.seconds)]
        pairs += octet_pairs("Input", record.input_octets) + octet_pairs("Output", record.output_octets)
    if record.terminate_cause is not None:
        pairs.append(("Acct-Terminate-Cause", int(record.terminate_cause)))
    return radius_attributes.encode_all(pairs)


def restart_accounting(place: Place, record: AccountingRecord, now: datetime) -> tuple[Attribute, ...]:
    """Accounting-On or -Off."""
    pairs: list[Pair] = [("Acct-Session-Id", record.acct_session_id), *_event_pairs(place, record, now)]
    return radius_attributes.encode_all(pairs)


def station_pairs(station: Station) -> list[Pair]:
    """What it says of a device, as names and values."""
    return [
        ("Calling-Station-Id", str(station.device)),
        ("Framed-IP-Address", station.ip_address),
        ("NAS-Port", station.port),
        ("NAS-Port-Id", f"{station.port:08d}"),
    ]


def place_pairs(place: Place) -> list[Pair]:
    """What it says of itself, as names and values."""
    return [
        ("NAS-Port-Type", _WIRELESS),
        ("Called-Station-Id", str(place.access_point)),
        ("NAS-IP-Address", IPv4Address(place.address)),
        ("NAS-Identifier", place.nas_identifier),
    ]


def _event_pairs(place: Place, record: AccountingRecord, now: datetime) -> list[Pair]:
    delay_seconds = max(0, round((now - record.event_at).total_seconds()))
    return [
        ("Acct-Status-Type", record.status),
        ("Event-Timestamp", record.event_at),
        ("Acct-Delay-Time", delay_seconds),
        *place_pairs(place),
    ]


def octet_pairs(direction: str, octets: int) -> list[Pair]:
    """Octets and packets of a direction (Input, Output), with Gigawords where they are needed (RFC 2869)."""
    gigawords, rest = divmod(octets, _GIGAWORD)
    pairs: list[Pair] = [
        (f"Acct-{direction}-Octets", rest),
        (f"Acct-{direction}-Packets", octets // _MEAN_FRAME_OCTETS % _GIGAWORD),
    ]
    return [*pairs, (f"Acct-{direction}-Gigawords", gigawords)] if gigawords else pairs


def _number(packet: Packet, name: str) -> int:
    return radius_attributes.get_integer(packet, name) or 0
