"""openNDS: no RADIUS. The portal's driver tells it limits by its own protocol (forward authentication service)."""

from __future__ import annotations

from radius.nas import Quarantine
from radius.vendors.base import Pairs, Vendor, nothing


def _no_quarantine(_: Quarantine) -> Pairs:
    return ()


VENDOR = Vendor(
    name="opennds",
    title="openNDS",
    speed=nothing,
    data=nothing,
    vlan=nothing,
    filter=nothing,
    quarantine=_no_quarantine,
    quarantine_needs="nothing: it speaks no RADIUS",
    dynamic_authorization=None,
    speaks_radius=False,
    notes="Limits go to it with the portal's answer to its poll: kilobits a second, kilobytes, minutes.",
)
