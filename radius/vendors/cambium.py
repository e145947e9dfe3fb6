"""Cambium enterprise access points: the vendor's pages on its dictionary and on rate limits (V)."""

from __future__ import annotations

from radius.vendors.base import (
    DynamicAuthorization,
    Pairs,
    Vendor,
    filter_id,
    split_octets,
    tunnel_vlan,
    vlan_quarantine,
    wispr_speed,
)


def _data(octets: int) -> Pairs:
    """The vendor spells ``Gigwords``."""
    low, gigawords = split_octets(octets)
    return ("Cambium-Traffic-Quota-Limit-Total", low), ("Cambium-Traffic-Quota-Limit-Total-Gigwords", gigawords)


VENDOR = Vendor(
    name="cambium",
    title="Cambium cnPilot and XV",
    speed=wispr_speed,
    data=_data,
    vlan=tunnel_vlan,
    filter=filter_id,
    quarantine=vlan_quarantine,
    quarantine_needs="a VLAN",
    dynamic_authorization=DynamicAuthorization(
        identifying=("User-Name", "Acct-Session-Id", "Calling-Station-Id"),
    ),
    notes="Dynamic authorisation must be on in the WLAN's RADIUS settings.",
)
