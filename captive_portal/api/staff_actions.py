"""What programs of a council's staff do: let devices on, see and end sessions. Each action is in the audit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Final

from pydantic import ConfigDict, Field
from sqlalchemy import insert

from captive_portal.api.access import ProgramCall, WithKey
from captive_portal.api.operations import Tag, operation
from captive_portal.api.problems import (
    CANNOT_BE_ENDED,
    NO_ANSWER,
    NO_DEVICE_WAITS,
    NOT_FOUND,
    REFUSED_BY_EQUIPMENT,
    Kind,
    ProblemError,
)
from captive_portal.api.venues import Number
from captive_portal.storage import help_requests, sessions_of_council
from captive_portal.storage.api_keys import Scope
from captive_portal.ways_in import help_at_desk
from foundation.database import Statements
from foundation.schema import audit_events
from radius.dynamic_authorization import Result, disconnect_session

_MOST: Final = 200
_LARGEST_NUMBER: Final = 2**63 - 1
STAFF: Final = Tag(
    "Staff", "For programs of a council's staff, by a key. What they see and do is of that council only."
)
_PROBLEM_OF: Final[Mapping[Result, Kind]] = {
    Result.REFUSED: REFUSED_BY_EQUIPMENT,
    Result.UNREADABLE_SECRET: REFUSED_BY_EQUIPMENT,
    Result.NO_ANSWER: NO_ANSWER,
    Result.UNREACHABLE: NO_ANSWER,
    Result.NO_CONNECTION: NO_ANSWER,
    Result.TOO_LATE: NO_ANSWER,
    Result.NOT_SUPPORTED: CANNOT_BE_ENDED,
    Result.NOT_ALLOWED: CANNOT_BE_ENDED,
    Result.NOT_NAMEABLE: CANNOT_BE_ENDED,
    Result.NO_SUCH_SESSION: NOT_FOUND,
    Result.ALREADY_ENDED: NOT_FOUND,
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A device whose owner waits for help at a desk."""

    number: Annotated[str, Field(description="What is on its screen: four digits.")]
    since: Annotated[datetime, Field(description="Since when it is there.")]
    venue: Annotated[str | None, Field(description="The name of the venue; null where it is not known.")]


@dataclass(frozen=True, slots=True)
class WaitingDevices:
    """Those who wait."""

    waiting: Annotated[tuple[Waiting, ...], Field(description="Longest first.")]


@dataclass(frozen=True, slots=True)
class Admission:
    """A device that is to be let on."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    number: Annotated[str, Field(pattern="^[0-9]{4}$", description="What is on its screen, as its owner said it.")]


@dataclass(frozen=True, slots=True)
class Admitted:
    """A device that was let on: its owner presses "Connect" now."""

    venue: Annotated[int | None, Field(description="The number of its venue; null where it is not known.")]


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Somebody who is online; not who."""

    id: Number
    started_at: Annotated[datetime, Field(description="When it began.")]
    venue: Annotated[int | None, Field(description="The number of its venue; null where it is not known.")]
    equipment: Annotated[str, Field(description="The name of its network access server.")]
    octets_sent: Annotated[int, Field(description="From the device, by the latest report.")]
    octets_received: Annotated[int, Field(description="To the device, by the latest report.")]
    source: Annotated[str, Field(description="Who tells of it: radius, or which other way.")]


@dataclass(frozen=True, slots=True)
class OpenSessions:
    """Some of the open sessions."""

    sessions: Annotated[tuple[OpenSession, ...], Field(description="The newest first.")]
    next: Annotated[int | None, Field(description="`before` of the rest; null when this was the rest.")]


@dataclass(frozen=True, slots=True)
class SessionsAsked:
    """Which sessions."""

    venue: Annotated[int | None, Field(ge=1, le=_LARGEST_NUMBER, description="At this venue only.")] = None
    before: Annotated[int, Field(ge=1, le=_LARGEST_NUMBER, description="Of smaller numbers.")] = _LARGEST_NUMBER
    limit: Annotated[int, Field(ge=1, le=_MOST, description="How many at most.")] = 100


@dataclass(frozen=True, slots=True)
class SessionAddress:
    """Which session."""

    session: Number


@operation("GET", "/waiting", tag=STAFF, access=WithKey(Scope.READ_WAITING))
async def list_waiting(call: ProgramCall) -> WaitingDevices:
    """Those who wait for help at a desk."""
    async with call.runtime.database.short_read() as connection:
        found = await help_requests.waiting(connection, [call.key.council_id], call.now, _MOST)
    return WaitingDevices(tuple(Waiting(one.number, one.asked_at, one.venue_name) for one in found))


@operation("POST", "/admissions", tag=STAFF, access=WithKey(Scope.LET_ON), problems=(NO_DEVICE_WAITS,))
async def let_device_on(call: ProgramCall, body: Admission) -> Admitted:
    """Let the device on that shows a number.

    Its owner says the number to a member of staff. The device's page then has the button "Connect". A number is good
    once.
    """
    runtime, key, now = call.runtime, call.key, call.now
    async with runtime.database.short_write() as connection:
        journey = await help_at_desk.let_on(connection, runtime, [key.council_id], body.number, now)
        if journey is not None:
            await _record(connection, call, "let a device on", "help at a desk", {"venue": journey.venue_id})
    if journey is None:
        raise ProblemError(NO_DEVICE_WAITS, "No device of this council waits with this number.")
    return Admitted(journey.venue_id)


@operation("GET", "/sessions", tag=STAFF, access=WithKey(Scope.READ_SESSIONS))
async def list_sessions(call: ProgramCall, asked: SessionsAsked) -> OpenSessions:
    """The open sessions, some at a time, without whose they are.

    Ask again with `before` as `next` has it until that is null.
    """
    async with call.runtime.database.read() as connection:
        found = await sessions_of_council.before(
            connection,
            council_id=call.key.council_id,
            before_id=asked.before,
            most=asked.limit + 1,
            venue_id=asked.venue,
        )
    shown = tuple(OpenSession(*row) for row in found[: asked.limit])
    return OpenSessions(shown, shown[-1].id if len(found) > len(shown) else None)


@operation(
    "DELETE",
    "/sessions/{session}",
    tag=STAFF,
    access=WithKey(Scope.END_SESSIONS),
    problems=(NOT_FOUND, CANNOT_BE_ENDED, REFUSED_BY_EQUIPMENT, NO_ANSWER),
)
async def end_session(call: ProgramCall, asked: SessionAddress) -> None:
    """End an open session.

    Its equipment is asked to (RFC 5176), which can take some seconds. The list changes when the equipment reports it.
    """
    runtime, key = call.runtime, call.key
    async with runtime.database.read() as connection:
        is_theirs = await sessions_of_council.is_open(connection, key.council_id, asked.session)
    if not is_theirs:
        raise ProblemError(NOT_FOUND, f"There is no open session {asked.session}.")
    outcome = await disconnect_session(runtime.database, runtime.keyring, asked.session)
    detail = {"result": outcome.result.value, "error_cause": outcome.error_cause}
    async with runtime.database.short_write() as connection:
        await _record(connection, call, "end session", f"session {asked.session}", detail)
    if kind := _PROBLEM_OF.get(outcome.result):
        raise ProblemError(kind, f"{outcome.explanation[:1].upper()}{outcome.explanation[1:]}.")


async def _record(
    connection: Statements, call: ProgramCall, action: str, subject: str, detail: Mapping[str, object]
) -> None:
    """Write down which program did what. Neither subject nor detail names a resident."""
    await connection.execute(
        insert(audit_events).values(
            at=call.now, council_id=call.key.council_id, actor=f"api key {call.key.id}",
            action=action, subject=subject, detail=dict(detail),
        )
    )  # fmt: skip


HANDLERS: Final = (list_waiting, let_device_on, list_sessions, end_session)
