"""Councils, venues and the state of the service: what everybody may know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import Field

from captive_portal.api.access import Call
from captive_portal.api.openapi import VERSION
from captive_portal.api.operations import EVERYBODY, Tag, operation
from captive_portal.api.problems import NOT_FOUND, UNAVAILABLE, ProblemError, retry_after
from captive_portal.storage import equipment, venues
from captive_portal.storage.venues import KnownVenue
from captive_portal.ways_in.ways import Way, usable
from foundation.settings import Settings
from foundation.venue_health import Condition, condition_of, opening_at

_MOST: Final = 200
_LARGEST_NUMBER: Final = 2**63 - 1
_AGAIN_SECONDS: Final = 10
VENUES: Final = Tag("Venues", "Where there is WiFi, when, and how one gets in. No key is needed.")
SERVICE: Final = Tag("Service", "Whether the service works. No key is needed.")

Code = Annotated[str, Field(pattern="^[A-Z0-9]{1,9}$", description="Its code, such as E08000026.")]
Number = Annotated[int, Field(ge=1, le=_LARGEST_NUMBER, description="Its number.")]


class Status(StrEnum):
    """Whether there is WiFi at a venue at all."""

    OPEN = "open"
    PLANNED = "planned"
    CLOSED = "closed"


class Wifi(StrEnum):
    """What is known of a venue's access points: working, silent while it is open, or nothing to go by."""

    WORKING = "working"
    SILENT = "silent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Council:
    """A council that offers WiFi."""

    code: Code
    name: Annotated[str, Field(description="Its name.")]


@dataclass(frozen=True, slots=True)
class Councils:
    """All councils."""

    councils: Annotated[tuple[Council, ...], Field(description="By name.")]


@dataclass(frozen=True, slots=True)
class Venue:
    """A place with WiFi."""

    id: Number
    council: Code
    name: Annotated[str, Field(description="Its name.")]
    kind: Annotated[str, Field(description="What it is, such as library.")]
    status: Annotated[Status, Field(description="In the council's register.")]
    open_now: Annotated[bool | None, Field(description="By its opening hours; null where they are not known.")]
    wifi: Wifi
    opening_hours: Annotated[
        dict[str, tuple[str, ...]] | None,
        Field(description="By the English name of the day, in the time zone: `09:00-17:00`."),
    ]
    time_zone: Annotated[str, Field(description="Of the tz database, such as Europe/London.")]
    address: Annotated[str | None, Field(description="As the register has it.")]
    postcode: Annotated[str | None, Field(description="As the register has it.")]
    latitude: Annotated[float | None, Field(description="In degrees (WGS 84).")]
    longitude: Annotated[float | None, Field(description="In degrees (WGS 84).")]
    ways_in: Annotated[tuple[Way, ...], Field(description="How one gets in, in the order of the first page.")]


@dataclass(frozen=True, slots=True)
class Venues:
    """Some of the venues."""

    venues: Annotated[tuple[Venue, ...], Field(description="In the order of their numbers.")]
    next: Annotated[int | None, Field(description="`after` of the rest; null when this was the rest.")]


@dataclass(frozen=True, slots=True)
class VenueAddress:
    """Which venue."""

    venue: Number


@dataclass(frozen=True, slots=True)
class VenuesAsked:
    """Which venues."""

    council: Annotated[Code | None, Field(description="Of this council only.")] = None
    status: Annotated[Status | None, Field(description="Of this status only.")] = None
    after: Annotated[int, Field(ge=0, le=_LARGEST_NUMBER, description="Those that come after this number.")] = 0
    limit: Annotated[int, Field(ge=1, le=_MOST, description="How many at most.")] = 100


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """That the service works."""

    version: Annotated[str, Field(description="Of this document.")]
    time: Annotated[datetime, Field(description="The service's clock.")]
    database_seconds: Annotated[float, Field(description="How long the database took to answer.")]


@operation("GET", "/status", tag=SERVICE, access=EVERYBODY)
async def show_status(call: Call) -> ServiceStatus:
    """Whether the service works.

    It answers when the portal can let people on; otherwise this is `unavailable`.
    """
    health = await call.runtime.database.health()
    if not health.reachable:
        raise ProblemError(UNAVAILABLE, "The database does not answer.", retry_after(_AGAIN_SECONDS))
    return ServiceStatus(VERSION, call.now, round(health.round_trip_seconds, 6))


@operation("GET", "/councils", tag=VENUES, access=EVERYBODY)
async def list_councils(call: Call) -> Councils:
    """All councils."""
    async with call.runtime.database.short_read() as connection:
        return Councils(tuple(Council(*one) for one in await equipment.list_councils(connection)))


@operation("GET", "/venues", tag=VENUES, access=EVERYBODY)
async def list_venues(call: Call, asked: VenuesAsked) -> Venues:
    """The venues, some at a time.

    Ask again with `after` as `next` has it until that is null.
    """
    async with call.runtime.database.short_read() as connection:
        found = await venues.after(
            connection, after_id=asked.after, most=asked.limit + 1, council_code=asked.council, status=asked.status
        )
    shown = found[: asked.limit]
    told = tuple(_venue(one, call.runtime.settings, call.now) for one in shown)
    return Venues(told, shown[-1].id if len(found) > len(shown) else None)


@operation("GET", "/venues/{venue}", tag=VENUES, access=EVERYBODY, problems=(NOT_FOUND,))
async def show_venue(call: Call, asked: VenueAddress) -> Venue:
    """One venue."""
    async with call.runtime.database.short_read() as connection:
        found = await venues.find(connection, asked.venue)
    if found is None:
        raise ProblemError(NOT_FOUND, f"There is no venue {asked.venue}.")
    return _venue(found, call.runtime.settings, call.now)


def _venue(known: KnownVenue, settings: Settings, now: datetime) -> Venue:
    opening = opening_at(known.opening_hours, ZoneInfo(known.time_zone), now)
    silent_after = timedelta(seconds=settings.monitoring.silent_after_seconds)
    condition = condition_of(known.last_heard_at, opening, silent_after, now)
    # Neither hours nor access points count where there is no WiFi yet, or no more.
    is_in_use = known.status == Status.OPEN
    hours = {day: tuple(spans) for day, spans in (known.opening_hours or {}).items()}
    return Venue(
        id=known.id,
        council=known.council_code,
        name=known.name,
        kind=known.kind,
        status=Status(known.status),
        open_now=is_in_use and opening.is_open if hours else None,
        wifi=_WIFI.get(condition, Wifi.UNKNOWN) if is_in_use else Wifi.UNKNOWN,
        opening_hours=hours or None,
        time_zone=known.time_zone,
        address=known.address,
        postcode=known.postcode,
        latitude=known.latitude,
        longitude=known.longitude,
        ways_in=usable(known.ways, settings),
    )


_WIFI: Final = {Condition.HEARD: Wifi.WORKING, Condition.SILENT: Wifi.SILENT}
HANDLERS: Final = (show_status, list_councils, list_venues, show_venue)
