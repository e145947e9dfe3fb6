"""The captive portal API's answer (RFC 8908; architecture in RFC 8952), from what is known of a device.

A device asks whether it is captive, and believes the answer more than its probe. So nothing of it is kept anywhere: it
is made anew of the accounting sessions and the policy each time, and is right as soon as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Final

from prometheus_client import Counter

from radius.authentication.outcome import RejectReason
from radius.policies.decision import decide
from radius.policies.effective import EffectivePolicy
from radius.policies.usage import Usage

MEDIA_TYPE: Final = "application/captive+json"
_LASTS_DAYS: Final = 8
_FOR_EVER_SECONDS: Final = 2**31

answers = Counter(
    "citywifi_portal_captive_portal_api_answers_total",
    "Answers of the captive portal API (RFC 8908), by what they say.",
    ["answer"],
)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """The accounting session that a device is on by, and what it may use."""

    started_at: datetime
    policy: EffectivePolicy
    zone: tzinfo
    # Its resident's today, without this device among ``devices``.
    usage: Usage
    # When the device's right to be on ends, where it does.
    access_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left to a device that is on; octets are None without a limit."""

    seconds: int
    octets: int | None
    can_extend: bool


def remaining(session: OpenSession, now: datetime) -> Remaining | None:
    """What is left of a session; None when nothing is, so that the device is captive whatever its equipment does.

    It can be extended, by beginning anew, where its own length ends it, and not the day's share, the closing time or
    the end of a code.
    """
    # It is one of the devices that are on, so their number does not matter.
    policy = replace(session.policy, simultaneous_devices=None)
    elapsed_seconds = max(0, int((now - session.started_at).total_seconds()))
    own_seconds = policy.session_seconds - elapsed_seconds
    left = decide(replace(policy, session_seconds=_FOR_EVER_SECONDS), now, session.zone, usage=session.usage)
    if isinstance(left, RejectReason):
        return None
    others_seconds = left.session_seconds
    if session.access_until is not None:
        others_seconds = min(others_seconds, int((session.access_until - now).total_seconds()))
    seconds = min(own_seconds, others_seconds)
    return Remaining(seconds, left.data_octets, own_seconds < others_seconds) if seconds > 0 else None


def answer(left: Remaining | None, portal_url: str, venue_url: str) -> dict[str, object]:
    """The JSON object (RFC 8908 section 5) for a device that has so much left, or is captive."""
    addresses = {"user-portal-url": portal_url, "venue-info-url": venue_url}
    if left is None:
        return {"captive": True, **addresses}
    limits: dict[str, object] = {"can-extend-session": left.can_extend, "seconds-remaining": left.seconds}
    if left.octets is not None:
        limits["bytes-remaining"] = left.octets
    return {"captive": False, **addresses, **limits}


def problem(detail: str) -> dict[str, object]:
    """A problem (RFC 9457) for an address that leads to no device."""
    return {"type": "about:blank", "title": "Not Found", "status": 404, "detail": detail}


def addresses_expire_at(now: datetime) -> datetime:
    """The same for a whole day, so that a device that asks again is told the same addresses."""
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=_LASTS_DAYS), time(), UTC)
