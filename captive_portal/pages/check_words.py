"""What the answer to "is it me or the WiFi?" says: the finding, what to do, and what it rests on, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from captive_portal import capport
from captive_portal.languages import gettext as _
from captive_portal.languages import ngettext, show_duration, show_octets
from captive_portal.support.diagnosis import DeviceFacts, Finding, PlaceFacts, Side

# Below it nobody wants to know how long ago it was.
_JUST_NOW = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer in words: whose it is, what is the matter, and what to do, in this order."""

    headline: str
    sentence: str
    steps: tuple[str, ...]


def answer_of(finding: Finding, *, has_silent_part: bool) -> Answer:
    """What a finding is in words."""
    steps = _steps(finding)
    if has_silent_part and finding.side in (Side.UNKNOWN, Side.DEVICE) and finding is not Finding.NOT_SIGNED_IN:
        steps = (_("Part of the WiFi here is silent: try in another room or on another floor."), *steps)
    return Answer(_headline(finding.side), _sentence(finding), steps)


def facts_in_words(
    place: PlaceFacts, device: DeviceFacts, standing: capport.OpenSession | None, now: datetime
) -> list[tuple[str, str]]:
    """What the answer rests on: names and values. How many others are on is never told."""
    rows = []
    if place.conditions:
        heard = _ago(place.last_heard_at, now) if place.last_heard_at else _("Never yet")
        rows.append((_("Last sign of the WiFi here"), heard))
    if place.others_are_on:
        rows.append((_("Other people here"), _("Several are online now")))
    if device.heard_at is not None:
        rows.append((_("Last news of your device"), _ago(device.heard_at, now)))
    elif device.heard_every is not None:
        rows.append((_("Last news of your device"), _("None yet")))
    if standing is not None:
        rows += _limits(standing, now)
    return rows


def _limits(standing: capport.OpenSession, now: datetime) -> list[tuple[str, str]]:
    left, policy = capport.remaining(standing, now), standing.policy
    rows = [(_("Time left"), show_duration(timedelta(seconds=left.seconds if left else 0)))]
    if left is not None and left.octets is not None:
        rows.append((_("Data left today"), show_octets(left.octets)))
    rows.append((_("Highest speed to you"), _speed(policy.download_kilobits_per_second)))
    rows.append((_("Highest speed from you"), _speed(policy.upload_kilobits_per_second)))
    return rows


def _headline(side: Side) -> str:
    return {
        Side.WIFI: _("It looks like the WiFi"),
        Side.DEVICE: _("It looks like your device"),
        Side.LIMIT: _("Nothing is broken: a limit was reached"),
        Side.NEITHER: _("We see nothing wrong"),
        Side.UNKNOWN: _("It could be either"),
    }[side]


def _sentence(finding: Finding) -> str:
    return {
        Finding.WORKING: _("The WiFi here works, and your device is on it."),
        Finding.EQUIPMENT_SILENT: _("We have not heard of the WiFi here for some time. It may have a fault."),
        Finding.EQUIPMENT_RESTARTED: _("The WiFi here has just started again. It needs some minutes."),
        Finding.CONTROLLER_SILENT: _("What controls the WiFi here does not answer us. It may have a fault."),
        Finding.DEVICE_NOT_HEARD: _("Others are online here, but the network has not told us of your device lately."),
        Finding.NOT_SIGNED_IN: _("The WiFi is there, but you have not finished signing in."),
        Finding.CLOSED: _("The WiFi here is switched off at this time of day."),
        Finding.DAY_USED_UP: _("You have used all of the time or data that there is for one day."),
        Finding.TOO_MANY_DEVICES: _("You have as many devices online as you can have at one time."),
        Finding.RIGHT_ENDED: _("Your code, or the time that you were given, is over."),
        Finding.CONNECTING: _("The network is letting your device on. That takes a few seconds."),
        Finding.ENDED: _("You are offline because you logged out, or because your time was over."),
        Finding.NOT_LET_ON: _("The network has not told us that your device is on."),
        Finding.NO_NEWS: _("The network has not told us of your device lately."),
    }[finding]


def _steps(finding: Finding) -> tuple[str, ...]:
    off_and_on = _("Turn WiFi off and on again on your device.")
    nearer = _("Go nearer to where you were when it worked.")
    tell_staff = _("Tell a member of staff.")
    return {
        Finding.WORKING: (
            _("If one website or app does not open, try another: that one may have a fault of its own."),
            _("If nothing opens, switch off any VPN or private DNS on your device, and try again."),
            off_and_on,
        ),
        Finding.EQUIPMENT_SILENT: (_("You can do nothing about it on your device."), tell_staff),
        Finding.EQUIPMENT_RESTARTED: (_("Wait five minutes, then try again."),),
        Finding.CONTROLLER_SILENT: (_("You can do nothing about it on your device."), tell_staff),
        Finding.DEVICE_NOT_HEARD: (nearer, off_and_on),
        Finding.NOT_SIGNED_IN: (_("Go back, and choose how to get online."),),
        Finding.CLOSED: (_("Come back when it is open."),),
        Finding.DAY_USED_UP: (_("There is more from midnight on."),),
        Finding.TOO_MANY_DEVICES: (_("Log out on another of your devices, then try again."),),
        Finding.RIGHT_ENDED: (_("Ask for a new code, or choose another way to get online."),),
        Finding.CONNECTING: (_("Wait half a minute, then look again."),),
        Finding.ENDED: (_("Go back, and connect again."),),
        Finding.NOT_LET_ON: (_("Go back, and try again."), off_and_on, tell_staff),
        Finding.NO_NEWS: (nearer, off_and_on, tell_staff),
    }[finding]


def _ago(moment: datetime, now: datetime) -> str:
    if now - moment < _JUST_NOW:
        return _("Just now")
    return _("%(duration)s ago") % {"duration": show_duration(now - moment)}


def _speed(kilobits_per_second: int) -> str:
    megabits = kilobits_per_second // 1000
    if megabits:
        return ngettext("%(number)s megabit a second", "%(number)s megabits a second", megabits) % {"number": megabits}
    return _("%(number)s kilobits a second") % {"number": kilobits_per_second}
