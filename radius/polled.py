"""What the server keeps in memory of tables that others change: equipment, policies, realms.

A change is in force within about a second: a cheap question each second tells whether anything changed, and a full
reading every half minute finds what that question cannot see (a clock that was put back).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, Final

import structlog
from sqlalchemy import Select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from foundation.database import Database
from foundation.direct import DatabaseUnavailableError, Statement

logger = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
_POLLS_PER_FULL_READING: Final = 30


class Polled(ABC):
    """Subclasses say how it is read. ``changes`` is one row that any change would change; ``name`` is for the log."""

    def __init__(self, database: Database, changes: Select[Any], name: str) -> None:
        self.database = database
        self._changes = changes
        self._name = name
        self._seen: tuple[object, ...] | None = None
        self._polls = 0

    @abstractmethod
    async def read(self, connection: AsyncConnection) -> None:
        """Read everything and put it in force. Raises DBAPIError or OSError."""

    async def refresh(self) -> None:
        """Read it if it changed since the last time. Raises DatabaseUnavailableError, DBAPIError or OSError."""
        full_reading_is_due = self._polls % _POLLS_PER_FULL_READING == 0
        self._polls += 1
        # Past SQLAlchemy: three of these a second would keep logins waiting for milliseconds.
        (row,) = await self.database.direct.fetch(self._question)
        seen = tuple(row)
        if seen == self._seen and not full_reading_is_due:
            return
        async with self.database.read() as connection:
            await self.read(connection)
        self._seen = seen

    @cached_property
    def _question(self) -> Statement[Any]:
        return self.database.direct.statement(self._changes)

    async def keep_fresh(self) -> None:
        """Refresh for ever; with the database away, what was read last stays in force."""
        is_reachable = True
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self.refresh()
            except (DatabaseUnavailableError, DBAPIError, OSError):
                if is_reachable:
                    logger.error("the database cannot be read; what is known stays in force", table=self._name)
                is_reachable = False
            else:
                is_reachable = True
