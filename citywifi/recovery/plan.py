"""Who wants what, and when: how large the city is, when each access point has power and when its people ask. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from random import Random
from typing import Final

from foundation.mac_address import MacAddress

DEFAULT_NETWORK: Final = IPv4Network("127.11.0.0/16")
# Phones find their network within a few seconds.
_ASSOCIATION_SECONDS: Final = 5.0
_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """A storm. Everybody has asked for the first time ``spread_seconds`` after power returned."""

    access_points: int = 1000
    people: int = 30
    spread_seconds: float = 60.0
    within_seconds: float = 90.0
    # Of people: devices that RADIUS knows by their address; the others come from the portal with a one-time password.
    remembered_percent: int = 70
    # Report each session's Interim-Update and Stop, too.
    whole_sessions: bool = False
    # Each access point has an address of its own in it.
    network: IPv4Network = DEFAULT_NETWORK
    seed: int = 1

    @property
    def devices(self) -> int:
        """How many want to be on."""
        return self.access_points * self.people


@dataclass(frozen=True, slots=True)
class Arrival:
    """One access point: when it has power, and when each of its devices asks; seconds after power returned."""

    starts_at: float
    people_ask_at: tuple[float, ...]


def arrivals(plan: Plan) -> Iterator[Arrival]:
    """Each access point's, in their order. The same seed gives the same."""
    random = Random(plan.seed)  # noqa: S311  a simulation
    association = min(_ASSOCIATION_SECONDS, plan.spread_seconds / 2)
    for _ in range(plan.access_points):
        starts_at = random.uniform(0, plan.spread_seconds - association)
        people = tuple(starts_at + random.uniform(0, association) for _ in range(plan.people))
        yield Arrival(starts_at, people)


def is_remembered(plan: Plan, person: int) -> bool:
    """Whether that one of an access point's people (from 0) is let on by the device's address."""
    return person * _PERCENT < plan.people * plan.remembered_percent


def speaks_chap(person: int) -> bool:
    """Of people with a one-time password, every other one's gateway proves it by CHAP, the others by PAP."""
    return person % 2 == 0


def address_of(plan: Plan, access_point: int) -> str:
    """The NAS's address; ``access_point`` counts from 0."""
    return str(plan.network[access_point + 1])


def nas_identifier(access_point: int) -> str:
    """What the NAS calls itself."""
    return f"simulated-{access_point + 1:04d}"


def access_point_mac(access_point: int) -> MacAddress:
    """Locally administered, so that it is no real device's."""
    return MacAddress(b"\x06\x5c" + access_point.to_bytes(4, "big"))


def device_mac(access_point: int, person: int) -> MacAddress:
    """Locally administered, as phones make them up."""
    return MacAddress(b"\x02\x5c" + access_point.to_bytes(2, "big") + person.to_bytes(2, "big"))


def device_address(access_point: int, person: int) -> IPv4Address:
    """What the NAS gave the device."""
    return IPv4Address("10.0.0.0") + (access_point << 8) + person + 1
