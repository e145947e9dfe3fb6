"""Who may connect: batched look-ups in the database, and what they found kept in memory.

All requests that wait in one turn of the event loop share one question of each kind. Without this every request would
ask on its own, which is what makes RADIUS servers slow. Devices and credentials that were found are kept
(``radius.directory_cache``); tokens never are.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from sqlalchemy import func, select, update

from foundation.changes import follow_directory
from foundation.database import Database
from foundation.direct import DatabaseUnavailableError, Row, Statement, among
from foundation.schema import councils, credentials, devices, one_time_tokens, residents
from radius import metrics
from radius.batching import Batcher
from radius.directory_cache import CredentialKey, DeviceKey, DirectoryCache
from radius.directory_records import Credential, Device, Token
from radius.storage.absence import absence_of

__all__ = ["MOST_TOKEN_USES", "Credential", "Device", "Directory", "Token"]

# A lost answer makes the gateway ask again with a new request; more often is misuse.
MOST_TOKEN_USES = 2
_QUEUE_LIMIT = 20_000
# Equipment gives up on an answer after some seconds. Where memory can answer instead, the database gets one.
_PATIENCE_SECONDS: Final = 5.0
_PATIENCE_WITH_MEMORY_SECONDS: Final = 2.0


class Directory:
    """Look-ups in one database; make one per process.

    With ``cache_entries`` devices and credentials are kept in memory, which needs ``follow`` to run. With the database
    away they are good for ``stale_seconds``. All look-ups raise QueueFullError and DatabaseUnavailableError.
    """

    def __init__(
        self,
        database: Database,
        own_realms: Sequence[str] = (),
        *,
        cache_entries: int = 0,
        stale_seconds: float = 0,
    ) -> None:
        self._database = database
        self._direct = database.direct
        self._own_realms = frozenset(own_realms)
        self.cache = DirectoryCache(cache_entries, stale_seconds)
        self._absence = absence_of(database)
        self._token_statement = self._direct.statement(_TOKENS)
        self._credential_statement = self._direct.statement(_CREDENTIALS)
        self._device_statement = self._direct.statement(_DEVICES)
        self._use_statement = self._direct.statement(_USE)
        self._tokens: Batcher[str, Token | None] = Batcher(self._find_tokens, limit=_QUEUE_LIMIT)
        self._credentials: Batcher[CredentialKey, Credential | None] = Batcher(
            self._find_credentials, limit=_QUEUE_LIMIT
        )
        self._devices: Batcher[DeviceKey, Device | None] = Batcher(self._find_devices, limit=_QUEUE_LIMIT)
        self._uses: Batcher[int, bool] = Batcher(self._count_uses, limit=_QUEUE_LIMIT)
        self.queues: dict[str, Batcher[Any, Any]] = {
            "tokens": self._tokens,
            "credentials": self._credentials,
            "devices": self._devices,
            "token_uses": self._uses,
        }

    async def follow(self) -> None:
        """Hear of changes until cancelled; without it the database is asked every time."""
        if self.cache.limit:
            await follow_directory(self._database, self.cache)
        # A worker whose job ends is started again.
        await asyncio.Event().wait()

    async def token(self, user_name: str) -> Token | None:
        """The one-time token of that name, whatever its state."""
        return await self._tokens.submit(user_name)

    async def credential(self, council_id: int, user_name: str) -> Credential | None:
        """The lasting credential of that name, whatever its state.

        A name in one of our own realms may be stored with the realm or, as is usual, without.
        """
        cache = self.cache
        cached = cache.credential(council_id, user_name)
        if cached is not None:
            return cached
        if self._absence.is_recent and (stale := cache.stale_credential(council_id, user_name)) is not None:
            return stale
        try:
            return await self._ask_for_credential(council_id, user_name)
        except DatabaseUnavailableError:
            stale = cache.stale_credential(council_id, user_name)
            if stale is None:
                raise
            return stale

    async def device(self, council_id: int, mac_pseudonym: bytes) -> Device | None:
        """The registered device behind a pseudonym of ``Keyring.device_pseudonym``."""
        cache = self.cache
        cached = cache.device(council_id, mac_pseudonym)
        if cached is not None:
            return cached
        if self._absence.is_recent and (stale := cache.stale_device(council_id, mac_pseudonym)) is not None:
            return stale
        try:
            return await self._devices.submit((council_id, mac_pseudonym))
        except DatabaseUnavailableError:
            stale = cache.stale_device(council_id, mac_pseudonym)
            if stale is None:
                raise
            return stale

    async def use_token(self, token_id: int) -> bool:
        """Count a use of a token; False when it is used up. Committed when this returns."""
        return await self._uses.submit(token_id)

    async def _ask_for_credential(self, council_id: int, user_name: str) -> Credential | None:
        number = self.cache.number
        found = await self._credentials.submit((council_id, user_name))
        name, _, realm = user_name.rpartition("@")
        if found is None and name and realm.lower() in self._own_realms:
            found = await self._credentials.submit((council_id, name))
            # Who got the whole name since then would be mistaken for this one.
            if found is not None and not self.cache.has_changed_credential(number):
                self.cache.put_credential((council_id, user_name), found)
        return found

    async def _find_tokens(self, names: list[str]) -> list[Token | None]:
        metrics.batch_rows.labels("tokens").observe(len(names))
        rows = await self._ask(self._token_statement, names=names)
        found = {row[1]: Token(*row) for row in rows}
        return [found.get(name) for name in names]

    async def _find_credentials(self, keys: list[CredentialKey]) -> list[Credential | None]:
        metrics.batch_rows.labels("credentials").observe(len(keys))
        number = self.cache.number
        rows = await self._ask(self._credential_statement, **_by_council(keys))
        found = {(row[0], row[1]): self._credential(row, number) for row in rows}
        self.cache.put_credentials(keys, found)
        return [found.get(key) for key in keys]

    async def _find_devices(self, keys: list[DeviceKey]) -> list[Device | None]:
        metrics.batch_rows.labels("devices").observe(len(keys))
        number = self.cache.number
        rows = await self._ask(self._device_statement, **_by_council(keys))
        found = {(row[0], row[1]): self._device(row, number) for row in rows}
        self.cache.put_devices(keys, found)
        return [found.get(key) for key in keys]

    def _credential(self, row: Row, number: int) -> Credential:
        council_id, user_name, resident_id, nt_hash, password, expires_at, revoked_at, group, code, row_id = row
        return Credential(
            self.cache.same_council(council_id),
            user_name,
            resident_id,
            nt_hash,
            password,
            expires_at,
            revoked_at,
            sys.intern(group),
            sys.intern(code),
            row_id,
            number,
        )

    def _device(self, row: Row, number: int) -> Device:
        council_id, pseudonym, row_id, resident_id, until, group = row
        council_id = self.cache.same_council(council_id)
        return Device(council_id, pseudonym, row_id, resident_id, until, sys.intern(group), number)

    async def _count_uses(self, token_ids: list[int]) -> list[bool]:
        """Which uses were granted. Of several uses of one token in a batch each is counted by an UPDATE of its own."""
        metrics.batch_rows.labels("token_uses").observe(len(token_ids))
        if len(set(token_ids)) == len(token_ids):
            return await self._grant(self._direct.fetch, token_ids)
        async with self._direct.writing() as transaction:
            return await self._grant(transaction.fetch, token_ids)

    async def _grant(self, fetch: Callable[..., Awaitable[list[Row]]], token_ids: list[int]) -> list[bool]:
        granted = [False] * len(token_ids)
        left = list(enumerate(token_ids))
        for _ in range(MOST_TOKEN_USES):
            if not left:
                break
            first_uses = {token_id: position for position, token_id in reversed(left)}
            for (token_id,) in await fetch(self._use_statement, ids=sorted(first_uses)):
                granted[first_uses[token_id]] = True
            left = [(position, token_id) for position, token_id in left if first_uses[token_id] != position]
        return granted

    async def _ask(self, statement: Statement[Any], **parameters: Any) -> list[Row]:
        """Raises DatabaseUnavailableError."""
        try:
            async with asyncio.timeout(_PATIENCE_WITH_MEMORY_SECONDS if len(self.cache) else _PATIENCE_SECONDS):
                return await self._direct.fetch(statement, **parameters)
        except TimeoutError:
            self._absence.note()
            raise DatabaseUnavailableError("the database did not answer in time") from None
        except DatabaseUnavailableError:
            self._absence.note()
            raise


def _by_council(keys: Sequence[tuple[int, object]]) -> dict[str, list[Any]]:
    # Both columns are asked for by themselves, so that the index over both serves; the caller takes the exact pairs.
    return {"councils": [*{council_id for council_id, _ in keys}], "names": [name for _, name in keys]}


_TOKENS = (
    select(
        one_time_tokens.c.id,
        one_time_tokens.c.user_name,
        one_time_tokens.c.resident_id,
        one_time_tokens.c.device_id,
        one_time_tokens.c.nas_id,
        one_time_tokens.c.expires_at,
        one_time_tokens.c.uses,
        devices.c.mac_pseudonym,
        residents.c.group_name,
        one_time_tokens.c.access_until,
    )
    .join(devices, devices.c.id == one_time_tokens.c.device_id)
    .join(residents, residents.c.id == one_time_tokens.c.resident_id)
    .where(among(one_time_tokens.c.user_name, "names"))
)
_CREDENTIALS = (
    select(
        credentials.c.council_id,
        credentials.c.user_name,
        credentials.c.resident_id,
        credentials.c.nt_hash_encrypted,
        credentials.c.password_encrypted,
        credentials.c.expires_at,
        credentials.c.revoked_at,
        func.coalesce(residents.c.group_name, ""),
        councils.c.code,
        credentials.c.id,
    )
    .join(councils, councils.c.id == credentials.c.council_id)
    .outerjoin(residents, residents.c.id == credentials.c.resident_id)
    .where(among(credentials.c.council_id, "councils"), among(credentials.c.user_name, "names"))
)
_DEVICES = (
    select(
        devices.c.council_id,
        devices.c.mac_pseudonym,
        devices.c.id,
        devices.c.resident_id,
        devices.c.remembered_until,
        residents.c.group_name,
    )
    .join(residents, residents.c.id == devices.c.resident_id)
    .where(among(devices.c.council_id, "councils"), among(devices.c.mac_pseudonym, "names"))
)
_USE = (
    update(one_time_tokens)
    .where(among(one_time_tokens.c.id, "ids"), one_time_tokens.c.uses < MOST_TOKEN_USES)
    .values(uses=one_time_tokens.c.uses + 1)
    .returning(one_time_tokens.c.id)
)
