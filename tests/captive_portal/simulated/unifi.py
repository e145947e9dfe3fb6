"""UniFi Network, from Ubiquiti's help pages and the requests that PacketFence's module makes."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

from aiohttp import web

from foundation.mac_address import MacAddress
from tests.captive_portal.simulated.base import ACCESS_POINT, Device
from tests.captive_portal.simulated.controller import SimulatedController

SITE: Final = "default"
SITE_ID: Final = "88f7af54-98f8-306a-a1c7-c9349722b1f6"
_USER_NAME: Final = "portal"
_IPV6: Final = {"IPv6-only client": "UniFi intercepts IPv4 only, as this driver knows it"}
_ACCESS_POINT: Final = str(ACCESS_POINT).replace("-", ":").lower()


class _UniFi(SimulatedController):
    nas_identifier = SITE
    api: ClassVar[str]
    not_applicable: ClassVar[Mapping[str, str]] = _IPV6

    def __init__(self) -> None:
        super().__init__()
        self.options |= {"api": self.api, "user_name": _USER_NAME}
        # What each device used; and devices that the controller does not list yet, for so many questions.
        self.octets: dict[MacAddress, tuple[int, int]] = {}
        self.unlisted_questions = 0

    async def intercept(self, device: Device, url: str) -> str:
        """The path cannot be configured, only the host."""
        parameters = {"ap": _ACCESS_POINT, "id": device.colons, "t": "1700000000", "url": url, "ssid": "Library"}
        return f"{self.surroundings.portal_url}/guest/s/{SITE}/?{urlencode(parameters)}"


class SimulatedClassic(_UniFi):
    """A self-hosted Network application."""

    driver = "unifi"
    variant = "classic"
    api = "classic"
    prefix: ClassVar[str] = ""
    login_paths = ("/api/login", "/api/auth/login")

    def __init__(self) -> None:
        super().__init__()
        self._cookie = ""
        self._token = ""
        # Access points that each device was let on at; None is the site.
        self.points: dict[MacAddress, set[str | None]] = {}

    def routes(self) -> list[web.RouteDef]:
        """A log-in, commands, and who is connected."""
        site = f"{self.prefix}/api/s/{SITE}"
        return [
            web.post(self.login_paths[1 if self.prefix else 0], self._log_in),
            web.post(f"{site}/cmd/stamgr", self._command),
            web.get(f"{site}/stat/sta", self._stations),
        ]

    def forget_log_ins(self) -> None:
        """The cookie is no good any more."""
        self._cookie = ""

    async def _log_in(self, request: web.Request) -> web.Response:
        sent = await request.json()
        self.log_ins += 1
        assert self.portal_secret is not None
        if (sent["username"], sent["password"].encode()) != (_USER_NAME, self.portal_secret):
            return web.json_response({"meta": {"rc": "error", "msg": "api.err.Invalid"}}, status=400)
        self._cookie, self._token = secrets.token_hex(16), secrets.token_hex(16)
        headers = {"X-CSRF-Token": self._token} if self.prefix else None
        response = web.json_response({"meta": {"rc": "ok"}, "data": []}, headers=headers)
        response.set_cookie("TOKEN" if self.prefix else "unifises", self._cookie, secure=True, httponly=True)
        return response

    def _refuses(self, request: web.Request) -> web.Response | None:
        cookie = request.cookies.get("TOKEN" if self.prefix else "unifises")
        if not self._cookie or cookie != self._cookie:
            return web.json_response({"meta": {"rc": "error", "msg": "api.err.LoginRequired"}}, status=401)
        if self.prefix and request.method == "POST" and request.headers.get("X-CSRF-Token") != self._token:
            return web.json_response({"error": {"code": 403}}, status=403)
        return None

    async def _command(self, request: web.Request) -> web.Response:
        if refusal := self._refuses(request):
            return refusal
        sent = await request.json()
        device, point = MacAddress.parse(sent.pop("mac")), sent.pop("ap_mac", None)
        match sent.pop("cmd"):
            case "authorize-guest":
                self.let_on[device] = sent
                self.points.setdefault(device, set()).add(point)
            case "unauthorize-guest":
                self.let_on.pop(device, None)
                self.points.pop(device, None)
            case _:
                return web.json_response({"meta": {"rc": "error", "msg": "api.err.InvalidArgs"}}, status=400)
        return web.json_response({"meta": {"rc": "ok"}, "data": []})

    async def _stations(self, request: web.Request) -> web.Response:
        if refusal := self._refuses(request):
            return refusal
        guests = [
            {"mac": _spell(device), "is_guest": True, "authorized": True, "rx_bytes": used[0], "tx_bytes": used[1]}
            for device, used in self.octets.items()
            if device in self.let_on
        ]
        others = [{"mac": "02:00:00:00:ff:ff", "is_guest": True, "authorized": False}, {"mac": "nonsense"}]
        return web.json_response({"meta": {"rc": "ok"}, "data": [*guests, *others]})


class SimulatedConsole(SimulatedClassic):
    """The same commands behind UniFi OS; not in the table of all, which it would not change."""

    driver = ""
    api = "unifi-os"
    prefix = "/proxy/network"


class SimulatedIntegration(_UniFi):
    """The Integration API, with a key."""

    driver = "unifi"
    variant = "integration"
    api = "integration"

    def routes(self) -> list[web.RouteDef]:
        """Sites, clients and what is done with one."""
        site = f"/proxy/network/integration/v1/sites/{SITE_ID}"
        return [
            web.get("/proxy/network/integration/v1/sites", self._sites),
            web.get(f"{site}/clients", self._clients),
            web.post(f"{site}/clients/{{client}}/actions", self._act),
        ]

    async def associate(self, device: Device) -> None:
        """The controller lists who is connected."""
        self.octets.setdefault(device.mac, (0, 0))

    async def _sites(self, request: web.Request) -> web.Response:
        return self._refuses(request) or _page([{"id": SITE_ID, "internalReference": SITE, "name": "Coventry"}])

    async def _clients(self, request: web.Request) -> web.Response:
        if refusal := self._refuses(request):
            return refusal
        asked = request.query["filter"]
        if asked == "access.authorized.eq(true)":
            return _page([self._describe(device) for device in self.octets if device in self.let_on])
        found = re.fullmatch(r"macAddress\.eq\('([0-9a-f:]{17})'\)", asked)
        if found is None:
            return web.json_response({"statusCode": 400}, status=400)
        if self.unlisted_questions:
            self.unlisted_questions -= 1
            return _page([])
        device = MacAddress.parse(found[1])
        return _page([self._describe(device)] if device in self.octets else [])

    async def _act(self, request: web.Request) -> web.Response:
        if refusal := self._refuses(request):
            return refusal
        device = MacAddress.parse(request.match_info["client"].removeprefix("client-"))
        if device not in self.octets:
            return web.json_response({"statusCode": 404}, status=404)
        sent = await request.json()
        if sent.pop("action") == "AUTHORIZE_GUEST_ACCESS":
            self.let_on[device] = sent
            return web.json_response({"action": "AUTHORIZE_GUEST_ACCESS", "grantedAuthorization": {"expiresAt": "…"}})
        self.let_on.pop(device, None)
        return web.json_response({"action": "UNAUTHORIZE_GUEST_ACCESS"})

    def _refuses(self, request: web.Request) -> web.Response | None:
        assert self.portal_secret is not None
        is_known = request.headers.get("X-API-KEY") == self.portal_secret.decode()
        return None if is_known else web.json_response({"statusCode": 401}, status=401)

    def _describe(self, device: MacAddress) -> dict[str, Any]:
        received, sent = self.octets[device]
        usage = {"rxBytes": received, "txBytes": sent}
        access = {"type": "GUEST", "authorized": device in self.let_on, "authorization": {"usage": usage}}
        return {"id": f"client-{device.octets.hex()}", "macAddress": _spell(device), "access": access}


def _page(items: list[dict[str, Any]]) -> web.Response:
    return web.json_response({"offset": 0, "limit": 200, "count": len(items), "totalCount": len(items), "data": items})


def _spell(device: MacAddress) -> str:
    return device.format(":", upper=False)
