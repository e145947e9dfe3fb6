"""A request about data on its way: received, found by its page's address, kept with each step that is made."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from captive_portal import metrics
from captive_portal.information_rights.requests import Happened, InformationRequest
from captive_portal.storage import erasure
from captive_portal.storage import information_requests as storage
from captive_portal.storage.information_requests import NewRequest
from foundation.database import Statements
from foundation.privacy import Keyring
from foundation.runtime import Runtime

_LIMITS_COUNT: Final = timedelta(hours=1)
# What one person may write and ask for on one page in an hour.
_MOST_STEPS: Final = 30


class Actor(StrEnum):
    """Who did something."""

    RESIDENT = "resident"
    COUNCIL = "council"


class TooMany:
    """So many requests, or messages of one, are not taken in an hour."""


def page_key(keyring: Keyring, request: InformationRequest) -> str:
    """The unguessable part of the address of a request's page; derived, so that each mail can tell it."""
    value = keyring.pseudonym("request page", request.council_id, request.number.encode())
    return base64.urlsafe_b64encode(value).decode("ascii").rstrip("=")


def page_path(keyring: Keyring, request: InformationRequest) -> str:
    """The address of a request's page, without the portal's own."""
    return f"/requests/{request.number}/{page_key(keyring, request)}"


async def open_page(
    connection: Statements, runtime: Runtime, number: str, key: str, *, for_update: bool = False
) -> InformationRequest | None:
    """The request that an address leads to; None where it leads to none."""
    request = await storage.load(connection, runtime, number, for_update=for_update)
    if request is None or not hmac.compare_digest(page_key(runtime.keyring, request).encode(), key.encode()):
        return None
    return request


async def receive(
    connection: Statements, runtime: Runtime, new: NewRequest, received_at: datetime, now: datetime, actor: Actor
) -> InformationRequest | TooMany:
    """Keep what somebody asks. What staff enter is never too much."""
    limit = runtime.settings.portal.requests_per_council_per_hour
    if actor is Actor.RESIDENT:
        recent = await storage.count_since(connection, new.council_id, now - _LIMITS_COUNT)
        if recent >= limit:
            metrics.information_requests.labels(new.kind, "limited").inc()
            return TooMany()
    request = await storage.insert(connection, runtime, new, received_at)
    await store(connection, runtime, request, Happened.RECEIVED, actor, now, new.text)
    return request


async def store(
    connection: Statements,
    runtime: Runtime,
    after: InformationRequest,
    happened: Happened,
    actor: Actor,
    now: datetime,
    text: str = "",
) -> None:
    """Keep a step that was made, and what was written with it."""
    await storage.save(connection, after, now)
    await storage.add_event(connection, runtime.keyring, after, happened, actor, text, now)
    metrics.information_requests.labels(after.kind, happened).inc()


async def erase(connection: AsyncConnection, runtime: Runtime, request: InformationRequest, now: datetime) -> bool:
    """Delete everything that is kept under a request's contact but the request; False where there is nothing.

    After the commit, :func:`captive_portal.storage.erasure.erase_files` takes what lies outside of the tables.
    """
    resident_id = await storage.resident_of(connection, runtime, request)
    if resident_id is None:
        return False
    return await erasure.erase_resident(
        connection, runtime, resident_id, now, actor=f"request {request.number}", kept_request=request.id
    )


async def may_write(connection: Statements, request: InformationRequest, now: datetime) -> bool:
    """Whether who asked may write once more in this hour."""
    return await storage.count_events_since(connection, request.id, now - _LIMITS_COUNT) < _MOST_STEPS
