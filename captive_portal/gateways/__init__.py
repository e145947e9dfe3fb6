"""The kinds of access equipment that the portal understands, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from captive_portal.gateways.base import GatewayDriver
from captive_portal.gateways.coovachilli import CoovaChilli

DRIVERS: Final[Mapping[str, GatewayDriver]] = {driver.name: driver for driver in (CoovaChilli(),)}
