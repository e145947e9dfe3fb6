"""The portal over HTTP: arrivals from a sealed redirect, and first pages.

The client is Python, too, and shares the machine: the portal alone does better than these figures say.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlencode

import aiohttp

from bench.row import Row
from bench.service import free_port, running_service
from captive_portal.gateways.coovachilli import seal
from citywifi.commands.database import prepare_installation
from citywifi.demo import UAM_SECRET, DemoGateway, demo_gateways
from citywifi.demo_city import load_demo_city
from foundation.mac_address import MacAddress
from foundation.settings import PortalSettings, Settings

_ARRIVALS = 300
_PAGES = 2_000
_AT_ONCE = 16
_REPETITIONS = 3


def measure() -> list[Row]:
    """Arrivals (each begins a journey in the database) and first pages a second; octets of the first page."""
    with tempfile.TemporaryDirectory(prefix="citywifi-bench-") as name:
        port = free_port()
        portal = PortalSettings(port=port, public_url=f"http://127.0.0.1:{port}")
        settings = Settings(demo=True, data_directory=Path(name), portal=portal)
        asyncio.run(prepare_installation(settings))
        with running_service("portal", settings):
            return asyncio.run(_measure(settings))


async def _measure(settings: Settings) -> list[Row]:
    gateway = demo_gateways(load_demo_city(), settings.demo_network)[0]
    arrivals, pages, octets = [], [], 0
    async with aiohttp.ClientSession() as client:
        for repetition in range(_REPETITIONS):
            first = repetition * _ARRIVALS
            addresses = [_redirect(settings, gateway, number) for number in range(first, first + _ARRIVALS)]
            found: list[str] = []

            async def arrive(number: int, addresses: list[str] = addresses, found: list[str] = found) -> None:
                async with client.get(addresses[number], allow_redirects=False) as answer:
                    found.append(settings.portal.public_url + answer.headers["Location"])

            arrivals.append(await _rate(arrive, _ARRIVALS))

            async def look(number: int, found: list[str] = found) -> None:
                nonlocal octets
                async with client.get(found[number % len(found)]) as answer:
                    octets = len(await answer.read())

            pages.append(await _rate(look, _PAGES))
    return [
        Row.of("portal: arrivals, each a journey in the database", arrivals, "a second"),
        Row.of("portal: first pages", pages, "a second"),
        Row.of("portal: size of the first page", [octets], "octets"),
    ]


def _redirect(settings: Settings, gateway: DemoGateway, number: int) -> str:
    host, port = gateway.address, gateway.login_url.rpartition(":")[2]
    parameters = {
        "res": "notyet",
        "uamip": host,
        "uamport": port,
        "challenge": f"{number:032x}",
        "called": str(gateway.access_point_mac),
        "mac": str(MacAddress(b"\x02\x00" + number.to_bytes(4, "big"))),
        "ip": "10.1.0.2",
        "nasid": gateway.nas_identifier,
    }
    text = f"{settings.portal.public_url}/arrive/coovachilli?{urlencode(parameters)}"
    return f"{text}&md={seal(text, UAM_SECRET)}"


async def _rate(work: Callable[[int], Awaitable[None]], times: int) -> float:
    numbers = iter(range(times))

    async def worker() -> None:
        for number in numbers:
            await work(number)

    started = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(_AT_ONCE)))
    return times / (time.perf_counter() - started)
