"""MikroTik RouterOS, hotspot and wireless: the RADIUS page of its manual (V); dynamic authorisation (S)."""

from __future__ import annotations

from radius.vendors.base import (
    Change,
    DynamicAuthorization,
    Pairs,
    Vendor,
    role_quarantine,
    split_octets,
    tunnel_vlan,
)

# IEEE 802.1Q, not 802.1ad.
_VLAN_TAG = 0


def _speed(download: int, upload: int) -> Pairs:
    """``rx/tx`` as the router sees it: it receives what the resident uploads. ``k`` is 1,000 bits a second."""
    return (("Mikrotik-Rate-Limit", f"{upload}k/{download}k"),)


def _data(octets: int) -> Pairs:
    low, gigawords = split_octets(octets)
    return ("Mikrotik-Total-Limit", low), ("Mikrotik-Total-Limit-Gigawords", gigawords)


def _vlan(vlan: int) -> Pairs:
    """Its wireless package reads its own attributes, its wifi package and dot1x server those of RFC 3580."""
    return ("Mikrotik-Wireless-VLANID", vlan), ("Mikrotik-Wireless-VLANID-Type", _VLAN_TAG), *tunnel_vlan(vlan)


def _address_list(name: str) -> Pairs:
    """The device's address goes on this list of the firewall; Filter-Id would name a chain that must exist."""
    return (("Mikrotik-Address-List", name),)


VENDOR = Vendor(
    name="mikrotik",
    title="MikroTik RouterOS",
    speed=_speed,
    data=_data,
    vlan=_vlan,
    filter=_address_list,
    quarantine=role_quarantine(_address_list),
    quarantine_needs="an address list (role) that its firewall shuts in, or a VLAN",
    dynamic_authorization=DynamicAuthorization(
        identifying=("Acct-Session-Id", "User-Name", "Framed-IP-Address", "Calling-Station-Id"),
        change=Change.LIMITS,
        other_ports=(1700,),
    ),
    notes="`/radius incoming set accept=yes` is needed; releases before 6 listen on port 1700.",
)
