"""Cisco wireless controllers: AireOS and Catalyst 9800.

Bandwidth contracts and ACL names are Airespace's attributes, contracts in kilobits a second (S). Redirection to the
portal is central web authentication: two Cisco-AVPairs (V, from Cisco's guides and PacketFence's module).
"""

from __future__ import annotations

from radius.nas import Quarantine
from radius.vendors.base import (
    LARGEST_INTEGER,
    Change,
    DynamicAuthorization,
    Pairs,
    Vendor,
    nothing,
    tunnel_vlan,
    vlan_quarantine,
)

_CONTRACTS = ("Airespace-Data-Bandwidth-Average-Contract", "Airespace-Data-Bandwidth-Burst-Contract")


def _speed(download: int, upload: int) -> Pairs:
    """Average and burst alike; without ``-Upstream`` a contract is what the resident downloads."""
    down, up = min(download, LARGEST_INTEGER), min(upload, LARGEST_INTEGER)
    return (*((name, down) for name in _CONTRACTS), *((f"{name}-Upstream", up) for name in _CONTRACTS))


def _acl(name: str) -> Pairs:
    return (("Airespace-ACL-Name", name),)


def _quarantine(quarantine: Quarantine) -> Pairs:
    """Address and ACL go together: either alone lets the device through."""
    return (*redirection(quarantine), *vlan_quarantine(quarantine))


def redirection(quarantine: Quarantine) -> Pairs:
    """Whatever is not allowed by the ACL goes to the portal.

    The address ends with ``?``, because ``&redirect_url=…`` is put behind it in any case.
    """
    if not (quarantine.url and quarantine.role):
        return ()
    url = quarantine.url if "?" in quarantine.url else f"{quarantine.url}?"
    return ("Cisco-AVPair", f"url-redirect-acl={quarantine.role}"), ("Cisco-AVPair", f"url-redirect={url}")


VENDOR = Vendor(
    name="cisco",
    title="Cisco wireless controller (AireOS, Catalyst 9800)",
    speed=_speed,
    data=nothing,
    vlan=tunnel_vlan,
    filter=_acl,
    quarantine=_quarantine,
    quarantine_needs="the portal's address (url) and the controller's redirect ACL (role), or a VLAN",
    dynamic_authorization=DynamicAuthorization(
        identifying=("Calling-Station-Id", "Acct-Session-Id", "User-Name"),
        required=("Calling-Station-Id",),
        change=Change.REAUTHENTICATE,
        default_port=1700,
        other_ports=(3799,),
        audit_session_id=True,
        reauthenticate=(
            ("Cisco-AVPair", "subscriber:command=reauthenticate"),
            ("Cisco-AVPair", "subscriber:reauthenticate-type=last"),
        ),
    ),
    notes="AAA override must be on in the WLAN or policy profile.",
)
