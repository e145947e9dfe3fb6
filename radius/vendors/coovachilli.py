"""CoovaChilli: limits from its source ``src/chilli.c`` (V); dynamic authorisation likewise (V)."""

from __future__ import annotations

from radius.vendors.base import (
    LARGEST_INTEGER,
    Change,
    DynamicAuthorization,
    Pairs,
    Vendor,
    filter_id,
    role_quarantine,
    split_octets,
    tunnel_vlan,
    wispr_speed,
)


def _speed(download: int, upload: int) -> Pairs:
    """Its own attributes are kilobits a second and win over WISPr's bits."""
    return (
        *wispr_speed(download, upload),
        ("ChilliSpot-Bandwidth-Max-Down", min(download, LARGEST_INTEGER)),
        ("ChilliSpot-Bandwidth-Max-Up", min(upload, LARGEST_INTEGER)),
    )


def _data(octets: int) -> Pairs:
    low, gigawords = split_octets(octets)
    return ("ChilliSpot-Max-Total-Octets", low), ("ChilliSpot-Max-Total-Gigawords", gigawords)


VENDOR = Vendor(
    name="coovachilli",
    title="CoovaChilli",
    speed=_speed,
    data=_data,
    vlan=tunnel_vlan,
    filter=filter_id,
    quarantine=role_quarantine(filter_id),
    quarantine_needs="nothing: a device that is not accepted gets the portal; a VLAN or filter is possible",
    dynamic_authorization=DynamicAuthorization(
        identifying=("User-Name", "Acct-Session-Id", "Calling-Station-Id", "NAS-Identifier"),
        required=("User-Name",),
        change=Change.LIMITS,
    ),
    notes="`coaport` must be set for it to listen. Filter-Id is handed to its conup script.",
)
