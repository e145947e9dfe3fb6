"""What is wrong, worst first, and what to do about each: decided from an overview alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from foundation.due_requests import URGENT
from foundation.problem_reports import ProblemKind
from foundation.venue_health import Condition
from monitoring.overview import AccessPoint, Overview, Venue
from radius.authentication.outcome import RejectReason

# So many rejects for one reason at one place are more than somebody's typing error.
_MANY_REJECTS: Final = 10
# Of the texts that a council pays for in a month.
_MANY_TEXTS: Final = 0.8
_LATE_USAGE: Final = timedelta(minutes=10)
# So many reports of one kind at one place are more than one resident's bad day.
_MANY_REPORTS: Final = 5
# Restarts older than this are history.
_FRESH_RESTART: Final = timedelta(hours=2)

Level = Literal["problem", "note"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding; a note needs no hurry."""

    level: Level
    venue_id: int | None
    place: str
    finding: str
    remedy: str


_REMEDIES: Final = {
    RejectReason.NO_USER_NAME: "The equipment asks without a name: look at its RADIUS settings or firmware.",
    RejectReason.TWO_CREDENTIALS: "The equipment breaks the protocol: update its firmware.",
    RejectReason.MALFORMED_ATTRIBUTE: "The equipment sends broken packets: update its firmware.",
    RejectReason.CREDENTIAL_EXPIRED: "Somebody uses an old credential; give them a new one if they should have it.",
    RejectReason.CREDENTIAL_REVOKED: "Somebody uses a credential that was taken away; ask why if it goes on.",
    RejectReason.NO_CREDENTIAL: "Set the equipment to PAP, CHAP or MAC authentication.",
    RejectReason.EAP_NOT_OFFERED: "Run `citywifi certificates init`, or set this network to an open one with a portal.",
    RejectReason.UNKNOWN_USER: "Somebody types a name that does not exist, or an old voucher: ask at the venue.",
    RejectReason.WRONG_PASSWORD: "If it is everybody at this venue, the shared secrets differ: compare them.",
    RejectReason.TOKEN_EXPIRED: "The gateway delivers late: check its clock and its uplink.",
    RejectReason.TOKEN_USED_UP: "The gateway asks again after it was answered: look for packet loss to RADIUS.",
    RejectReason.TOKEN_OF_ANOTHER_DEVICE: "A gateway that mixes devices up, or a shared link: look at its firmware.",
    RejectReason.TOKEN_OF_ANOTHER_NAS: "The device roamed while it signed up, or two gateways have one address.",
    RejectReason.ADDRESS_OF_ANOTHER_DEVICE: "A device pretends to be another, or MAC authentication is set up wrongly.",
    RejectReason.DEVICE_NOT_REMEMBERED: "Nothing to do: a new device is shown the portal.",
    RejectReason.DEVICE_NO_LONGER_REMEMBERED: "Nothing to do: the device is shown the portal again.",
    RejectReason.CHAP_NEEDS_PASSWORD: "Set the equipment to PAP or MS-CHAPv2, or give the person a new credential.",
    RejectReason.EAP_MALFORMED: "One device: update it. Many: the equipment cuts packets, look at its MTU.",
    RejectReason.EAP_UNEXPECTED: "One device: update it. Many: packets are lost or doubled on the way to RADIUS.",
    RejectReason.EAP_CONVERSATION_UNKNOWN: "Send all requests of a device to one RADIUS server; look for packet loss.",
    RejectReason.EAP_TOO_MANY_CONVERSATIONS: "Raise eap.most_conversations, or find the device that begins so many.",
    RejectReason.EAP_ABANDONED: "Look at the device: it may not trust our certificate, or be at the edge of the radio.",
    RejectReason.EAP_NO_COMMON_METHOD: "Set the device to one of eap.methods: PEAP, TTLS or TLS.",
    RejectReason.EAP_INNER_METHOD_MISSING: "Set the device to MSCHAPv2, GTC or PAP inside of its tunnel.",
    RejectReason.EAP_CRYPTO_BINDING_WRONG: "If it comes again, somebody relays logins at this place: look for a rogue.",
    RejectReason.TLS_FAILED: "The log of this login has more. One device: update it. Many: `citywifi doctor`.",
    RejectReason.TLS_VERSION_TOO_OLD: "Update the device: TLS 1.0 and 1.1 are not safe.",
    RejectReason.TLS_ENDED_BY_DEVICE: 'Somebody may have pressed "do not trust": give the device the profile.',
    RejectReason.TLS_SERVER_NOT_TRUSTED: "Give the device the profile; if it is everybody, our certificate changed.",
    RejectReason.CERTIFICATE_MISSING: "Install the device's certificate: `citywifi certificates device NAME`.",
    RejectReason.CERTIFICATE_UNTRUSTED: "The certificate is of another authority: see eap.client_ca_file.",
    RejectReason.CERTIFICATE_EXPIRED: "Make a new one: `citywifi certificates device NAME`; check its clock.",
    RejectReason.CERTIFICATE_REVOKED: "Somebody uses a device whose certificate was taken away; ask why if it goes on.",
    RejectReason.CERTIFICATE_OF_NOBODY: "Its credential was removed, or is another council's: see `credentials list`.",
    RejectReason.OUTSIDE_OPENING_TIMES: "Nothing to do: the policy closes the network at this time.",
    RejectReason.DAILY_TIME_USED_UP: "Nothing to do: the policy gives each resident so much a day.",
    RejectReason.DAILY_DATA_USED_UP: "Nothing to do: the policy gives each resident so much a day.",
    RejectReason.TOO_MANY_DEVICES: "Nothing to do, unless Stops are lost: then devices that left still count.",
    RejectReason.REALM_UNKNOWN: "A guest or a typing error; guests of a realm are served after `citywifi realm add`.",
    RejectReason.REALM_REJECTED: "The guest's own operator said no; only they know why.",
    RejectReason.REALM_SILENT: "See `citywifi realm list`: the operator's servers, or the line to them, are down.",
    RejectReason.PROXY_LOOP: "Two servers send a realm to each other: compare `citywifi realm list` with theirs.",
}
_REPORT_REMEDIES: Final = {
    ProblemKind.NOTHING_OPENS: "Open a website through this WiFi. If none opens, look at the uplink and at DNS there.",
    ProblemKind.SLOW: "Compare the load of the uplink with the policy's speeds; too many devices may share one radio.",
    ProblemKind.STOPS: "Look for restarts here, and for a radio that is disturbed or too weak.",
    ProblemKind.SIGN_IN: "Get online there as a resident does, and look at the rejects of this place.",
    ProblemKind.ONE_SITE: "The venue's page has what they wrote. See whether the filter blocks it by mistake.",
    ProblemKind.NO_SIGNAL: "See whether an access point there is silent; else measure the signal where they say.",
    ProblemKind.OTHER: "The venue's page has what they wrote.",
}
_BY_EXPLANATION: Final = {reason.explanation: reason for reason in RejectReason}
# They are how a captive portal and a policy work, not a fault.
_EXPECTED: Final = frozenset(
    {
        RejectReason.DEVICE_NOT_REMEMBERED,
        RejectReason.DEVICE_NO_LONGER_REMEMBERED,
        RejectReason.OUTSIDE_OPENING_TIMES,
        RejectReason.DAILY_TIME_USED_UP,
        RejectReason.DAILY_DATA_USED_UP,
        RejectReason.TOO_MANY_DEVICES,
    }
)


def remedy_of(reason: str) -> str:
    """What to do about a reject, by the reason in the log; empty where nothing is known."""
    known = _BY_EXPLANATION.get(reason)
    return _REMEDIES.get(known, "") if known is not None else ""


def is_expected(reason: str) -> bool:
    """Whether a reject for this reason is how a captive portal or a policy works."""
    return _BY_EXPLANATION.get(reason) in _EXPECTED


def find_problems(overview: Overview) -> tuple[Problem, ...]:
    """Everything that an engineer should look at."""
    found = [
        *_late_usage(overview),
        *_many_rejects(overview),
        *_restarts(overview),
        *_texts(overview),
        *_requests(overview),
        *_reported(overview),
    ]
    for venue in overview.venues:
        found += _access_points(venue)
    return tuple(sorted(found, key=lambda problem: problem.level != "problem"))


def _late_usage(overview: Overview) -> Iterator[Problem]:
    if overview.counted_until is not None and overview.at - overview.counted_until > _LATE_USAGE:
        yield Problem(
            "problem", None, "Monitoring", "Sessions are not being counted into hourly usage.",
            "Look for its errors in the log of `citywifi serve monitoring`. Nothing is lost: it catches up by itself.",
        )  # fmt: skip


def _many_rejects(overview: Overview) -> Iterator[Problem]:
    numbers = Counter(
        (reject.venue_id, reject.venue_name or reject.nas_name, reject.reason) for reject in overview.rejects
    )
    for (venue_id, place, reason), number in numbers.most_common():
        if number >= _MANY_REJECTS and not is_expected(reason):
            yield Problem("problem", venue_id, place, f"{number} recent rejects: {reason}.", remedy_of(reason))


def _restarts(overview: Overview) -> Iterator[Problem]:
    for restart in overview.restarts:
        if overview.at - restart.at < _FRESH_RESTART:
            yield Problem(
                "note", None, restart.venue_name or restart.nas_name, f"{restart.nas_name} restarted.",
                "Once is an update or a power cut. If it goes on, check the power supply and the gateway's own log.",
            )  # fmt: skip


def _texts(overview: Overview) -> Iterator[Problem]:
    for budget in overview.texts:
        if budget.sent < _MANY_TEXTS * budget.limit or budget.sent == 0:
            continue
        is_over = budget.left == 0
        remedy = "Residents are offered the other ways in. " if is_over else ""
        remedy += "`citywifi ways texts --limit` pays for more; look first whether somebody wastes them."
        yield Problem(
            "problem" if is_over else "note", None, budget.council_code,
            f"{budget.sent} of {budget.limit} texts of {budget.month} are used.",
            remedy,
        )  # fmt: skip


def _requests(overview: Overview) -> Iterator[Problem]:
    remedy = "Staff who answer for people's data see them at /staff/requests of the portal: tell them."
    for due in overview.requests:
        if due.overdue:
            finding = f"Complaints or requests about data that are overdue: {due.overdue}."
            yield Problem("problem", None, due.council_code, finding, remedy)
        if due.urgent:
            finding = (
                f"Complaints or requests about data that must be answered within {URGENT.days} days: {due.urgent}."
            )
            yield Problem("note", None, due.council_code, finding, remedy)


def _reported(overview: Overview) -> Iterator[Problem]:
    for reported in overview.reported:
        times = "once" if reported.number == 1 else f"{reported.number} times"
        yield Problem(
            "problem" if reported.number >= _MANY_REPORTS else "note", reported.venue_id, reported.place,
            f"Residents reported {times} in 24 hours: {reported.kind.meaning}.", _REPORT_REMEDIES[reported.kind],
        )  # fmt: skip


def _access_points(venue: Venue) -> Iterator[Problem]:
    silent = [point for point in venue.access_points if point.condition is Condition.SILENT]
    never = [point for point in venue.access_points if point.condition is Condition.NEVER_HEARD]
    place = venue.name or "At no known venue"
    if silent:
        everything = len(silent) == len(venue.access_points)
        yield Problem(
            "problem" if everything else "note", venue.id, place, f"Silent while open: {_names(silent)}.",
            "The whole venue is silent: check its uplink and power first, then the gateway's RADIUS settings."
            if everything
            else "Others here are heard, so it may only be unused: look whether its radio is on.",
        )  # fmt: skip
    if never and venue.id is not None:
        yield Problem(
            "note", venue.id, place, f"Never heard: {_names(never)}.",
            "Log on once through it. If it stays so, its RADIUS server address, secret or MAC address here is wrong.",
        )  # fmt: skip


def _names(points: list[AccessPoint]) -> str:
    shown = ", ".join(point.name for point in points[:3])
    return shown if len(points) <= 3 else f"{shown} and {len(points) - 3} more"
