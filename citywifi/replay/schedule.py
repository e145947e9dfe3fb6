"""Which sessions a day has: from the published figure of the month to arrivals, lengths and octets.

Pure and repeatable: the same city, day and seed give the same sessions.

- A month's published sessions go to the libraries by the hours that each is open in that month, and a library's to
  its days by the hours of the day, both by largest remainder: the days of a month add up to the published figure
  exactly. A month outside the published year takes the figure of the same calendar month.
- Arrivals are spread over the opening hours, more of them in the middle than at the edges (a beta distribution),
  none in the last five minutes.
- Lengths are log-normal with a median of 35 minutes, never beyond closing time.
- Downloads are log-normal with a median of 20 kB a second, at most what the line carries; uploads an eighth of it.
"""

from __future__ import annotations

import calendar
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum
from math import log
from random import Random
from typing import TypeVar
from zoneinfo import ZoneInfo

from citywifi.replay.errors import ReplayError
from citywifi.replay.opening import OpeningHours, OpenPeriod, open_periods, open_seconds
from citywifi.replay.population import NEWCOMER_SHARE, Visitor, newcomer, regular, regulars_of
from foundation.mac_address import MacAddress

MEDIAN_SESSION_SECONDS = 35 * 60
SHORTEST_SESSION_SECONDS = 120
LAST_ARRIVAL_BEFORE_CLOSING_SECONDS = 300
MEDIAN_DOWNLOAD_OCTETS_PER_SECOND = 20_000
LINE_OCTETS_PER_SECOND = 1_250_000
UPLOAD_SHARE = 0.125

_LENGTH_SPREAD = 0.8
_RATE_SPREAD = 1.2
_REDRAWS = 8

_Key = TypeVar("_Key", bound=Hashable)


class TerminateCause(IntEnum):
    """Why a session ends (RFC 2866 section 5.10), as far as phones and gateways cause it."""

    USER_REQUEST = 1
    LOST_CARRIER = 2
    IDLE_TIMEOUT = 4
    SESSION_TIMEOUT = 5
    ADMIN_RESET = 6
    NAS_REBOOT = 11


# How people leave: few log off, many walk out of reach, most put the phone away.
_ENDINGS = (TerminateCause.USER_REQUEST, TerminateCause.LOST_CARRIER, TerminateCause.IDLE_TIMEOUT)
_ENDING_WEIGHTS = (15, 35, 50)


@dataclass(frozen=True, slots=True)
class Library:
    """A place with a gateway; ``number`` is its position in the city, from 1."""

    number: int
    reference: str
    opening_hours: OpeningHours


@dataclass(frozen=True, slots=True)
class City:
    """What a schedule is made from. ``monthly_sessions`` by month, such as ``{"2023-04": 32075}``."""

    libraries: tuple[Library, ...]
    monthly_sessions: Mapping[str, int]
    time_zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class PlannedSession:
    """One visit. Octets as the gateway counts them: input is from the device, output is to it."""

    library: Library
    visitor: Visitor
    arrives_at: datetime
    seconds: int
    input_octets: int
    output_octets: int
    ending: TerminateCause

    @property
    def ends_at(self) -> datetime:
        """When the visitor leaves."""
        return self.arrives_at + timedelta(seconds=self.seconds)


def share_out(total: int, weights: Mapping[_Key, int]) -> dict[_Key, int]:
    """Whole numbers in proportion to the weights that add up to the total: the largest remainders are rounded up.

    Equal remainders go in the mapping's order. Where all weights are zero, nothing is shared out.
    """
    whole = sum(weights.values())
    if whole == 0:
        return dict.fromkeys(weights, 0)
    shares = {key: total * weight // whole for key, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda key: -(total * weights[key] % whole))
    for key in by_remainder[: total - sum(shares.values())]:
        shares[key] += 1
    return shares


def published_sessions(city: City, year: int, month: int) -> int:
    """The month's published figure, or that of the same calendar month. Raises ReplayError."""
    exact = city.monthly_sessions.get(f"{year}-{month:02}")
    if exact is not None:
        return exact
    for name, sessions in city.monthly_sessions.items():
        if name.endswith(f"-{month:02}"):
            return sessions
    raise ReplayError(f"no sessions are published for month {month}; the demo city's file lacks it")


def month_plan(city: City, year: int, month: int) -> dict[date, dict[str, int]]:
    """How many sessions each library (by reference) has on each day of a month. Raises ReplayError."""
    days = [date(year, month, number) for number in range(1, calendar.monthrange(year, month)[1] + 1)]
    seconds = {
        library.reference: {day: open_seconds(library.opening_hours, day, city.time_zone) for day in days}
        for library in city.libraries
    }
    by_library = share_out(
        published_sessions(city, year, month),
        {reference: sum(by_day.values()) for reference, by_day in seconds.items()},
    )
    plan: dict[date, dict[str, int]] = {day: {} for day in days}
    for reference, sessions in by_library.items():
        for day, count in share_out(sessions, seconds[reference]).items():
            plan[day][reference] = count
    return plan


def day_total(city: City, day: date) -> int:
    """How many sessions a day has."""
    return sum(month_plan(city, day.year, day.month)[day].values())


def day_sessions(city: City, day: date, seed: int) -> tuple[PlannedSession, ...]:
    """A day's sessions in the order of arrival; no device is in two at once. Raises ReplayError."""
    plan = month_plan(city, day.year, day.month)
    sessions: list[PlannedSession] = []
    for library in city.libraries:
        monthly = sum(by_library[library.reference] for by_library in plan.values())
        visitors = _Visitors(library.number, day, seed, regulars_of(monthly))
        periods = open_periods(library.opening_hours, day, city.time_zone)
        random = Random(f"citywifi/{seed}/sessions/{day}/{library.reference}")  # noqa: S311  repeatable, not secret
        visits = sorted(_visit(random, periods) for _ in range(plan[day][library.reference]))
        sessions += [_session(random, library, visitors, *visit) for visit in visits]
    sessions.sort(key=lambda session: (session.arrives_at, session.library.number))
    return tuple(sessions)


class _Visitors:
    """Who may come to a library on a day: mostly its regulars, some of them often, and now and then somebody new."""

    def __init__(self, library: int, day: date, seed: int, regulars: int) -> None:
        self._library, self._day, self._seed, self._regulars = library, day, seed, regulars
        self._random = Random(f"citywifi/{seed}/visitors/{day}/{library}")  # noqa: S311  repeatable, not secret
        self._newcomers = 0
        self._busy_until: dict[MacAddress, datetime] = {}

    def draw(self, arrives_at: datetime, ends_at: datetime) -> Visitor:
        """Somebody whose device is not there already; call it in the order of arrival."""
        visitor = self._somebody(arrives_at)
        self._busy_until[visitor.device] = ends_at
        return visitor

    def _somebody(self, arrives_at: datetime) -> Visitor:
        if self._random.random() >= NEWCOMER_SHARE:
            for _ in range(_REDRAWS):
                # Squared, so that some come much more often than others.
                number = int(self._regulars * self._random.random() ** 2)
                visitor = regular(self._seed, self._library, number, self._day)
                if self._busy_until.get(visitor.device, arrives_at) <= arrives_at:
                    return visitor
        self._newcomers += 1
        return newcomer(self._seed, self._library, self._newcomers, self._day)


def _visit(random: Random, periods: Sequence[OpenPeriod]) -> tuple[datetime, int, bool]:
    """Arrival, length in seconds, and whether closing time ends it."""
    period = random.choices(periods, [period.seconds for period in periods])[0]
    latest = period.seconds - LAST_ARRIVAL_BEFORE_CLOSING_SECONDS
    arrives_after = int(latest * random.betavariate(1.3, 1.5))
    wanted = int(random.lognormvariate(log(MEDIAN_SESSION_SECONDS), _LENGTH_SPREAD))
    left = period.seconds - arrives_after
    arrives_at = period.opens_at + timedelta(seconds=arrives_after)
    return arrives_at, min(max(wanted, SHORTEST_SESSION_SECONDS), left), wanted >= left


def _session(
    random: Random,
    library: Library,
    visitors: _Visitors,
    arrives_at: datetime,
    seconds: int,
    until_closing: bool,
) -> PlannedSession:
    rate = random.lognormvariate(log(MEDIAN_DOWNLOAD_OCTETS_PER_SECOND), _RATE_SPREAD)
    output_octets = int(min(rate, LINE_OCTETS_PER_SECOND) * seconds)
    input_octets = int(output_octets * UPLOAD_SHARE * random.uniform(0.4, 1.6))
    ending = random.choices(_ENDINGS, _ENDING_WEIGHTS)[0]
    return PlannedSession(
        library=library,
        visitor=visitors.draw(arrives_at, arrives_at + timedelta(seconds=seconds)),
        arrives_at=arrives_at,
        seconds=seconds,
        input_octets=input_octets,
        output_octets=output_octets,
        ending=TerminateCause.LOST_CARRIER if until_closing else ending,
    )
