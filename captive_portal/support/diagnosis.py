"""Is it me or the WiFi? Decided from what is known of the venue's equipment, of the policy, and of this device.

What is asked is what the database knows: when equipment was heard, what accounting says, who else is on. None of that
proves that a website opens, so the answer says what it rests on, and where nothing is known it says that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from captive_portal.journey import PATIENCE, State
from foundation.venue_health import Condition
from radius.authentication.outcome import RejectReason

# After a restart equipment takes some minutes until everything is as it was.
_JUST_RESTARTED: Final = timedelta(minutes=10)
# The network tells of a device again and again; so many times it may have been lost on the way.
_MISSED_NEWS: Final = 2
_SLOW_NEWS: Final = timedelta(minutes=1)


class Side(StrEnum):
    """Whose it is, in short."""

    WIFI = "wifi"
    DEVICE = "device"
    # A limit that the council has set; nothing is broken.
    LIMIT = "limit"
    NEITHER = "neither"
    UNKNOWN = "unknown"


class Finding(StrEnum):
    """What is most likely the matter; the value stands in ``problem_reports``."""

    WORKING = "working"
    # The WiFi
    EQUIPMENT_SILENT = "equipment-silent"
    EQUIPMENT_RESTARTED = "equipment-restarted"
    CONTROLLER_SILENT = "controller-silent"
    # The device
    DEVICE_NOT_HEARD = "device-not-heard"
    NOT_SIGNED_IN = "not-signed-in"
    # Limits
    CLOSED = "closed"
    DAY_USED_UP = "day-used-up"
    TOO_MANY_DEVICES = "too-many-devices"
    RIGHT_ENDED = "right-ended"
    # Nothing that anybody need mend
    CONNECTING = "connecting"
    ENDED = "ended"
    # It could be either
    NOT_LET_ON = "not-let-on"
    NO_NEWS = "no-news"

    @property
    def side(self) -> Side:
        """Whose it is."""
        return _SIDES[self]


_SIDES: Final = {
    Finding.WORKING: Side.NEITHER,
    Finding.EQUIPMENT_SILENT: Side.WIFI,
    Finding.EQUIPMENT_RESTARTED: Side.WIFI,
    Finding.CONTROLLER_SILENT: Side.WIFI,
    Finding.DEVICE_NOT_HEARD: Side.DEVICE,
    Finding.NOT_SIGNED_IN: Side.DEVICE,
    Finding.CLOSED: Side.LIMIT,
    Finding.DAY_USED_UP: Side.LIMIT,
    Finding.TOO_MANY_DEVICES: Side.LIMIT,
    Finding.RIGHT_ENDED: Side.LIMIT,
    Finding.CONNECTING: Side.NEITHER,
    Finding.ENDED: Side.NEITHER,
    Finding.NOT_LET_ON: Side.UNKNOWN,
    Finding.NO_NEWS: Side.UNKNOWN,
}
_LIMITS: Final = {
    RejectReason.OUTSIDE_OPENING_TIMES: Finding.CLOSED,
    RejectReason.DAILY_TIME_USED_UP: Finding.DAY_USED_UP,
    RejectReason.DAILY_DATA_USED_UP: Finding.DAY_USED_UP,
    RejectReason.TOO_MANY_DEVICES: Finding.TOO_MANY_DEVICES,
}


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """What is known of a venue's WiFi, or of a gateway's where the venue is not known."""

    # Of each access point.
    conditions: tuple[Condition, ...] = ()
    last_heard_at: datetime | None = None
    # When its gateway last said that it started.
    restarted_at: datetime | None = None
    # Whether several others are on here and were heard of lately; False also means that too few are to be told of.
    others_are_on: bool = False
    # Of a controller that is asked once a minute who is on: whether it has stopped answering.
    controller_is_silent: bool = False

    @property
    def is_silent(self) -> bool:
        """Whether nothing here was heard of for too long, while the place is open."""
        is_quiet = all(condition in (Condition.SILENT, Condition.NEVER_HEARD) for condition in self.conditions)
        return bool(self.conditions) and is_quiet and not self.others_are_on

    @property
    def has_silent_part(self) -> bool:
        """Whether some of the equipment is not heard, while other is."""
        return Condition.SILENT in self.conditions and Condition.HEARD in self.conditions


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What is known of a device on its journey."""

    state: State
    waiting_since: datetime | None = None
    # Whether its right to be on is over: of a code on paper, a sponsor, some minutes of grace.
    right_has_ended: bool = False
    # Why the policy would not let it on now.
    refusal: RejectReason | None = None
    # When the network last told of it, by our clock, and how often it does; None where it never does.
    heard_at: datetime | None = None
    heard_every: timedelta | None = None


def diagnose(place: PlaceFacts, device: DeviceFacts, now: datetime) -> Finding:
    """What is most likely the matter."""
    if device.state is State.ONLINE:
        return _online(place, device, now)
    if device.state is State.WAITING:
        since = device.waiting_since
        if since is not None and now - since < PATIENCE:
            return Finding.CONNECTING
    limit = _limit(device)
    if limit is not None:
        return limit
    if device.state is State.ENDED:
        return Finding.ENDED
    if device.state in (State.WAITING, State.FAILED):
        return _fault(place, now) or (Finding.EQUIPMENT_SILENT if place.is_silent else Finding.NOT_LET_ON)
    # Before the first one of the day signs in nothing is heard, and nothing is wrong.
    return _fault(place, now) or Finding.NOT_SIGNED_IN


def _online(place: PlaceFacts, device: DeviceFacts, now: datetime) -> Finding:
    if place.controller_is_silent:
        return Finding.CONTROLLER_SILENT
    limit = _limit(device)
    if limit is not None:
        return limit
    if not _is_late(device, now):
        return Finding.WORKING
    if place.others_are_on:
        return Finding.DEVICE_NOT_HEARD
    return _fault(place, now) or (Finding.EQUIPMENT_SILENT if place.is_silent else Finding.NO_NEWS)


def _is_late(device: DeviceFacts, now: datetime) -> bool:
    if device.heard_every is None:
        return False
    return device.heard_at is None or now - device.heard_at > _MISSED_NEWS * device.heard_every + _SLOW_NEWS


def _limit(device: DeviceFacts) -> Finding | None:
    if device.right_has_ended:
        return Finding.RIGHT_ENDED
    return None if device.refusal is None else _LIMITS.get(device.refusal)


def _fault(place: PlaceFacts, now: datetime) -> Finding | None:
    if place.restarted_at is not None and now - place.restarted_at < _JUST_RESTARTED:
        return Finding.EQUIPMENT_RESTARTED
    return Finding.CONTROLLER_SILENT if place.controller_is_silent else None
