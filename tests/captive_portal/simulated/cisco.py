"""Cisco's controllers with local web authentication and an external page, from Cisco's configuration guides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from radius.packet import Code
from tests.captive_portal.simulated.base import ACCESS_POINT, Answer, Device, SimulatedGateway
from tests.captive_portal.simulated.radius_side import Pair

_ALREADY_LOGGED_IN: Final = "1"
_WRONG: Final = "5"


class SimulatedAireOs(SimulatedGateway):
    """AireOS, its virtual interface by HTTPS; the login page redirects on whatever is no login."""

    driver = "cisco"
    variant = "AireOS"
    vendor = "cisco"
    login_url = "https://virtual.example/login.html"
    takes_dynamic_authorization = True

    async def intercept(self, device: Device, url: str) -> str:
        """Nothing is encoded, and the address that was wanted loses its scheme."""
        return self._redirect(device, url)

    async def visit(self, device: Device, method: str, url: str, fields: Mapping[str, str]) -> Answer:
        """/login.html takes the form, /logout.html ends the session."""
        match urlsplit(url).path:
            case "/login.html" if device.mac in self.sessions:
                return Answer.redirect(self._redirect(device, status=_ALREADY_LOGGED_IN))
            case "/login.html" if method == "POST" and fields.get("buttonClicked") == "4":
                return await self._log_in(device, fields)
            case "/login.html":
                return Answer.redirect(self._redirect(device))
            case "/logout.html":
                await self.log_off(device)
                return Answer(text="<title>Logout</title>You have logged out")
        return Answer(404)

    def pairs(self, device: Device) -> list[Pair]:
        """Colons in small letters; Called-Station-Id has the network's name."""
        own: dict[str, Pair] = {pair[0]: pair for pair in super().pairs(device)}
        own["Calling-Station-Id"] = ("Calling-Station-Id", device.colons)
        return [*own.values(), ("Airespace-Wlan-Id", 1), ("Cisco-AVPair", f"audit-session-id={device.plain}")]

    async def _log_in(self, device: Device, fields: Mapping[str, str]) -> Answer:
        reply = await self.authenticate(
            device, fields["username"], password=fields["password"], more=(("Service-Type", "Login-User"),)
        )
        if reply is None or reply.code is not Code.ACCESS_ACCEPT:
            return Answer.redirect(self._redirect(device, status=_WRONG))
        return Answer.redirect(fields["redirect_url"])

    def _redirect(self, device: Device, url: str = "http://example.org/", status: str = "") -> str:
        code = f"&statusCode={status}" if status else ""
        access_point = str(ACCESS_POINT).replace("-", ":").lower()
        return (
            f"{self.surroundings.arrival_url}?switch_url={self.login_url}&ap_mac={access_point}"
            f"&client_mac={device.colons}&wlan=CityWiFi{code}&redirect={url.partition('://')[2]}"
        )


class SimulatedCatalyst(SimulatedAireOs):
    """A Catalyst 9800 whose parameter-map appends the device's address only; its virtual interface by plain HTTP."""

    variant = "9800"
    login_url = "http://192.0.2.1/login.html"
    has_own_arrival_address = True

    def _redirect(self, device: Device, url: str = "http://example.org/", status: str = "") -> str:
        code = f"&statusCode={status}" if status else ""
        mac = device.mac.format(".", group_size=4, upper=False)
        return f"{self.surroundings.arrival_url}?switch_url={self.login_url}&client_mac={mac}{code}&redirect={url}"
