"""Resident memory of a worker whose cache holds a million residents' devices and credentials, and what a hit costs.

Entries are made as the database's driver makes them: every value an object of its own, but for what the directory
shares between entries. Each case is a process of its own, because memory that was once used is not given back.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.row import Row
from foundation.privacy import Keyring
from radius.directory_cache import DirectoryCache
from radius.directory_records import Credential, Device

_RESIDENTS = 1_000_000
_BATCH = 500
_LOOK_UPS = 20_000
_REPETITIONS = 20
_COUNCIL = 1
_FIRST_ID = 10_000_000


def measure() -> list[Row]:
    """Megabytes (10^6 octets) for a million residents, by what is kept; nanoseconds for a look-up that hits."""
    rows = []
    for kind in _KINDS:
        command = [sys.executable, "-m", "bench.directory_memory", kind]
        answer = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
        memory, *hits = map(float, answer.stdout.split())
        rows.append(Row.of(f"memory of {_RESIDENTS:,} residents: {kind}", [memory], "MB"))
        rows.append(Row.of(f"look-up in memory: {kind}", hits, "ns of CPU"))
    return rows


def _devices(cache: DirectoryCache, first: int) -> None:
    number, until = cache.number, datetime.now(UTC) + timedelta(days=90)
    found = {}
    for index in range(first, first + _BATCH):
        name, row_id = _pseudonym(index), _FIRST_ID + index
        until += timedelta(seconds=1)
        found[_COUNCIL, name] = Device(_COUNCIL, name, row_id, 2 * _FIRST_ID + index, until, "", number)
    cache.put_devices(list(found), found)


def _credentials(cache: DirectoryCache, first: int) -> None:
    number, until = cache.number, datetime.now(UTC) + timedelta(days=90)
    found = {}
    for index in range(first, first + _BATCH):
        name, row_id, sealed = _user_name(index), _FIRST_ID + index, os.urandom(_SEALED_OCTETS)
        until += timedelta(seconds=1)
        resident_id = 2 * _FIRST_ID + index
        found[_COUNCIL, name] = Credential(
            _COUNCIL, name, resident_id, sealed, None, until, None, "", "E08000026", row_id, number
        )
    cache.put_credentials(list(found), found)


def _pseudonym(index: int) -> bytes:
    return index.to_bytes(16, "big")


def _user_name(index: int) -> str:
    return f"resident-{index:08}"


_SEALED_OCTETS = len(Keyring.demo().encrypt("nt hash", bytes(16)))
_Fill = Callable[[DirectoryCache, int], None]
_KINDS: dict[str, tuple[_Fill, ...]] = {
    "a device each": (_devices,),
    "a credential each": (_credentials,),
    "a device and a credential each": (_devices, _credentials),
}


def _resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _hit_nanoseconds(cache: DirectoryCache, fills: tuple[_Fill, ...]) -> float:
    """Of one look-up, the last kind of entry, all over the memory."""
    indices = [index * 7919 % _RESIDENTS for index in range(_LOOK_UPS)]
    if _credentials in fills:
        names = [_user_name(index) for index in indices]
        started = time.process_time_ns()
        for name in names:
            cache.credential(_COUNCIL, name)
    else:
        pseudonyms = [_pseudonym(index) for index in indices]
        started = time.process_time_ns()
        for pseudonym in pseudonyms:
            cache.device(_COUNCIL, pseudonym)
    spent = time.process_time_ns() - started
    return spent / _LOOK_UPS


def _main(kind: str) -> None:
    fills = _KINDS[kind]
    cache = DirectoryCache(2 * _RESIDENTS, 0)
    cache.sure(nothing_missed=True)
    before = _resident_megabytes()
    for first in range(0, _RESIDENTS, _BATCH):
        for fill in fills:
            fill(cache, first)
    print(_resident_megabytes() - before)
    print(*(_hit_nanoseconds(cache, fills) for _ in range(_REPETITIONS)))
    if cache.hits != _LOOK_UPS * _REPETITIONS:
        sys.exit("a look-up did not hit")


if __name__ == "__main__":
    _main(sys.argv[1])
