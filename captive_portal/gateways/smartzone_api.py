"""SmartZone's northbound portal interface: one address, JSON, and a number that says what came of it.

From Ruckus's hotspot WISPr guide (``/portalintf``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from captive_portal.errors import ControllerRefusedError, ControllerUnavailableError
from captive_portal.gateways.controller import Answer, Controller
from foundation.mac_address import MacAddress, NotAMacAddressError

ASYNCHRONOUS: Final = "async"
SYNCHRONOUS: Final = "sync"
_PATH: Final = "/portalintf"
_BETWEEN_QUESTIONS_SECONDS: Final = 0.5


class ResponseCode(IntEnum):
    """What came of a request."""

    NOT_AUTHORISED = 100
    AUTHORISED = 101
    DONE = 200
    LOGGED_IN = 201
    PENDING = 202
    NOT_FOUND = 300
    LOGIN_FAILED = 301
    BAD_REQUEST = 302
    VERSION_NOT_SUPPORTED = 303
    COMMAND_NOT_SUPPORTED = 304
    CATEGORY_NOT_SUPPORTED = 305
    WRONG_REQUEST_PASSWORD = 306
    INTERNAL_ERROR = 400
    AUTHENTICATION_SERVER_ERROR = 401


_IS_ON: Final = {ResponseCode.AUTHORISED, ResponseCode.LOGGED_IN}
_IS_OFF: Final = {ResponseCode.DONE, ResponseCode.NOT_AUTHORISED, ResponseCode.NOT_FOUND}
# A device that has just come is not in every part of the controller at once; an internal error, or a RADIUS server that
# did not answer it, may pass. After an asynchronous login that was forgotten, the device is not authorised.
_MAY_PASS: Final = {
    ResponseCode.NOT_AUTHORISED,
    ResponseCode.PENDING,
    ResponseCode.NOT_FOUND,
    ResponseCode.INTERNAL_ERROR,
    ResponseCode.AUTHENTICATION_SERVER_ERROR,
}


@dataclass(frozen=True, slots=True)
class Station:
    """A device as the redirect named it, hidden or plain."""

    mac: str = field(repr=False)
    ip: str = field(repr=False)
    proxy: str = "0"


@dataclass(frozen=True, slots=True)
class PortalInterface:
    """Requests as a portal makes them."""

    controller: Controller
    password: str = field(repr=False)
    user_name: str
    is_asynchronous: bool

    async def log_in(self, station: Station, user_name: str, password: str) -> None:
        """Until it is known how it went. Logging in a device that is on changes nothing."""
        request = {"UE-Proxy": station.proxy, "UE-Username": user_name, "UE-Password": password}
        code = await self._control("LoginAsync" if self.is_asynchronous else "Login", station, request)
        while code == ResponseCode.PENDING:
            await asyncio.sleep(_BETWEEN_QUESTIONS_SECONDS)
            # The result is told once; whoever misses it learns whether the device is on.
            code = await self._control("Status", station)
        _check(code, _IS_ON)

    async def log_out(self, station: Station) -> None:
        """A device that is not on is off already."""
        _check(await self._control("Logout", station, {"UE-Proxy": station.proxy}), _IS_OFF)

    async def decrypt(self, hidden: str) -> MacAddress:
        """The address that a text of the redirect hides."""
        answer = await self._ask({"RequestCategory": "GetConfig", "RequestType": "Decrypt", "Data": hidden})
        _check(_code(answer), {ResponseCode.DONE})
        try:
            return MacAddress.parse(str(answer.get("Data")))
        except NotAMacAddressError:
            raise ControllerRefusedError("what the controller decrypted is no MAC address") from None

    async def _control(self, kind: str, station: Station, more: Mapping[str, str] | None = None) -> int | None:
        named = {"UE-IP": station.ip, "UE-MAC": station.mac}
        request = {"RequestCategory": "UserOnlineControl", "RequestType": kind, **named, **(more or {})}
        return _code(await self._ask(request))

    async def _ask(self, request: Mapping[str, str]) -> Answer:
        body = {"Vendor": "ruckus", "RequestPassword": self.password, "APIVersion": "1.0", **request}
        if self.user_name:
            # Where none is configured, a controller refuses a request that has one, even an empty one.
            body["RequestUserName"] = self.user_name

        async def ask() -> Answer:
            return await self.controller.ask("POST", _PATH, body=body)

        # There is no log-in, but a 401 in the middle is not its last word.
        return await self.controller.ask_logged_in(_need_no_log_in, ask)


async def _need_no_log_in() -> dict[str, str]:
    return {"is": "a password in each request"}


def _code(answer: Answer) -> int | None:
    code = answer.get("ResponseCode")
    # Some versions write the number as text.
    return int(code) if isinstance(code, int) or (isinstance(code, str) and code.isdecimal()) else None


def _check(code: int | None, wanted: set[ResponseCode]) -> None:
    """Raises ControllerError unless it is one of the wanted."""
    if code in wanted:
        return
    if code in _MAY_PASS:
        raise ControllerUnavailableError(f"the controller cannot now (ResponseCode {code})")
    raise ControllerRefusedError(f"the controller refuses (ResponseCode {code})")
