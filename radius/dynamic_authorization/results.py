"""What comes of a Disconnect-Request or CoA-Request, in words for an engineer."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from radius import attributes
from radius.errors import MalformedAttributeError
from radius.packet import Code, Packet

# RFC 5176 section 3.5
ERROR_CAUSES: Final = {
    201: "the session was already gone; what was left of it was removed",
    202: "the EAP packet was invalid and ignored",
    401: "the equipment does not support an attribute that was sent",
    402: "the equipment misses an attribute",
    403: "the equipment says that it is not the one that was meant (NAS-Identifier or NAS-IP-Address)",
    404: "the equipment finds the request invalid",
    405: "the equipment does not support this Service-Type",
    406: "the equipment does not support an extension",
    407: "an attribute has a value that the equipment does not accept",
    501: "the equipment does not allow this server to do that; allow it in its configuration",
    502: "the request could not be routed to the equipment",
    503: "the equipment knows no such session; it has probably ended",
    504: "the equipment cannot remove the session",
    505: "a proxy on the way to the equipment had an error",
    506: "the equipment lacks resources at the moment; try again",
    507: "the equipment will ask for authorisation itself",
    508: "several sessions match and the equipment cannot choose",
}


class Action(StrEnum):
    """What is asked for; the value is a metric's label and stands in ``dynamic_authorizations``."""

    DISCONNECT = "disconnect"
    CHANGE = "coa"

    @property
    def code(self) -> Code:
        """The packet that asks for it."""
        return Code.DISCONNECT_REQUEST if self is Action.DISCONNECT else Code.COA_REQUEST


class Result(StrEnum):
    """How it went; the value is a metric's label and stands in ``dynamic_authorizations``."""

    DISCONNECTED = "disconnected"
    CHANGED = "changed"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    NOT_SUPPORTED = "not_supported"
    NOT_ALLOWED = "not_allowed"
    UNREACHABLE = "unreachable"
    NO_CONNECTION = "no_connection"
    TOO_LATE = "too_late"
    NO_SUCH_SESSION = "no_such_session"
    ALREADY_ENDED = "already_ended"
    NOT_NAMEABLE = "not_nameable"
    UNREADABLE_SECRET = "unreadable_secret"  # noqa: S105  a metric's label


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it, and a sentence for the engineer. ``error_cause`` is RFC 5176's number where one was sent."""

    result: Result
    explanation: str
    error_cause: int | None = None


def outcome_of_reply(reply: Packet) -> Outcome:
    """What an authentic reply means."""
    if reply.code is Code.DISCONNECT_ACK:
        return Outcome(Result.DISCONNECTED, "the equipment ended the session")
    if reply.code is Code.COA_ACK:
        return Outcome(Result.CHANGED, "the equipment took the change")
    cause = _error_cause(reply)
    return Outcome(Result.REFUSED, explain_error_cause(cause), cause)


def explain_error_cause(number: int | None) -> str:
    """An Error-Cause in words."""
    if number is None:
        return "the equipment refused and gave no reason; CoovaChilli does so for a session it does not know"
    return ERROR_CAUSES.get(number, f"the equipment refused with Error-Cause {number}, which RFC 5176 does not name")


def _error_cause(reply: Packet) -> int | None:
    try:
        return attributes.get_integer(reply, "Error-Cause")
    except MalformedAttributeError:
        return None
