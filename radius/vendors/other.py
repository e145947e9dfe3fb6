"""Equipment that we know nothing of: the RFCs' own attributes, and WISPr's speed, which many vendors took over."""

from __future__ import annotations

from radius.vendors.base import (
    DynamicAuthorization,
    Vendor,
    filter_id,
    nothing,
    role_quarantine,
    tunnel_vlan,
    wispr_speed,
)

VENDOR = Vendor(
    name="other",
    title="Other",
    speed=wispr_speed,
    data=nothing,
    vlan=tunnel_vlan,
    filter=filter_id,
    quarantine=role_quarantine(filter_id),
    quarantine_needs="a VLAN, or a filter (role)",
    dynamic_authorization=DynamicAuthorization(
        identifying=("User-Name", "Acct-Session-Id", "Calling-Station-Id", "NAS-Identifier"),
    ),
    notes="What it understands stands in its manual; limits that it does not are kept by ending the session.",
)
