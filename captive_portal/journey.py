"""The resident's path from arrival to being online, as a state machine.

One table holds every legal transition; everything here is a plain function of values. A journey is kept on the server
under an unguessable identifier in the path, so that it needs no cookie and survives the closing of a phone's sign-in
sheet. It is never trusted further than the redirect that began it: its pages show nothing personal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from captive_portal.errors import PortalError
from captive_portal.gateways.base import Arrival, Outcome

# How long a resident waits for proof before the page offers help instead.
PATIENCE: Final = timedelta(seconds=30)


class State(StrEnum):
    """Where a resident is."""

    CHOOSE = "choose"
    EMAIL = "email"
    PHONE = "phone"
    VOUCHER = "voucher"
    HELP = "help"
    CODE = "code"
    RELEASE = "release"
    WAITING = "waiting"
    ONLINE = "online"
    FAILED = "failed"
    ENDED = "ended"
    # Never stored: a journey is expired when its time is over.
    EXPIRED = "expired"


class Event(StrEnum):
    """What happens to a journey."""

    # The resident
    CHOSE_EMAIL = "chose-email"
    CHOSE_PHONE = "chose-phone"
    CHOSE_VOUCHER = "chose-voucher"
    CHOSE_STAFF = "chose-staff"
    CODE_SENT = "code-sent"
    REGISTERED = "registered"
    # A few minutes online, on the same device, to read the message with the code.
    GRACE_GIVEN = "grace-given"
    # The code was typed while grace lasts: what is on stays on.
    VERIFIED = "verified"
    SENT_TO_GATEWAY = "sent-to-gateway"
    # The device is captive again, or wants to try again: it may be released at once, or must register first.
    MAY_RELEASE = "may-release"
    MUST_REGISTER = "must-register"
    # It waits for a code that was sent already.
    MUST_VERIFY = "must-verify"
    # The gateway
    GRANTED = "granted"
    REFUSED = "refused"
    # Accounting
    PROVEN = "proven"
    ENDED = "ended"


_REGISTERING: Final[Mapping[Event, State]] = {
    Event.CHOSE_EMAIL: State.EMAIL,
    Event.CHOSE_PHONE: State.PHONE,
    Event.CHOSE_VOUCHER: State.VOUCHER,
    Event.CHOSE_STAFF: State.HELP,
    Event.REGISTERED: State.RELEASE,
    Event.MAY_RELEASE: State.RELEASE,
    Event.GRANTED: State.WAITING,
}
_AGAIN: Final[Mapping[Event, State]] = {
    Event.MAY_RELEASE: State.RELEASE,
    Event.MUST_REGISTER: State.CHOOSE,
    Event.MUST_VERIFY: State.CODE,
    Event.GRANTED: State.WAITING,
}

TRANSITIONS: Final[Mapping[State, Mapping[Event, State]]] = {
    State.CHOOSE: {
        **_REGISTERING,
        Event.MUST_REGISTER: State.CHOOSE,
        Event.REFUSED: State.CHOOSE,
        Event.ENDED: State.CHOOSE,
    },
    State.EMAIL: {
        **_REGISTERING,
        Event.CODE_SENT: State.CODE,
        Event.MUST_REGISTER: State.EMAIL,
        Event.REFUSED: State.EMAIL,
        Event.ENDED: State.EMAIL,
    },
    State.PHONE: {
        **_REGISTERING,
        Event.CODE_SENT: State.CODE,
        Event.MUST_REGISTER: State.PHONE,
        Event.REFUSED: State.PHONE,
        Event.ENDED: State.PHONE,
    },
    State.VOUCHER: {
        **_REGISTERING,
        Event.MUST_REGISTER: State.VOUCHER,
        Event.REFUSED: State.VOUCHER,
        Event.ENDED: State.VOUCHER,
    },
    State.HELP: {
        **_REGISTERING,
        Event.MUST_REGISTER: State.HELP,
        Event.REFUSED: State.HELP,
        Event.ENDED: State.HELP,
    },
    State.CODE: {
        **_REGISTERING,
        Event.CODE_SENT: State.CODE,
        Event.GRACE_GIVEN: State.RELEASE,
        Event.MUST_VERIFY: State.CODE,
        Event.MUST_REGISTER: State.CODE,
        Event.REFUSED: State.CODE,
        Event.ENDED: State.CODE,
    },
    State.RELEASE: {
        **_AGAIN,
        Event.SENT_TO_GATEWAY: State.WAITING,
        Event.REFUSED: State.FAILED,
        Event.ENDED: State.ENDED,
    },
    State.WAITING: {
        **_AGAIN,
        Event.PROVEN: State.ONLINE,
        Event.REFUSED: State.FAILED,
        Event.ENDED: State.ENDED,
    },
    # A second tab's refusal does not take away that the device is on.
    State.ONLINE: {
        **_AGAIN,
        Event.CODE_SENT: State.ONLINE,
        Event.VERIFIED: State.ONLINE,
        Event.GRANTED: State.ONLINE,
        Event.REFUSED: State.ONLINE,
        Event.ENDED: State.ENDED,
    },
    State.FAILED: {**_AGAIN, Event.REFUSED: State.FAILED, Event.ENDED: State.ENDED},
    State.ENDED: {**_AGAIN, Event.REFUSED: State.FAILED, Event.ENDED: State.ENDED},
}

# The one page of each state; a browser that asks for another is sent there.
PAGES: Final[Mapping[State, str]] = {
    State.CHOOSE: "start",
    State.EMAIL: "email",
    State.PHONE: "phone",
    State.VOUCHER: "voucher",
    State.HELP: "help",
    State.CODE: "code",
    State.RELEASE: "connect",
    State.WAITING: "waiting",
    State.ONLINE: "online",
    State.FAILED: "failed",
    State.ENDED: "ended",
    State.EXPIRED: "expired",
}

# Pages that may also be looked at in a state, for the back button, a changed mind, or more detail.
_ALSO_REACHABLE: Final[Mapping[State, frozenset[str]]] = {
    State.EMAIL: frozenset({"start"}),
    State.PHONE: frozenset({"start"}),
    State.VOUCHER: frozenset({"start", "pictures"}),
    State.HELP: frozenset({"start"}),
    State.CODE: frozenset({"start", "email", "phone"}),
    State.ONLINE: frozenset({"status", "secure"}),
}


class IllegalTransitionError(PortalError):
    """An event that cannot happen in this state: a fault of our own."""


@dataclass(frozen=True, slots=True)
class Details:
    """What is kept encrypted: what the gateway handed over, and what the resident chose so far."""

    path_id: str = field(repr=False)
    driver: str
    randomised: bool
    # The device's, so that its resident can have what was written under it deleted.
    address: str | None = field(default=None, repr=False)
    hand_over: Mapping[str, str] = field(default_factory=dict, repr=False)
    handed_over_at: datetime | None = None
    # The text that the resident accepted, and whether the device is to be remembered.
    terms_id: int | None = None
    # The resident was here before, and the terms have changed materially since.
    terms_changed: bool = False
    remember: bool = False
    # An email address or a telephone number that a code was sent to and that is not verified yet.
    contact: str | None = field(default=None, repr=False)
    # When the device's right to be on has an end.
    access_until: datetime | None = None
    # The same as it was at the latest release: the session keeps it, whatever was verified since.
    session_until: datetime | None = None
    device_id: int | None = None
    # The one-time user name of the latest release.
    user_name: str | None = field(default=None, repr=False)
    released_at: datetime | None = None
    waiting_since: datetime | None = None
    # The gateway says that the device was on already: a session from before the release is proof, too.
    already_online: bool = False
    # The browser was sent for a fresh hand-over, so its return goes straight on to the release.
    renewing: bool = False
    failure: str | None = None
    # My data: until when its pages are open, and where a code was sent to open them or to change the contact.
    data_open_until: datetime | None = None
    data_contact: str | None = field(default=None, repr=False)
    # Until when the contact that was given by this way in counts as proved: news are asked about, my data is not open.
    contact_proved_until: datetime | None = None
    # Somebody at a desk has just let the device on; its resident is yet to press the button.
    let_on_by_staff: bool = False
    # The resident had everything deleted; the device is on, and nothing is known of it.
    is_erased: bool = False


@dataclass(frozen=True, slots=True)
class Journey:
    """One resident's path at one gateway."""

    id: int
    council_id: int
    nas_id: int
    venue_id: int | None
    mac_pseudonym: bytes = field(repr=False)
    resident_id: int | None
    state: State
    language: str
    details: Details
    expires_at: datetime

    @property
    def is_registered(self) -> bool:
        """A resident and a device are known, so that a one-time password may be made."""
        return self.resident_id is not None and self.details.device_id is not None

    def path(self, page: str) -> str:
        """The address of one of its pages."""
        return f"/j/{self.details.path_id}/{page}"

    def current_path(self) -> str:
        """The address of the page that belongs to its state."""
        return self.path(PAGES[self.state])

    def shows(self, page: str) -> bool:
        """Whether the page may be looked at now."""
        if self.details.is_erased:
            return page == PAGES[self.state]
        if page == PAGES[self.state] or page in _ALSO_REACHABLE.get(self.state, ()):
            return True
        return page == PAGES[State.CODE] and self.is_in_grace

    @property
    def is_in_grace(self) -> bool:
        """Online to fetch the code, which is yet to be typed."""
        return self.state is State.ONLINE and self.details.contact is not None

    @property
    def shows_data(self) -> bool:
        """Whether the pages about the resident's data are there; ``data_is_open`` is of those who have a contact.

        Not while proof is awaited: what was deleted then would come back with it.
        """
        return self.is_registered and not self.is_in_grace and self.state not in (State.WAITING, State.EXPIRED)

    def data_is_open(self, now: datetime) -> bool:
        """Whether the resident's contact was proved a short while ago."""
        until = self.details.data_open_until
        return until is not None and now < until

    def contact_is_proved(self, now: datetime) -> bool:
        """Whether the resident's contact was proved a short while ago, on the way in or for my data."""
        until = self.details.contact_proved_until
        return self.data_is_open(now) or (until is not None and now < until)

    def may_be_on(self, now: datetime) -> bool:
        """Whether it is registered and its right to be on has not ended."""
        until = self.details.access_until
        return self.is_registered and (until is None or now < until)


def advance(journey: Journey, event: Event, **changed_details: Any) -> Journey:
    """The journey after the event. Raises IllegalTransitionError."""
    try:
        state = TRANSITIONS[journey.state][event]
    except KeyError:
        raise IllegalTransitionError(f"a journey in state {journey.state} cannot take {event}") from None
    details = replace(journey.details, **changed_details) if changed_details else journey.details
    return replace(journey, state=state, details=details)


def meet(journey: Journey, arrival: Arrival, *, may_release: bool, now: datetime) -> Journey:
    """What a (checked) redirect does to the device's journey.

    ``may_release`` is whether its resident is known and has accepted the current terms.
    """
    # What was handed over before is as old as it was, unless the browser was sent to have it renewed.
    if arrival.hand_over and (journey.details.renewing or arrival.hand_over != journey.details.hand_over):
        details = replace(journey.details, hand_over=dict(arrival.hand_over), handed_over_at=now)
        journey = replace(journey, details=details)
    match arrival.outcome:
        case Outcome.CAPTIVE:
            return _meet_captive(journey, may_release=may_release, now=now)
        case Outcome.GRANTED:
            since = journey.details.waiting_since
            return advance(journey, Event.GRANTED, waiting_since=since or now, renewing=False)
        case Outcome.ALREADY_ONLINE:
            return advance(journey, Event.GRANTED, waiting_since=now, already_online=True, renewing=False)
        case Outcome.REFUSED:
            return advance(journey, Event.REFUSED, failure=arrival.failure, renewing=False)
        case Outcome.LOGGED_OFF:
            return advance(journey, Event.ENDED, renewing=False)


def _meet_captive(journey: Journey, *, may_release: bool, now: datetime) -> Journey:
    # A phone's probe may come here while its browser is still at the gateway with the one-time password.
    if journey.state is State.WAITING and is_patient(journey, now):
        return journey
    event = Event.MAY_RELEASE if may_release else must_register(journey)
    return advance(journey, event, already_online=False)


def must_register(journey: Journey) -> Event:
    """What is left to do for a device that may not go on: to type the code that it was sent, or to begin."""
    waits = journey.state not in (State.CHOOSE, State.EMAIL, State.PHONE, State.VOUCHER)
    return Event.MUST_VERIFY if waits and journey.details.contact is not None else Event.MUST_REGISTER


def is_patient(journey: Journey, now: datetime) -> bool:
    """Whether it is too early to call the release a failure."""
    since = journey.details.waiting_since
    return since is not None and now - since < PATIENCE


def needs_new_hand_over(journey: Journey, lifetime_seconds: int | None, now: datetime) -> bool:
    """Whether what the gateway handed over is missing, too old, or was used in an attempt that did not succeed."""
    handed_over_at = journey.details.handed_over_at
    if not journey.details.hand_over or handed_over_at is None:
        return True
    if lifetime_seconds is None:
        return False
    released_at = journey.details.released_at
    was_used = released_at is not None and handed_over_at <= released_at
    waited_in_vain = journey.state is State.WAITING and was_used and not is_patient(journey, now)
    if waited_in_vain or journey.state in (State.FAILED, State.ENDED):
        return True
    return now - handed_over_at >= timedelta(seconds=lifetime_seconds)
