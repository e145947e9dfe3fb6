"""CoovaChilli, from its src/redir.c and src/chilli.c (behaviour only), on the replay's arithmetic of the UAM."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import ClassVar, Final
from urllib.parse import urlsplit

from citywifi.replay.uam import Result, keyed_challenge, read_proof, redirect_url
from foundation.mac_address import MacAddress
from radius import attributes
from radius.packet import Code
from tests.captive_portal.simulated.base import ACCESS_POINT, Answer, Device, SimulatedGateway
from tests.captive_portal.simulated.radius_side import Pair

_ADDRESS: Final = "10.1.0.1"
_PORT: Final = 3990


class SimulatedChilli(SimulatedGateway):
    """With uamsecret, CHAP, and its dynamic-authorisation port."""

    driver = "coovachilli"
    vendor = "coovachilli"
    login_url = f"http://{_ADDRESS}:{_PORT}"
    portal_secret = b"a portal secret"
    takes_dynamic_authorization = True
    not_applicable: ClassVar[Mapping[str, str]] = {"IPv6-only client": "CoovaChilli gives out IPv4 addresses only"}

    def __init__(self) -> None:
        super().__init__()
        self._challenges: dict[MacAddress, bytes] = {}

    async def intercept(self, device: Device, url: str) -> str:
        """To the portal, with a new challenge."""
        return self._redirect(device, Result.NOT_YET, userurl=url)

    async def visit(self, device: Device, method: str, url: str, fields: Mapping[str, str]) -> Answer:
        """/logon, /logoff, /prelogin and /status by GET, as without uamallowpost."""
        if method != "GET":
            return Answer(405)
        is_on = device.mac in self.sessions
        match urlsplit(url).path:
            case "/logon" if is_on:
                return Answer.redirect(self._redirect(device, Result.ALREADY))
            case "/logon":
                return Answer.redirect(await self._log_on(device, fields))
            case "/logoff":
                await self.log_off(device)
                return Answer.redirect(self._redirect(device, Result.LOGGED_OFF))
            case "/prelogin" | "/status":
                return Answer.redirect(self._redirect(device, Result.ALREADY if is_on else Result.NOT_YET))
        return Answer(404)

    def expire_hand_over(self, device: Device) -> None:
        """Ten minutes have passed since the redirect (challengetimeout)."""
        self._challenges.pop(device.mac, None)

    def pairs(self, device: Device) -> list[Pair]:
        """Addresses with dashes; NAS-Port counts the devices."""
        called: Pair = ("Called-Station-Id", str(ACCESS_POINT))
        others = [pair for pair in super().pairs(device) if pair[0] != "Called-Station-Id"]
        return [*others, called, ("NAS-Port", 1), ("NAS-Port-Id", "00000001"), ("WISPr-Location-Name", "Library")]

    async def _log_on(self, device: Device, fields: Mapping[str, str]) -> str:
        assert self.portal_secret is not None
        challenge = self._challenges.get(device.mac)
        if challenge is None:
            return self._redirect(device, Result.FAILED, reason="other")
        keyed = keyed_challenge(challenge, self.portal_secret)
        proof = read_proof(fields, keyed)
        if proof is None or proof.response is None:
            return self._redirect(device, Result.FAILED, reason="other")
        chap: tuple[Pair, ...] = (("CHAP-Password", b"\0" + proof.response), ("CHAP-Challenge", keyed))
        user_name = fields["username"]
        reply = await self.authenticate(device, user_name, more=(("Service-Type", "Login-User"), *chap))
        if reply is None:
            return self._redirect(device, Result.FAILED, reason="timeout")
        if reply.code is not Code.ACCESS_ACCEPT:
            text = attributes.get_text(reply, "Reply-Message", lenient=True) or ""
            return self._redirect(device, Result.FAILED, reason="reject", reply=text)
        return self._redirect(device, Result.SUCCESS, uid=user_name)

    def _redirect(self, device: Device, result: Result, **more: str) -> str:
        if result in (Result.NOT_YET, Result.FAILED, Result.LOGGED_OFF):
            self._challenges[device.mac] = secrets.token_bytes(16)
            more["challenge"] = self._challenges[device.mac].hex()
        parameters = {
            "res": result.value,
            "uamip": _ADDRESS,
            "uamport": str(_PORT),
            "called": str(ACCESS_POINT),
            "mac": device.dashes,
            "ip": str(device.ip),
            "nasid": self.nas_identifier or "",
            "sessionid": device.plain,
            **more,
        }
        given = {name: value for name, value in parameters.items() if value}
        return redirect_url(self.surroundings.arrival_url, self.portal_secret or b"", given)


class SimulatedChilliWithApi(SimulatedChilli):
    """With captiveportalapi_uri, in which it puts the device's address in place of ``%{m}``."""

    variant = "option 114"
    has_own_arrival_address = True
    gives_captive_portal_api = True

    def captive_portal_api(self, device: Device) -> str:
        """The portal's, by the key that its own arrival address ends with."""
        key = self.surroundings.arrival_url.rpartition("/")[2]
        return f"{self.surroundings.portal_url}/api/capport/{key}/{device.dashes}"
