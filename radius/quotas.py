"""Sessions whose time has come: the resident's day is used up, or the place has closed.

Much equipment cannot keep these limits itself, and what was granted at the beginning does not know of a resident's
other devices. So open sessions are compared with their policies, and those that are over are ended by dynamic
authorisation. Equipment that refuses is not asked again; equipment that does not answer is asked three times in all,
each time after a longer wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.exc import DBAPIError

from foundation.database import Database
from foundation.database_errors import DatabaseUnavailableError
from foundation.schema import accounting_sessions, residents
from radius import metrics
from radius.authentication.outcome import RejectReason
from radius.batching import QueueFullError
from radius.dynamic_authorization import Outcome, Result
from radius.policies.decision import is_closed, used_up
from radius.policies.directory import PolicyDirectory, PolicyTable
from radius.policies.effective import EffectivePolicy, Place
from radius.policies.opening import day_start
from radius.policies.usage import NO_USAGE, Usage, UsageDirectory

logger = structlog.get_logger(__name__)

MOST_ATTEMPTS: Final = 3
_FIRST_WAIT: Final = timedelta(minutes=2)
# Beyond these the ones tried longest ago are forgotten, and their equipment is asked once more.
MOST_REMEMBERED: Final = 100_000
# Of equipment that does not answer each takes some seconds; the others wait for the next check.
MOST_PER_CHECK: Final = 1000
_AT_A_TIME: Final = 64
_AT_ONCE: Final = 500
# At closing time sessions end by their Session-Timeout; only what is left then must be ended.
_GRACE: Final = timedelta(minutes=1)
_MAY_ANSWER_LATER: Final = {Result.NO_ANSWER, Result.UNREACHABLE, Result.NO_CONNECTION, Result.TOO_LATE}

EndSession = Callable[[int], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that is on, and where."""

    id: int
    place: Place
    resident_id: int | None


@dataclass(frozen=True, slots=True)
class _Attempt:
    count: int
    not_before: datetime | None


class _Judge:
    """Whether sessions are over at one moment."""

    def __init__(self, table: PolicyTable, now: datetime) -> None:
        self._table = table
        self._now = now
        self._closed: dict[tuple[int, EffectivePolicy], bool] = {}

    def policy(self, session: OpenSession) -> EffectivePolicy:
        return self._table.effective(session.place)

    def reason(self, session: OpenSession, policy: EffectivePolicy, usage: Usage) -> RejectReason | None:
        council_id = session.place.council_id
        key = council_id, policy
        if key not in self._closed:
            zone = self._table.time_zone(council_id)
            self._closed[key] = all(is_closed(policy, at, zone) for at in (self._now - _GRACE, self._now))
        return RejectReason.OUTSIDE_OPENING_TIMES if self._closed[key] else used_up(policy, usage)


class QuotaKeeper:
    """Ends what is over. ``end`` asks a session's equipment to end it."""

    def __init__(self, database: Database, policies: PolicyDirectory, usage: UsageDirectory, end: EndSession) -> None:
        self._database = database
        self._policies = policies
        self._usage = usage
        self._end = end
        self._attempts: dict[int, _Attempt] = {}

    async def keep(self, interval_seconds: float) -> None:
        """Check for ever."""
        while True:
            await asyncio.sleep(interval_seconds)
            try:
                await self.check(datetime.now(UTC))
            except (DatabaseUnavailableError, DBAPIError, OSError, TimeoutError, QueueFullError) as error:
                logger.error("quotas could not be checked", problem=type(error).__name__)

    async def check(self, now: datetime) -> int:
        """End the sessions that are over; how many were over. Raises what the database raises."""
        over = await self._over(now)
        # Those that ended since, by us or by themselves, need not be remembered.
        self._attempts = {number: attempt for number, attempt in self._attempts.items() if number in over}
        self._show(len(over))
        due = [number for number in over if self._is_due(number, now)]
        turns = asyncio.Semaphore(_AT_A_TIME)
        await asyncio.gather(*(self._try(number, over[number], now, turns) for number in due[:MOST_PER_CHECK]))
        self._show(len(over))
        return len(over)

    async def _over(self, now: datetime) -> dict[int, RejectReason]:
        """The open sessions whose time has come, and why."""
        councils = self._policies.table.ending_councils
        if not councils:
            return {}
        find = partial(_open_sessions, councils)
        judge = _Judge(self._policies.table, now)
        limited = []
        for number, session in enumerate(await self._database.run(find, writes=False)):
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)  # requests wait meanwhile
            policy = judge.policy(session)
            if policy.opening is not None or policy.is_daily:
                limited.append((session, policy))
        used = await self._used(limited, now)
        found = {}
        for session, policy in limited:
            reason = judge.reason(session, policy, used.get(session.resident_id, NO_USAGE))
            if reason is not None:
                found[session.id] = reason
        return found

    async def _used(
        self, limited: Sequence[tuple[OpenSession, EffectivePolicy]], now: datetime
    ) -> dict[int | None, Usage]:
        councils = {
            session.resident_id: session.place.council_id
            for session, policy in limited
            if policy.is_daily and session.resident_id is not None
        }
        table = self._policies.table
        used: dict[int | None, Usage] = {}
        # One after another in batches of the look-up's own size, so that logins find room in its queue.
        for some in _batches([*councils.items()]):
            questions = [
                self._usage.usage(resident_id, day_start(now, table.time_zone(council_id)), now)
                for resident_id, council_id in some
            ]
            answers = await asyncio.gather(*questions)
            used |= {resident_id: usage for (resident_id, _), usage in zip(some, answers, strict=True)}
        return used

    def _is_due(self, session_id: int, now: datetime) -> bool:
        attempt = self._attempts.get(session_id)
        return attempt is None or (attempt.not_before is not None and attempt.not_before <= now)

    async def _try(self, session_id: int, reason: RejectReason, now: datetime, turns: asyncio.Semaphore) -> None:
        async with turns:
            outcome = await self._end(session_id)
        metrics.quota_endings.labels(reason, outcome.result).inc()
        count = self._attempts[session_id].count + 1 if session_id in self._attempts else 1
        is_last = outcome.result not in _MAY_ANSWER_LATER or count >= MOST_ATTEMPTS
        while len(self._attempts) >= MOST_REMEMBERED:
            del self._attempts[next(iter(self._attempts))]
        self._attempts[session_id] = _Attempt(count, None if is_last else now + _FIRST_WAIT * 2 ** (count - 1))

    def _show(self, over: int) -> None:
        metrics.quota_sessions_over.set(over)
        metrics.quota_attempts_remembered.set(len(self._attempts))
        metrics.quota_attempts_limit.set(MOST_REMEMBERED)


def _open_sessions(councils: Sequence[int], connection: Connection) -> list[OpenSession]:
    return [
        OpenSession(
            row.id,
            Place(row.council_id, row.venue_id, row.network_name or "", row.group_name),
            row.resident_id,
        )
        for row in connection.execute(_OPEN, {"councils": councils})
    ]


def _batches(items: Sequence[tuple[int, int]], size: int = 500) -> Iterable[Sequence[tuple[int, int]]]:
    return (items[start : start + size] for start in range(0, len(items), size))


_OPEN: Any = (
    select(
        accounting_sessions.c.id,
        accounting_sessions.c.council_id,
        accounting_sessions.c.venue_id,
        accounting_sessions.c.network_name,
        accounting_sessions.c.resident_id,
        func.coalesce(residents.c.group_name, "").label("group_name"),
    )
    .outerjoin(residents, residents.c.id == accounting_sessions.c.resident_id)
    .where(
        accounting_sessions.c.stopped_at.is_(None),
        # Others are the portal's, which ends them where no RADIUS would.
        accounting_sessions.c.source == "radius",
        accounting_sessions.c.council_id.in_(bindparam("councils", expanding=True)),
    )
)
