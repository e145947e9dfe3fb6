"""The two interfaces of UniFi Network by which a portal lets guests on.

The classic one is what the web application itself uses (``stamgr`` commands), after a log-in; consoles with UniFi OS
have it under ``/proxy/network`` and want a token against forged requests. The Integration API has a key instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from captive_portal.errors import ControllerRefusedError, ControllerUnavailableError
from captive_portal.gateways.base import AccessLimits, Usage
from captive_portal.gateways.controller import Answer, Controller
from foundation.mac_address import MacAddress, NotAMacAddressError

CLASSIC: Final = "classic"
UNIFI_OS: Final = "unifi-os"
INTEGRATION: Final = "integration"

_PROXY: Final = "/proxy/network"
_INTEGRATION: Final = f"{_PROXY}/integration/v1"
_PAGE: Final = 200
_MOST_PAGES: Final = 50
_OCTETS_OF_A_MEGABYTE: Final = 1_000_000
_NOT_FOUND: Final = 404


@dataclass(frozen=True, slots=True)
class ClassicApi:
    """``/api/s/SITE/…``; ``is_console`` where UniFi OS stands before it."""

    controller: Controller
    site: str
    user_name: str
    password: str = field(repr=False)
    is_console: bool

    async def grant(self, device: MacAddress, access_point: MacAddress | None, limits: AccessLimits) -> None:
        """Once for the site and once for the access point, without which roaming devices were seen to be captive."""
        command = {"cmd": "authorize-guest", "mac": _spell(device), **_classic_limits(limits)}
        await self._command(command)
        if access_point is not None:
            await self._command({**command, "ap_mac": _spell(access_point)})

    async def revoke(self, device: MacAddress, access_point: MacAddress | None) -> None:
        """Both of what ``grant`` did."""
        command = {"cmd": "unauthorize-guest", "mac": _spell(device)}
        if access_point is not None:
            await self._command({**command, "ap_mac": _spell(access_point)})
        await self._command(command)

    async def usage(self) -> Mapping[MacAddress, Usage]:
        """``rx`` is what the access point received, which is from the device."""
        answer = await self._ask("GET", f"/api/s/{quote(self.site, safe='')}/stat/sta")
        _check(answer)
        found = {}
        for station in answer.objects("data"):
            device = _device(station.get("mac"))
            if device is not None and station.get("authorized") is True and station.get("is_guest") is True:
                found[device] = Usage(_count(station.get("rx_bytes")), _count(station.get("tx_bytes")))
        return found

    async def _command(self, command: Mapping[str, Any]) -> None:
        _check(await self._ask("POST", f"/api/s/{quote(self.site, safe='')}/cmd/stamgr", command))

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        async def ask() -> Answer:
            token = self.controller.session.get("token")
            headers = {"X-CSRF-Token": token} if token else {}
            prefix = _PROXY if self.is_console else ""
            return await self.controller.ask(method, prefix + path, body=body, headers=headers)

        return await self.controller.ask_logged_in(self._log_in, ask)

    async def _log_in(self) -> dict[str, str]:
        path = "/api/auth/login" if self.is_console else "/api/login"
        body = {"username": self.user_name, "password": self.password}
        answer = await self.controller.ask("POST", path, body=body)
        is_taken = answer.status == 200 and (self.is_console or answer.get("meta", "rc") == "ok")
        if not is_taken:
            raise ControllerRefusedError(f"the controller does not take user name and password ({answer.status})")
        return {"is": "logged in", "token": answer.headers.get("X-CSRF-Token", "")}


@dataclass(frozen=True, slots=True)
class IntegrationApi:
    """``/proxy/network/integration/v1``, of Network 9.1.105 and later."""

    controller: Controller
    site: str
    key: str = field(repr=False)

    async def grant(self, device: MacAddress, access_point: MacAddress | None, limits: AccessLimits) -> None:
        """The device must be listed already, which takes the controller a few seconds."""
        client = await self._client(device)
        if client is None:
            raise ControllerUnavailableError("the controller does not list the device yet")
        await self._act(client, {"action": "AUTHORIZE_GUEST_ACCESS", **_integration_limits(limits)})

    async def revoke(self, device: MacAddress, access_point: MacAddress | None) -> None:
        """One that is not listed is off."""
        client = await self._client(device)
        if client is not None:
            await self._act(client, {"action": "UNAUTHORIZE_GUEST_ACCESS"})

    async def usage(self) -> Mapping[MacAddress, Usage]:
        """What a guest used, where the controller says it with the guest's authorisation."""
        found: dict[MacAddress, Usage] = {}
        for page in range(_MOST_PAGES):
            query = {"filter": "access.authorized.eq(true)", "offset": str(page * _PAGE), "limit": str(_PAGE)}
            clients = (await self._get(f"{await self._site_path()}/clients", query)).objects("data")
            found |= {device: usage for device, usage in map(_guest, clients) if device is not None}
            if len(clients) < _PAGE:
                break
        return found

    async def _client(self, device: MacAddress) -> str | None:
        path = f"{await self._site_path()}/clients"
        clients = (await self._get(path, {"filter": f"macAddress.eq('{_spell(device)}')"})).objects("data")
        return str(clients[0]["id"]) if clients and "id" in clients[0] else None

    async def _act(self, client: str, body: Mapping[str, Any]) -> None:
        path = f"{await self._site_path()}/clients/{quote(client, safe='')}/actions"
        answer = await self._ask("POST", path, body)
        if answer.status == _NOT_FOUND:
            raise ControllerUnavailableError("the controller does not list the device yet")
        if answer.status != 200:
            raise ControllerRefusedError(f"the controller refuses the action ({answer.status})")

    async def _site_path(self) -> str:
        """By the site's name in addresses, which the API calls its internal reference; looked up once."""
        known = self.controller.session.get(self.site)
        if known is None:
            sites = (await self._get(f"{_INTEGRATION}/sites", {"limit": str(_PAGE)})).objects("data")
            names = ("internalReference", "id", "name")
            known = next((str(each["id"]) for each in sites if self.site in [each.get(name) for name in names]), None)
            if known is None:
                raise ControllerRefusedError("the controller has no site of this name")
            self.controller.session[self.site] = known
        return f"{_INTEGRATION}/sites/{quote(known, safe='')}"

    async def _get(self, path: str, query: Mapping[str, str]) -> Answer:
        answer = await self._ask("GET", path, query=query)
        if answer.status == _NOT_FOUND:
            # The site was made anew since it was looked up, or the key's controller has no such interface.
            self.controller.session.clear()
            raise ControllerUnavailableError("the controller does not find what it was asked for (404)")
        if answer.status != 200:
            raise ControllerRefusedError(f"the controller refuses to tell ({answer.status})")
        return answer

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        async def ask() -> Answer:
            headers = {"X-API-KEY": self.key, "Accept": "application/json"}
            return await self.controller.ask(method, path, body=body, query=query, headers=headers)

        # Nobody logs in, but a controller that has just started refuses the right key, too.
        return await self.controller.ask_logged_in(_need_no_log_in, ask)


async def _need_no_log_in() -> dict[str, str]:
    return {"is": "a key"}


def _classic_limits(limits: AccessLimits) -> dict[str, int]:
    """Minutes, kilobits a second, megabytes."""
    return _known(
        minutes=_minutes(limits),
        up=limits.upload_kilobits_per_second,
        down=limits.download_kilobits_per_second,
        bytes=_megabytes(limits),
    )


def _integration_limits(limits: AccessLimits) -> dict[str, int]:
    """The same; ``rx`` is what the device receives (a guess from the names in Ubiquiti's own pages)."""
    return _known(
        timeLimitMinutes=_minutes(limits),
        dataUsageLimitMBytes=_megabytes(limits),
        rxRateLimitKbps=limits.download_kilobits_per_second,
        txRateLimitKbps=limits.upload_kilobits_per_second,
    )


def _known(**limits: int | None) -> dict[str, int]:
    return {name: value for name, value in limits.items() if value is not None}


def _minutes(limits: AccessLimits) -> int | None:
    return None if limits.seconds is None else max(1, -(-limits.seconds // 60))


def _megabytes(limits: AccessLimits) -> int | None:
    return None if limits.octets is None else max(1, limits.octets // _OCTETS_OF_A_MEGABYTE)


def _check(answer: Answer) -> None:
    if answer.status != 200 or answer.get("meta", "rc") != "ok":
        raise ControllerRefusedError(f"the controller refuses the command ({answer.status})")


def _guest(client: Mapping[str, Any]) -> tuple[MacAddress | None, Usage]:
    found: Any = client
    for name in ("access", "authorization", "usage"):
        found = found.get(name) if isinstance(found, dict) else None
    counts = found if isinstance(found, dict) else {}
    return _device(client.get("macAddress")), Usage(_count(counts.get("rxBytes")), _count(counts.get("txBytes")))


def _device(text: object) -> MacAddress | None:
    try:
        return MacAddress.parse(text) if isinstance(text, str) else None
    except NotAMacAddressError:
        return None


def _count(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**63 else 0


def _spell(address: MacAddress) -> str:
    return address.format(":", upper=False)
