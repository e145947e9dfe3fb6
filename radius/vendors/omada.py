"""TP-Link Omada access points and controller in RADIUS mode (S)."""

from __future__ import annotations

from radius.vendors.base import (
    DynamicAuthorization,
    Vendor,
    filter_id,
    nothing,
    tunnel_vlan,
    vlan_quarantine,
    wispr_speed,
)

VENDOR = Vendor(
    name="omada",
    title="TP-Link Omada",
    speed=wispr_speed,
    data=nothing,
    vlan=tunnel_vlan,
    filter=filter_id,
    quarantine=vlan_quarantine,
    quarantine_needs="a VLAN",
    dynamic_authorization=DynamicAuthorization(
        identifying=("User-Name", "Acct-Session-Id", "Calling-Station-Id"),
    ),
    notes="CoA mode and VLAN assignment are options of the controller's RADIUS profile.",
)
