"""Who may connect: batched look-ups in the database.

All requests that wait in one turn of the event loop share one question of each kind. Without this every request would
ask on its own, which is what makes RADIUS servers slow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, func, select, update

from foundation.database import Database
from foundation.schema import councils, credentials, devices, one_time_tokens, residents
from radius import metrics
from radius.batching import Batcher, padded

# A lost answer makes the gateway ask again with a new request; more often is misuse.
MOST_TOKEN_USES = 2
_QUEUE_LIMIT = 20_000
# Equipment gives up on an answer long before this; it only keeps a hanging database from holding requests for ever.
_PATIENCE_SECONDS = 20


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A one-time token, with the pseudonym of the device that it is bound to."""

    id: int
    user_name: str
    resident_id: int
    device_id: int
    nas_id: int
    expires_at: datetime
    uses: int
    mac_pseudonym: bytes
    group_name: str


@dataclass(frozen=True, slots=True, repr=False)
class Credential:
    """A lasting credential."""

    council_id: int
    user_name: str
    resident_id: int | None
    nt_hash_encrypted: bytes | None
    password_encrypted: bytes | None
    expires_at: datetime | None
    revoked_at: datetime | None
    group_name: str
    council_code: str


@dataclass(frozen=True, slots=True, repr=False)
class Device:
    """A registered device."""

    council_id: int
    mac_pseudonym: bytes
    id: int
    resident_id: int
    remembered_until: datetime | None
    group_name: str


CouncilName = tuple[int, str]
CouncilPseudonym = tuple[int, bytes]


class Directory:
    """Look-ups in one database; make one per process."""

    def __init__(self, database: Database, own_realms: Sequence[str] = ()) -> None:
        self._database = database
        self._own_realms = frozenset(own_realms)
        self._tokens: Batcher[str, Token | None] = Batcher(self._find_tokens, limit=_QUEUE_LIMIT)
        self._credentials: Batcher[CouncilName, Credential | None] = Batcher(self._find_credentials, limit=_QUEUE_LIMIT)
        self._devices: Batcher[CouncilPseudonym, Device | None] = Batcher(self._find_devices, limit=_QUEUE_LIMIT)
        self._uses: Batcher[int, bool] = Batcher(self._count_uses, limit=_QUEUE_LIMIT)
        self.queues: dict[str, Batcher[Any, Any]] = {
            "tokens": self._tokens,
            "credentials": self._credentials,
            "devices": self._devices,
            "token_uses": self._uses,
        }

    async def token(self, user_name: str) -> Token | None:
        """The one-time token of that name, whatever its state. All four raise QueueFullError, DBAPIError, OSError."""
        return await self._tokens.submit(user_name)

    async def credential(self, council_id: int, user_name: str) -> Credential | None:
        """The lasting credential of that name, whatever its state.

        A name in one of our own realms may be stored with the realm or, as is usual, without.
        """
        found = await self._credentials.submit((council_id, user_name))
        name, _, realm = user_name.rpartition("@")
        if found is None and name and realm.lower() in self._own_realms:
            found = await self._credentials.submit((council_id, name))
        return found

    async def device(self, council_id: int, mac_pseudonym: bytes) -> Device | None:
        """The registered device behind a pseudonym of ``Keyring.device_pseudonym``."""
        return await self._devices.submit((council_id, mac_pseudonym))

    async def use_token(self, token_id: int) -> bool:
        """Count a use of a token; False when it is used up. Committed when this returns."""
        return await self._uses.submit(token_id)

    async def _find_tokens(self, names: list[str]) -> list[Token | None]:
        metrics.batch_rows.labels("tokens").observe(len(names))
        rows = await self._ask(_TOKENS, {"names": padded(names)})
        found = {row.user_name: Token(*row) for row in rows}
        return [found.get(name) for name in names]

    async def _find_credentials(self, keys: list[CouncilName]) -> list[Credential | None]:
        metrics.batch_rows.labels("credentials").observe(len(keys))
        rows = await self._ask(_CREDENTIALS, _by_council(keys))
        found = {(row.council_id, row.user_name): Credential(*row) for row in rows}
        return [found.get(key) for key in keys]

    async def _find_devices(self, keys: list[CouncilPseudonym]) -> list[Device | None]:
        metrics.batch_rows.labels("devices").observe(len(keys))
        rows = await self._ask(_DEVICES, _by_council(keys))
        found = {(row.council_id, row.mac_pseudonym): Device(*row) for row in rows}
        return [found.get(key) for key in keys]

    async def _count_uses(self, token_ids: list[int]) -> list[bool]:
        metrics.batch_rows.labels("token_uses").observe(len(token_ids))
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await self._database.run(partial(_count_uses, token_ids), writes=True)

    async def _ask(self, question: Select[Any], parameters: dict[str, list[Any]]) -> Sequence[Any]:
        def ask(connection: Connection) -> Sequence[Any]:
            return connection.execute(question, parameters).all()

        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await self._database.run(ask, writes=False)


def _count_uses(token_ids: list[int], connection: Connection) -> list[bool]:
    """Which uses were granted. Of several uses of one token in a batch each is counted by an UPDATE of its own."""
    granted = [False] * len(token_ids)
    left = list(enumerate(token_ids))
    for _ in range(MOST_TOKEN_USES):
        if not left:
            break
        first_uses = {token_id: position for position, token_id in reversed(left)}
        for token_id in connection.execute(_USE, {"ids": padded(sorted(first_uses))}).scalars():
            granted[first_uses[token_id]] = True
        left = [(position, token_id) for position, token_id in left if first_uses[token_id] != position]
    return granted


def _by_council(keys: Sequence[tuple[int, object]]) -> dict[str, list[Any]]:
    # Both columns are asked for by themselves, so that the index over both serves; the caller takes the exact pairs.
    councils = [*dict.fromkeys(council_id for council_id, _ in keys)]
    return {"councils": padded(councils), "names": padded([name for _, name in keys])}


_NAMES: BindParameter[Any] = bindparam("names", expanding=True)
_COUNCILS: BindParameter[Any] = bindparam("councils", expanding=True)

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
    )
    .join(devices, devices.c.id == one_time_tokens.c.device_id)
    .join(residents, residents.c.id == one_time_tokens.c.resident_id)
    .where(one_time_tokens.c.user_name.in_(_NAMES))
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
    )
    .join(councils, councils.c.id == credentials.c.council_id)
    .outerjoin(residents, residents.c.id == credentials.c.resident_id)
    .where(credentials.c.council_id.in_(_COUNCILS), credentials.c.user_name.in_(_NAMES))
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
    .where(devices.c.council_id.in_(_COUNCILS), devices.c.mac_pseudonym.in_(_NAMES))
)
_USE = (
    update(one_time_tokens)
    .where(one_time_tokens.c.id.in_(bindparam("ids", expanding=True)), one_time_tokens.c.uses < MOST_TOKEN_USES)
    .values(uses=one_time_tokens.c.uses + 1)
    .returning(one_time_tokens.c.id)
)
