"""What the page of my data says: every value in words, in the resident's language and time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from captive_portal.information_rights.my_data import (
    Acceptance,
    AskedRequest,
    Credential,
    Device,
    Kept,
    MyData,
    NewsConsent,
    ProblemReport,
    ProgramToken,
    Session,
)
from captive_portal.information_rights.requests import Kind
from captive_portal.languages import NAMES, ngettext, show_day, show_duration, show_octets, show_time
from captive_portal.languages import gettext as _
from captive_portal.pages.problem_words import kind_in_words
from captive_portal.pages.requests import kind_name
from captive_portal.ways_in.ways import Way

# The page stays small; an export has all of them.
MOST_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is kept: its heading, and what is known of it."""

    title: str
    lines: tuple[tuple[str, str], ...]
    # The terms that it is about.
    terms_id: int | None = None


def words_of(data: MyData, time_zone: str) -> dict[str, object]:
    """What the page's template asks for."""
    this_device = next((device for device in data.devices if device.is_this_one), None)
    return {
        "about": _about(data, this_device, time_zone),
        "contact": data.registration.contact,
        "chosen_language": data.registration.language,
        "device_items": [_device(each, time_zone) for each in data.devices],
        "session_items": [_session(each, time_zone) for each in data.sessions[:MOST_SHOWN]],
        "more_sessions": max(0, len(data.sessions) - MOST_SHOWN),
        "term_items": [_acceptance(each, time_zone) for each in data.terms],
        "name_items": [_credential(each, time_zone) for each in data.user_names],
        "paper_lines": [
            (show_day(each.used_at, time_zone), _moment(each.access_until, time_zone)) for each in data.codes_on_paper
        ],
        "request_items": [_request(each, time_zone) for each in data.requests],
        "news_items": [_news(each, time_zone) for each in data.news],
        "report_items": [_report(each, time_zone) for each in data.problem_reports],
        "token_items": [_token(each, time_zone) for each in data.program_tokens],
        "kept_lines": [(_what(each), _how_long(each)) for each in data.kept],
    }


def _about(data: MyData, device: Device | None, time_zone: str) -> tuple[tuple[str, str], ...]:
    registration = data.registration
    return (
        (_("Email address or mobile number"), registration.contact or _("You gave none")),
        (_("Language"), NAMES.get(registration.language, registration.language)),
        (_("Group"), registration.group or _("None")),
        (_("How you got online"), _way(device.way_in if device else None)),
        (_("First time online"), _moment(registration.registered_at, time_zone)),
        (_("Where"), registration.venue or _("Not known")),
        (_("Last seen"), _moment(registration.last_seen_at, time_zone)),
    )


def _device(device: Device, time_zone: str) -> Item:
    return Item(
        _("This device") if device.is_this_one else _("Another device"),
        (
            (_("Added"), _moment(device.added_at, time_zone)),
            (_("Last seen"), _moment(device.last_seen_at, time_zone)),
            (_("Remembered until"), _day_or(device.remembered_until, time_zone, _("Not remembered"))),
            (_("Its address"), _("Made up by the device") if device.has_private_address else _("Fixed")),
        ),
    )


def _session(session: Session, time_zone: str) -> Item:
    ended = _moment(session.ended_at, time_zone) if session.ended_at else _("Still online")
    return Item(
        _moment(session.began_at, time_zone),
        (
            (_("Ended"), ended),
            (_("Where"), session.venue or _("Not known")),
            (_("Time online"), show_duration(timedelta(seconds=session.seconds))),
            (_("Data used"), show_octets(session.octets_sent + session.octets_received)),
            (_("Told by"), _("The network") if session.source == "radius" else _("The network's controller")),
        ),
    )


def _acceptance(accepted: Acceptance, time_zone: str) -> Item:
    return Item(
        _("Terms, version %(version)s") % {"version": accepted.version},
        (
            (_("Accepted"), _moment(accepted.accepted_at, time_zone)),
            (_("Language"), NAMES.get(accepted.language, accepted.language)),
            (_("Where"), accepted.venue or _("Not known")),
        ),
        accepted.terms_id,
    )


def _news(agreed: NewsConsent, time_zone: str) -> Item:
    return Item(
        agreed.controller_name,
        (
            (_("What you agreed to"), agreed.text),
            (_("How it comes"), _("By email") if agreed.channel == "email" else _("By text")),
            (_("Language"), NAMES.get(agreed.language, agreed.language)),
            (_("Agreed"), _moment(agreed.given_at, time_zone)),
            (_("Where"), agreed.venue or _("Not known")),
            (_("Taken back"), _moment(agreed.withdrawn_at, time_zone) if agreed.withdrawn_at else _("No")),
        ),
    )


def _credential(credential: Credential, time_zone: str) -> Item:
    removed = ((_("Removed"), _moment(credential.removed_at, time_zone)),) if credential.removed_at else ()
    return Item(
        credential.user_name,
        (
            (_("Made"), _moment(credential.created_at, time_zone)),
            (_("Good until"), _day_or(credential.expires_at, time_zone, _("You remove it"))),
            (_("Last used"), _day_or(credential.last_used_at, time_zone, _("Not lately"))),
            *removed,
        ),
    )


def _report(report: ProblemReport, time_zone: str) -> Item:
    written = ((_("What you wrote"), report.text),) if report.text else ()
    return Item(
        _moment(report.reported_at, time_zone),
        (
            (_("What does not work?"), kind_in_words(report.kind)),
            (_("Where"), report.venue or _("Not known")),
            *written,
        ),
    )


def _token(token: ProgramToken, time_zone: str) -> Item:
    return Item(
        _("A program"),
        (
            (_("Made"), _moment(token.made_at, time_zone)),
            (_("Good until"), _moment(token.good_until, time_zone)),
            (_("It may also delete everything"), _("Yes") if token.may_delete else _("No")),
            (_("Last used"), _moment(token.last_used_at, time_zone) if token.last_used_at else _("Not lately")),
        ),
    )


def _request(request: AskedRequest, time_zone: str) -> Item:
    written = ((_("What was written"), request.written),) if request.written else ()
    return Item(
        request.number,
        (
            (_("What you asked"), kind_name(Kind(request.kind))),
            (_("Received"), _moment(request.received_at, time_zone)),
            (_("Closed"), _day_or(request.closed_at, time_zone, _("Not yet"))),
            *written,
        ),
    )


def _way(way: str | None) -> str:
    names = {
        Way.CLICK: _("Without giving anything"),
        Way.EMAIL: _("With a code by email"),
        Way.SMS: _("With a code by text"),
        Way.CODE: _("With a code on paper"),
        Way.SPONSOR: _("In a group"),
        Way.STAFF: _("With help from staff"),
    }
    return next((name for known, name in names.items() if known == way), _("Not known"))


def _what(kept: Kept) -> str:
    return {
        "raw identifiers": _("Your device's own address and user name, after you went offline"),
        "sessions": _("When and where you were online"),
        "authentications": _("The log of attempts to log in"),
        "problem reports": _("A problem that you reported"),
        "requests about data": _("A complaint or request about your data, after it was answered"),
        "journeys": _("What you typed while you signed up"),
        "devices": _("A device that you do not use any more"),
        "residents": _("Everything else, after you last used the WiFi"),
    }[kept.name]


def _how_long(kept: Kept) -> str:
    if kept.hours < 48:
        return ngettext("%(number)s hour", "%(number)s hours", kept.hours) % {"number": kept.hours}
    days = kept.hours // 24
    return ngettext("%(number)s day", "%(number)s days", days) % {"number": days}


def _moment(moment: datetime, time_zone: str) -> str:
    return f"{show_day(moment, time_zone)}, {show_time(moment, time_zone)}"


def _day_or(moment: datetime | None, time_zone: str, otherwise: str) -> str:
    return show_day(moment, time_zone) if moment is not None else otherwise
