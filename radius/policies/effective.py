"""Which limits are in force somewhere for somebody: of several policies the most exact one that says something.

Limit by limit, a policy for a group of residents comes before one for a network, that before one for a venue, and that
before one for the council; what none of them says, the settings do. A limit of 0, or an empty filter, says that there
is none, so that a group can be freed from what its venue says.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from foundation.mac_address import MacAddress, NotAMacAddressError
from foundation.settings import RadiusSettings
from radius.policies.opening import Opening

_REMEMBERED_NETWORKS = 4096


@dataclass(frozen=True, slots=True)
class Place:
    """Where and for whom: the venue, the network's name (SSID) and the resident's group, where they are known."""

    council_id: int
    venue_id: int | None = None
    network_name: str = ""
    group_name: str = ""

    @property
    def scope(self) -> str:
        """What ``policies.scope`` has: the same for the same place and for no other."""
        return json.dumps([self.venue_id, self.network_name, self.group_name], ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one policy says; None is what it does not speak of. Speeds are as the resident sees them."""

    opening: Opening | None = None
    session_seconds: int | None = None
    idle_seconds: int | None = None
    daily_seconds: int | None = None
    daily_octets: int | None = None
    download_kilobits_per_second: int | None = None
    upload_kilobits_per_second: int | None = None
    simultaneous_devices: int | None = None
    vlan: int | None = None
    filter_name: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """One row of ``policies``: what it says, and for which places."""

    place: Place
    limits: Limits

    def covers(self, place: Place) -> bool:
        """Whether it counts there; what the policy does not name counts for all."""
        own = self.place
        return (
            own.council_id == place.council_id
            and own.venue_id in (None, place.venue_id)
            and own.network_name in ("", place.network_name)
            and own.group_name in ("", place.group_name)
        )

    @property
    def exactness(self) -> tuple[bool, bool, bool]:
        """The larger, the more exact."""
        return bool(self.place.group_name), bool(self.place.network_name), self.place.venue_id is not None


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """The limits in force at a place; None is no limit. Times are seconds, data octets in both directions."""

    session_seconds: int
    idle_seconds: int
    download_kilobits_per_second: int
    upload_kilobits_per_second: int
    opening: Opening | None = None
    daily_seconds: int | None = None
    daily_octets: int | None = None
    simultaneous_devices: int | None = None
    vlan: int | None = None
    filter_name: str | None = None

    @property
    def is_daily(self) -> bool:
        """Whether what a resident used today matters."""
        return self.daily_seconds is not None or self.daily_octets is not None

    @property
    def needs_usage(self) -> bool:
        """Whether a resident's sessions must be looked at before a device is let on."""
        return self.is_daily or self.simultaneous_devices is not None


LIMIT_NAMES: tuple[str, ...] = tuple(field.name for field in fields(Limits))
"""The names of all limits, in the order in which they are shown."""

ALWAYS_LIMITED: tuple[str, ...] = (
    "session_seconds",
    "idle_seconds",
    "download_kilobits_per_second",
    "upload_kilobits_per_second",
)
"""The limits that there are everywhere, from the settings if from nowhere else."""


def sources(policies: Iterable[Policy], place: Place) -> dict[str, Policy | None]:
    """For each limit the policy that decides it at a place; None where no policy speaks of it."""
    covering = sorted((policy for policy in policies if policy.covers(place)), key=_exactness, reverse=True)
    return {
        name: next((policy for policy in covering if getattr(policy.limits, name) is not None), None)
        for name in LIMIT_NAMES
    }


def effective_policy(policies: Iterable[Policy], place: Place, defaults: Limits) -> EffectivePolicy:
    """The limits in force at a place. ``defaults`` must speak of session, idle time and speeds."""
    chosen: dict[str, Any] = {
        name: getattr((policy.limits if policy else defaults), name)
        for name, policy in sources(policies, place).items()
    }
    opening = chosen.pop("opening")
    # Empty, 0: a policy says that there is no such limit.
    limits: dict[str, Any] = {name: value or None for name, value in chosen.items()}
    return EffectivePolicy(opening=None if opening is None or opening.is_always else opening, **limits)


def default_limits(settings: RadiusSettings) -> Limits:
    """What the settings say where no policy does."""
    return Limits(
        session_seconds=settings.session_timeout_seconds,
        idle_seconds=settings.idle_timeout_seconds,
        download_kilobits_per_second=settings.download_kilobits_per_second,
        upload_kilobits_per_second=settings.upload_kilobits_per_second,
    )


@lru_cache(_REMEMBERED_NETWORKS)
def network_name(called_station_id: str | None) -> str:
    """The network's name in a Called-Station-Id (RFC 3580 section 3.20); empty where there is none."""
    if not called_station_id:
        return ""
    try:
        return MacAddress.parse_station_id(called_station_id)[1]
    except NotAMacAddressError:  # a MikroTik sends its server's name
        return ""


def _exactness(policy: Policy) -> tuple[bool, bool, bool]:
    return policy.exactness
