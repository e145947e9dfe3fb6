"""What an EAP method is to the server: it makes the first request and answers responses until it is decided.

Methods know neither RADIUS nor EAP's own headers: they are given and give *type data*, what follows the type octet
(RFC 3748 section 4.1). So the same class serves as a method of its own and inside a tunnel.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from radius.authentication.outcome import RejectReason
from radius.directory import Credential


@dataclass(frozen=True, slots=True, repr=False)
class Succeeded:
    """Who it is. ``msk`` is the Master Session Key (RFC 5247): 64 octets, empty where the method derives none.

    ``method`` is for the log, such as ``peap/mschapv2``; ``detail`` too, such as ``TLS 1.3, resumed``.
    """

    method: str
    credential: Credential
    msk: bytes = b""
    detail: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Failed:
    """Why not."""

    method: str
    reason: RejectReason
    detail: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Continue:
    """Send a request with this type data and wait for its response.

    ``verdict`` is given where the request tells the device that it failed, whatever it answers, if it does.
    """

    type_data: bytes
    verdict: Failed | None = None


Round = Continue | Succeeded | Failed


class Method(Protocol):
    """One run of a method with one device."""

    @property
    def eap_type(self) -> int:
        """Its number (IANA's EAP registry)."""

    def begin(self) -> bytes:
        """The type data of the first request."""

    async def respond(self, type_data: bytes, now: datetime, identifier: int) -> Round:
        """What follows a response. Raises EapMalformedError, or what Directory raises without a database.

        ``identifier`` is that of the EAP packet, which EAP-MD5 hashes (RFC 3748 section 5.4).
        """
