"""The storm itself: access points start, their people ask, are let on and are accounted for, until all are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Final

from citywifi.recovery import plan as planning
from citywifi.recovery.city import City
from citywifi.recovery.errors import SimulationError
from citywifi.recovery.nas_port import Counters, NasPort, Timing
from citywifi.recovery.packets import (
    Question,
    accounting_request,
    join,
    place_octets,
    place_of,
    question,
    session_octets,
)
from citywifi.recovery.plan import Arrival, Plan
from citywifi.replay.accounting import AccountingRecord, Status
from citywifi.replay.schedule import TerminateCause
from citywifi.replay.tally import Tally
from radius import attributes
from radius.packet import Code, decode

# Of whole sessions: when the Interim-Update and the Stop happen, after the Start; the random part spreads them.
_INTERIM_SECONDS: Final = (5.0, 10.0)
_STOP_SECONDS: Final = (12.0, 20.0)
_OCTETS_PER_SECOND: Final = (2_500, 20_000)
_CLASS: Final = attributes.definition_of("Class").number


class Person:
    """One device. Moments are the event loop's clock; None is not yet."""

    __slots__ = (
        "accepted_at",
        "acct_session_id",
        "asked_at",
        "is_rejected",
        "of_session",
        "on_at",
        "question",
        "started_at",
    )  # fmt: skip

    def __init__(self, acct_session_id: str, of_session: bytes, asks: Question) -> None:
        self.acct_session_id = acct_session_id
        # What all accounting of the session says; with the Class of the Access-Accept, once there is one.
        self.of_session = of_session
        self.question: Question | None = asks
        self.asked_at: float | None = None
        self.accepted_at: float | None = None
        # Accepted, and the Accounting-Start confirmed.
        self.on_at: float | None = None
        self.is_rejected = False
        self.started_at: datetime | None = None


@dataclass(slots=True)
class AccessPoint:
    """A NAS with its two sockets and its people."""

    nas_identifier: str
    authentication: NasPort
    accounting: NasPort
    of_place: bytes
    people: list[Person]
    arrival: Arrival


@dataclass(slots=True)
class Counts:
    """What stands in the progress bar."""

    asked: int = 0
    accepted: int = 0
    on: int = 0
    rejected: int = 0
    finished: int = 0


@dataclass(slots=True)
class Storm:
    """One run; its name begins every Acct-Session-Id. ``opened`` gives one with its sockets."""

    plan: Plan
    run: str
    secret: bytes
    access_points: list[AccessPoint] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    counts: Counts = field(default_factory=Counts)
    authentication: Counters = field(default_factory=Counters)
    accounting: Counters = field(default_factory=Counters)
    # The event loop's clock when power returned.
    began_at: float = 0.0
    _random: Random = field(default_factory=lambda: Random(2))  # noqa: S311  a simulation
    _is_over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def people(self) -> Iterator[Person]:
        """Everybody."""
        return (person for access_point in self.access_points for person in access_point.people)

    async def play(self) -> None:
        """Return when everybody is on (and, of whole sessions, off again), at the latest when the plan says."""
        loop = asyncio.get_running_loop()
        self.began_at = loop.time()
        for access_point in self.access_points:
            loop.call_at(self.began_at + access_point.arrival.starts_at, self._start, access_point)
        patience = self.plan.within_seconds + (_STOP_SECONDS[1] if self.plan.whole_sessions else 0)
        try:
            async with asyncio.timeout(patience):
                await self._is_over.wait()
        except TimeoutError:
            return

    def _start(self, access_point: AccessPoint) -> None:
        """It has power. hostapd, too, lets devices ask before its Accounting-On is answered."""
        loop = asyncio.get_running_loop()
        record = AccountingRecord(Status.ON, access_point.nas_identifier, f"{self.run}-on", _now())
        self._report(access_point, record, access_point.of_place)
        for person, ask_at in zip(access_point.people, access_point.arrival.people_ask_at, strict=True):
            loop.call_at(self.began_at + ask_at, self._ask, access_point, person)

    def _ask(self, access_point: AccessPoint, person: Person) -> None:
        assert person.question is not None, "a device asks once"
        person.asked_at = asyncio.get_running_loop().time()
        self.counts.asked += 1
        access_point.authentication.ask(person.question, lambda reply: self._decided(access_point, person, reply))
        person.question = None

    def _decided(self, access_point: AccessPoint, person: Person, reply: bytes) -> None:
        packet = decode(reply)
        if packet.code is not Code.ACCESS_ACCEPT:
            person.is_rejected = True
            self.counts.rejected += 1
            self._finish()
            return
        person.accepted_at = asyncio.get_running_loop().time()
        person.started_at = _now()
        self.counts.accepted += 1
        person.of_session += join([(_CLASS, value) for value in attributes.get_all_octets(packet, "Class")])
        self._report_session(access_point, person, Status.START)

    def _report_session(self, access_point: AccessPoint, person: Person, status: Status) -> None:
        assert person.started_at is not None, "only who was let on has a session"
        happened_at = person.started_at if status is Status.START else _now()
        seconds = int((happened_at - person.started_at).total_seconds())
        up, down = _OCTETS_PER_SECOND
        record = AccountingRecord(
            status,
            access_point.nas_identifier,
            person.acct_session_id,
            happened_at,
            seconds,
            seconds * up,
            seconds * down,
            TerminateCause.LOST_CARRIER if status is Status.STOP else None,
        )
        self._report(access_point, record, person.of_session, person)

    def _report(
        self, access_point: AccessPoint, record: AccountingRecord, of_session: bytes, person: Person | None = None
    ) -> None:
        secret = self.secret

        def make(identifier: int) -> bytes:
            return accounting_request(identifier, record, datetime.now(UTC), of_session, secret)

        def confirmed(_: bytes) -> None:
            self.tally.answered(record)
            if person is not None:
                self._confirmed(access_point, person, record.status)

        access_point.accounting.report(make, confirmed)

    def _confirmed(self, access_point: AccessPoint, person: Person, status: Status) -> None:
        if status is Status.START:
            person.on_at = asyncio.get_running_loop().time()
            self.counts.on += 1
            if self.plan.whole_sessions:
                self._later(access_point, person, Status.INTERIM, _INTERIM_SECONDS)
                self._later(access_point, person, Status.STOP, _STOP_SECONDS)
                return
        if status is not Status.INTERIM:
            self._finish()

    def _later(self, access_point: AccessPoint, person: Person, status: Status, between: tuple[float, float]) -> None:
        delay = self._random.uniform(*between)
        asyncio.get_running_loop().call_later(delay, self._report_session, access_point, person, status)

    def _finish(self) -> None:
        self.counts.finished += 1
        if self.counts.finished == self.plan.devices:
            self._is_over.set()


@contextmanager
def opened(
    plan: Plan,
    city: City,
    run: str,
    authentication_server: tuple[str, int],
    accounting_server: tuple[str, int],
    timing: Timing | None = None,
) -> Iterator[Storm]:
    """A storm with all its sockets open and its requests made. Raises SimulationError where sockets are refused."""
    storm = Storm(plan, run, city.secret)
    timing = timing or Timing()
    opened_ports: list[NasPort] = []

    def port(source: str, server: tuple[str, int], counters: Counters) -> NasPort:
        opened_ports.append(NasPort(source, server, city.secret, counters, timing))
        return opened_ports[-1]

    try:
        for number, arrival in enumerate(planning.arrivals(plan)):
            place = place_of(plan, number)
            of_place = place_octets(place)
            try:
                authentication = port(place.address, authentication_server, storm.authentication)
                accounting = port(place.address, accounting_server, storm.accounting)
            except OSError as error:
                raise SimulationError(_why(error, place.address, plan)) from None
            people = _people(plan, city, number, run, of_place)
            storm.access_points.append(
                AccessPoint(place.nas_identifier, authentication, accounting, of_place, people, arrival)
            )
        yield storm
    finally:
        for one in opened_ports:
            one.close()


def _people(plan: Plan, city: City, access_point: int, run: str, of_place: bytes) -> list[Person]:
    people = []
    for number in range(plan.people):
        credential = city.credential(access_point, number)
        name = f"{run}-{access_point + 1:04d}-{number + 1:03d}"
        of_session = session_octets(access_point, number, credential.user_name, name, of_place)
        people.append(Person(name, of_session, question(credential, of_session, city.secret)))
    return people


def _why(error: OSError, address: str, plan: Plan) -> str:
    return (
        f"no socket at {address}: {error.strerror}; the storm needs {2 * plan.access_points} sockets (ulimit -n)"
        " at addresses of this machine (--network)"
    )


def _now() -> datetime:
    """As Event-Timestamp tells it: whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def waits(moments: Sequence[tuple[float | None, float | None]]) -> list[float]:
    """Sorted seconds between two moments, of those that have both."""
    return sorted(end - start for start, end in moments if start is not None and end is not None)
