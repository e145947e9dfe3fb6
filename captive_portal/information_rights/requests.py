"""What people ask of a council about their data: which steps there are, which are possible now, and what is due when.

Nobody needs an account or a device for it. A request is known by a number that can be said at the telephone; its page
by an address that cannot be guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from captive_portal.errors import PortalError
from captive_portal.information_rights import clock
from captive_portal.information_rights.clock import Pause

# How long the page shows what was written, after the contact was proved.
OPEN_FOR: Final = timedelta(minutes=15)
# A form with so many letters of any of our languages fits into captive_portal.security.BODY_LIMIT_OCTETS.
LONGEST_TEXT: Final = 2000
# What a council writes is typed in English.
LONGEST_ANSWER: Final = 4000


class RequestError(PortalError):
    """The step is not possible now; the message says why, and what is."""


class Kind(StrEnum):
    """What is asked for; the words of information_requests.kind."""

    # Data Protection Act 2018, section 164A
    COMPLAINT = "complaint"
    # UK GDPR articles 15, 16, 17, and 18 with 21
    ACCESS = "access"
    CORRECTION = "correction"
    ERASURE = "erasure"
    OBJECTION = "objection"


class Wait(StrEnum):
    """Whose turn it is, if not the council's."""

    IDENTITY = "identity"
    CLARIFICATION = "clarification"


class Outcome(StrEnum):
    """How it ended."""

    DONE = "done"
    PARTLY = "partly"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


ANSWERS: Final = (Outcome.DONE, Outcome.PARTLY, Outcome.REFUSED)


class Happened(StrEnum):
    """What happened to a request; the words of request_events.kind."""

    RECEIVED = "received"
    ACKNOWLEDGED = "acknowledged"
    CONTACT_PROVED = "contact proved"
    IDENTITY_PROVED = "identity proved"
    CLARIFICATION_ASKED = "clarification asked"
    CLARIFIED = "clarified"
    EXTENDED = "extended"
    WRITTEN = "written"
    ANSWERED = "answered"
    WITHDRAWN = "withdrawn"


# With these nothing needs to be said.
WORDLESS: Final = frozenset({Happened.ACKNOWLEDGED})
# Who asked is sent word of these.
TOLD: Final = frozenset(
    {
        Happened.ACKNOWLEDGED,
        Happened.CLARIFICATION_ASKED,
        Happened.EXTENDED,
        Happened.WRITTEN,
        Happened.ANSWERED,
    }
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the clock goes by beside the law."""

    time_zone: str
    complaint_answer_days: int


@dataclass(frozen=True, slots=True)
class InformationRequest:
    """One request. ``contact`` is an email address or a telephone number in E.164."""

    id: int
    council_id: int
    number: str
    kind: Kind
    language: str
    rules: Rules
    received_at: datetime
    contact: str | None = field(default=None, repr=False)
    venue_name: str | None = None
    acknowledged_at: datetime | None = None
    contact_proved_at: datetime | None = None
    identity_proved_at: datetime | None = None
    waits_for: Wait | None = None
    extended_at: datetime | None = None
    closed_at: datetime | None = None
    outcome: Outcome | None = None
    gives_data: bool = False
    open_until: datetime | None = None
    pauses: tuple[Pause, ...] = ()

    @property
    def is_right(self) -> bool:
        """Whether the month of UK GDPR article 12 is running, and not the complaint's clock."""
        return self.kind is not Kind.COMPLAINT

    @property
    def relevant_at(self) -> datetime | None:
        """When a right's clock began (article 12A paragraph 2); None before identity was proved."""
        return None if self.identity_proved_at is None else max(self.received_at, self.identity_proved_at)

    def is_open(self, now: datetime) -> bool:
        """Whether the page shows what was written: of who gave a contact only after its code."""
        return self.contact is None or (self.open_until is not None and now < self.open_until)

    def due_at(self) -> datetime | None:
        """The end of the last day for what the council has to do next; None when it has nothing to do."""
        if self.closed_at is not None or self.waits_for is not None:
            return None
        zone = self.rules.time_zone
        if not self.is_right:
            if self.acknowledged_at is None:
                return clock.end_of(clock.last_day_to_acknowledge(self.received_at, zone), zone)
            days = self.rules.complaint_answer_days
            return clock.end_of(clock.last_day_of_a_complaint(self.received_at, days, zone), zone)
        is_extended = self.extended_at is not None
        return self._end_of_right(is_extended=is_extended)

    def _end_of_right(self, *, is_extended: bool) -> datetime | None:
        if self.relevant_at is None:
            return None
        zone = self.rules.time_zone
        return clock.end_of(
            clock.last_day_of_a_right(self.relevant_at, self.pauses, zone, is_extended=is_extended), zone
        )

    def may_be_extended(self, now: datetime) -> bool:
        """Only once, and within the first month (article 12A paragraph 4)."""
        end = self._end_of_right(is_extended=False)
        is_running = self.is_right and self.closed_at is None and self.waits_for is None
        return is_running and self.extended_at is None and end is not None and now < end


def acknowledged(request: InformationRequest, now: datetime) -> InformationRequest:
    """A complaint's receipt was confirmed. Raises RequestError."""
    _still_open(request)
    if request.is_right or request.acknowledged_at is not None:
        raise RequestError(f"{request.number} needs no acknowledgement; answer it")
    return replace(request, acknowledged_at=now)


def contact_proved(request: InformationRequest, now: datetime) -> InformationRequest:
    """The code that was sent was typed: the page is open for a while, and whose contact it is, is proved."""
    proved = replace(request, contact_proved_at=request.contact_proved_at or now, open_until=now + OPEN_FOR)
    return proved if request.closed_at is not None else _identified(proved, now)


def identity_proved(request: InformationRequest, now: datetime) -> InformationRequest:
    """The council is satisfied in another way. Raises RequestError."""
    _still_open(request)
    if request.identity_proved_at is not None:
        raise RequestError(f"of {request.number} identity is proved already")
    return _identified(request, now)


def _identified(request: InformationRequest, now: datetime) -> InformationRequest:
    waits_for = None if request.waits_for is Wait.IDENTITY else request.waits_for
    return replace(request, identity_proved_at=request.identity_proved_at or now, waits_for=waits_for)


def clarification_asked(request: InformationRequest, now: datetime) -> InformationRequest:
    """The clock stands from now on, which the law allows for subject access only. Raises RequestError."""
    _running(request)
    if request.kind is not Kind.ACCESS:
        raise RequestError("only a subject access request waits for clarification; write a message instead")
    return replace(request, waits_for=Wait.CLARIFICATION, pauses=(*request.pauses, Pause(now, None)))


def clarified(request: InformationRequest, now: datetime) -> InformationRequest:
    """The answer came, and the clock goes on. Raises RequestError."""
    if request.waits_for is not Wait.CLARIFICATION:
        raise RequestError(f"{request.number} does not wait for clarification")
    *earlier, last = request.pauses
    return replace(request, waits_for=None, pauses=(*earlier, replace(last, answered_at=now)))


def extended(request: InformationRequest, now: datetime) -> InformationRequest:
    """Two months more. Raises RequestError."""
    _running(request)
    if not request.may_be_extended(now):
        raise RequestError("only a right's first month can be extended, before it is over, and once")
    return replace(request, extended_at=now)


def answered(
    request: InformationRequest, outcome: Outcome, now: datetime, *, gives_data: bool = False, erases: bool = False
) -> InformationRequest:
    """It is over; with it they may get their data, or have them erased. Raises RequestError."""
    _still_open(request)
    if outcome is Outcome.WITHDRAWN:
        raise RequestError("only who asked can withdraw a request")
    if outcome is not Outcome.REFUSED and request.is_right and request.identity_proved_at is None:
        raise RequestError(f"of {request.number} identity is not proved; it can only be refused")
    if gives_data and (request.kind is not Kind.ACCESS or request.contact_proved_at is None):
        raise RequestError("data are given to who asked for them, after the code sent to their contact was typed")
    if erases and (request.kind is not Kind.ERASURE or request.contact_proved_at is None):
        raise RequestError("data are erased for who asked for that, after the code sent to their contact was typed")
    if outcome is Outcome.REFUSED and (gives_data or erases):
        raise RequestError("what is refused is not done")
    first = request.acknowledged_at or now
    return replace(
        request, closed_at=now, outcome=outcome, waits_for=None, gives_data=gives_data, acknowledged_at=first
    )


def withdrawn(request: InformationRequest, now: datetime) -> InformationRequest:
    """Who asked does not want it any more. Raises RequestError."""
    _still_open(request)
    return replace(request, closed_at=now, outcome=Outcome.WITHDRAWN, waits_for=None)


def by_council(
    request: InformationRequest,
    happened: Happened,
    now: datetime,
    *,
    outcome: Outcome = Outcome.DONE,
    gives_data: bool = False,
    erases: bool = False,
) -> InformationRequest:
    """A step of the council's, by its name. Raises RequestError."""
    match happened:
        case Happened.ACKNOWLEDGED:
            return acknowledged(request, now)
        case Happened.IDENTITY_PROVED:
            return identity_proved(request, now)
        case Happened.CLARIFICATION_ASKED:
            return clarification_asked(request, now)
        case Happened.CLARIFIED:
            return clarified(request, now)
        case Happened.EXTENDED:
            return extended(request, now)
        case Happened.ANSWERED:
            return answered(request, outcome, now, gives_data=gives_data, erases=erases)
        case Happened.WRITTEN:
            return request
        case _:
            raise RequestError(f"{happened} is no step of the council's")


def _still_open(request: InformationRequest) -> None:
    if request.closed_at is not None:
        raise RequestError(f"{request.number} is closed already")


def _running(request: InformationRequest) -> None:
    _still_open(request)
    if request.waits_for is not None:
        raise RequestError(f"the clock of {request.number} stands: {request.waits_for} is waited for")
