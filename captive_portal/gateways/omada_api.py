"""The two interfaces by which an Omada controller is told to let a device on.

Both answer 200 to nearly everything and say in ``errorCode`` whether it was done; 0 is yes. What the codes mean is
mostly not written down, and a log-in that has ended may be one of them: so after any other code it is tried once more
with a new one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from captive_portal.errors import ControllerRefusedError
from captive_portal.gateways.controller import Answer, Controller
from foundation.mac_address import MacAddress

# An external portal's server, among the ways to authenticate.
_EXTERNAL_PORTAL: Final = 4
_MICROSECONDS: Final = 1_000_000
# Where no policy says how long; the controller wants a time.
_DAY_SECONDS: Final = 86400


@dataclass(frozen=True, slots=True)
class _Api(ABC):
    controller: Controller
    controller_id: str

    @abstractmethod
    async def log_in(self) -> dict[str, str]:
        """Raises ControllerRefusedError."""

    async def do(self, ask: Callable[[], Awaitable[Answer]]) -> None:
        """Ask until it is done. Raises ControllerError."""
        answer = await self.controller.ask_logged_in(self.log_in, ask)
        if not _is_done(answer):
            self.controller.session.clear()
            answer = await self.controller.ask_logged_in(self.log_in, ask)
        if not _is_done(answer):
            raise ControllerRefusedError(f"the controller refuses: status {answer.status}, errorCode {_code(answer)}")


@dataclass(frozen=True, slots=True)
class OperatorApi(_Api):
    """The external portal's: a hotspot operator, a token and a cookie."""

    operator: str
    password: str = field(repr=False)

    async def grant(self, device: MacAddress, words: Mapping[str, str], seconds: int | None) -> None:
        """``words`` are the redirect's own: where the device is. The time is in microseconds."""
        body: dict[str, Any] = {"clientMac": str(device), **words}
        for name in ("radioId", "vid"):
            if name in body:
                body[name] = int(body[name])
        body |= {"time": (seconds or _DAY_SECONDS) * _MICROSECONDS, "authType": _EXTERNAL_PORTAL}

        async def ask() -> Answer:
            headers = {"Csrf-Token": self.controller.session["token"]}
            return await self.controller.ask("POST", f"{self._path}/extPortal/auth", body=body, headers=headers)

        await self.do(ask)

    async def log_in(self) -> dict[str, str]:
        """Name and password of the operator."""
        body = {"name": self.operator, "password": self.password}
        answer = await self.controller.ask("POST", f"{self._path}/login", body=body)
        return {"token": _token(answer, "token")}

    @property
    def _path(self) -> str:
        return f"/{quote(self.controller_id, safe='')}/api/v2/hotspot"


@dataclass(frozen=True, slots=True)
class OpenApi(_Api):
    """OAuth 2.0 client credentials, for a site."""

    site: str
    client_id: str
    client_secret: str = field(repr=False)

    async def grant(self, device: MacAddress, seconds: int | None) -> None:
        """For so long; the portal ends it as well, in case the controller counts in something else."""
        await self._act(device, "auth", {"timeLimit": seconds or _DAY_SECONDS})

    async def revoke(self, device: MacAddress) -> None:
        """The device is a stranger again."""
        await self._act(device, "unauth", {})

    async def _act(self, device: MacAddress, verb: str, body: Mapping[str, Any]) -> None:
        controller_id, site = quote(self.controller_id, safe=""), quote(self.site, safe="")
        path = f"/openapi/v1/{controller_id}/sites/{site}/hotspot/clients/{device}/{verb}"

        async def ask() -> Answer:
            headers = {"Authorization": f"AccessToken={self.controller.session['token']}"}
            return await self.controller.ask("POST", path, body=body, headers=headers)

        await self.do(ask)

    async def log_in(self) -> dict[str, str]:
        """A token for two hours."""
        body = {"omadacId": self.controller_id, "client_id": self.client_id, "client_secret": self.client_secret}
        query = {"grant_type": "client_credentials"}
        answer = await self.controller.ask("POST", "/openapi/authorize/token", body=body, query=query)
        return {"token": _token(answer, "accessToken")}


def _token(answer: Answer, name: str) -> str:
    token = answer.get("result", name)
    if not _is_done(answer) or not isinstance(token, str) or not token:
        raise ControllerRefusedError(
            f"the controller does not take the log-in: status {answer.status}, errorCode {_code(answer)}"
        )
    return token


def _is_done(answer: Answer) -> bool:
    return answer.status == 200 and answer.get("errorCode") == 0


def _code(answer: Answer) -> str:
    code = answer.get("errorCode")
    return str(code) if isinstance(code, int) else "missing"
