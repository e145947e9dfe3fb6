"""Keys and tokens, and programs that use them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from captive_portal.storage import api_keys, journeys, resident_tokens
from captive_portal.storage.api_keys import NewKey, Scope
from foundation.schema import journeys as journeys_table
from tests.captive_portal.conftest import City, Client


async def make_key(
    city: City,
    *scopes: Scope,
    name: str = "library desk",
    per_minute: int = 6000,
    expires_at: datetime | None = None,
    council_id: int | None = None,
) -> str:
    """A key of the city's council; with every scope where none is given."""
    chosen: Collection[Scope] = scopes or list(Scope)
    new = NewKey(council_id or city.council_id, name, chosen, per_minute, expires_at)
    async with city.database.write() as connection:
        return await api_keys.add(connection, city.database, city.runtime.keyring, new, datetime.now(UTC))


async def make_token(city: City, *, may_delete: bool = False, lifetime: timedelta = timedelta(hours=1)) -> str:
    """A token of the only resident that there is, as their page makes it."""
    now, keyring = datetime.now(UTC), city.runtime.keyring
    async with city.database.write() as connection:
        number = (await connection.execute(select(journeys_table.c.id).order_by(journeys_table.c.id.desc()))).scalars()
        journey = await journeys.load(connection, keyring, int(number.first() or 0), now=now)
        assert journey is not None
        return await resident_tokens.add(
            connection, keyring, journey, may_delete=may_delete, expires_at=now + lifetime, now=now
        )


@dataclass
class Program:
    """Somebody else's program, with a key or token or without."""

    client: Client
    credential: str | None = None

    async def ask(self, method: str, path: str, **sent: Any) -> Answer:
        """Call an operation; its answer, read."""
        headers = {"Authorization": f"Bearer {self.credential}"} if self.credential else {}
        headers |= sent.pop("headers", {})
        response = await self.client.request(method, f"/api/v1{path}", headers=headers, **sent)
        is_json = response.content_type in ("application/json", "application/problem+json")
        body = await response.json() if is_json else await response.text()
        return Answer(response.status, response.content_type, dict(response.headers), body)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    content_type: str
    headers: dict[str, str]
    body: Any

    @property
    def problem(self) -> str:
        """The kind of problem that it tells."""
        assert self.content_type == "application/problem+json", self.body
        assert self.body["status"] == self.status
        return str(self.body["type"]).rpartition("problem-")[2]


@pytest.fixture
def anybody(client: Client) -> Program:
    return Program(client)
