"""The kinds of access equipment that the portal understands, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from captive_portal.gateways.aruba import Aruba
from captive_portal.gateways.base import GatewayDriver
from captive_portal.gateways.cambium import Cambium
from captive_portal.gateways.cisco import Cisco
from captive_portal.gateways.cisco_central import CiscoCentral
from captive_portal.gateways.coovachilli import CoovaChilli
from captive_portal.gateways.fortigate import FortiGate
from captive_portal.gateways.hostapd import Hostapd
from captive_portal.gateways.meraki import Meraki
from captive_portal.gateways.meraki_click_through import MerakiClickThrough
from captive_portal.gateways.mikrotik import MikroTik
from captive_portal.gateways.nftables import Nftables
from captive_portal.gateways.omada import Omada, OmadaOpenApi
from captive_portal.gateways.omada_radius import OmadaRadius
from captive_portal.gateways.opennds import OpenNDS
from captive_portal.gateways.ruckus import Ruckus
from captive_portal.gateways.ruckus_smartzone import RuckusSmartZone
from captive_portal.gateways.unifi import UniFi

_ALL: Final[tuple[GatewayDriver, ...]] = (
    Aruba(),
    Cambium(),
    Cisco(),
    CiscoCentral(),
    CoovaChilli(),
    FortiGate(),
    Hostapd(),
    Meraki(),
    MerakiClickThrough(),
    MikroTik(),
    Nftables(),
    Omada(),
    OmadaOpenApi(),
    OmadaRadius(),
    OpenNDS(),
    Ruckus(),
    RuckusSmartZone(),
    UniFi(),
)
DRIVERS: Final[Mapping[str, GatewayDriver]] = {driver.name: driver for driver in _ALL}
