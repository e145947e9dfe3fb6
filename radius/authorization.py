"""What an accepted device may do, as reply attributes, and how its accounting will be recognised.

Units: WISPr bandwidth is bits per second (Wi-Fi Alliance WISPr 1.0, section on vendor attributes), times are seconds.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import datetime

from foundation.privacy import Keyring, PrivacyError
from foundation.settings import RadiusSettings
from radius.attributes import encode, encode_all
from radius.authentication.outcome import Accepted, RejectReason
from radius.packet import Attribute
from radius.service import Request

_CLASS_PURPOSE = "radius class"
_CLASS = struct.Struct("!QQ")
_SHORTEST_INTERIM_SECONDS = 60
_JITTER = 0.1
# A shorter session would send the resident back to the portal at once; the right itself has ended by then anyway.
_SHORTEST_SESSION_SECONDS = 60
_LARGEST_INTEGER = 2**32 - 1

# It must not tell which part of a login was wrong.
REJECT_ATTRIBUTES = encode_all({"Reply-Message": "You could not be connected. Open the sign-in page and try again."})


def longest_interim_seconds(settings: RadiusSettings) -> float:
    """The longest interim interval that any session was given."""
    return settings.interim_interval_seconds * (1 + _JITTER)


class Authorizer:
    """Decides what an accepted device may do."""

    def __init__(self, settings: RadiusSettings, keyring: Keyring) -> None:
        self._settings = settings
        self._keyring = keyring
        self._same_for_all = encode_all(
            {
                "Idle-Timeout": settings.idle_timeout_seconds,
                "WISPr-Bandwidth-Max-Down": _bits_per_second(settings.download_kilobits_per_second),
                "WISPr-Bandwidth-Max-Up": _bits_per_second(settings.upload_kilobits_per_second),
            }
        )

    async def authorize(self, accepted: Accepted, request: Request) -> tuple[Attribute, ...] | RejectReason:
        """The complete set, because equipment that gets a part keeps nothing of the rest; or why not."""
        # The request's authenticator is chance enough to spread the interim intervals.
        authenticator, now = request.packet.authenticator, request.arrival.at
        return (
            encode("Session-Timeout", self._session_seconds(accepted, now)),
            encode("Acct-Interim-Interval", interim_seconds(self._settings.interim_interval_seconds, authenticator)),
            *self._same_for_all,
            encode("Class", make_class(self._keyring, accepted.resident_id, accepted.device_id)),
        )

    def _session_seconds(self, accepted: Accepted, now: datetime) -> int:
        longest = self._settings.session_timeout_seconds
        if accepted.good_until is None:
            return longest
        left = int((accepted.good_until - now).total_seconds())
        return min(longest, max(left, _SHORTEST_SESSION_SECONDS))


def interim_seconds(interval_seconds: int, authenticator: bytes) -> int:
    """The interval within 10 % either way, so that the sessions of a storm do not report in step; at least 60.

    RFC 2869 section 2.1 asks for randomness. The same request gets the same interval.
    """
    chance = int.from_bytes(authenticator[:2], "big") / 0xFFFF * 2 - 1
    return max(_SHORTEST_INTERIM_SECONDS, round(interval_seconds * (1 + _JITTER * chance)))


def make_class(keyring: Keyring, resident_id: int | None, device_id: int | None) -> bytes:
    """Class (RFC 2865 section 5.25), which the NAS returns in accounting: sealed, because it travels in clear."""
    return keyring.encrypt(_CLASS_PURPOSE, _CLASS.pack(resident_id or 0, device_id or 0))


def read_class(keyring: Keyring, values: Sequence[bytes]) -> tuple[int | None, int | None]:
    """Resident and device from the Class attributes of an accounting record; others' Classes tell nothing."""
    for value in values:
        try:
            opened = keyring.decrypt(_CLASS_PURPOSE, value)
        except PrivacyError:
            continue
        if len(opened) == _CLASS.size:
            resident_id, device_id = _CLASS.unpack(opened)
            return resident_id or None, device_id or None
    return None, None


def _bits_per_second(kilobits_per_second: int) -> int:
    return min(kilobits_per_second * 1000, _LARGEST_INTEGER)
