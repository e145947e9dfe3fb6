"""What was played and answered, and whether the database holds exactly that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TextIO

from sqlalchemy import select

from citywifi.replay.accounting import AccountingRecord, Status
from foundation.database import Database
from foundation.schema import accounting_sessions

_SHOWN_DIFFERENCES = 10


@dataclass(frozen=True, slots=True)
class SessionFigures:
    """One session as far as it was reported."""

    started_at: datetime
    seconds: int = 0
    input_octets: int = 0
    output_octets: int = 0
    is_stopped: bool = False

    def with_record(self, record: AccountingRecord) -> SessionFigures:
        """As it is after one more record, in whatever order they come."""
        return SessionFigures(
            started_at=min(self.started_at, record.event_at) if record.status is Status.START else self.started_at,
            seconds=max(self.seconds, record.seconds),
            input_octets=max(self.input_octets, record.input_octets),
            output_octets=max(self.output_octets, record.output_octets),
            is_stopped=self.is_stopped or record.status is Status.STOP,
        )


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over sessions."""

    sessions: int
    stopped: int
    seconds: int
    octets: int

    @classmethod
    def of(cls, figures: Mapping[str, SessionFigures]) -> Totals:
        """Add up."""
        sessions = figures.values()
        return cls(
            sessions=len(sessions),
            stopped=sum(session.is_stopped for session in sessions),
            seconds=sum(session.seconds for session in sessions),
            octets=sum(session.input_octets + session.output_octets for session in sessions),
        )

    def __str__(self) -> str:
        hours = self.seconds / 3600
        return f"{self.sessions:,} sessions ({self.stopped:,} ended), {hours:,.1f} hours, {self.octets / 1e9:,.2f} GB"


@dataclass(slots=True)
class Tally:
    """Counts answered accounting records; optionally writes each to a file of JSON lines as soon as it was answered."""

    answered_file: TextIO | None = None
    records: Counter[Status] = field(default_factory=Counter)
    sessions: dict[str, SessionFigures] = field(default_factory=dict)
    remembered: int = 0
    registered: int = 0
    journeys_repeated: int = 0

    def answered(self, record: AccountingRecord) -> None:
        """A record got its Accounting-Response."""
        self.records[record.status] += 1
        if record.status not in (Status.ON, Status.OFF):
            known = self.sessions.get(record.acct_session_id, SessionFigures(record.event_at))
            self.sessions[record.acct_session_id] = known.with_record(record)
        if self.answered_file is not None:
            self.answered_file.write(record.to_json() + "\n")
            self.answered_file.flush()


async def stored_sessions(database: Database, run: str) -> dict[str, SessionFigures]:
    """What the database holds of a run, by Acct-Session-Id; a second row of one session has a name of its own."""
    table = accounting_sessions.c
    statement = select(
        table.acct_session_id,
        table.started_at,
        table.session_seconds,
        table.input_octets,
        table.output_octets,
        table.ended_by,
    ).where(table.acct_session_id.startswith(f"{run}-"))
    async with database.read() as connection:
        rows = (await connection.execute(statement)).all()
    seen: Counter[str] = Counter()
    found = {}
    for row in rows:
        seen[row.acct_session_id] += 1
        again = seen[row.acct_session_id]
        name = row.acct_session_id if again == 1 else f"{row.acct_session_id} (row {again})"
        found[name] = SessionFigures(
            row.started_at, row.session_seconds, row.input_octets, row.output_octets, row.ended_by == "stop"
        )
    return found


def differences(played: Mapping[str, SessionFigures], stored: Mapping[str, SessionFigures]) -> tuple[str, ...]:
    """One line for each session that is not stored as it was played, the first ten spelt out."""
    found = [f"{name}: played, but not in the database" for name in sorted(played.keys() - stored.keys())]
    found += [f"{name}: in the database, but not played" for name in sorted(stored.keys() - played.keys())]
    found += [
        f"{name}: played {played[name]}, stored {stored[name]}"
        for name in sorted(played.keys() & stored.keys())
        if played[name] != stored[name]
    ]
    shown = found[:_SHOWN_DIFFERENCES]
    return (*shown, f"… and {len(found) - len(shown)} more") if len(found) > len(shown) else tuple(shown)
