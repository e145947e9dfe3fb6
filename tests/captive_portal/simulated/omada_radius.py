"""TP-Link Omada with RADIUS, from its pages on the external web portal: a form that repeats the redirect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import urlencode, urlsplit

from captive_portal.gateways.gateway import origin
from radius.packet import Code
from tests.captive_portal.simulated.base import ACCESS_POINT, Answer, Device, SimulatedGateway
from tests.captive_portal.simulated.radius_side import Pair

# What the page answers after a reject.
_REJECTED = '{"errorCode": -41529, "msg": "The RADIUS server rejected the request."}'


class SimulatedOmadaController(SimulatedGateway):
    """A controller of version 5.3.1 or newer."""

    driver = "omada-radius"
    variant = "controller"
    vendor = "omada"
    login_url: str | None = "https://omada.example.org:8843"
    login_path: ClassVar[str] = "/portal/radius/browserauth"
    not_applicable: ClassVar[Mapping[str, str]] = {
        "IPv6-only client": "Omada's portal redirects IPv4 only, as this driver knows it"
    }

    async def intercept(self, device: Device, url: str) -> str:
        """To the external web portal."""
        given = self._own_parameters(device) | {"clientMac": str(device.mac), "clientIp": str(device.ip)}
        return f"{self.surroundings.arrival_url}?{urlencode({**given, 'originUrl': url})}"

    async def visit(self, device: Device, method: str, url: str, fields: Mapping[str, str]) -> Answer:
        """The form is believed for the device that it names; a reject leaves the browser with a line of JSON."""
        if method != "POST" or urlsplit(url).path != self.login_path:
            return Answer(404)
        repeated = {name for name in self._own_parameters(device) if name not in ("target", "targetPort", "scheme")}
        missing = {*repeated, "clientMac", "clientIp", "authType"} - set(fields)
        if missing or fields["clientMac"] != str(device.mac) or fields["authType"] != "2":
            return Answer(400, '{"errorCode": -1001}')
        reply = await self.authenticate(device, fields["username"], password=fields["password"])
        if reply is None or reply.code is not Code.ACCESS_ACCEPT:
            return Answer(200, _REJECTED)
        return Answer.redirect(fields.get("originUrl") or "http://example.org/")

    def pairs(self, device: Device) -> list[Pair]:
        """No attributes of its own."""
        return [*super().pairs(device), ("Service-Type", "Login-User")]

    def _own_parameters(self, device: Device) -> dict[str, str]:
        return {
            "target": "omada.example.org",
            "targetPort": "8843",
            "scheme": "https",
            "apMac": str(ACCESS_POINT),
            "ssidName": "CityWiFi",
            "radioId": "1",
            "raidusServerIp": "192.0.2.10",
        }


class SimulatedOmadaAccessPoint(SimulatedOmadaController):
    """An access point without controller: it takes credentials itself, at an address of the gateway's network."""

    variant = "access point"
    login_url = None
    login_path = "/portal/auth"

    def __init__(self) -> None:
        super().__init__()
        self.options = {"login_path": self.login_path}

    def owns(self, url: str) -> bool:
        """Its own address."""
        return origin(url) == f"http://{self.address}"

    def _own_parameters(self, device: Device) -> dict[str, str]:
        return {
            "target": self.address,
            "ap": str(ACCESS_POINT),
            "ssid": "CityWiFi",
            "radioId": "0",
            "raidusServerIp": "192.0.2.10",
        }
