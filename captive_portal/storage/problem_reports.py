"""Problems that residents reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from foundation.database import Statements
from foundation.privacy import Keyring
from foundation.problem_reports import ProblemKind, seal_text
from foundation.schema import problem_reports


@dataclass(frozen=True, slots=True)
class Report:
    """What a resident says does not work, where, and what the portal itself thought."""

    council_id: int
    nas_id: int
    venue_id: int | None
    resident_id: int | None
    kind: ProblemKind
    text: str = field(repr=False)
    state: str
    finding: str
    reported_at: datetime


async def insert(connection: Statements, keyring: Keyring, report: Report) -> None:
    """Store it; what was written is encrypted."""
    values = {
        "council_id": report.council_id,
        "nas_id": report.nas_id,
        "venue_id": report.venue_id,
        "resident_id": report.resident_id,
        "kind": report.kind,
        "text_encrypted": seal_text(keyring, report.text),
        "state": report.state,
        "finding": report.finding,
        "reported_at": report.reported_at,
    }
    await connection.execute(problem_reports.insert().values(**values))
