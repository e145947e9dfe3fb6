"""Devices and credentials in memory: a bounded number, and none that is known to have changed.

Only what was found is kept, and of what is kept only what lets somebody in is told without asking; so a device that
registers is known at its very next request, also when it is one whose time was over. Whether an entry still
holds is decided when it is looked at: every change that ``foundation.changes`` tells gets a number, and an entry
carries the number of the last change before its question was asked. So an answer that was on its way when its row
changed does not count, in whichever order they arrive.

* While every change is told, an entry without a later change is as good as the database.
* While changes may be missed (the database or the connection to it is away), no entry is used before the database was
  asked in vain; then those that are not known to have changed are, for a limited time.
* After a gap entries are used again only when the database has confirmed them.

What was not looked at since the last turn goes first: entries are in two generations; those of the old one that are
found move to the young one, the others make room. When the old one is empty, the young one becomes the old.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from prometheus_client import Counter, Gauge

from radius.directory_records import Credential, Device

DeviceKey = tuple[int, bytes]
"""Council and pseudonym of the device's address."""
CredentialKey = tuple[int, str]
"""Council and user name."""

# Changes of one kind that are remembered; entries older than the oldest of them count as changed.
_MOST_CHANGES: Final = 200_000

entries = Gauge(
    "citywifi_radius_directory_cache_entries",
    "Devices and credentials in memory.",
    multiprocess_mode="livesum",
)
entries_limit = Gauge(
    "citywifi_radius_directory_cache_limit",
    "How many devices and credentials may be in memory.",
    multiprocess_mode="livesum",
)
is_current = Gauge(
    "citywifi_radius_directory_cache_current",
    "1 while every change of the directory is told, so that memory is as good as the database, by port.",
    # Without a label every process that knows the metric would have one, and those that keep nothing a 0.
    ["port"],
    multiprocess_mode="livemin",
)
hits = Counter("citywifi_radius_directory_cache_hits_total", "Look-ups that were answered from memory.")
misses = Counter("citywifi_radius_directory_cache_misses_total", "Look-ups of devices and credentials in the database.")
evictions = Counter("citywifi_radius_directory_cache_evictions_total", "Entries that made room for others.")
invalidations = Counter(
    "citywifi_radius_directory_cache_invalidations_total",
    "Changes of the directory that were told, and gaps in which some may have been missed.",
)
stale_answers = Counter(
    "citywifi_radius_directory_cache_stale_answers_total",
    "Look-ups that were answered from memory because the database did not answer.",
)


class Changes:
    """The numbers of the last changes of rows of one kind: of ``limit`` at most, and of half as many at least."""

    __slots__ = ("_before", "_limit", "_old", "_young", "latest")

    def __init__(self, limit: int = _MOST_CHANGES) -> None:
        self._limit = limit
        self.latest = 0
        self._young: dict[int, int] = {}
        self._old: dict[int, int] = {}
        # Of changes up to this number nothing is known.
        self._before = 0

    def note(self, row_id: int, number: int) -> None:
        """A row was changed; numbers rise."""
        if len(self._young) >= self._limit // 2:
            if self._old:
                self._before = max(self._old.values())
            self._old, self._young = self._young, {}
        self._young[row_id] = self.latest = number

    def has(self, row_id: int, as_of: int) -> bool:
        """Whether a row may have changed after that number."""
        if as_of >= self.latest:
            return False
        return as_of < self._before or self._young.get(row_id, self._old.get(row_id, 0)) > as_of


class DirectoryCache:
    """A follower of ``foundation.changes``; up to ``limit`` devices and credentials together, 0 for none.

    Names and codes that many share are held once.
    """

    def __init__(self, limit: int, stale_seconds: float) -> None:
        self.limit = limit
        self.number = 0
        self.hits = self.misses = self.evictions = self.invalidations = self.stale_answers = 0
        self.is_current = False
        self._stale_seconds = stale_seconds
        self._current_at = float("-inf")
        # Not older than a second while we are current; asking the clock would be half of a look-up.
        self._now = datetime.now(UTC)
        # The number from which on every change was told.
        self._complete_from = 0
        self._changes = {kind: Changes() for kind in ("device", "credential", "resident", "council")}
        self._changed_devices, self._changed_credentials, self._changed_residents, self._changed_councils = (
            self._changes.values()
        )
        self._young: dict[bytes | CredentialKey, Device | Credential] = {}
        self._old: dict[bytes | CredentialKey, Device | Credential] = {}
        self._councils: dict[int, int] = {}
        self._counted = dict.fromkeys(_COUNTERS, 0)

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def changed(self, kind: str, row_id: int) -> None:
        """See ``foundation.changes.Follower``."""
        self.number += 1
        self.invalidations += 1
        if kind in self._changes:
            self._changes[kind].note(row_id, self.number)

    def unsure(self) -> None:
        """See ``foundation.changes.Follower``."""
        self.is_current = False

    def sure(self, *, nothing_missed: bool) -> None:
        """See ``foundation.changes.Follower``."""
        self.is_current = True
        self._current_at = time.monotonic()
        self._now = datetime.now(UTC)
        if not nothing_missed:
            self.number += 1
            self.invalidations += 1
            self._complete_from = self.number

    def device(self, council_id: int, mac_pseudonym: bytes) -> Device | None:
        """The device as the database would tell it now, or None when that is not certain."""
        if not self.is_current:
            return None
        found = self._young.get(mac_pseudonym) or self._moved(mac_pseudonym)
        if found is None or found.as_of < self._complete_from:
            return None
        if found.__class__ is not Device or found.council_id != council_id or self._is_device_changed(found):
            return None
        if found.remembered_until is None or found.remembered_until <= self._now:
            return None
        self.hits += 1
        return found

    def credential(self, council_id: int, user_name: str) -> Credential | None:
        """The credential as the database would tell it now, or None when that is not certain."""
        if not self.is_current:
            return None
        key = council_id, user_name
        found = self._young.get(key) or self._moved(key)
        if found is None or found.as_of < self._complete_from:
            return None
        if found.__class__ is not Credential or self._is_credential_changed(found, user_name):
            return None
        if found.revoked_at is not None or (found.expires_at is not None and found.expires_at <= self._now):
            return None
        self.hits += 1
        return found

    def stale_device(self, council_id: int, mac_pseudonym: bytes) -> Device | None:
        """The device as it was when last heard of, if that was not too long ago, for a database that is away."""
        found = self._young.get(mac_pseudonym) or self._old.get(mac_pseudonym)
        if not isinstance(found, Device) or found.council_id != council_id or not self._may_be_stale():
            return None
        if self._is_device_changed(found):
            return None
        self.stale_answers += 1
        return found

    def stale_credential(self, council_id: int, user_name: str) -> Credential | None:
        """As ``stale_device``."""
        key = council_id, user_name
        found = self._young.get(key) or self._old.get(key)
        if not isinstance(found, Credential) or not self._may_be_stale():
            return None
        if self._is_credential_changed(found, user_name):
            return None
        self.stale_answers += 1
        return found

    def has_changed_credential(self, number: int) -> bool:
        """Whether any credential was changed or made after a number."""
        return self._changed_credentials.latest > number

    def put_devices(self, asked: Iterable[DeviceKey], found: Mapping[DeviceKey, Device]) -> None:
        """What the database said; ``as_of`` of each is the number from before it was asked."""
        for key in asked:
            self.misses += 1
            device = found.get(key)
            if device is None:
                self._forget(key[1])
            else:
                # The pseudonym depends on the council, too.
                self._put(device.mac_pseudonym, device)

    def put_credentials(self, asked: Iterable[CredentialKey], found: Mapping[CredentialKey, Credential]) -> None:
        """As ``put_devices``."""
        for key in asked:
            self.misses += 1
            credential = found.get(key)
            if credential is None:
                self._forget(key)
            else:
                self._put((credential.council_id, credential.user_name), credential)

    def put_credential(self, key: CredentialKey, credential: Credential) -> None:
        """A credential under a name by which it is found, too."""
        self._put(key, credential)

    def same_council(self, council_id: int) -> int:
        """The number in one object that all entries share."""
        return self._councils.setdefault(council_id, council_id)

    def sample_metrics(self) -> None:
        """Set the gauges, and hand on what was counted."""
        entries.set(len(self))
        entries_limit.set(self.limit)
        is_current.labels("authentication").set(self.is_current)
        for name, counter in _COUNTERS.items():
            count = getattr(self, name)
            counter.inc(count - self._counted[name])
            self._counted[name] = count

    def _put(self, key: bytes | CredentialKey, record: Device | Credential) -> None:
        if not self.limit:
            return
        if key not in self._young and self._old.pop(key, None) is None and len(self) >= self.limit:
            self._make_room()
        self._young[key] = record

    def _forget(self, key: bytes | CredentialKey) -> None:
        self._young.pop(key, None)
        self._old.pop(key, None)

    def _moved(self, key: bytes | CredentialKey) -> Device | Credential | None:
        """What is found in the old generation moves to the young one."""
        found = self._old.pop(key, None)
        if found is not None:
            self._young[key] = found
        return found

    def _make_room(self) -> None:
        if not self._old:
            self._old, self._young = self._young, {}
        self._old.popitem()
        self.evictions += 1

    def _may_be_stale(self) -> bool:
        return self.is_current or time.monotonic() - self._current_at <= self._stale_seconds

    def _is_device_changed(self, device: Device) -> bool:
        # That nothing changed at all is seen without a call.
        as_of, devices, residents = device.as_of, self._changed_devices, self._changed_residents
        if as_of < devices.latest and devices.has(device.id, as_of):
            return True
        return as_of < residents.latest and residents.has(device.resident_id, as_of)

    def _is_credential_changed(self, credential: Credential, user_name: str) -> bool:
        as_of, credentials, residents = credential.as_of, self._changed_credentials, self._changed_residents
        # Of one found without its realm somebody may have got the whole name meanwhile.
        if as_of < credentials.latest and (credential.user_name != user_name or credentials.has(credential.id, as_of)):
            return True
        if as_of < self._changed_councils.latest:
            return True
        if as_of >= residents.latest or credential.resident_id is None:
            return False
        return residents.has(credential.resident_id, as_of)


_COUNTERS: Final = {
    "hits": hits,
    "misses": misses,
    "evictions": evictions,
    "invalidations": invalidations,
    "stale_answers": stale_answers,
}
