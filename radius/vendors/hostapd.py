"""hostapd, as on OpenWrt: ``hostapd.conf``, ``src/ap/ieee802_11_auth.c`` and ``src/radius/radius_das.c`` (V)."""

from __future__ import annotations

from radius.vendors.base import DynamicAuthorization, Vendor, nothing, tunnel_vlan, vlan_quarantine, wispr_speed

VENDOR = Vendor(
    name="hostapd",
    title="hostapd (OpenWrt)",
    # OpenWrt's build passes them on to its ratelimit package (GK); hostapd itself passes over what it does not know.
    speed=wispr_speed,
    data=nothing,
    vlan=tunnel_vlan,
    filter=nothing,
    quarantine=vlan_quarantine,
    quarantine_needs="a VLAN, because a rejected device cannot even join (dynamic_vlan=1 or 2 in hostapd.conf)",
    # Its list of attributes is closed: one that is not on it makes it refuse the request (Error-Cause 401).
    dynamic_authorization=DynamicAuthorization(
        identifying=("User-Name", "Acct-Session-Id", "Calling-Station-Id", "NAS-Identifier"),
    ),
    notes="It keeps answers of MAC authentication for 30 s. CoA-Request is only for Hotspot 2.0 terms.",
)
