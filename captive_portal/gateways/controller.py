"""How a driver speaks to a gateway's controller: to one address, over verified TLS, with little patience.

What a driver cannot get wrong stands here: the address is the one that an engineer entered (`Gateway.login_url`), no
redirect is followed, an answer has a largest size, and what a controller keeps of a log-in (cookies, a token) is seen
by no other one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from yarl import URL

from captive_portal.errors import ControllerRefusedError, ControllerUnavailableError
from captive_portal.gateways.gateway import Gateway, Option

# Lists of clients are the longest: some 2 kB for each.
LARGEST_ANSWER_OCTETS: Final = 16 * 1024 * 1024
_PIECE_OCTETS: Final = 64 * 1024
_FINGERPRINT_OCTETS: Final = 32
_LONGEST_RETRY_AFTER_SECONDS: Final = 3600.0
_UNAUTHORISED: Final = 401
_TOO_MANY_REQUESTS: Final = 429
_TIMEOUT: Final = aiohttp.ClientTimeout(total=8, sock_connect=4)

CERTIFICATE_OPTION: Final = Option(
    "certificate_sha256",
    "SHA-256 fingerprint (64 hexadecimal digits) of the controller's own certificate, where no public authority "
    "signed it. Without it the certificate must be valid for the address.",
)


class TooManyRequestsError(ControllerUnavailableError):
    """The controller wants to be asked less often, and may have said when again."""

    def __init__(self, retry_after_seconds: float | None) -> None:
        super().__init__("the controller takes no more requests now (429)")
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """What a controller answered; ``body`` is None where it is no JSON."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(repr=False)

    def get(self, *names: str) -> Any:
        """A value within objects, such as ``meta``, ``rc``; None where it is not there."""
        found = self.body
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found

    def objects(self, *names: str) -> list[dict[str, Any]]:
        """The objects of a list within objects; what is none is passed over."""
        found = self.get(*names)
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


class Controller:
    """One gateway's controller."""

    def __init__(self, http: aiohttp.ClientSession, gateway: Gateway) -> None:
        """``http`` is this controller's alone: its cookies are.

        Raises ControllerRefusedError where the gateway has no address, or a fingerprint that is none.
        """
        if gateway.login_url is None:
            raise ControllerRefusedError("the gateway has no controller address (login_url)")
        self._http = http
        self._base = gateway.login_url.rstrip("/")
        self._tls = _tls(gateway)
        # What the driver keeps of its log-in, such as a token; empty when it must log in.
        self.session: dict[str, str] = {}
        self._logging_in = asyncio.Lock()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, with ``body`` as JSON. What refuses it, such as 401 or 404, is an answer, too.

        Raises ControllerUnavailableError or ControllerRefusedError where there is none to speak of.
        """
        try:
            async with self._http.request(
                method, URL(self._base + path), json=body, params=query, headers=headers, ssl=self._tls,
                allow_redirects=False, timeout=_TIMEOUT,
            ) as response:  # fmt: skip
                text = await _read(response)
                return _judge(response, text)
        except (aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch):
            raise ControllerRefusedError("the controller's certificate is not the one that was expected") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ControllerUnavailableError(f"the controller was not reached ({type(error).__name__})") from None
        except ValueError as error:
            raise ControllerRefusedError(f"the controller cannot be asked ({type(error).__name__})") from None

    async def ask_logged_in(
        self, log_in: Callable[[], Awaitable[dict[str, str]]], ask: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Ask after logging in, where that is needed, and once more where the log-in is good no longer (401).

        ``log_in`` returns what is to be kept in ``session``; not empty. Raises what both raise, and
        ControllerRefusedError where a new log-in is no good either.
        """
        before = await self._logged_in(log_in, stale=None)
        answer = await ask()
        if answer.status != _UNAUTHORISED:
            return answer
        await self._logged_in(log_in, stale=before)
        answer = await ask()
        if answer.status == _UNAUTHORISED:
            raise ControllerRefusedError("the controller does not take its own log-in (401)")
        return answer

    async def _logged_in(
        self, log_in: Callable[[], Awaitable[dict[str, str]]], *, stale: dict[str, str] | None
    ) -> dict[str, str]:
        """Of many that need it at the same time, one logs in."""
        async with self._logging_in:
            if not self.session or self.session is stale:
                self.session = {}
                self._http.cookie_jar.clear()
                self.session = await log_in()
            return self.session


def fingerprint(text: str) -> bytes | None:
    """A SHA-256 fingerprint as people write them, with or without colons; None where it is none."""
    try:
        octets = bytes.fromhex(text.replace(":", "").replace(" ", ""))
    except ValueError:
        return None
    return octets if len(octets) == _FINGERPRINT_OCTETS else None


def _tls(gateway: Gateway) -> aiohttp.Fingerprint | bool:
    pinned = gateway.options.get(CERTIFICATE_OPTION.name, "")
    if not pinned:
        return True
    octets = fingerprint(pinned)
    if octets is None:
        raise ControllerRefusedError("certificate_sha256 is no SHA-256 fingerprint")
    return aiohttp.Fingerprint(octets)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    pieces = bytearray()
    async for piece in response.content.iter_chunked(_PIECE_OCTETS):
        pieces += piece
        if len(pieces) > LARGEST_ANSWER_OCTETS:
            raise ControllerUnavailableError("the controller's answer is too large")
    return bytes(pieces)


def _judge(response: aiohttp.ClientResponse, text: bytes) -> Answer:
    status = response.status
    if status == _TOO_MANY_REQUESTS:
        raise TooManyRequestsError(_retry_after_seconds(response.headers.get("Retry-After", "")))
    if status >= 500:
        raise ControllerUnavailableError(f"the controller has a fault ({status})")
    if 300 <= status < 400:
        raise ControllerRefusedError(f"the controller redirects ({status}); its address is another one")
    try:
        body = json.loads(text) if text else None
    except (ValueError, RecursionError):
        body = None
    return Answer(status, response.headers, body)


def _retry_after_seconds(text: str) -> float | None:
    """Of the two forms (RFC 9110 section 10.2.3) the one with seconds; a date is taken for "later"."""
    return min(float(text), _LONGEST_RETRY_AFTER_SECONDS) if text.isascii() and text.isdigit() else None
