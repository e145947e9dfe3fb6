"""A Cambium access point with an external hotspot page, from the vendor's answers to integrators.

It is strict where the vendor warns: ``ga_Qv`` must come back in the query of the form's address, octet for octet.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, quote, urlsplit

from captive_portal.gateways.gateway import origin
from foundation.mac_address import MacAddress
from radius.packet import Code
from tests.captive_portal.simulated.base import ACCESS_POINT, Answer, Device, SimulatedGateway

_ADDRESS: Final = "10.20.0.7"
_BASE: Final = f"http://{_ADDRESS}:880"
_QV: Final = re.compile(r"[?&]ga_Qv=([^&]*)")


class SimulatedCambium(SimulatedGateway):
    """One access point that takes logins by plain HTTP."""

    driver = "cambium"
    vendor = "cambium"
    takes_dynamic_authorization = True

    def __init__(self) -> None:
        super().__init__()
        self.options = {"access_points": "10.20.0.0/24"}
        # As it stood in the redirect, encoded.
        self._visits: dict[MacAddress, str] = {}

    def owns(self, url: str) -> bool:
        """It answers at its own address and port 880."""
        return origin(url) == _BASE

    async def intercept(self, device: Device, url: str) -> str:
        """With a ``ga_Qv``, the same until the device has logged in, spelled as no encoder of ours would."""
        self._visits.setdefault(device.mac, f"{secrets.token_hex(8)}%2b%7E~%2f.aB%3D%3d")
        access_point = str(ACCESS_POINT)
        return (
            f"{self.surroundings.arrival_url}?ga_ssid=City%20WiFi&ga_ap_mac={access_point}&ga_nas_id=central"
            f"&ga_srvr={_ADDRESS}&ga_cmac={device.dashes}&ga_Qv={self._visits[device.mac]}"
            f"&ga_orig_url={quote(url, safe='')}"
        )

    async def visit(self, device: Device, method: str, url: str, fields: Mapping[str, str]) -> Answer:
        """/cgi-bin/hotspot_login.cgi takes the form."""
        if method != "POST" or urlsplit(url).path != "/cgi-bin/hotspot_login.cgi":
            return Answer(404)
        wanted = parse_qs(urlsplit(url).query).get("ga_orig_url", ["http://example.org/"])[0]
        if device.mac in self.sessions:
            return Answer.redirect(wanted)
        given, known = _QV.search(url), self._visits.pop(device.mac, None)
        if given is None or (known is not None and given[1] != known):
            return Answer(text="truncated query strings, failed to handle the http request")
        if known is None:
            return Answer.redirect(await self.intercept(device, wanted))
        reply = await self.authenticate(device, fields["ga_user"], password=fields["ga_pass"])
        if reply is None or reply.code is not Code.ACCESS_ACCEPT:
            return Answer.redirect(await self.intercept(device, wanted))
        return Answer.redirect(wanted)

    def expire_hand_over(self, device: Device) -> None:
        """The access point has forgotten the visit."""
        self._visits.pop(device.mac, None)
