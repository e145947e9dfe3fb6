"""The demo city as the replay sees it: its schedule's city, and its gateways' settings."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from citywifi.demo import RADIUS_SECRET, UAM_SECRET, demo_gateways, nas_identifier
from citywifi.demo_city import DemoCity
from citywifi.replay.errors import ReplayError
from citywifi.replay.gateway import GatewaySettings
from citywifi.replay.gateway_radius import Retransmission
from citywifi.replay.schedule import City, Library
from foundation.settings import Settings

TIME_ZONE = ZoneInfo("Europe/London")
# Quicker than a gateway's, because a loopback answers at once or not at all.
_RETRANSMISSION = Retransmission(first_timeout_seconds=1.0, longest_timeout_seconds=4.0, attempts=4)


def city_of(demo: DemoCity) -> City:
    """What its schedule is made from."""
    libraries = tuple(
        Library(number, nas_identifier(library), library.opening_hours)
        for number, library in enumerate(demo.libraries, start=1)
    )
    return City(libraries, demo.monthly_sessions, TIME_ZONE)


def choose_libraries(city: City, wanted: Sequence[str]) -> frozenset[int]:
    """The numbers of the libraries whose reference contains one of the texts; all for none. Raises ReplayError."""
    if not wanted:
        return frozenset(library.number for library in city.libraries)
    chosen: set[int] = set()
    for text in wanted:
        found = {library.number for library in city.libraries if text.lower().replace(" ", "-") in library.reference}
        if not found:
            names = ", ".join(library.reference for library in city.libraries)
            raise ReplayError(f"no library is called {text!r}; choose from {names}")
        chosen |= found
    return frozenset(chosen)


def gateway_settings(demo: DemoCity, settings: Settings) -> tuple[GatewaySettings, ...]:
    """How each library's gateway is configured for this installation."""
    radius = settings.radius
    return tuple(
        GatewaySettings(
            number=gateway.number,
            address=gateway.address,
            nas_identifier=gateway.nas_identifier,
            access_point=gateway.access_point_mac,
            location_name=gateway.library.name,
            uam_server=f"{settings.portal.public_url.rstrip('/')}/arrive/coovachilli",
            uam_secret=UAM_SECRET,
            radius_secret=RADIUS_SECRET,
            authentication_server=(radius.host, radius.authentication_port),
            accounting_server=(radius.host, radius.accounting_port),
            retransmission=_RETRANSMISSION,
        )
        for gateway in demo_gateways(demo, settings.demo_network)
    )
