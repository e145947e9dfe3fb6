"""What `citywifi doctor` finds in the journals: what waits there while the database is away, and if there is room."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from foundation.settings import Settings
from radius.storage.journals import read_waiting

# Level, check, finding, remedy: what a Finding is made of.
JournalFinding = tuple[Literal["ok", "note", "problem"], str, str, str]

_CHECK: Final = "journal"
# What waits for less is being delivered.
_SOON: Final = timedelta(seconds=30)


def check_journal(settings: Settings, now: datetime) -> Iterator[JournalFinding]:
    """Whether records wait for the database, whether any were lost, and whether more could be taken."""
    directory = settings.journal_directory
    try:
        waiting = read_waiting(directory)
    except OSError as error:
        yield "problem", _CHECK, f"{directory} cannot be read: {error.strerror}", "run the doctor as the services' user"
        return
    limit = settings.radius.journal_octets
    since = waiting.oldest_at
    if waiting.records:
        began = "" if since is None else f", the oldest since {since:%Y-%m-%d %H:%M:%S} UTC"
        finding = (
            f"records that were answered and wait for the database: {waiting.records:,}{began} "
            f"({waiting.octets / 1_000_000:,.1f} MB; each worker takes {limit / 1_000_000:,.0f} MB)"
        )
        remedy = (
            "make the database answer, and let `citywifi serve` run: they are delivered by themselves; "
            f"leave {directory} alone until then"
        )
        is_late = since is None or now - since > _SOON
        yield "problem" if is_late else "note", _CHECK, finding, remedy
    for file in waiting.damaged:
        yield (
            "problem", _CHECK, f"{file} was damaged and put aside: records that were answered are lost",
            "look at the disk; the log says how many. `sqlite3 FILE .recover` may find some; remove the file then",
        )  # fmt: skip
    yield from _check_room(directory, limit * settings.radius.accounting_workers - waiting.octets)
    if not waiting.records and not waiting.damaged:
        yield "ok", _CHECK, "nothing waits for the database", ""


def _check_room(directory: Path, wanted_octets: int) -> Iterator[JournalFinding]:
    place = next(folder for folder in (directory, *directory.absolute().parents) if folder.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        yield (
            "problem", _CHECK, f"{place} cannot be written to, so nothing is answered while the database is away",
            "give it to the services' user, and run the doctor as that user",
        )  # fmt: skip
    elif (free := shutil.disk_usage(place).free) < wanted_octets:
        left, wanted = (f"{octets / 1_000_000:,.0f} MB" for octets in (free, wanted_octets))
        yield (
            "note", _CHECK, f"the disk has {left} left, and the journal may take {wanted}",
            "make room, or lower radius.journal_octets: a full disk stops more than the journal",
        )  # fmt: skip
