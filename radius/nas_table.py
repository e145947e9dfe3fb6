"""Network access servers and access points as they are known in memory, and how they are found.

The secrets are in clear here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_address

from foundation.mac_address import MacAddress, NotAMacAddressError

# Answers kept per table; a flood of invented sources must not fill the memory.
_REMEMBERED_ANSWERS = 65_536
_IPV4_MAPPED = 0xFFFF << 32

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Where devices go that nobody registered; what is None, the equipment is not told."""

    vlan: int | None = None
    role: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class NetworkAccessServer:
    """One row of ``network_access_servers``; its secrets are in clear, so it has no representation as text.

    ``secrets`` has the present one first and, while it is being changed, the previous one. ``radsec_name`` is set
    where it speaks RadSec and nothing else. ``quarantine`` is None where unknown devices are rejected.
    ``learns_message_authenticator`` is for equipment that is answered without it until it has sent one.
    """

    id: int
    council_id: int
    vendor: str
    secrets: tuple[bytes, ...]
    require_message_authenticator: bool = True
    venue_id: int | None = None
    radsec_name: str | None = None
    quarantine: Quarantine | None = None
    # Where its RadSec connections must come from; None is anywhere.
    radsec_network: Network | None = None
    learns_message_authenticator: bool = False
    # The end of the previous secret's time.
    previous_secret_until: datetime | None = None

    def secrets_at(self, now: datetime) -> tuple[bytes, ...]:
        """The secrets that are good at that time, the present one first."""
        until = self.previous_secret_until
        return self.secrets if until is None or now < until else self.secrets[:1]


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """What a Called-Station-Id leads to."""

    id: int
    venue_id: int | None


class NasTable:
    """One state of the equipment; never changed, only replaced."""

    def __init__(
        self,
        servers: Iterable[tuple[Network | None, NetworkAccessServer]] = (),
        access_points_by_address: Mapping[tuple[int, bytes], AccessPoint] | None = None,
    ) -> None:
        prefixes: dict[tuple[int, int], dict[int, NetworkAccessServer]] = {}
        self._by_radsec_name: dict[str, NetworkAccessServer] = {}
        for network, server in servers:
            if server.radsec_name is not None:
                self._by_radsec_name[server.radsec_name.lower()] = server
            if network is None:
                continue
            width = network.max_prefixlen
            shift = width - network.prefixlen
            prefixes.setdefault((width, shift), {})[int(network.network_address) >> shift] = server
        # The longest prefix has the smallest shift.
        self._prefixes = sorted(prefixes.items(), key=lambda item: item[0])
        self._access_points = dict(access_points_by_address or {})
        self._servers_by_source: dict[str, NetworkAccessServer | None] = {}
        self._access_points_by_called: dict[tuple[int, str], AccessPoint | None] = {}
        self._venues: dict[tuple[int, bytes], int | None] = {}

    @property
    def server_count(self) -> int:
        """How many networks and names have a network access server."""
        return sum(len(servers) for _, servers in self._prefixes) + len(self._by_radsec_name)

    @property
    def access_point_count(self) -> int:
        """How many access points are known by their address."""
        return len(self._access_points)

    def find(self, source: str) -> NetworkAccessServer | None:
        """Whose source address this is, by the longest prefix; None for a stranger."""
        try:
            return self._servers_by_source[source]
        except KeyError:
            found = self._search(source)
        if len(self._servers_by_source) >= _REMEMBERED_ANSWERS:
            self._servers_by_source.clear()
        self._servers_by_source[source] = found
        return found

    def find_by_radsec_name(self, names: Iterable[str]) -> NetworkAccessServer | None:
        """Whose certificate carries one of these DNS names."""
        return next((server for name in names if (server := self._by_radsec_name.get(name.lower()))), None)

    def access_point(self, council_id: int, called_station_id: str | None) -> AccessPoint | None:
        """The access point named by a Called-Station-Id (RFC 3580 section 3.20), if it is one of that council's."""
        if not called_station_id:
            return None
        key = council_id, called_station_id
        try:
            return self._access_points_by_called[key]
        except KeyError:
            pass
        try:
            address, _ = MacAddress.parse_station_id(called_station_id)
            found = self._access_points.get((council_id, address.octets))
        except NotAMacAddressError:  # a MikroTik sends its server's name
            found = None
        if len(self._access_points_by_called) >= _REMEMBERED_ANSWERS:
            self._access_points_by_called.clear()
        self._access_points_by_called[key] = found
        return found

    def venue_id(self, nas: NetworkAccessServer, called_station_id: bytes | None) -> int | None:
        """The venue of the access point that an attribute's octets name, else that of the network access server."""
        if not called_station_id:
            return nas.venue_id
        key = nas.id, called_station_id
        try:
            return self._venues[key]
        except KeyError:
            access_point = self.access_point(nas.council_id, called_station_id.decode(errors="replace"))
        if len(self._venues) >= _REMEMBERED_ANSWERS:
            self._venues.clear()
        found = self._venues[key] = (access_point.venue_id if access_point else None) or nas.venue_id
        return found

    def _search(self, source: str) -> NetworkAccessServer | None:
        address = ip_address(source.partition("%")[0])
        number, width = int(address), address.max_prefixlen
        if width == 128 and number >> 32 == _IPV4_MAPPED >> 32:
            # A socket for both families shows IPv4 sources in this form.
            number, width = number & 0xFFFFFFFF, 32
        for (prefix_width, shift), servers in self._prefixes:
            if prefix_width == width and (server := servers.get(number >> shift)):
                return server
        return None
