"""Ending a session from the console: ask the access equipment (RFC 5176), and write down that somebody asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import insert, select

from foundation.runtime import Runtime
from foundation.schema import accounting_sessions, audit_events


class Outcome(StrEnum):
    """What the access equipment said."""

    ENDED = "ended"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    NOT_POSSIBLE = "not_possible"


_TEXTS = {
    Outcome.ENDED: "The access equipment ended the session. It leaves this list with its accounting record.",
    Outcome.REFUSED: "The access equipment refused: most likely the session is over there. It leaves this list soon.",
    Outcome.NO_ANSWER: "The access equipment did not answer. Check its Disconnect address, port and secret.",
    Outcome.NOT_POSSIBLE: "This session cannot be ended from here: it is over, or its equipment takes no Disconnect.",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """What came of a request to end a session."""

    venue_id: int | None
    outcome: Outcome


def outcome_text(name: str) -> str:
    """A sentence for an outcome's name; empty for anything else."""
    return _TEXTS[Outcome(name)] if name in _TEXTS else ""


async def end(runtime: Runtime, session_id: int, now: datetime) -> Ending | None:
    """Ask for the session's end and record that; None if there is no such session."""
    table = accounting_sessions.c
    question = select(table.council_id, table.venue_id, table.stopped_at).where(table.id == session_id)
    async with runtime.database.read() as connection:
        session = (await connection.execute(question)).one_or_none()
    if session is None:
        return None
    outcome = Outcome.NOT_POSSIBLE
    async with runtime.database.write() as connection:
        await connection.execute(
            insert(audit_events).values(
                council_id=session.council_id, at=now, actor="console", action="end session",
                subject=f"session {session_id}", detail={"outcome": outcome.value},
            )
        )  # fmt: skip
    return Ending(session.venue_id, outcome)
