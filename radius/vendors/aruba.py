"""HPE Aruba controllers, Instant and Central: the vendor's user guide on RFC 3576 and on roles (V for what names a
session, S for the rest)."""

from __future__ import annotations

from radius.vendors.base import Change, DynamicAuthorization, Pairs, Vendor, nothing, role_quarantine, tunnel_vlan


def _role(name: str) -> Pairs:
    return (("Aruba-User-Role", name),)


VENDOR = Vendor(
    name="aruba",
    title="HPE Aruba",
    speed=nothing,
    data=nothing,
    vlan=tunnel_vlan,
    filter=_role,
    quarantine=role_quarantine(_role),
    quarantine_needs="a role whose captive portal profile leads to the portal, or a VLAN",
    dynamic_authorization=DynamicAuthorization(
        identifying=("User-Name", "Acct-Session-Id", "Calling-Station-Id", "Framed-IP-Address"),
        change=Change.LIMITS,
    ),
    notes="Speed is the bandwidth contract of a role, which the policy's filter names. Replay protection needs clocks.",
)
