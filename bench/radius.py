"""CityWiFi beside FreeRADIUS 3.2: the same requests, the same residents, the same PostgreSQL, in turns in one run.

`radload.c` makes the load, a closed loop in C, so that the generator costs little of the cores that it shares.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace

from bench.comparison import A_SECOND, MICROSECONDS_A_LOGIN, MILLISECONDS_P99, Row, Sample, Wanted
from bench.eap import Crowd
from bench.generator import Work, load
from bench.laboratory import Laboratory, System, Variant, laboratory
from bench.processes import processor_time, resident_megabytes, seconds_between

_EAP_DEVICES = 4


@dataclass(frozen=True, slots=True)
class Pace:
    """How thoroughly is measured."""

    seconds: float
    repetitions: int
    many: int
    """Residents of the large city."""

    @classmethod
    def full(cls) -> Pace:
        return cls(seconds=3, repetitions=3, many=1_000_000)

    @classmethod
    def quick(cls) -> Pace:
        return cls(seconds=2, repetitions=1, many=100_000)


@dataclass(frozen=True, slots=True)
class EapWork:
    """Whole logins with full handshakes. ``method`` is ttls or peap."""

    method: str
    population: int
    version: str = "1.2"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A row to be measured: the same work with two systems of its scene."""

    name: str
    ours: str
    other: str
    work: Work | EapWork
    wanted: Wanted = field(default_factory=Wanted)
    other_is: str = "FreeRADIUS"
    # Where the other side's is not the same.
    other_work: Work | None = None

    @property
    def unit(self) -> str:
        if isinstance(self.work, EapWork):
            return MICROSECONDS_A_LOGIN
        return A_SECOND if self.work.a_second is None else MILLISECONDS_P99


@dataclass(frozen=True, slots=True)
class Scene:
    """Systems that run at the same time, though only one is at work, and what is compared between them."""

    systems: dict[str, Callable[[], AbstractContextManager[System]]]
    comparisons: list[Comparison]


def compare(pace: Pace, only: str = "") -> list[Row]:
    """All rows, or those whose name contains a text; each is told when it is there."""
    with laboratory() as lab:
        return [row for scene in scenes(lab, pace) for row in _play(lab, scene, pace, only)]


def scenes(lab: Laboratory, pace: Pace) -> Iterator[Scene]:
    """Everything that is compared."""
    yield _postgres(lab)
    yield _memory(lab)
    yield _sqlite(lab)
    yield _many(lab, pace.many)
    yield _eap(lab)


def _postgres(lab: Laboratory) -> Scene:
    size = 10_000
    users, devices = lab.users(size), lab.devices(size)
    rows = [
        Comparison("PAP", "one", "other", Work("pap", users), Wanted(4)),
        Comparison("CHAP", "one", "other", Work("chap", users), Wanted(4)),
        Comparison("MAC authentication", "one", "other", Work("mac", devices), Wanted(4)),
        Comparison("PAP, two workers", "two", "other", Work("pap", users), Wanted(4)),
        Comparison("PAP", "one", "lean", Work("pap", users), Wanted(), "FreeRADIUS, which asks for passwords only"),
        Comparison("accounting, 64 outstanding", "one", "other", Work("acct", users), Wanted(4)),
        Comparison("accounting, 64 outstanding, two workers", "two", "other", Work("acct", users), Wanted(4)),
        Comparison("accounting, 256 outstanding", "one", "other", Work("acct", users, 256)),
        Comparison("accounting, 256 outstanding, two workers", "two", "other", Work("acct", users, 256), Wanted(5)),
    ]
    for a_second, wanted in ((500, Wanted()), (2_000, Wanted(highest_ours=25))):
        for kind, name in (("pap", "PAP"), ("acct", "accounting")):
            work = Work(kind, users, 256, a_second=a_second)
            rows.append(Comparison(f"{name}, paced at {a_second:,} a second", "one", "other", work, wanted))
    return Scene(
        {
            "one": lambda: lab.ours(Variant(size)),
            "two": lambda: lab.ours(Variant(size, workers=2)),
            "other": lambda: lab.theirs(lab.freeradius_in_postgres(size)),
            "lean": lambda: lab.theirs(lab.freeradius_in_postgres(size, asks_for_reply=False)),
        },
        rows,
    )


def _memory(lab: Laboratory) -> Scene:
    size = 10_000
    # Each worker then has seen nearly everybody, and remembers them in the next repetition.
    work = Work("pap", lab.users(size), warm_up_seconds=2)
    silent = Variant(size, workers=2, cache_entries=200_000, log_accepted=False)
    nothing_logged, logged = "FreeRADIUS, which logs nothing, either", "FreeRADIUS, which logs there, too"
    return Scene(
        {
            "pure": lambda: lab.ours(replace(silent, is_compiled=False)),
            "compiled": lambda: lab.ours(silent),
            "logging": lambda: lab.ours(replace(silent, log_accepted=True)),
            "other": lambda: lab.theirs(lab.freeradius_in_memory(size, is_logged=False)),
            "other_logging": lambda: lab.theirs(lab.freeradius_in_memory(size, is_logged=True)),
        },
        [
            Comparison("PAP from memory, pure Python", "pure", "other", work, Wanted(0.7), nothing_logged),
            Comparison("PAP from memory, compiled", "compiled", "other", work, Wanted(1.2), nothing_logged),
            Comparison("PAP from memory, logged in PostgreSQL", "logging", "other_logging", work, Wanted(), logged),
        ],
    )


def _sqlite(lab: Laboratory) -> Scene:
    size = 10_000
    users = lab.users(size)
    return Scene(
        {
            "one": lambda: lab.ours(Variant(size, database="sqlite")),
            "other": lambda: lab.theirs(lab.freeradius_in_sqlite(size)),
        },
        [
            Comparison("SQLite: PAP", "one", "other", Work("pap", users)),
            Comparison("SQLite: accounting, 64 outstanding", "one", "other", Work("acct", users), Wanted(8)),
        ],
    )


def _many(lab: Laboratory, size: int) -> Scene:
    few = 10_000
    kinds = {"PAP": ("pap", lab.users), "MAC authentication": ("mac", lab.devices), "accounting": ("acct", lab.users)}
    rows = []
    for name, (kind, people) in kinds.items():
        what, work, work_of_few = f"{size:,} residents: {name}", Work(kind, people(size)), Work(kind, people(few))
        rows.append(Comparison(what, "many", "other", work, Wanted(4)))
        rows.append(Comparison(what, "many", "few", work, Wanted(0.8), f"ours with {few:,}", work_of_few))
    return Scene(
        {
            "many": lambda: lab.ours(Variant(size)),
            "few": lambda: lab.ours(Variant(few)),
            "other": lambda: lab.theirs(lab.freeradius_in_postgres(size)),
        },
        rows,
    )


def _eap(lab: Laboratory) -> Scene:
    size = 10_000
    return Scene(
        {
            "one": lambda: lab.ours(Variant(size, cache_entries=200_000)),
            "other": lambda: lab.theirs(lab.freeradius_in_postgres(size)),
        },
        [
            Comparison("EAP-TTLS/PAP, full handshake", "one", "other", EapWork("ttls", size), Wanted(1)),
            Comparison("PEAP/MSCHAPv2, full handshake", "one", "other", EapWork("peap", size)),
        ],
    )


def _play(lab: Laboratory, scene: Scene, pace: Pace, only: str) -> Iterator[Row]:
    chosen = [one for one in scene.comparisons if only.lower() in one.name.lower()]
    wanted = {name for one in chosen for name in (one.ours, one.other)}
    with ExitStack() as stack:
        systems = {name: stack.enter_context(start()) for name, start in scene.systems.items() if name in wanted}
        for comparison in chosen:
            row = _compare(lab, systems, comparison, pace)
            print(f"  {row.name}: {row.ours:,g} beside {row.other:,g} {row.unit}, {row.ratio:g} times", file=sys.stderr)
            yield row


def _compare(lab: Laboratory, systems: dict[str, System], comparison: Comparison, pace: Pace) -> Row:
    """The two systems in turns, so that what else happens on the machine happens to both."""
    ours, other = [], []
    for _ in range(pace.repetitions):
        ours.append(_sample(lab, systems[comparison.ours], comparison.work, pace.seconds))
        other_work = comparison.other_work or comparison.work
        other.append(_sample(lab, systems[comparison.other], other_work, pace.seconds))
    return Row.of(comparison.name, comparison.unit, ours, other, comparison.wanted, comparison.other_is)


def _sample(lab: Laboratory, system: System, work: Work | EapWork, seconds: float) -> Sample:
    database = lab.postgres.process_id
    before, database_before = processor_time(system.process_id), processor_time(database)
    done = _load(lab, system, work, seconds) if isinstance(work, Work) else _log_in(lab, system, work, seconds)
    used = seconds_between(before, processor_time(system.process_id))
    database_used = seconds_between(database_before, processor_time(database))
    cpu = used / done.requests * 1e6
    return Sample(
        value=cpu if done.value is None else done.value,
        cpu_microseconds=cpu,
        database_cpu_microseconds=database_used / done.requests * 1e6,
        memory_megabytes=resident_megabytes(system.process_id),
        p99_milliseconds=done.p99_milliseconds,
        wrong=done.wrong,
    )


@dataclass(frozen=True, slots=True)
class _Done:
    """What was done; without a value the processor time is what the row is about."""

    value: float | None
    requests: int
    p99_milliseconds: float | None = None
    wrong: int = 0


def _load(lab: Laboratory, system: System, work: Work, seconds: float) -> _Done:
    found = load(lab.generator, system.target, work, seconds)
    value = found.a_second if work.a_second is None else found.p99_milliseconds
    return _Done(value, found.requests, found.p99_milliseconds, found.rejected + found.lost)


def _log_in(lab: Laboratory, system: System, work: EapWork, seconds: float) -> _Done:
    population = lab.population(work.population)
    people = [(population.user_name(number), population.password(number)) for number in range(_EAP_DEVICES)]
    crowd = Crowd(system.target, work.version, work.method, people, is_full=True)
    try:
        with crowd.logging_in():
            time.sleep(seconds)
    finally:
        crowd.close()
    return _Done(None, crowd.logins)
