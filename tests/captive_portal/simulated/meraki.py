"""Cisco Meraki's cloud, from developer.cisco.com: both kinds of splash page. It is the cloud that asks RADIUS."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import ClassVar, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from captive_portal.gateways.gateway import origin
from foundation.mac_address import MacAddress
from radius.packet import Code
from tests.captive_portal.simulated.base import ACCESS_POINT, Answer, Device, SimulatedGateway
from tests.captive_portal.simulated.radius_side import Pair

_CLOUD: Final = "https://n143.network-auth.com"
_ACCESS_POINT: Final = str(ACCESS_POINT).replace("-", ":").lower()


class SimulatedSignOn(SimulatedGateway):
    """Sign-on with one's own RADIUS server."""

    driver = "meraki"
    vendor = "meraki"
    takes_dynamic_authorization = True
    not_applicable: ClassVar[Mapping[str, str]] = {
        "IPv6-only client": "Meraki redirects IPv4 only, as this driver knows it"
    }

    def __init__(self) -> None:
        super().__init__()
        # What stands in a login_url (mauth) for a device that is to log in.
        self._tokens: dict[MacAddress, str] = {}
        self.tells_log_out = True

    async def intercept(self, device: Device, url: str) -> str:
        """To the custom splash page, with a login address for this visit."""
        return self._splash(device, continue_url=url)

    async def visit(self, device: Device, method: str, url: str, fields: Mapping[str, str]) -> Answer:
        """The login page takes a form; the log-out page ends the session."""
        query = parse_qs(urlsplit(url).query)
        match (method, urlsplit(url).path):
            case ("POST", "/splash/login") if query.get("mauth") == [self._tokens.get(device.mac)]:
                return await self._log_in(device, fields)
            case (_, "/splash/login"):
                return Answer.redirect(self._splash(device))
            case ("GET", "/splash/logout"):
                await self.log_off(device)
                return Answer(200, "<html><title>Logged out</title></html>")
        return Answer(404)

    def owns(self, url: str) -> bool:
        """The cloud answers for the access points."""
        return origin(url) == _CLOUD

    def expire_hand_over(self, device: Device) -> None:
        """The login address is good no longer; who posts there is asked to begin again."""
        self._tokens.pop(device.mac, None)

    def pairs(self, device: Device) -> list[Pair]:
        """The access point in attributes of Meraki's own."""
        return [*super().pairs(device), ("Meraki-Network-Name", "Library"), ("Meraki-Ap-Name", "Ground floor")]

    async def _log_in(self, device: Device, fields: Mapping[str, str]) -> Answer:
        reply = await self.authenticate(device, fields["username"], password=fields["password"])
        if reply is None or reply.code is not Code.ACCESS_ACCEPT:
            return Answer.redirect(self._splash(device, error_message="Access denied"))
        self._tokens.pop(device.mac, None)
        if not self.tells_log_out:
            return Answer.redirect(fields["success_url"])
        logout = urlencode({"logout_url": f"{_CLOUD}/splash/logout?key={secrets.token_urlsafe(16)}"})
        success = fields["success_url"]
        return Answer.redirect(f"{success}{'&' if '?' in success else '?'}{logout}")

    def _splash(self, device: Device, **more: str) -> str:
        token = self._tokens.setdefault(device.mac, secrets.token_urlsafe(64))
        parameters = {
            "login_url": f"{_CLOUD}/splash/login?mauth={token}&continue_url=http%3A%2F%2Fexample.org%2F",
            "continue_url": "http://example.org/",
            "ap_mac": _ACCESS_POINT,
            "ap_name": "Ground floor",
            "ap_tags": " library indoor ",
            "client_mac": device.colons,
            "client_ip": str(device.ip),
            **more,
        }
        return f"{self.surroundings.arrival_url}?{urlencode(parameters)}"


class SimulatedClickThrough(SimulatedGateway):
    """Click-through: whoever opens the grant's address is on."""

    driver = "meraki-click-through"
    vendor = "meraki"
    uses_radius = False
    not_applicable: ClassVar[Mapping[str, str]] = {
        "IPv6-only client": "Meraki redirects IPv4 only, as this driver knows it"
    }

    def __init__(self) -> None:
        super().__init__()
        # Who is on, and for how many seconds where that was said.
        self.granted: dict[MacAddress, str | None] = {}

    async def intercept(self, device: Device, url: str) -> str:
        """To the custom splash page."""
        parameters = {
            "base_grant_url": f"{_CLOUD}/splash/grant",
            "user_continue_url": url,
            "node_id": "1301936",
            "node_mac": _ACCESS_POINT,
            "gateway_id": "1301936",
            "client_ip": str(device.ip),
            "client_mac": device.colons,
        }
        return f"{self.surroundings.arrival_url}?{urlencode(parameters)}"

    async def visit(self, device: Device, method: str, url: str, fields: Mapping[str, str]) -> Answer:
        """A GET of the grant, whoever it comes from, is enough."""
        if method != "GET" or urlsplit(url).path != "/splash/grant":
            return Answer(404)
        self.granted[device.mac] = fields.get("duration")
        return Answer.redirect(fields.get("continue_url") or "http://example.org/")

    def owns(self, url: str) -> bool:
        """The cloud answers for the access points."""
        return origin(url) == _CLOUD

    def lets_through(self, device: Device, url: str) -> bool:
        """There is no session of RADIUS."""
        return device.mac in self.granted

    async def log_off(self, device: Device) -> None:
        """Its time is over."""
        self.granted.pop(device.mac, None)
