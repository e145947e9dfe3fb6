"""One-time codes of an authenticator app (TOTP, RFC 6238): six digits, a new one every 30 seconds."""

from __future__ import annotations

import hmac
import secrets
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

# RFC 4226 section 4 recommends a key of 160 bits.
_KEY_OCTETS: Final = 20
_DIGITS: Final = 6
_STEP_SECONDS: Final = 30
# A phone's clock may be one step early or late (RFC 6238 section 5.2).
_STEPS_ASIDE: Final = 1


def new_key() -> bytes:
    """A random key to be shared with the app."""
    return secrets.token_bytes(_KEY_OCTETS)


def enrolment_uri(key: bytes, user_name: str) -> str:
    """The ``otpauth://`` address that apps read from a QR code."""
    return _totp(key).get_provisioning_uri(user_name, "CityWiFi")


def accepted_step(key: bytes, code: str, unix_seconds: float, used_step: int) -> int | None:
    """The time step that a code is of, to be remembered as used; None for a wrong one, or one that was used before."""
    digits = "".join(code.split())
    if len(digits) != _DIGITS or not digits.isascii():
        return None
    now = int(unix_seconds) // _STEP_SECONDS
    found = None
    # All are looked at, whichever fits: how long it takes tells nothing.
    for step in range(now - _STEPS_ASIDE, now + _STEPS_ASIDE + 1):
        fits = hmac.compare_digest(_totp(key).generate(step * _STEP_SECONDS), digits.encode())
        if fits and step > used_step:
            found = step
    return found


def _totp(key: bytes) -> TOTP:
    return TOTP(key, _DIGITS, SHA1(), _STEP_SECONDS)  # noqa: S303  all that apps know; collisions do not weaken HMAC
