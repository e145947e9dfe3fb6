"""Who may see the console: engineers with the password; in the demo, anybody at this very machine.

HTTP Basic (RFC 7617) over the TLS that a reverse proxy brings. The password is kept as an argon2 hash; one that was
right is remembered, keyed, for a while, because argon2 is slow on purpose and a page asks for it every few seconds.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import os
import time
from enum import StrEnum
from typing import Final

from foundation.passwords import PasswordChecks, TooManyChecksError, is_password_hash
from foundation.runtime import NotReadyError
from foundation.settings import Settings

USER_NAME: Final = "engineer"
_REMEMBERED_SECONDS: Final = 600
_LOOPBACK_NAMES: Final = frozenset({"localhost", "localhost.localdomain"})


class Refusal(StrEnum):
    """Why a request may not see the console."""

    NO_PASSWORD = "no password"  # noqa: S105  a reason, not a password
    WRONG_PASSWORD = "wrong password"  # noqa: S105
    TOO_MANY_CHECKS = "too many checks"
    NOT_THIS_MACHINE = "not this machine"


def check_configured(settings: Settings) -> None:
    """Refuse to serve a console without a password. Raises NotReadyError with what to do."""
    if settings.demo:
        return
    configured = settings.monitoring.console_password_hash.get_secret_value()
    if not configured:
        raise NotReadyError(
            "the console has no password; run `citywifi console-password` and put the line that it prints into the "
            "settings as monitoring.console_password_hash"
        )
    if not is_password_hash(configured):
        raise NotReadyError(
            "monitoring.console_password_hash is not an argon2 hash; run `citywifi console-password` to make one"
        )


class Gatekeeper:
    """Decides about each request for the console."""

    def __init__(self, settings: Settings) -> None:
        check_configured(settings)
        self._demo = settings.demo
        self._hash = settings.monitoring.console_password_hash.get_secret_value()
        self._checks = PasswordChecks()
        self._key = os.urandom(32)
        self._remembered: tuple[bytes, float] | None = None

    async def refusal(self, authorization: str | None, remote: str | None, host: str | None) -> Refusal | None:
        """Why not, or None. ``host`` is the request's Host: no page elsewhere may reach the demo by its own name."""
        if self._demo:
            return None if _is_loopback(remote) and _names_loopback(host) else Refusal.NOT_THIS_MACHINE
        credentials = _parse_basic(authorization)
        if credentials is None:
            return Refusal.NO_PASSWORD
        mark = hmac.digest(self._key, b"\0".join(credentials), "sha256")
        if self._is_remembered(mark):
            return None
        user_name, password = credentials
        try:
            right = await self._checks.verify(self._hash, password) and _is_user(user_name)
        except TooManyChecksError:
            return Refusal.TOO_MANY_CHECKS
        if not right:
            return Refusal.WRONG_PASSWORD
        self._remembered = (mark, time.monotonic() + _REMEMBERED_SECONDS)
        return None

    def _is_remembered(self, mark: bytes) -> bool:
        if self._remembered is None:
            return False
        known, until = self._remembered
        return hmac.compare_digest(known, mark) and time.monotonic() < until


def _is_user(user_name: bytes) -> bool:
    digests = (hashlib.sha256(text).digest() for text in (user_name, USER_NAME.encode()))
    return hmac.compare_digest(*digests)


def is_same_origin(origin: str | None, fetch_site: str | None, host: str | None) -> bool:
    """Whether a form was sent from a page of ours, by what browsers say (Fetch Metadata; Origin, RFC 6454)."""
    if fetch_site is not None:
        return fetch_site == "same-origin"
    return origin is not None and host is not None and origin.partition("://")[2] == host


def _parse_basic(authorization: str | None) -> tuple[bytes, bytes] | None:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user_name, separator, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return None
    return (user_name, password) if separator else None


def _is_loopback(address: str | None) -> bool:
    try:
        return ipaddress.ip_address(address or "").is_loopback
    except ValueError:
        return False


def _names_loopback(host: str | None) -> bool:
    name = (host or "").lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    return name in _LOOPBACK_NAMES or _is_loopback(name)
