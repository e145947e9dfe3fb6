"""Vendors of access equipment by the name that ``network_access_servers.vendor`` has."""

from __future__ import annotations

from collections.abc import Mapping

from radius.vendors import (
    aruba,
    cambium,
    cisco,
    coovachilli,
    hostapd,
    meraki,
    mikrotik,
    omada,
    opennds,
    other,
    ruckus,
    unifi,
)
from radius.vendors.base import Change, DynamicAuthorization, Pair, Pairs, Vendor

__all__ = ["NAMES", "VENDORS", "Change", "DynamicAuthorization", "Pair", "Pairs", "Vendor", "vendor_of"]

VENDORS: Mapping[str, Vendor] = {
    module.VENDOR.name: module.VENDOR
    for module in (
        coovachilli,
        mikrotik,
        cisco,
        meraki,
        aruba,
        ruckus,
        unifi,
        omada,
        cambium,
        hostapd,
        opennds,
        other,
    )
}
"""In the order in which they are shown."""

NAMES: tuple[str, ...] = tuple(VENDORS)
"""What may be written for a vendor."""


def vendor_of(name: str) -> Vendor:
    """The vendor of that name; one that we know nothing of gets the RFCs' own attributes."""
    return VENDORS.get(name, other.VENDOR)
