"""What an accepted device may do, as reply attributes of its equipment's vendor, and how its accounting is recognised.

Always the complete set, because equipment that gets a part keeps nothing of the rest. What is the same for all devices
at a place is found and encoded once.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from functools import lru_cache
from typing import Final

import structlog

from foundation.database_errors import DatabaseUnavailableError
from foundation.privacy import Keyring, PrivacyError
from foundation.settings import RadiusSettings
from radius import attributes, metrics
from radius.attributes import encode, encode_all
from radius.authentication.outcome import Accepted, RejectReason
from radius.errors import UnencodableError
from radius.nas import NasDirectory, Quarantine
from radius.packet import Attribute
from radius.policies.decision import Grant, decide
from radius.policies.directory import PolicyDirectory
from radius.policies.effective import EffectivePolicy, Place, network_name
from radius.policies.opening import day_start
from radius.policies.recent import RecentDevices
from radius.policies.usage import NO_USAGE, Usage, UsageDirectory, device_key
from radius.quarantine import PLACE_HOLDER, with_own_address
from radius.service import Request
from radius.vendors import VENDORS, Pairs, Vendor, vendor_of

logger = structlog.get_logger(__name__)

_CLASS_PURPOSE = "radius class"
_CLASS = struct.Struct("!QQ")
_SHORTEST_INTERIM_SECONDS = 60
# A tenth either way.
_JITTER_DIVISOR: Final = 10
_LONGEST_TEXT_OCTETS: Final = 253
# Places and encoded sets kept; invented Called-Station-Ids and changing policies must not fill the memory.
_MOST_PLACES: Final = 16_384
_MOST_PREPARED: Final = 4096
_CALLED_STATION_ID: Final = attributes.definition_of("Called-Station-Id").number

# It must not tell which part of a login was wrong.
REJECT_ATTRIBUTES = encode_all({"Reply-Message": "You could not be connected. Open the sign-in page and try again."})


def longest_interim_seconds(settings: RadiusSettings) -> float:
    """The longest interim interval that any session was given."""
    longest = max(vendor.shortest_interim_seconds for vendor in VENDORS.values())
    return max(settings.interim_interval_seconds, longest) * (1 + 1 / _JITTER_DIVISOR)


@dataclass(frozen=True, slots=True)
class _Site:
    """What holds for every device of a group at a place; ``attributes`` are what does not depend on the moment."""

    policy: EffectivePolicy
    zone: tzinfo
    vendor: Vendor
    attributes: tuple[Attribute, ...]


class Authorizer:
    """Decides what an accepted device may do."""

    def __init__(
        self,
        settings: RadiusSettings,
        keyring: Keyring,
        equipment: NasDirectory,
        policies: PolicyDirectory,
        usage: UsageDirectory,
    ) -> None:
        self._settings = settings
        self._keyring = keyring
        self._equipment = equipment
        self._policies = policies
        self._usage = usage
        self.recent = RecentDevices()
        self._sites: dict[tuple[int, str, bytes | None, str], _Site] = {}
        self._sites_of: tuple[object, object] = (None, None)
        self._prepared: dict[tuple[EffectivePolicy, str], tuple[Attribute, ...]] = {}
        self._quarantines: dict[tuple[Quarantine, str], tuple[Attribute, ...] | None] = {}

    async def authorize(self, accepted: Accepted, request: Request) -> tuple[Attribute, ...] | RejectReason:
        """The complete set of attributes, or why not.

        Raises QueueFullError where a policy needs to know what was used, and too many ask already.
        """
        if accepted.is_quarantined:
            return self._quarantined(accepted, request, vendor_of(request.nas.vendor))
        site = self._site(accepted, request)
        policy = site.policy
        usage, device = NO_USAGE, ""
        if policy.needs_usage:
            usage, device = await self._used(site, accepted, request), _device(policy, accepted, request)
        # Nothing is waited for from here on: of two devices at once the second one sees the first.
        if device and accepted.resident_id is not None:
            recent = self.recent.of(accepted.resident_id, request.arrival.monotonic)
            usage = replace(usage, devices=usage.devices | recent)
        granted = decide(
            policy, request.arrival.at, site.zone, good_until=accepted.good_until, usage=usage, device=device
        )
        if isinstance(granted, RejectReason):
            return granted
        if device and accepted.resident_id is not None:
            self.recent.add(accepted.resident_id, device, request.arrival.monotonic)
        return _of_session(granted, site.vendor) + site.attributes + self._of_device(accepted, request, site.vendor)

    def _site(self, accepted: Accepted, request: Request) -> _Site:
        # A place that is known costs one look-up; it is known for as long as both tables are the same.
        tables = self._policies.table, self._equipment.table
        if tables != self._sites_of or len(self._sites) >= _MOST_PLACES:
            self._sites.clear()
            self._sites_of = tables
        nas = request.nas
        key = nas.id, nas.vendor, request.packet.first.get(_CALLED_STATION_ID), accepted.group_name
        try:
            return self._sites[key]
        except KeyError:
            site = self._sites[key] = self._find_site(accepted, request)
            return site

    def _find_site(self, accepted: Accepted, request: Request) -> _Site:
        vendor, council_id = vendor_of(request.nas.vendor), request.nas.council_id
        called = attributes.get_text(request.packet, "Called-Station-Id", lenient=True)
        venue_id = self._equipment.table.venue_id(request.nas, request.packet.first.get(_CALLED_STATION_ID))
        table = self._policies.table
        policy = table.effective(Place(council_id, venue_id, network_name(called), accepted.group_name))
        return _Site(policy, table.time_zone(council_id), vendor, self._of_policy(policy, vendor))

    async def _used(self, site: _Site, accepted: Accepted, request: Request) -> Usage:
        """What the resident used today. Nobody's sessions are not counted.

        With the database away nobody's are: what is known of a resident lets them in, and quotas end the session later.
        """
        if accepted.resident_id is None:
            return NO_USAGE
        now = request.arrival.at
        try:
            return await self._usage.usage(accepted.resident_id, day_start(now, site.zone), now)
        except DatabaseUnavailableError:
            metrics.usage_unknown.inc()
            return NO_USAGE

    def _of_policy(self, policy: EffectivePolicy, vendor: Vendor) -> tuple[Attribute, ...]:
        key = policy, vendor.name
        prepared = self._prepared.get(key)
        if prepared is None:
            if len(self._prepared) >= _MOST_PREPARED:
                self._prepared.clear()
            prepared = self._prepared[key] = encode_all(lasting_attributes(policy, vendor))
        return prepared

    def _of_device(self, accepted: Accepted, request: Request, vendor: Vendor) -> tuple[Attribute, ...]:
        # The request's authenticator is chance enough to spread the interim intervals.
        interval = max(self._settings.interim_interval_seconds, vendor.shortest_interim_seconds)
        seconds = interim_seconds(interval, request.packet.authenticator, vendor.shortest_interim_seconds)
        common = (
            _seconds_attribute("Acct-Interim-Interval", seconds),
            encode("Class", make_class(self._keyring, accepted.resident_id, accepted.device_id)),
        )
        name = accepted.user_name
        if not name or len(name.encode()) > _LONGEST_TEXT_OCTETS:
            return common
        # RFC 2865 section 5.1: the name that accounting is to show.
        return encode("User-Name", name), *common

    def _quarantined(
        self, accepted: Accepted, request: Request, vendor: Vendor
    ) -> tuple[Attribute, ...] | RejectReason:
        """What shuts a device in; where nothing does, it stays out: half a quarantine would be none."""
        quarantine = request.nas.quarantine
        shut_in = self._shut_in(quarantine, vendor, request) if quarantine else None
        if not shut_in:
            return RejectReason.DEVICE_NOT_REMEMBERED
        return *shut_in, *self._of_device(accepted, request, vendor)

    def _shut_in(self, quarantine: Quarantine, vendor: Vendor, request: Request) -> tuple[Attribute, ...] | None:
        if quarantine.url and PLACE_HOLDER in quarantine.url:
            own = with_own_address(quarantine, request, self._keyring, self._settings.quarantine_seconds)
            return self._encode_quarantine(own, vendor) if own else None
        key = quarantine, vendor.name
        if key not in self._quarantines:
            if len(self._quarantines) >= _MOST_PREPARED:
                self._quarantines.clear()
            self._quarantines[key] = self._encode_quarantine(quarantine, vendor)
        return self._quarantines[key]

    def _encode_quarantine(self, quarantine: Quarantine, vendor: Vendor) -> tuple[Attribute, ...] | None:
        try:
            return encode_all(quarantine_attributes(quarantine, vendor, self._settings)) or None
        except UnencodableError as error:
            logger.error("a quarantine cannot be told to its equipment", vendor=vendor.name, problem=str(error))
            return None


def _of_session(granted: Grant, vendor: Vendor) -> tuple[Attribute, ...]:
    timeout = _seconds_attribute("Session-Timeout", granted.session_seconds)
    if granted.data_octets is None:
        return (timeout,)
    return timeout, *encode_all(vendor.data(granted.data_octets))


@lru_cache(_MOST_PREPARED)
def _seconds_attribute(name: str, seconds: int) -> Attribute:
    return encode(name, seconds)


def _device(policy: EffectivePolicy, accepted: Accepted, request: Request) -> str:
    """What tells the device from its resident's others; only where that matters."""
    if policy.simultaneous_devices is None:
        return ""
    calling = attributes.get_text(request.packet, "Calling-Station-Id", lenient=True)
    return device_key(calling, accepted.device_id)


def lasting_attributes(policy: EffectivePolicy, vendor: Vendor) -> Pairs:
    """What does not depend on the moment: idle time, speed, VLAN and filter."""
    return (
        ("Idle-Timeout", policy.idle_seconds),
        *vendor.speed(policy.download_kilobits_per_second, policy.upload_kilobits_per_second),
        *(vendor.vlan(policy.vlan) if policy.vlan is not None else ()),
        *(vendor.filter(policy.filter_name) if policy.filter_name else ()),
    )


def quarantine_attributes(quarantine: Quarantine, vendor: Vendor, settings: RadiusSettings) -> Pairs:
    """What shuts an unregistered device in, for so long; empty where the vendor cannot be told with these settings.

    Termination-Action lets equipment ask again instead of ending the session (RFC 3580 section 3.17).
    """
    shut_in = vendor.quarantine(quarantine)
    if not shut_in:
        return ()
    return ("Session-Timeout", settings.quarantine_seconds), ("Termination-Action", "RADIUS-Request"), *shut_in


def interim_seconds(
    interval_seconds: int, authenticator: bytes, shortest_seconds: int = _SHORTEST_INTERIM_SECONDS
) -> int:
    """The interval within 10 % either way, so that the sessions of a storm do not report in step.

    RFC 2869 section 2.1 asks for randomness. The same request gets the same interval.
    """
    chance = authenticator[0] << 8 | authenticator[1]
    jitter = interval_seconds // _JITTER_DIVISOR
    return max(shortest_seconds, interval_seconds - jitter + 2 * jitter * chance // 0xFFFF)


def make_class(keyring: Keyring, resident_id: int | None, device_id: int | None) -> bytes:
    """Class (RFC 2865 section 5.25), which the NAS returns in accounting: sealed, because it travels in clear."""
    return keyring.encrypt(_CLASS_PURPOSE, _CLASS.pack(resident_id or 0, device_id or 0))


def is_own_class(keyring: Keyring, value: bytes) -> bool:
    """Whether ``make_class`` made it."""
    try:
        keyring.decrypt(_CLASS_PURPOSE, value)
    except PrivacyError:
        return False
    return True


def read_class(keyring: Keyring, values: Sequence[bytes]) -> tuple[int | None, int | None]:
    """Resident and device from the Class attributes of an accounting record; others' Classes tell nothing."""
    for value in values:
        try:
            opened = keyring.decrypt(_CLASS_PURPOSE, value)
        except PrivacyError:
            continue
        if len(opened) == _CLASS.size:
            resident_id, device_id = _CLASS.unpack(opened)
            return resident_id or None, device_id or None
    return None, None
