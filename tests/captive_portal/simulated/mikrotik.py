"""MikroTik's hotspot, from the HotSpot pages of help.mikrotik.com: pages with variables, CHAP or HTTPS, one /login.

Its folder holds what an engineer pastes from the driver's `configuration`; the servlet that fills the variables in is
written from the vendor's documentation.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import ClassVar, Final
from urllib.parse import quote, quote_plus

from captive_portal.gateways import DRIVERS
from captive_portal.gateways.configuration import Site
from captive_portal.gateways.gateway import Gateway
from foundation.mac_address import MacAddress
from radius import attributes
from radius.packet import Code
from tests.captive_portal.simulated.base import Answer, Device, SimulatedGateway, Surroundings
from tests.captive_portal.simulated.radius_side import Pair

_CONDITION: Final = re.compile(
    r"\$\(if (?P<name>[a-z-]+)(?: (?P<sign>==|!=) '?(?P<value>[^')]*)'?)?\)"
    r"(?P<then>.*?)(?:\$\(else\)(?P<otherwise>.*?))?\$\(endif\)",
    re.DOTALL,
)
_VARIABLE: Final = re.compile(r"\$\(([a-z-]+?)(-esc)?\)")


class SimulatedMikroTik(SimulatedGateway):
    """With http-chap and RADIUS, found by its identity."""

    driver = "mikrotik"
    variant = "http-chap"
    vendor = "mikrotik"
    login_url = "http://hotspot.example/login"
    takes_dynamic_authorization = True
    not_applicable: ClassVar = {"IPv6-only client": "MikroTik's hotspot is for IPv4 only"}

    def __init__(self) -> None:
        super().__init__()
        self._files: dict[str, str] = {}
        # Identifier and challenge, good for one login.
        self._chap: dict[MacAddress, tuple[bytes, bytes]] = {}

    def configure(self, surroundings: Surroundings) -> None:
        """Paste what the driver says into the folder."""
        super().configure(surroundings)
        gateway = Gateway(1, 1, None, surroundings.arrival_url, self.login_url, options=self.options)
        site = Site(
            gateway=gateway,
            portal_url=surroundings.portal_url,
            arrival_url=surroundings.arrival_url,
            api_url=f"{surroundings.portal_url}/api",
            radius_host=surroundings.authentication_server[0],
            authentication_port=surroundings.authentication_server[1],
            accounting_port=surroundings.accounting_server[1],
        )
        snippets = DRIVERS[self.driver].configuration(site).snippets
        self._files = {snippet.title: snippet.text for snippet in snippets if snippet.place.startswith("file ")}

    async def intercept(self, device: Device, url: str) -> str:
        """redirect.html: to the router's own login page."""
        return f"{self._base}/login?dst={quote(url, safe='')}"

    async def visit(self, device: Device, method: str, url: str, fields: Mapping[str, str]) -> Answer:
        """/login, /logout and /status, each by GET or POST."""
        match url.partition("?")[0].removeprefix(self._base):
            case "/login" if device.mac in self.sessions:
                return self._show("alogin.html", device)
            case "/login" if "username" in fields:
                return await self._log_in(device, fields)
            case "/login":
                return self._show("login.html", device)
            case "/status" if device.mac in self.sessions:
                return self._show("status.html", device)
            case "/logout" if device.mac in self.sessions:
                await self.log_off(device)
                return self._show("logout.html", device)
            case "/status" | "/logout" | "/":
                return Answer.redirect(f"{self._base}/login")
        return Answer(404)

    def expire_hand_over(self, device: Device) -> None:
        """The router has forgotten the challenge."""
        self._chap.pop(device.mac, None)

    def pairs(self, device: Device) -> list[Pair]:
        """Capitals and colons; Called-Station-Id is the hotspot server's name."""
        own: dict[str, Pair] = {pair[0]: pair for pair in super().pairs(device)}
        own["Calling-Station-Id"] = ("Calling-Station-Id", device.colons.upper())
        own["Called-Station-Id"] = ("Called-Station-Id", "hotspot1")
        return [*own.values(), ("NAS-Port-Id", "wlan1")]

    @property
    def _base(self) -> str:
        assert self.login_url is not None
        return self.login_url.removesuffix("/login")

    async def _log_in(self, device: Device, fields: Mapping[str, str]) -> Answer:
        chap = self._chap.pop(device.mac, None)
        if chap is None:
            return self._show("login.html", device, "web browser did not send challenge response (try again)")
        identifier, challenge = chap
        try:
            proof = identifier + bytes.fromhex(fields["password"])
        except ValueError:
            return self._show("login.html", device, "web browser did not send challenge response (try again)")
        pairs: tuple[Pair, ...] = (("CHAP-Password", proof), ("CHAP-Challenge", challenge))
        return await self._ask(device, fields["username"], pairs, None)

    async def _ask(self, device: Device, user_name: str, pairs: tuple[Pair, ...], password: str | None) -> Answer:
        reply = await self.authenticate(device, user_name, password=password, more=pairs)
        if reply is None:
            return self._show("login.html", device, "RADIUS server is not responding")
        if reply.code is not Code.ACCESS_ACCEPT:
            text = attributes.get_text(reply, "Reply-Message", lenient=True)
            return self._show("login.html", device, text or "invalid username or password")
        return self._show("alogin.html", device)

    def _show(self, name: str, device: Device, error: str = "") -> Answer:
        """A page of the folder with its variables filled in; challenge and error are known to /login only."""
        variables = {
            "mac": device.colons.upper(),
            "ip": str(device.ip),
            "identity": self.nas_identifier or "",
            "link-login-only": f"{self._base}/login",
            "link-logout": f"{self._base}/logout",
        }
        if name == "login.html":
            variables |= {"error": error, "error-orig": error, **self._new_challenge(device)}
        if session := self.sessions.get(device.mac):
            variables["uptime-secs"] = str(int((self.now() - session.started_at).total_seconds()))
        return Answer(text=fill(self._files[name], variables))

    def _new_challenge(self, device: Device) -> dict[str, str]:
        identifier, challenge = secrets.token_bytes(1), secrets.token_bytes(16)
        self._chap[device.mac] = identifier, challenge
        return {"chap-id": _octal(identifier), "chap-challenge": _octal(challenge)}


class SimulatedMikroTikWithHttps(SimulatedMikroTik):
    """With https alone in login-by: no challenge, the password by a form; at an arrival address of its own.

    It has a name and a certificate, so it is the captive portal API itself and gives DHCP option 114.
    """

    variant = "https"
    login_url = "https://hotspot.example/login"
    has_own_arrival_address = True
    gives_captive_portal_api = True

    def captive_portal_api(self, device: Device) -> str:
        """The router's own."""
        return f"{self._base}/api"

    async def visit(self, device: Device, method: str, url: str, fields: Mapping[str, str]) -> Answer:
        """/api shows api.json besides."""
        if url != f"{self._base}/api":
            return await super().visit(device, method, url, fields)
        session = self.sessions.get(device.mac)
        seconds = attributes.get_integer(session.accept, "Session-Timeout") if session else None
        variables = {"logged-in": "yes" if session else "no", "session-timeout-secs": str(seconds or 0)}
        return Answer(
            text=fill(self._files["api.json"], variables), headers={"Content-Type": "application/captive+json"}
        )

    async def _log_in(self, device: Device, fields: Mapping[str, str]) -> Answer:
        return await self._ask(device, fields["username"], (), fields["password"])

    def _new_challenge(self, device: Device) -> dict[str, str]:
        return {}


def fill(text: str, variables: Mapping[str, str]) -> str:
    """What RouterOS makes of a page: conditions first, then variables, encoded for an address with ``-esc``."""

    def choose(found: re.Match[str]) -> str:
        has = variables.get(found["name"], "")
        is_equal = has == (found["value"] or "")
        holds = is_equal if found["sign"] == "==" else not is_equal
        return (found["then"] if holds else found["otherwise"]) or ""

    def value(found: re.Match[str]) -> str:
        plain = variables.get(found[1], "")
        return quote_plus(plain) if found[2] else plain

    return _VARIABLE.sub(value, _CONDITION.sub(choose, text))


def _octal(octets: bytes) -> str:
    return "".join(f"\\{octet:03o}" for octet in octets)
