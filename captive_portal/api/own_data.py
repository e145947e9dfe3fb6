"""A resident's own data, for a program that they let at it: read, take away, delete."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import structlog
from pydantic import Field

from captive_portal import capport, metrics
from captive_portal.api.access import ResidentCall, WithToken
from captive_portal.api.operations import Tag, operation
from captive_portal.api.problems import NOT_AUTHENTICATED, NOT_YET, ProblemError, retry_after
from captive_portal.information_rights import my_data
from captive_portal.information_rights.my_data import MyData
from captive_portal.journey import Journey, State
from captive_portal.storage import captivity, erasure, journeys
from captive_portal.storage import my_data as storage
from foundation.database import Statements

_NOT_YET_SECONDS: Final = 30
OWN_DATA: Final = Tag(
    "Own data", "What is kept of a resident. They make a token for their program on My data, good for some hours."
)
READS: Final = WithToken()
DELETES: Final = WithToken(deletes=True)

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Connection:
    """Whether the device that the token was made on is online, and what is left to it."""

    online: Annotated[bool, Field(description="Whether it has a session that lets it on.")]
    since: Annotated[datetime | None, Field(description="Since when; null when it is not online.")]
    seconds_left: Annotated[int | None, Field(description="Until its session ends; null when it is not online.")]
    octets_left: Annotated[int | None, Field(description="Null without a limit.")]
    can_extend: Annotated[bool, Field(description="Whether connecting anew gives more time.")]


@operation("GET", "/me", tag=OWN_DATA, access=READS)
async def show_own_data(call: ResidentCall) -> MyData:
    """Everything that is kept of the resident.

    It is what the page My data shows and exports. No password or code is part of it.
    """
    return await _gather(call)


@operation("GET", "/me/export.csv", tag=OWN_DATA, access=READS, media_type="text/csv")
async def export_own_data(call: ResidentCall) -> str:
    """Everything that is kept of the resident, as one table.

    The columns are part, number, name and value (RFC 4180).
    """
    return my_data.to_csv(await _gather(call))


@operation("GET", "/me/connection", tag=OWN_DATA, access=READS)
async def show_connection(call: ResidentCall) -> Connection:
    """Whether the resident's device is online, and for how long."""
    runtime, now = call.runtime, call.now
    async with runtime.database.short_read() as connection:
        journey = await _journey(connection, call)
        known = await captivity.gateway_by_number(connection, runtime, journey.nas_id)
        if known is None:
            return _OFFLINE
        session = await captivity.open_session(connection, runtime, known.gateway, journey.mac_pseudonym, now)
    left = None if session is None else capport.remaining(session, now)
    if session is None or left is None:
        return _OFFLINE
    return Connection(True, session.started_at, left.seconds, left.octets, left.can_extend)


@operation("DELETE", "/me", tag=OWN_DATA, access=DELETES, problems=(NOT_YET,))
async def delete_own_data(call: ResidentCall) -> None:
    """Delete everything that is kept of the resident.

    It cannot be undone. The device stays on until its time is over; this and all other tokens are gone. While a device
    is being let on the answer is `not-yet`, because what was deleted would come back with it.
    """
    runtime, now = call.runtime, call.now
    async with runtime.database.write() as connection:
        journey = await _journey(connection, call, for_update=True)
        if journey.state is State.WAITING:
            detail = "The device is being let on just now."
            raise ProblemError(NOT_YET, detail, retry_after(_NOT_YET_SECONDS))
        contact = await storage.contact_of(connection, runtime, journey.resident_id)
        erased = await erasure.erase(connection, runtime, journey, now)
    if erased is None:
        raise _gone()
    _log.info("a resident's program had everything deleted", council_id=journey.council_id)
    metrics.erasures.inc()
    await erasure.erase_files(runtime, contact)


async def _gather(call: ResidentCall) -> MyData:
    async with call.runtime.database.read() as connection:
        journey = await _journey(connection, call)
        data = await storage.gather(connection, call.runtime, journey.resident_id, journey.details.device_id)
    if data is None:
        raise _gone()
    return data


async def _journey(connection: Statements, call: ResidentCall, *, for_update: bool = False) -> Journey:
    """The journey on whose page the token was made, while it is still that resident's. Raises ProblemError."""
    token, keyring = call.token, call.runtime.keyring
    journey = await journeys.load(connection, keyring, token.journey_id, now=call.now, for_update=for_update)
    if journey is None or journey.resident_id != token.resident_id:
        raise _gone()
    return journey


def _gone() -> ProblemError:
    """Deleted between finding the token and now."""
    headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    return ProblemError(NOT_AUTHENTICATED, "The token is not good any more.", headers)


_OFFLINE: Final = Connection(False, None, None, None, can_extend=False)
HANDLERS: Final = (show_own_data, export_own_data, show_connection, delete_own_data)
