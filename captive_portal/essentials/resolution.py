"""Addresses of essential sites, for equipment that knows no names."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from typing import Final

from captive_portal.gateways.base import GatewayDriver
from captive_portal.gateways.configuration import Site
from captive_portal.gateways.garden_syntax import NameForm

_PATIENCE_SECONDS: Final = 3.0


async def addresses_of(driver: GatewayDriver, site: Site) -> Mapping[str, Sequence[str]]:
    """IPv4 addresses by name, where the driver's equipment needs them; a name without any is not among them."""
    if driver.capabilities.garden.form is not NameForm.ADDRESS:
        return {}
    names = [name for name in site.walled_garden if not name.startswith("*.")]
    found = await asyncio.gather(*(_resolve(name) for name in names))
    return {name: addresses for name, addresses in zip(names, found, strict=True) if addresses}


async def _resolve(name: str) -> list[str]:
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(
                name, 443, family=socket.AF_INET, type=socket.SOCK_STREAM
            )
    except (OSError, TimeoutError):
        return []
    return sorted({str(address[0]) for *_, address in found})
