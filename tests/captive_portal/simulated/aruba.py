"""HPE Aruba, from its user guides: a name that the equipment answers for by itself, a form, PAP, ``errmsg``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final
from urllib.parse import urlencode, urlsplit

from radius import attributes
from radius.packet import Code
from tests.captive_portal.simulated.base import ACCESS_POINT, Answer, Device, SimulatedGateway
from tests.captive_portal.simulated.radius_side import Pair

_HOST: Final = "securelogin.example.org"
_NETWORK: Final = "CityWiFi"


class SimulatedInstant(SimulatedGateway):
    """Access points that are their own (virtual) controller."""

    driver = "aruba"
    variant = "Instant"
    vendor = "aruba"
    login_url: str | None = f"https://{_HOST}"
    login_path: ClassVar[str] = "/cgi-bin/login"
    takes_dynamic_authorization = True
    not_applicable: ClassVar[Mapping[str, str]] = {
        "IPv6-only client": "the captive portal of Aruba redirects IPv4 only, as these drivers know it"
    }

    async def intercept(self, device: Device, url: str) -> str:
        """To the portal; the device's address with colons."""
        return self._redirect(device, url=url)

    async def visit(self, device: Device, method: str, url: str, fields: Mapping[str, str]) -> Answer:
        """The login page takes its form, and at the same address everywhere a log-out."""
        path = urlsplit(url).path
        if path == "/cgi-bin/login" and fields.get("cmd") == "logout":
            await self.log_off(device)
            return Answer(200, "<html><title>Logout</title><body>Logout Successful</body></html>")
        if method != "POST" or path != self.login_path or fields.get("cmd") != "authenticate":
            return Answer(404)
        reply = await self.authenticate(device, fields["user"], password=fields["password"])
        if reply is None:
            return Answer.redirect(self._redirect(device, errmsg="Authentication server timeout"))
        if reply.code is not Code.ACCESS_ACCEPT:
            text = attributes.get_text(reply, "Reply-Message", lenient=True) or "Authentication failed"
            return Answer.redirect(self._redirect(device, errmsg=text))
        return Answer.redirect(fields.get("url") or "http://welcome.example.org/")

    def pairs(self, device: Device) -> list[Pair]:
        """Addresses without separators; the network and the access point in attributes of its own."""
        named = ("Calling-Station-Id", "Called-Station-Id")
        others = [pair for pair in super().pairs(device) if pair[0] not in named]
        return [
            *others,
            ("Calling-Station-Id", device.plain),
            ("Called-Station-Id", ACCESS_POINT.octets.hex()),
            ("Service-Type", "Login-User"),
            ("Aruba-Essid-Name", _NETWORK),
            ("Aruba-Location-Id", "ground-floor"),
            ("Aruba-AP-Group", "libraries"),
        ]

    def _redirect(self, device: Device, **more: str) -> str:
        parameters = {"cmd": "login", "mac": device.colons, "ip": str(device.ip), **self._own_parameters(), **more}
        return f"{self.surroundings.arrival_url}?{urlencode(parameters)}"

    def _own_parameters(self) -> dict[str, str]:
        return {
            "essid": _NETWORK,
            "apname": "ground-floor",
            "apmac": str(ACCESS_POINT).replace("-", ":").lower(),
            "vcname": self.nas_identifier or "",
            "switchip": _HOST,
        }


class SimulatedController(SimulatedInstant):
    """A controller: its redirect names no access point, so it has an arrival address of its own."""

    variant = "controller"
    has_own_arrival_address = True
    login_path = "/auth/index.html/u"

    def __init__(self) -> None:
        super().__init__()
        self.options = {"login_path": self.login_path}

    def _own_parameters(self) -> dict[str, str]:
        return {"essid": _NETWORK, "switchip": _HOST}


class SimulatedInstantOn(SimulatedInstant):
    """The line for small places: other names for the same, and no NAS-Identifier in the redirect."""

    variant = "Instant On"

    def _own_parameters(self) -> dict[str, str]:
        apmac = str(ACCESS_POINT).replace("-", ":").lower()
        return {"network": _NETWORK, "apmac": apmac, "site": "Library", "post": _HOST}
