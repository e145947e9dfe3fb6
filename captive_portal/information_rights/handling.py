"""A request about data on its way: received, found by its page's address, kept with each step that is made."""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import chain
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from captive_portal import metrics
from captive_portal.information_rights.requests import Happened, InformationRequest
from captive_portal.storage import erasure
from captive_portal.storage import information_requests as storage
from captive_portal.storage.information_requests import NewRequest, NoNumberLeftError
from foundation.database import Statements
from foundation.privacy import Keyring
from foundation.runtime import Runtime

_LIMITS_COUNT: Final = timedelta(hours=1)
# What one person may write and ask for on one page in an hour.
_MOST_STEPS: Final = 30
# How often a number is drawn; there are hundreds of millions.
_TRIES: Final = 10
_FORM: Final = "request form"


class Actor(StrEnum):
    """Who did something."""

    RESIDENT = "resident"
    COUNCIL = "council"


class TooMany:
    """So many requests, or messages of one, are not taken in an hour."""


@dataclass(frozen=True, slots=True)
class SentBefore:
    """The same form was sent twice, as by a double click."""

    request: InformationRequest


def page_key(keyring: Keyring, request: InformationRequest) -> str:
    """The unguessable part of the address of a request's page; derived, so that each mail can tell it."""
    return _key(keyring, "request page", request.council_id, request.number)


def _key(keyring: Keyring, purpose: str, council_id: int, number: str) -> str:
    value = keyring.pseudonym(purpose, council_id, number.encode())
    return base64.urlsafe_b64encode(value).decode("ascii").rstrip("=")


def new_form(keyring: Keyring, council_id: int, now: datetime) -> str:
    """What a form carries so that it is taken once: the number of the request that it may become, and a seal."""
    number = storage.new_number(now)
    return f"{number}.{_key(keyring, _FORM, council_id, number)}"


def form_number(keyring: Keyring, council_id: int, form: str) -> str | None:
    """The number that a form carries; None unless it was given to it here."""
    number, _, key = form.partition(".")
    is_ours = hmac.compare_digest(_key(keyring, _FORM, council_id, number).encode(), key.encode())
    return number if is_ours else None


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
) -> InformationRequest | SentBefore | TooMany:
    """Keep what somebody asks. What staff enter is never too much. Raises NoNumberLeftError."""
    limit = runtime.settings.portal.requests_per_council_per_hour
    if actor is Actor.RESIDENT:
        recent = await storage.count_since(connection, new.council_id, now - _LIMITS_COUNT)
        if recent >= limit:
            metrics.information_requests.labels(new.kind, "limited").inc()
            return TooMany()
    fresh = (storage.new_number(received_at) for _ in range(_TRIES))
    for number in chain([new.number] if new.number else [], fresh):
        request = await storage.insert(connection, runtime, new, received_at, number)
        if request is not None:
            await store(connection, runtime, request, Happened.RECEIVED, actor, now, new.text)
            return request
        if number == new.number and (earlier := await _sent_before(connection, runtime, new, number)):
            return earlier
    raise NoNumberLeftError("no number is free for a new request")


async def _sent_before(connection: Statements, runtime: Runtime, new: NewRequest, number: str) -> SentBefore | None:
    """None where the form asks for something else than what came with it first: somebody went back and wrote anew."""
    earlier = await storage.load(connection, runtime, number)
    if earlier is None:
        return None
    [received, *_] = await storage.events(connection, runtime.keyring, earlier.id)
    first = (earlier.council_id, earlier.kind, earlier.contact, received.text)
    return SentBefore(earlier) if first == (new.council_id, new.kind, new.contact, new.text) else None


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
