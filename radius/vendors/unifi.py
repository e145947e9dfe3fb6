"""Ubiquiti UniFi: 802.1X and MAC authentication by its access points, whose authenticator is hostapd (S).

With UniFi's own external portal no RADIUS is spoken at all: the portal calls the controller.
"""

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
    name="unifi",
    title="Ubiquiti UniFi",
    speed=wispr_speed,
    data=nothing,
    vlan=tunnel_vlan,
    filter=filter_id,
    quarantine=vlan_quarantine,
    quarantine_needs="a VLAN",
    dynamic_authorization=DynamicAuthorization(
        identifying=("User-Name", "Acct-Session-Id", "Calling-Station-Id"),
    ),
    notes="VLAN by RADIUS must be on in the profile. Speed and data of portal guests are told by the controller's API.",
)
