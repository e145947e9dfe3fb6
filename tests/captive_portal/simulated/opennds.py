"""openNDS 9.10, from its src/http_microhttpd.c, src/auth.c, authmon.sh and binauth_log.sh, at each level.

At levels 0 to 2 and 4 it runs the portal's own BinAuth script, at level 3 the one that comes with openNDS.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import quote, unquote, urlsplit

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from foundation.mac_address import MacAddress
from tests.captive_portal.simulated.base import Answer, Device, SimulatedGateway

_ADDRESS: Final = "192.168.1.1:2050"
_NAME: Final = "Leith Library: hall"
_LIST_LIMIT: Final = 1024


@dataclass(slots=True)
class _Visit:
    """An entry of openNDS's client list."""

    device: Device
    token: str
    is_on: bool = False

    @property
    def hid(self) -> str:
        return _digest(self.token)


class _OpenNDS(SimulatedGateway):
    vendor = "other"
    has_own_arrival_address = True
    uses_radius = False
    not_applicable: ClassVar[Mapping[str, str]] = {"IPv6-only client": "openNDS captures IPv4 only"}
    login_url = f"http://{_ADDRESS}"
    portal_secret = b"a secret of thirty-two characters and more"

    def __init__(self) -> None:
        super().__init__()
        self.level = int(self.variant.removeprefix("level "))
        self.options = {"level": str(self.level), "gateway_name": _NAME}
        # A device with another IP address is another one.
        self._visits: dict[tuple[MacAddress, str], _Visit] = {}

    def lets_through(self, device: Device, url: str) -> bool:
        """The firewall marks what comes from an address and a MAC."""
        return self._visit(device).is_on

    async def intercept(self, device: Device, url: str) -> str:
        """To the FAS, with what it knows of the device."""
        return self._to_portal(device, url)

    async def visit(self, device: Device, method: str, url: str, fields: Mapping[str, str]) -> Answer:
        """Its own addresses; only GET is served."""
        if method != "GET":
            return Answer(511)
        visit, path = self._visit(device), urlsplit(url).path
        match path, visit.is_on:
            case "/opennds_auth/", True:
                return Answer.redirect(self._bounce(fields))
            case "/opennds_auth/", False:
                return await self._authenticate(visit, fields)
            case "/opennds_deny/", True:
                await self._deauthenticate(visit, "client_deauth")
                return Answer.redirect(f"{self.login_url}/")
            case "/login", False:
                return Answer.redirect(self._to_portal(device, f"{self.login_url}/"))
            case ("/", False) | ("/opennds_deny/", False):
                return Answer(511, '<html><form action="/login"><input type="submit" value="Continue"></form></html>')
            case "/" | "/login", True:
                return Answer(200, "<html><title>You are on</title></html>")
        return Answer(404)

    async def log_off(self, device: Device) -> None:
        """As by the status page."""
        await self._deauthenticate(self._visit(device), "client_deauth")

    def expire_hand_over(self, device: Device) -> None:
        """preauthidletimeout: the device is forgotten, with its token."""
        self._visits.pop(_key(device), None)

    async def poll(self) -> None:
        """One turn of authmon."""
        if self.level < 3:
            return
        listed = await self._post_authmon("view", "none")
        assert listed.startswith("*"), listed
        acknowledged = ["*"]
        for entry in listed[2:_LIST_LIMIT].split():
            rhid, *numbers = unquote(entry).split(" ")
            assert [number.isdigit() for number in numbers] == [True] * 5 + [False], numbers
            for visit in self._visits.values():
                if self._rhid(visit) == rhid:
                    await self._let_on(visit, "ndsctl_auth")
                    acknowledged.append(rhid)
        assert await self._post_authmon("view", " ".join(acknowledged)) == "ack"

    # -- log-in and log-out -------------------------------------------------------------------------------------------

    async def _authenticate(self, visit: _Visit, fields: Mapping[str, str]) -> Answer:
        if fields["tok"] not in (visit.token, self._rhid(visit)):
            return Answer.redirect(self._to_portal(visit.device, fields.get("redir", "")))
        limits, _, seal = fields["custom"].rpartition(".")
        assert seal == self._seal(f"{limits}&{visit.hid}"), "the script would give it a minute"
        await self._let_on(visit, "client_auth")
        return Answer(307, "", fields["redir"])

    async def _let_on(self, visit: _Visit, method: str) -> None:
        if not visit.is_on:
            visit.is_on = True
            await self._run_binauth(visit, method)

    async def _deauthenticate(self, visit: _Visit, method: str) -> None:
        del self._visits[_key(visit.device)]
        await self._run_binauth(visit, method)

    async def _run_binauth(self, visit: _Visit, method: str) -> None:
        counts = {"bytes_incoming": "4130", "bytes_outgoing": "1000"}
        values = {"method": method, "clientmac": visit.device.colons, **counts}
        if self.level == 3:
            if method.endswith("deauth"):
                values |= {"session_start": "1795359252", "session_end": "1795359300"}
                items = {**values, "token": visit.token, "custom": "bmE%3d"}
                entry = ", ".join(f"{name}={value}" for name, value in items.items())
                assert await self._post_authmon("deauthed", entry) == "ack"
            return
        report = {"auth_get": "reported", **values, "token": visit.token}
        text = "&".join(f"{name}={value}" for name, value in report.items())
        assert await self._post({**report, "seal": self._seal(text)}) == "ack"

    # -- what it tells the portal -------------------------------------------------------------------------------------

    def _to_portal(self, device: Device, wanted: str) -> str:
        fas, visit = self.surroundings.arrival_url, self._visit(device)
        if self.level == 0:
            action = f"http://{_ADDRESS}/opennds_auth/?clientip={device.ip}"
            return f"{fas}?authaction={action}&gatewayname={_encode(_NAME)}&tok={visit.token}&redir={_encode(wanted)}"
        items = self._items(visit, wanted).encode()
        if self.level in (1, 4):
            return f"{fas}?fas={base64.b64encode(items).decode()}"
        vector = secrets.token_hex(8)
        padding = 16 - len(items) % 16
        encryptor = Cipher(AES((self.portal_secret or b"")[:32]), CBC(vector.encode())).encryptor()
        encrypted = encryptor.update(items + bytes([padding]) * padding) + encryptor.finalize()
        return f"{fas}?fas={base64.b64encode(base64.b64encode(encrypted)).decode()}&iv={vector}"

    def _items(self, visit: _Visit, wanted: str) -> str:
        items = {
            "hid": visit.hid,
            "clientip": str(visit.device.ip),
            "clientmac": visit.device.colons,
            "client_type": "cpd_can",
            "gatewayname": _encode(_NAME),
            "gatewayurl": _encode("http://192.168.1.1"),
            "version": "9.10.0",
            "gatewayaddress": _ADDRESS,
            "gatewaymac": "00005e005300",
            **({"authdir": "opennds_auth"} if self.level in (2, 3) else {}),
            "originurl": _encode(wanted),
            "clientif": "wlan0",
            "themespec": "(null)",
        }
        return "".join(f"{name}={value}, " for name, value in items.items()) + "(null)(null)"

    def _bounce(self, fields: Mapping[str, str]) -> str:
        """To the FAS with what it was asked with, decoded and not encoded again."""
        query = "&".join(f"{name}={value}" for name, value in fields.items())
        return f"{self.surroundings.arrival_url}?{query}&status=authenticated"

    async def _post_authmon(self, action: str, payload: str) -> str:
        gateway_hash = hashlib.sha256(_encode(_NAME).encode()).hexdigest()
        encoded = base64.b64encode(payload.encode()).decode()
        return await self._post({"auth_get": action, "gatewayhash": gateway_hash, "payload": encoded})

    async def _post(self, fields: Mapping[str, str]) -> str:
        path = urlsplit(self.surroundings.arrival_url).path
        answer = await self.surroundings.ask_portal("POST", path, fields)
        assert answer.status == 200, answer.text
        return answer.text

    def _visit(self, device: Device) -> _Visit:
        return self._visits.setdefault(_key(device), _Visit(device, secrets.token_hex(4)))

    def _rhid(self, visit: _Visit) -> str:
        return hashlib.sha256(visit.hid.encode() + (self.portal_secret or b"")).hexdigest()

    def _seal(self, text: str) -> str:
        key = (self.portal_secret or b"").decode()
        return _digest(key + _digest(key + text))


class Level0(_OpenNDS):
    """Everything in the open."""

    driver, variant = "opennds", "level 0"


class Level1(_OpenNDS):
    """A list in base64."""

    driver, variant = "opennds", "level 1"


class Level2(_OpenNDS):
    """An encrypted list."""

    driver, variant = "opennds", "level 2"


class Level3(_OpenNDS):
    """An encrypted list, and authmon."""

    driver, variant = "opennds", "level 3"


class Level4(_OpenNDS):
    """A list in base64, and authmon."""

    driver, variant = "opennds", "level 4"


def _key(device: Device) -> tuple[MacAddress, str]:
    return device.mac, str(device.ip)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _encode(text: str) -> str:
    """uh_urlencode: lower-case digits."""
    return "".join(part if len(part) == 1 else part.lower() for part in _parts(quote(text, safe="")))


def _parts(text: str) -> list[str]:
    """Single characters and escapes."""
    found, rest = [], text
    while rest:
        length = 3 if rest.startswith("%") else 1
        found.append(rest[:length])
        rest = rest[length:]
    return found
