"""TP-Link Omada's controller, from TP-Link's FAQ 3231 and 13080 and its Open API's reference."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import ClassVar, Final
from urllib.parse import urlencode

from aiohttp import web

from foundation.mac_address import MacAddress
from tests.captive_portal.simulated.base import ACCESS_POINT, Device
from tests.captive_portal.simulated.controller import SimulatedController

CONTROLLER_ID: Final = "9ba1c3d47f0e"
SITE: Final = "69bca1d3470cf665361476f0"
_DONE: Final = {"errorCode": 0, "msg": "Success."}
_IPV6: Final = {"IPv6-only client": "Omada intercepts IPv4 only, as this driver knows it"}


class _Omada(SimulatedController):
    has_own_arrival_address = True
    nas_identifier = SITE
    not_applicable: ClassVar[Mapping[str, str]] = _IPV6
    # A wired device comes from the gateway.
    is_wired: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()
        self.options |= {"controller_id": CONTROLLER_ID}
        self.token = ""
        # The next so many answers are 200 with an errorCode.
        self.error_codes: list[int] = []

    async def intercept(self, device: Device, url: str) -> str:
        """Where the device is, in words that the portal must send back."""
        where = (
            {"gatewayMac": str(ACCESS_POINT), "vid": "20"}
            if self.is_wired
            else {"apMac": str(ACCESS_POINT), "ssidName": "Library WiFi", "radioId": "1"}
        )
        parameters = {"clientMac": device.dashes, **where, "t": "1700000000000000", "site": SITE, "redirectUrl": url}
        return f"{self.surroundings.arrival_url}?{urlencode(parameters)}"

    def forget_log_ins(self) -> None:
        """The token is no good any more."""
        self.token = ""

    def _refusal(self) -> web.Response | None:
        if not self.error_codes:
            return None
        return web.json_response({"errorCode": self.error_codes.pop(0), "msg": "Failed to authenticate."})


class SimulatedExternalPortal(_Omada):
    """The external portal's interface."""

    driver = "omada"
    login_paths = (f"/{CONTROLLER_ID}/api/v2/hotspot/login",)

    def __init__(self) -> None:
        super().__init__()
        self.options |= {"user_name": "portal"}
        self._cookie = ""

    def routes(self) -> list[web.RouteDef]:
        """A log-in, and a client's authentication."""
        return [
            web.post(self.login_paths[0], self._log_in),
            web.post(f"/{CONTROLLER_ID}/api/v2/hotspot/extPortal/auth", self._authenticate),
        ]

    async def _log_in(self, request: web.Request) -> web.Response:
        self.log_ins += 1
        sent = await request.json()
        assert self.portal_secret is not None
        if (sent["name"], sent["password"].encode()) != ("portal", self.portal_secret):
            return web.json_response({"errorCode": -30109, "msg": "Invalid username or password."})
        self.token, self._cookie = secrets.token_hex(16), secrets.token_hex(16)
        response = web.json_response({**_DONE, "result": {"token": self.token}})
        response.set_cookie("TPOMADA_SESSIONID", self._cookie, secure=True, httponly=True)
        return response

    async def _authenticate(self, request: web.Request) -> web.Response:
        is_known = self.token and request.headers.get("Csrf-Token") == self.token
        if not is_known or request.cookies.get("TPOMADA_SESSIONID") != self._cookie:
            return web.json_response({"errorCode": -1200, "msg": "Your session has expired."})
        if refusal := self._refusal():
            return refusal
        sent = await request.json()
        expected = {"gatewayMac", "vid"} if self.is_wired else {"apMac", "ssidName", "radioId"}
        if sent.keys() != expected | {"clientMac", "site", "time", "authType"} or sent["authType"] != 4:
            return web.json_response({"errorCode": -41501, "msg": "Failed to authenticate."})
        self.let_on[MacAddress.parse(sent.pop("clientMac"))] = sent
        return web.json_response(_DONE)


class SimulatedWired(SimulatedExternalPortal):
    """The same, of a device on a cable behind Omada's gateway; not in the table of all, which it would not change."""

    driver = ""
    is_wired = True


class SimulatedOpenApi(_Omada):
    """The Open API."""

    driver = "omada-open-api"
    login_paths = ("/openapi/authorize/token",)

    def __init__(self) -> None:
        super().__init__()
        self.options |= {"client_id": "an application"}

    def routes(self) -> list[web.RouteDef]:
        """A token, and what is done with a client."""
        client = f"/openapi/v1/{CONTROLLER_ID}/sites/{SITE}/hotspot/clients/{{client}}"
        return [
            web.post(self.login_paths[0], self._give_token),
            web.post(f"{client}/auth", self._let_on),
            web.post(f"{client}/unauth", self._take_off),
        ]

    async def _give_token(self, request: web.Request) -> web.Response:
        self.log_ins += 1
        assert self.portal_secret is not None
        wanted = {
            "omadacId": CONTROLLER_ID,
            "client_id": "an application",
            "client_secret": self.portal_secret.decode(),
        }
        if await request.json() != wanted or request.query.get("grant_type") != "client_credentials":
            return web.json_response({"errorCode": -44106, "msg": "The client id or client secret is invalid."})
        self.token = secrets.token_hex(16)
        return web.json_response({**_DONE, "result": {"accessToken": self.token, "expiresIn": 7200}})

    async def _let_on(self, request: web.Request) -> web.Response:
        if refusal := self._refuses(request):
            return refusal
        self.let_on[MacAddress.parse(request.match_info["client"])] = await request.json()
        return web.json_response(_DONE)

    async def _take_off(self, request: web.Request) -> web.Response:
        if refusal := self._refuses(request):
            return refusal
        self.let_on.pop(MacAddress.parse(request.match_info["client"]), None)
        return web.json_response(_DONE)

    def _refuses(self, request: web.Request) -> web.Response | None:
        if not self.token or request.headers.get("Authorization") != f"AccessToken={self.token}":
            return web.json_response({"errorCode": -44112, "msg": "The access token has expired."})
        return self._refusal()
