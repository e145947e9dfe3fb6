"""May this device go on now, and for how long: a policy, the time and what was used already."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import NamedTuple

from radius.authentication.outcome import RejectReason
from radius.policies.effective import EffectivePolicy
from radius.policies.opening import open_until
from radius.policies.usage import NO_USAGE, Usage

# A shorter session would send the resident back to the portal at once; the right itself has ended by then anyway.
SHORTEST_SESSION_SECONDS = 60


class Grant(NamedTuple):
    """For how long, and how many octets in both directions; None is no limit."""

    session_seconds: int
    data_octets: int | None = None


def decide(
    policy: EffectivePolicy,
    now: datetime,
    zone: tzinfo,
    *,
    good_until: datetime | None = None,
    usage: Usage = NO_USAGE,
    device: str = "",
) -> Grant | RejectReason:
    """What a device is granted, or why not. ``usage`` is its resident's; ``device`` as in ``usage.devices``."""
    seconds = policy.session_seconds
    if good_until is not None:
        seconds = min(seconds, max(_seconds_until(good_until, now), SHORTEST_SESSION_SECONDS))
    if policy.opening is not None:
        closes = open_until(policy.opening, now, zone)
        # Session-Timeout 0 is no limit at all to much equipment.
        if closes is None or _seconds_until(closes, now) < 1:
            return RejectReason.OUTSIDE_OPENING_TIMES
        seconds = min(seconds, _seconds_until(closes, now))
    refusal = used_up(policy, usage)
    if refusal is not None:
        return refusal
    if policy.simultaneous_devices is not None and len(usage.devices - {device}) >= policy.simultaneous_devices:
        return RejectReason.TOO_MANY_DEVICES
    if policy.daily_seconds is not None:
        seconds = min(seconds, policy.daily_seconds - usage.seconds)
    return Grant(seconds, None if policy.daily_octets is None else policy.daily_octets - usage.octets)


def used_up(policy: EffectivePolicy, usage: Usage) -> RejectReason | None:
    """Which daily limit nothing is left of."""
    if policy.daily_seconds is not None and usage.seconds >= policy.daily_seconds:
        return RejectReason.DAILY_TIME_USED_UP
    if policy.daily_octets is not None and usage.octets >= policy.daily_octets:
        return RejectReason.DAILY_DATA_USED_UP
    return None


def is_closed(policy: EffectivePolicy, now: datetime, zone: tzinfo) -> bool:
    """Whether the place is closed."""
    return policy.opening is not None and open_until(policy.opening, now, zone) is None


def _seconds_until(moment: datetime, now: datetime) -> int:
    return int((moment - now).total_seconds())
