"""Ruckus ZoneDirector, from its application note on WISPr: a form to a port of its own, then a start page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final
from urllib.parse import urlencode, urlsplit

from captive_portal.gateways.gateway import origin
from radius.packet import Code
from tests.captive_portal.simulated.base import ACCESS_POINT, Answer, Device, SimulatedGateway
from tests.captive_portal.simulated.radius_side import Pair

_NETWORK: Final = "CityWiFi"


class SimulatedZoneDirector(SimulatedGateway):
    """With a login address in its entry."""

    driver = "ruckus"
    variant = "ZoneDirector"
    vendor = "ruckus"
    login_url: str | None = "http://127.11.0.1:9997"
    takes_dynamic_authorization = True
    not_applicable: ClassVar[Mapping[str, str]] = {
        "IPv6-only client": "the hotspot service redirects IPv4 only, as this driver knows it"
    }

    async def intercept(self, device: Device, url: str) -> str:
        """To the login page."""
        return self._login_page(device, url)

    async def visit(self, device: Device, method: str, url: str, fields: Mapping[str, str]) -> Answer:
        """/login by POST, and /logout; after a login the browser goes to the start page."""
        match (method, urlsplit(url).path):
            case ("POST", "/login"):
                return await self._log_in(device, fields)
            case ("GET", "/logout"):
                await self.log_off(device)
                return Answer(200, "<html><title>Logged out</title></html>")
        return Answer(404)

    def owns(self, url: str) -> bool:
        """The controller's login port, whether or not the entry names it."""
        return origin(url) == f"http://{self.address}:9997"

    def pairs(self, device: Device) -> list[Pair]:
        """NAS-Identifier is the radio's address."""
        others = [pair for pair in super().pairs(device) if pair[0] != "NAS-Identifier"]
        return [*others, ("NAS-Identifier", str(ACCESS_POINT)), ("Ruckus-SSID", _NETWORK)]

    async def _log_in(self, device: Device, fields: Mapping[str, str]) -> Answer:
        if fields.get("ip") != str(device.ip) or len(fields["password"]) > 31:
            return Answer.redirect(self._login_page(device))
        reply = await self.authenticate(device, fields["username"], password=fields["password"])
        if reply is None or reply.code is not Code.ACCESS_ACCEPT:
            return Answer.redirect(self._login_page(device))
        query = urlencode({"uid": fields["username"], "mac": ACCESS_POINT.octets.hex(), "url": "http://example.org/"})
        return Answer.redirect(f"{self.surroundings.arrival_url}?{query}")

    def _login_page(self, device: Device, url: str = "http://example.org/") -> str:
        parameters = {
            "sip": self.address,
            "mac": ACCESS_POINT.octets.hex(),
            "client_mac": device.plain,
            "uip": str(device.ip),
            "lid": "library",
            "dn": "zd.example.org",
            "url": url,
            "ssid": _NETWORK,
            "loc": "Library",
            "vlan": "20",
        }
        return f"{self.surroundings.arrival_url}?{urlencode(parameters)}"


class SimulatedUnleashed(SimulatedZoneDirector):
    """Access points that are their own controller: whichever of the network leads takes the credentials."""

    variant = "Unleashed"
    login_url = None
    has_own_arrival_address = True
