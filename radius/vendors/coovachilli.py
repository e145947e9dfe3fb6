"""CoovaChilli: limits from its source ``src/chilli.c`` (V); dynamic authorisation likewise (V)."""

from __future__ import annotations

from radius.vendors.base import (
    LARGEST_INTEGER,
    Change,
    DynamicAuthorization,
    Pairs,
    Vendor,
    filter_id,
    nothing,
    split_octets,
    wispr_speed,
)

# It multiplies by 1,000 in 32 bits: more than 4.3 Gbit/s would come out as next to nothing.
_LARGEST_SPEED = LARGEST_INTEGER // 1000


def _speed(download: int, upload: int) -> Pairs:
    """Its own attributes are kilobits a second and win over WISPr's bits."""
    return (
        *wispr_speed(download, upload),
        ("ChilliSpot-Bandwidth-Max-Down", min(download, _LARGEST_SPEED)),
        ("ChilliSpot-Bandwidth-Max-Up", min(upload, _LARGEST_SPEED)),
    )


def _data(octets: int) -> Pairs:
    low, gigawords = split_octets(octets)
    return ("ChilliSpot-Max-Total-Octets", low), ("ChilliSpot-Max-Total-Gigawords", gigawords)


VENDOR = Vendor(
    name="coovachilli",
    title="CoovaChilli",
    speed=_speed,
    data=_data,
    vlan=nothing,
    filter=filter_id,
    quarantine=nothing,
    quarantine_needs="nothing: it shows the portal to a device that is rejected",
    dynamic_authorization=DynamicAuthorization(
        identifying=("User-Name", "Acct-Session-Id", "Calling-Station-Id", "NAS-Identifier"),
        required=("User-Name",),
        change=Change.LIMITS,
    ),
    notes="`coaport` must be set for it to listen. Filter-Id is handed to its conup script.",
)
