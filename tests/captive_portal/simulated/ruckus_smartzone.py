"""Ruckus SmartZone, from Ruckus's hotspot WISPr guide: the controller asks RADIUS when the portal tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from aiohttp import web

from foundation.mac_address import MacAddress
from radius.packet import Code
from tests.captive_portal.simulated.base import ACCESS_POINT, Device, SimulatedGateway
from tests.captive_portal.simulated.controller import SimulatedController

_HIDING_KEY: Final = 0x5A
_TIMES_PENDING: Final = 1


class _SmartZone(SimulatedController):
    vendor = "ruckus"
    uses_radius = True
    nas_identifier = None
    has_own_arrival_address = True
    hides: ClassVar[bool]
    not_applicable: ClassVar[Mapping[str, str]] = {
        "IPv6-only client": "SmartZone names devices by their IPv4 address, as this driver knows it"
    }

    def __init__(self) -> None:
        super().__init__()
        # Devices by what the redirect calls them.
        self._devices: dict[str, Device] = {}
        self._logging_in: dict[str, asyncio.Task[int]] = {}
        self._pending: dict[str, int] = {}
        # The next so many answers have this ResponseCode.
        self.response_codes: list[int] = []
        self.asked: list[Mapping[str, Any]] = []

    def routes(self) -> list[web.RouteDef]:
        """The northbound portal interface."""
        return [web.post("/portalintf", self._take)]

    def lets_through(self, device: Device, url: str) -> bool:
        """Who RADIUS let on."""
        return SimulatedGateway.lets_through(self, device, url)

    async def intercept(self, device: Device, url: str) -> str:
        """To the portal, with addresses that may be hidden."""
        station = self._name(device.mac.octets) if self.hides else device.colons
        address = self._name(str(device.ip).encode()) if self.hides else str(device.ip)
        self._devices[station] = device
        parameters = {
            "nbiIP": "10.20.30.40",
            "client_mac": station,
            "uip": address,
            "mac": str(ACCESS_POINT).replace("-", ":").lower(),
            "proxy": "0",
            "reason": "Un-Auth-Captive",
            "ssid": "Library WiFi",
            "wlan": "3",
            "vlan": "20",
            "url": url,
            "startUrl": "",
            "sip": "scg.ruckuswireless.com",
        }
        return f"{self.surroundings.arrival_url}?{urlencode(parameters)}"

    async def _take(self, request: web.Request) -> web.Response:
        sent = await request.json()
        self.asked.append(sent)
        assert self.portal_secret is not None
        if sent.get("Vendor") != "ruckus" or sent.get("APIVersion") != "1.0" or "RequestUserName" in sent:
            return _answer(302)
        if sent.get("RequestPassword") != self.portal_secret.decode():
            return _answer(306)
        if self.response_codes:
            return _answer(self.response_codes.pop(0))
        match (sent["RequestCategory"], sent["RequestType"]):
            case ("GetConfig", "Decrypt"):
                return _answer(200, Data=self._reveal(sent["Data"]))
            case ("UserOnlineControl", kind):
                return _answer(await self._control(kind, sent))
        return _answer(305)

    async def _control(self, kind: str, sent: Mapping[str, str]) -> int:
        station = sent["UE-MAC"]
        device = self._devices.get(station)
        if device is None:
            return 300
        match kind:
            case "Login" | "LoginAsync" if device.mac in self.sessions:
                return 101
            case "Login":
                return await self._log_in(device, sent)
            case "LoginAsync":
                self._logging_in[station] = asyncio.create_task(self._log_in(device, sent))
                self._pending[station] = _TIMES_PENDING
                return 202
            case "Status":
                return await self._status(station, device)
            case "Logout":
                await self.log_off(device)
                return 200
        return 304

    async def _log_in(self, device: Device, sent: Mapping[str, str]) -> int:
        reply = await self.authenticate(device, sent["UE-Username"], password=sent["UE-Password"])
        if reply is None:
            return 401
        return 201 if reply.code is Code.ACCESS_ACCEPT else 301

    async def _status(self, station: str, device: Device) -> int:
        """The result of an asynchronous login is told once."""
        task = self._logging_in.get(station)
        if task is None:
            return 101 if device.mac in self.sessions else 100
        if self._pending[station]:
            self._pending[station] -= 1
            return 202
        return await self._logging_in.pop(station)

    def _name(self, octets: bytes) -> str:
        return "ENC" + bytes(octet ^ _HIDING_KEY for octet in octets.rjust(16, b"\0")).hex()

    def _reveal(self, hidden: str) -> str:
        octets = bytes(octet ^ _HIDING_KEY for octet in bytes.fromhex(hidden.removeprefix("ENC"))).lstrip(b"\0")
        return MacAddress(octets).format(":", upper=False) if len(octets) == 6 else octets.decode()


class SimulatedPlain(_SmartZone):
    """With encryption of MAC and IP addresses off."""

    driver = "ruckus-smartzone"
    variant = "plain"
    hides = False

    def __init__(self) -> None:
        super().__init__()
        self.options |= {"login": "sync"}


class SimulatedHiding(_SmartZone):
    """As it is delivered: addresses are encrypted in redirects."""

    driver = "ruckus-smartzone"
    variant = "hidden"
    hides = True


def _answer(code: int, **more: str) -> web.Response:
    return web.json_response({"Vendor": "ruckus", "APIVersion": "1.0", "ResponseCode": code, **more})
