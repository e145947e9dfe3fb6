"""Storing what waits in the database, in one transaction, and what is wrong with a part of it.

An item that the database refuses (its NAS was deleted a moment ago) must not take its neighbours down: the batch is
halved until the bad one is alone. Anything else that goes wrong means that nothing of the batch is known to be stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

import structlog
from sqlalchemy import bindparam, delete, literal, select
from sqlalchemy.exc import DBAPIError

from foundation.database import Database, DatabaseError
from foundation.direct import Direct, RowsRefusedError, Transaction
from foundation.schema import journal_deliveries

logger = structlog.get_logger(__name__)

Item = TypeVar("Item")

UNAVAILABLE: Final = (DatabaseError, DBAPIError, OSError, TimeoutError)
"""What a database that cannot be used raises."""


class Storage(Protocol[Item]):
    """What one kind of item is and how it is stored."""

    name: str
    """Of its queue in metrics, and of its journals."""

    async def prepare(self, items: Sequence[Item]) -> None:
        """Whatever must be there before the transaction: PostgreSQL's partition of each month."""

    def forget_prepared(self) -> None:
        """Something that was there may be gone: retention drops months."""

    async def store(self, direct: Direct, items: Sequence[Item]) -> Any:
        """Store them in a transaction of their own."""

    async def deliver(self, transaction: Transaction, items: Sequence[Item]) -> Any:
        """Store those of a journal; where they are stored already, this must change nothing."""

    def note_stored(self, stored: Any) -> None:
        """What ``store`` or ``deliver`` returned is committed."""

    def encode(self, item: Item) -> bytes:
        """The item's octets for the journal."""

    def decode(self, payload: bytes) -> Item:
        """The item of a journal. Raises NotUnderstoodError."""


class DatabaseStore(Generic[Item]):
    """Puts items of one kind into a database; one per process. Everything raises one of ``UNAVAILABLE``."""

    def __init__(self, database: Database, storage: Storage[Item]) -> None:
        self._storage = storage
        self._direct = direct = database.direct
        self._anything = direct.statement(select(literal(1)))
        delivered = journal_deliveries.c
        self._delivered = direct.statement(
            select(delivered.delivered_until).where(delivered.journal == bindparam("journal"))
        )
        self._finish = direct.statement(delete(journal_deliveries).where(delivered.journal == bindparam("journal")))
        self._mark = direct.bulk_insert(
            journal_deliveries,
            ["journal", "delivered_until"],
            on_conflict=lambda insert: insert.on_conflict_do_update(
                index_elements=["journal"], set_={"delivered_until": insert.excluded.delivered_until}
            ),
        )

    async def store(self, items: Sequence[Item]) -> list[bool]:
        """Store new items; which of them are committed. The others the database refuses for what they say."""
        return await self._store_or_halve(items)

    async def deliver(self, journal: str, entries: Sequence[tuple[int, Item]]) -> list[bool]:
        """As ``store``, for items of a journal with their numbers: those that were delivered are noted with them."""
        return await self._store_or_halve([item for _, item in entries], journal, [number for number, _ in entries])

    async def ask(self) -> None:
        """Return if the database answers."""
        await self._direct.fetch(self._anything)

    async def delivered_until(self, journal: str) -> int:
        """The number of the journal's last record that was delivered, maybe by a worker that is gone; 0 if none."""
        rows = await self._direct.fetch(self._delivered, journal=journal)
        return int(rows[0][0]) if rows else 0

    async def finish(self, journals: Iterable[str]) -> None:
        """These journals are gone: forget how far they were delivered."""
        async with self._direct.writing() as transaction:
            for journal in journals:
                await transaction.fetch(self._finish, journal=journal)

    async def _store_or_halve(
        self, items: Sequence[Item], journal: str | None = None, numbers: Sequence[int] = (), *, tries: int = 2
    ) -> list[bool]:
        try:
            await self._commit(items, journal, numbers)
        except UNAVAILABLE as error:
            if not isinstance(error, RowsRefusedError):
                raise
            problem = str(error)
        except Exception as error:
            # A fault of ours with one record must neither stop the others nor come again and again.
            problem = f"{type(error).__name__}, a fault of ours"
        else:
            return [True] * len(items)
        if len(items) > 1:
            middle = len(items) // 2
            first = await self._store_or_halve(items[:middle], journal, numbers[:middle])
            return [*first, *await self._store_or_halve(items[middle:], journal, numbers[middle:])]
        if tries > 1:
            self._storage.forget_prepared()
            return await self._store_or_halve(items, journal, numbers, tries=tries - 1)
        name, nas_id = self._storage.name, getattr(items[0], "nas_id", None)
        logger.error("a record cannot be stored for what it says", queue=name, problem=problem, nas_id=nas_id)
        return [False]

    async def _commit(self, items: Sequence[Item], journal: str | None, numbers: Sequence[int]) -> None:
        await self._storage.prepare(items)
        if journal is None:
            stored = await self._storage.store(self._direct, items)
        else:
            async with self._direct.writing() as transaction:
                stored = await self._storage.deliver(transaction, items)
                await transaction.insert(self._mark, [(journal, numbers[-1])])
        self._storage.note_stored(stored)
