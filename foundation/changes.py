"""Follow what changes of those who may connect, as it happens and in every process.

Triggers of the database tell of a row that was changed or deleted, by its kind and number only. PostgreSQL sends that
at commit (https://www.postgresql.org/docs/current/sql-notify.html), in one stream with the answers to a heartbeat: once
a heartbeat is answered, everything that was committed before it was sent has been told. On SQLite a table is read four
times a second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import bindparam, func, select

from foundation.database import Database
from foundation.direct import DatabaseUnavailableError, Direct
from foundation.direct_postgres import PostgresDirect
from foundation.schema import directory_changes

log = structlog.get_logger()

CHANNEL: Final = "citywifi_directory"
POLL_SECONDS: Final = 0.25
HEARTBEAT_SECONDS: Final = 0.5
# An answer that takes longer means that changes may come late as well.
LATE_SECONDS: Final = 0.5
# After that long without an answer the connection is made anew.
_LOST_SECONDS: Final = 5.0
_RETRY_SECONDS: Final = 0.5
# A connection that lasted longer was a good one.
_LASTING_SECONDS: Final = 10.0


class Follower(Protocol):
    """Who wants to know; the methods are called in the event loop and must not take long."""

    def changed(self, kind: str, row_id: int) -> None:
        """A row of this kind (device, credential, resident, council) was changed or deleted."""

    def unsure(self) -> None:
        """From now on changes may be told late, or not at all."""

    def sure(self, *, nothing_missed: bool) -> None:
        """From now on every change is told at once. Called again and again, so that silence shows.

        With ``nothing_missed`` all those before were told, too; without it any row may have changed meanwhile.
        """


async def follow_directory(database: Database, follower: Follower) -> None:
    """Tell ``follower`` until cancelled; reconnects by itself."""
    direct = database.direct
    if isinstance(direct, PostgresDirect):
        await _listen(direct, follower)
    else:
        await _poll(direct, follower)


async def _listen(direct: PostgresDirect, follower: Follower) -> None:
    explanation = ""
    while True:
        began = time.monotonic()
        try:
            await _listen_once(direct, follower)
        except DatabaseUnavailableError as error:
            explanation = _explain(error, "" if time.monotonic() - began > _LASTING_SECONDS else explanation)
        finally:
            follower.unsure()
        await asyncio.sleep(_RETRY_SECONDS)


async def _listen_once(direct: PostgresDirect, follower: Follower) -> None:
    """Until the connection is lost. Raises DatabaseUnavailableError."""

    def tell(payload: str) -> None:
        kind, _, row_id = payload.partition(" ")
        if row_id.isdecimal():
            follower.changed(kind, int(row_id))

    async with direct.listening(CHANNEL, tell) as beat:
        await _beat_once(beat, follower)
        follower.sure(nothing_missed=False)
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await _beat_once(beat, follower)
            follower.sure(nothing_missed=True)


async def _beat_once(beat: Callable[[], Coroutine[Any, Any, str]], follower: Follower) -> None:
    """Return when it is answered. Raises DatabaseUnavailableError."""
    beating = asyncio.create_task(beat())
    try:
        await asyncio.wait([beating], timeout=LATE_SECONDS)
        if not beating.done():
            follower.unsure()
            await asyncio.wait([beating], timeout=_LOST_SECONDS)
        if not beating.done():
            raise DatabaseUnavailableError("PostgreSQL does not answer the heartbeat")
        beating.result()
    finally:
        beating.cancel()


async def _poll(direct: Direct, follower: Follower) -> None:
    table = _Table(direct)
    explanation = ""
    while True:
        try:
            await table.tell(follower)
            explanation = ""
        except DatabaseUnavailableError as error:
            explanation = _explain(error, explanation)
            follower.unsure()
        await asyncio.sleep(POLL_SECONDS)


def _explain(error: DatabaseUnavailableError, explained: str) -> str:
    """Log what was not explained yet: one line for an absence, not one for each try."""
    explanation = str(error)
    if explanation != explained:
        log.warning("changes of the directory are not told", explanation=explanation)
    return explanation


class _Table:
    """SQLite's table of changes, read up to a certain one."""

    def __init__(self, direct: Direct) -> None:
        changes = directory_changes.c
        self._direct = direct
        self._newest = direct.statement(select(func.coalesce(func.max(changes.id), 0)))
        self._since = direct.statement(
            select(changes.id, changes.kind, changes.row_id).where(changes.id >= bindparam("last")).order_by(changes.id)
        )
        self._last: int | None = None

    async def tell(self, follower: Follower) -> None:
        """Tell what is new. Raises DatabaseUnavailableError."""
        if self._last is None:
            await self._begin_anew(follower)
            return
        changes = await self._direct.fetch(self._since, last=self._last)
        # The last one that was told is kept until many came after it; when it is gone, some of those are, too.
        if self._last and (not changes or changes[0][0] != self._last):
            await self._begin_anew(follower)
            return
        for number, kind, row_id in changes:
            if number != self._last:
                follower.changed(kind, row_id)
        self._last = changes[-1][0] if changes else self._last
        follower.sure(nothing_missed=True)

    async def _begin_anew(self, follower: Follower) -> None:
        ((self._last,),) = await self._direct.fetch(self._newest)
        follower.sure(nothing_missed=False)
