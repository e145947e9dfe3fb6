"""Ending a session from the console: ask the access equipment, and write down that somebody asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from foundation.runtime import Runtime
from foundation.schema import accounting_sessions
from foundation.staff import Member, Role, record
from radius.dynamic_authorization import Outcome, Result, disconnect_session

_SENTENCES: Final = {
    Result.DISCONNECTED: "The access equipment ended the session. It leaves this list with its last record.",
    Result.REFUSED: "The access equipment refused. Most likely the session is over there; else see its log.",
    Result.NO_ANSWER: "The access equipment did not answer. Is it up, and does it take Disconnect-Requests?",
    Result.NOT_SUPPORTED: "This equipment takes no such request, or no address is set for it, so it was not asked.",
    Result.CHANGED: "The access equipment took the change.",
    Result.NOT_ALLOWED: "The policies do not allow this session any longer. End it.",
    Result.NO_CONNECTION: "The equipment has no RadSec connection to us at the moment, so it was not asked.",
    Result.TOO_LATE: "Nobody took the order in time, so it was not executed. Try again.",
    Result.UNREACHABLE: "The access equipment cannot be reached. Check the network and its address here.",
    Result.NO_SUCH_SESSION: "There is no such session any more.",
    Result.ALREADY_ENDED: "The session had ended already.",
    Result.NOT_NAMEABLE: "The session cannot be named to its equipment: what identifies it is not stored.",
    Result.UNREADABLE_SECRET: "The equipment’s secret does not open. `citywifi doctor` says more.",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """What came of a request to end a session at a venue."""

    venue_id: int | None
    outcome: Outcome


def sentence_of(name: str) -> str:
    """What to tell the engineer for a result's name; empty for anything else."""
    return _SENTENCES[Result(name)] if name in _SENTENCES else ""


async def end(runtime: Runtime, member: Member, session_id: int, now: datetime) -> Ending | None:
    """Ask for the session's end and record who did; None if there is no such session of a council of theirs."""
    table = accounting_sessions.c
    question = select(table.council_id, table.venue_id).where(
        table.id == session_id, table.council_id.in_(member.councils(Role.ENGINEER))
    )
    async with runtime.database.read() as connection:
        session = (await connection.execute(question)).one_or_none()
    if session is None:
        return None
    outcome = await disconnect_session(runtime.database, runtime.keyring, session_id)
    async with runtime.database.write() as connection:
        await record(
            connection, member, "end session", f"session {session_id}", council_id=session.council_id, now=now,
            detail={"result": outcome.result.value, "error_cause": outcome.error_cause},
        )  # fmt: skip
    return Ending(session.venue_id, outcome)
