"""A FortiGate with an external captive portal, from Fortinet's documentation and community articles."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

from foundation.mac_address import MacAddress
from radius.packet import Code
from tests.captive_portal.simulated.base import ACCESS_POINT, Answer, Device, SimulatedGateway


class SimulatedFortiGate(SimulatedGateway):
    """With auth-secure-http; what it knows a visit by is good once."""

    driver = "fortigate"
    vendor = "other"
    login_url = "https://fortigate.example:1003/fgtauth"
    nas_identifier = None
    takes_dynamic_authorization = True

    def __init__(self) -> None:
        super().__init__()
        # What each visit is known by, and the address that the device wanted.
        self._visits: dict[MacAddress, tuple[str, str]] = {}

    async def intercept(self, device: Device, url: str) -> str:
        """To the external page; nothing is encoded."""
        return self._redirect(device, url)

    async def visit(self, device: Device, method: str, url: str, fields: Mapping[str, str]) -> Answer:
        """/fgtauth takes the form."""
        if method != "POST" or urlsplit(url).path != "/fgtauth":
            return Answer(404)
        magic, wanted = self._visits.pop(device.mac, ("", "http://example.org/"))
        if device.mac in self.sessions:
            return Answer.redirect(wanted)
        if not magic or fields.get("magic") != magic:
            return Answer.redirect(self._redirect(device, wanted))
        reply = await self.authenticate(device, fields["username"], password=fields["password"])
        if reply is None or reply.code is not Code.ACCESS_ACCEPT:
            return Answer.redirect(self._redirect(device, wanted, more="Auth=Failed&"))
        return Answer.redirect(wanted)

    def expire_hand_over(self, device: Device) -> None:
        """The FortiGate has given the visit up."""
        self._visits.pop(device.mac, None)

    def _redirect(self, device: Device, url: str, more: str = "") -> str:
        # A probe of the device in between does not end the visit that its owner is on.
        self._visits.setdefault(device.mac, (secrets.token_hex(8), url))
        access_point = str(ACCESS_POINT).replace("-", ":").lower()
        return (
            f"{self.surroundings.arrival_url}?{more}login&post={self.login_url}&magic={self._visits[device.mac][0]}"
            f"&usermac={device.colons}&apmac={access_point}&apip=192.0.2.7&userip={device.ip}&ssid=CityWiFi"
            f"&apname=ground-floor&bssid={access_point}"
        )
