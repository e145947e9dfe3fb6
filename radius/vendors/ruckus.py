"""Ruckus SmartZone, ZoneDirector and Unleashed: SmartZone's AAA interface guide (S)."""

from __future__ import annotations

from radius.vendors.base import DynamicAuthorization, Pairs, Vendor, nothing, role_quarantine, tunnel_vlan, wispr_speed


def _group(name: str) -> Pairs:
    return (("Ruckus-User-Groups", name),)


VENDOR = Vendor(
    name="ruckus",
    title="Ruckus",
    speed=wispr_speed,
    data=nothing,
    vlan=tunnel_vlan,
    filter=_group,
    quarantine=role_quarantine(_group),
    quarantine_needs="a user group (role) with a user role in the controller, or a VLAN",
    dynamic_authorization=DynamicAuthorization(
        identifying=("User-Name", "Acct-Session-Id", "Calling-Station-Id", "NAS-Identifier"),
    ),
    notes="SmartZone's hotspot sessions can also be ended by its northbound interface.",
)
