"""Cisco Meraki access points: documentation.meraki.com, access control and sign-on splash (V)."""

from __future__ import annotations

from radius.nas import Quarantine
from radius.vendors.base import DynamicAuthorization, Pairs, Vendor, filter_id, nothing, tunnel_vlan, vlan_quarantine
from radius.vendors.cisco import redirection


def _quarantine(quarantine: Quarantine) -> Pairs:
    """A group policy, a VLAN, or the portal's address as Cisco's; with the address, the role names its ACL."""
    redirected = redirection(quarantine)
    named = filter_id(quarantine.role) if quarantine.role and not redirected else ()
    return (*redirected, *named, *vlan_quarantine(quarantine))


VENDOR = Vendor(
    name="meraki",
    title="Cisco Meraki",
    speed=nothing,
    data=nothing,
    vlan=tunnel_vlan,
    filter=filter_id,
    quarantine=_quarantine,
    quarantine_needs="a group policy (role), a VLAN, or the portal's address (url) with its ACL (role)",
    dynamic_authorization=DynamicAuthorization(
        identifying=("User-Name", "Acct-Session-Id", "Calling-Station-Id", "Framed-IP-Address", "NAS-Identifier"),
    ),
    shortest_interim_seconds=300,
    notes=(
        "Speed is part of a group policy, which the policy's filter names: choose Filter-Id in the dashboard as the"
        " attribute that names it. Dynamic authorisation goes to the organisation's Meraki host name."
    ),
)
