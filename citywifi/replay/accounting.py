"""What a gateway reports of a session: one record, as RADIUS attributes and as a line of the list of answered ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from citywifi.replay.schedule import TerminateCause


class Status(StrEnum):
    """Acct-Status-Type by its name in the dictionaries (RFC 2866 section 5.1)."""

    START = "Start"
    INTERIM = "Interim-Update"
    STOP = "Stop"
    ON = "Accounting-On"
    OFF = "Accounting-Off"


@dataclass(frozen=True, slots=True)
class AccountingRecord:
    """One accounting record without anything about a person.

    ``event_at`` is when it happened, not when it is sent. Octets: input is from the device, output is to it (RFC 2866).
    """

    status: Status
    nas_identifier: str
    acct_session_id: str
    event_at: datetime
    seconds: int = 0
    input_octets: int = 0
    output_octets: int = 0
    terminate_cause: TerminateCause | None = None

    def to_json(self) -> str:
        """One line of the list of answered records."""
        return json.dumps(
            {
                "status": self.status,
                "nas_identifier": self.nas_identifier,
                "acct_session_id": self.acct_session_id,
                "event_at": self.event_at.isoformat(),
                "seconds": self.seconds,
                "input_octets": self.input_octets,
                "output_octets": self.output_octets,
                "terminate_cause": self.terminate_cause,
            }
        )

    @classmethod
    def from_json(cls, line: str) -> AccountingRecord:
        """Read a line again."""
        values = json.loads(line)
        cause = values.pop("terminate_cause")
        return cls(
            status=Status(values.pop("status")),
            event_at=datetime.fromisoformat(values.pop("event_at")),
            terminate_cause=None if cause is None else TerminateCause(cause),
            **values,
        )
