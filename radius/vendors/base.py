"""The shape of a vendor: which attributes its equipment wants for what a device may do, and in which units.

One file a vendor, one value of ``Vendor`` in it. All numbers come in our units (kilobits a second, octets, seconds) and
leave as pairs of an attribute's name and its value in the vendor's, ready for ``radius.attributes.encode_all``. What a
vendor cannot be told is no attribute at all; ``Vendor.notes`` says what an engineer does instead. Marks of
certainty in the files: V read in the product's source or documentation, S second-hand, GK general knowledge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from radius.attribute_values import Value
from radius.nas import Quarantine

Pair = tuple[str, Value]
Pairs = tuple[Pair, ...]
"""Attributes by name, in their order; a name may come twice."""

LARGEST_INTEGER: Final = 2**32 - 1
_GIGAWORD: Final = 2**32
# RFC 3580 section 3.31: Tunnel-Type VLAN, Tunnel-Medium-Type IEEE 802.
_TUNNEL_TYPE_VLAN: Final = 13
_TUNNEL_MEDIUM_IEEE_802: Final = 6


class Change(StrEnum):
    """What a CoA-Request (RFC 5176 section 2.2) does to a session of this equipment."""

    LIMITS = "limits"
    """New limits, sent in it complete, come into force."""
    REAUTHENTICATE = "reauthenticate"
    """The equipment asks for the device again and takes what the new Access-Accept says."""
    NONE = "none"
    """Nothing that could be relied on: end the session, and the device comes back to the new limits."""


@dataclass(frozen=True, slots=True)
class DynamicAuthorization:
    """What Disconnect-Request and CoA-Request must say so that this equipment finds the session.

    ``identifying`` names the attributes that are sent wherever the session has them, in this order; sending others
    can make equipment refuse. ``required`` are those of them without which it does nothing. ``audit_session_id``: it
    also wants the ``audit-session-id=…`` that it sent in Cisco-AVPair, where that is known. ``reauthenticate`` is what
    makes a CoA-Request one that lets the equipment ask again.
    """

    identifying: tuple[str, ...]
    required: tuple[str, ...] = ()
    change: Change = Change.NONE
    default_port: int = 3799
    other_ports: tuple[int, ...] = ()
    event_timestamp: bool = True
    audit_session_id: bool = False
    reauthenticate: Pairs = ()


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor's RADIUS dialect.

    ``speed`` is given download and upload in kilobits a second, as the resident sees them; ``data`` the octets that
    are left in both directions together; ``vlan`` a number of 1 to 4094; ``filter`` a policy's filter name;
    ``quarantine`` gives what shuts an unregistered device in, or nothing where its settings do not suffice.
    ``dynamic_authorization`` is None for equipment that takes no such requests.
    """

    name: str
    title: str
    speed: Callable[[int, int], Pairs]
    data: Callable[[int], Pairs]
    vlan: Callable[[int], Pairs]
    filter: Callable[[str], Pairs]
    quarantine: Callable[[Quarantine], Pairs]
    quarantine_needs: str
    dynamic_authorization: DynamicAuthorization | None
    speaks_radius: bool = True
    shortest_interim_seconds: int = 60
    notes: str = ""


def nothing(*_: object) -> Pairs:
    """What equipment is told that cannot be told this by RADIUS."""
    return ()


def wispr_speed(download: int, upload: int) -> Pairs:
    """WISPr 1.0: bits a second; more than the attribute holds (4.3 Gbit/s) is the most that it holds."""
    return (
        ("WISPr-Bandwidth-Max-Down", min(download * 1000, LARGEST_INTEGER)),
        ("WISPr-Bandwidth-Max-Up", min(upload * 1000, LARGEST_INTEGER)),
    )


def tunnel_vlan(vlan: int) -> Pairs:
    """RFC 3580 section 3.31: three attributes, untagged; the VLAN's number as text."""
    return (
        ("Tunnel-Type", _TUNNEL_TYPE_VLAN),
        ("Tunnel-Medium-Type", _TUNNEL_MEDIUM_IEEE_802),
        ("Tunnel-Private-Group-Id", str(vlan)),
    )


def filter_id(name: str) -> Pairs:
    """RFC 2865 section 5.11: the name of a filter that stands in the equipment."""
    return (("Filter-Id", name),)


def split_octets(octets: int) -> tuple[int, int]:
    """Low 32 bits and the rest, as attributes come with their Gigawords; at most what both can hold."""
    rest, low = divmod(octets, _GIGAWORD)
    return (LARGEST_INTEGER, LARGEST_INTEGER) if rest > LARGEST_INTEGER else (low, rest)


def vlan_quarantine(quarantine: Quarantine) -> Pairs:
    """A network of its own, where a gateway shows the portal."""
    return () if quarantine.vlan is None else tunnel_vlan(quarantine.vlan)


def role_quarantine(role: Callable[[str], Pairs]) -> Callable[[Quarantine], Pairs]:
    """A role or filter, a VLAN, or both."""

    def attributes(quarantine: Quarantine) -> Pairs:
        named = role(quarantine.role) if quarantine.role else ()
        return (*named, *vlan_quarantine(quarantine))

    return attributes
