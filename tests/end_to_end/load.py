"""Gateways that report session after session as fast as they are answered, and remember each record that was."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from citywifi.recovery.nas_port import Counters, NasPort, Timing
from citywifi.recovery.packets import accounting_request, join
from citywifi.replay.accounting import AccountingRecord, Status
from citywifi.replay.schedule import TerminateCause
from citywifi.replay.tally import SessionFigures, Tally
from radius import attributes
from tests.radius.support import SECRET

_GATEWAYS = 8
_STEPS = (Status.START, Status.INTERIM, Status.STOP)
_STEP_SECONDS = 20
# They end when they are reported, so that nothing lies in the future.
_BEGAN_BEFORE = timedelta(seconds=_STEP_SECONDS * (len(_STEPS) - 1))
# More than 32 bits by the Stop.
_OCTETS_A_STEP = 3_000_000_000


class Load:
    """``records`` in the order of their answers; what is not answered is sent again for ever."""

    def __init__(self, port: int, sessions_at_once: int, pause_seconds: float) -> None:
        self.run = f"load{secrets.token_hex(4)}"
        self.records: list[AccountingRecord] = []
        self.tally = Tally()
        self.counters = Counters()
        self.open_sessions = 0
        self._begun = 0
        self._ends = False
        self._pause_seconds = pause_seconds
        self._sessions_at_once = sessions_at_once
        timing = Timing(first_seconds=0.4, longest_seconds=1.5)
        self._ports = [
            NasPort(f"127.0.0.{number}", ("127.0.0.1", port), SECRET, self.counters, timing)
            for number in range(1, _GATEWAYS + 1)
        ]

    def begin(self) -> None:
        """All gateways at once."""
        for number in range(self._sessions_at_once):
            self._next_session(self._ports[number % _GATEWAYS], f"gateway-{number % _GATEWAYS}")

    async def until_answered(self, records: int, within_seconds: float = 40) -> None:
        """Return in the middle of things, when so many more records were answered."""
        goal = len(self.records) + records
        async with asyncio.timeout(within_seconds):
            while len(self.records) < goal:  # noqa: ASYNC110  any answer counts
                await asyncio.sleep(0.01)

    async def until_silent(self, seconds: float) -> None:
        """Return when nothing was answered for so long."""
        seen = -1
        while seen != len(self.records):
            seen = len(self.records)
            await asyncio.sleep(seconds)

    async def finish(self, within_seconds: float = 60) -> None:
        """Begin no more sessions; return when every record of those that were begun is answered."""
        self._ends = True
        async with asyncio.timeout(within_seconds):
            while self.open_sessions:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def close(self) -> None:
        """Give the sockets back."""
        self._ends = True
        for port in self._ports:
            port.close()

    def _next_session(self, port: NasPort, nas_identifier: str) -> None:
        if self._ends:
            return
        self._begun += 1
        self.open_sessions += 1
        name = f"{self.run}-{self._begun}"
        pairs = {"Acct-Session-Id": name, "User-Name": "somebody", "NAS-Identifier": nas_identifier}
        of_session = join(attributes.encode_all({**pairs, "Calling-Station-Id": "02-00-5E-00-53-01"}))
        self._report(port, _records(name, nas_identifier), of_session)

    def _report(self, port: NasPort, left: Iterator[AccountingRecord], of_session: bytes) -> None:
        record = next(left)

        def make(identifier: int) -> bytes:
            return accounting_request(identifier, record, datetime.now(UTC), of_session, SECRET)

        def answered(_: bytes) -> None:
            self.records.append(record)
            self.tally.answered(record)
            if record.status is not Status.STOP:
                self._later(self._report, port, left, of_session)
            else:
                self.open_sessions -= 1
                self._later(self._next_session, port, record.nas_identifier)

        port.report(make, answered)

    def _later(self, do: object, *arguments: object) -> None:
        assert callable(do)
        if self._ends:
            self._pause_seconds = 0
        asyncio.get_running_loop().call_later(self._pause_seconds, do, *arguments)


def _records(name: str, nas_identifier: str) -> Iterator[AccountingRecord]:
    began_at = (datetime.now(UTC) - _BEGAN_BEFORE).replace(microsecond=0)
    for step, status in enumerate(_STEPS):
        seconds, octets = step * _STEP_SECONDS, step * _OCTETS_A_STEP
        cause = TerminateCause.LOST_CARRIER if status is Status.STOP else None
        event_at = began_at + timedelta(seconds=seconds)
        yield AccountingRecord(status, nas_identifier, name, event_at, seconds, octets, 2 * octets, cause)


@asynccontextmanager
async def load_on(port: int, *, sessions_at_once: int = 64, pause_seconds: float = 0.0) -> AsyncIterator[Load]:
    """A load that has begun; closed at the end."""
    load = Load(port, sessions_at_once, pause_seconds)
    try:
        load.begin()
        yield load
    finally:
        load.close()


def missing(records: list[AccountingRecord], held: Mapping[str, SessionFigures]) -> list[str]:
    """Each answered record of which the database knows less than it said."""
    return [
        f"{record.status} of {record.acct_session_id}: {problem}"
        for record in records
        if (problem := _less_than_said(record, held.get(record.acct_session_id)))
    ]


def _less_than_said(record: AccountingRecord, session: SessionFigures | None) -> str:
    if session is None:
        return "no such session"
    if record.status is Status.START and session.started_at > record.event_at:
        return "starts later than it said"
    counted = (session.seconds, session.input_octets, session.output_octets)
    said = (record.seconds, record.input_octets, record.output_octets)
    if any(stored < reported for stored, reported in zip(counted, said, strict=True)):
        return f"{session} is less than it said"
    return "is not stopped" if record.status is Status.STOP and not session.is_stopped else ""
