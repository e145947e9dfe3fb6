"""What waits in the journals while the database is away: told without it, from the files beside the journals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from monitoring.problems import Problem
from radius.storage.journals import Waiting, read_waiting

_PLACE: Final = "Database"
# What waits for less is being delivered.
_SOON: Final = timedelta(seconds=30)


def journal_problems(directory: Path, now: datetime) -> tuple[Problem, ...]:
    """What an engineer should know of the journals of this machine."""
    try:
        return tuple(_problems(read_waiting(directory), now))
    except OSError as error:
        finding = f"The folder of journals cannot be read: {error.strerror}."
        return (Problem("problem", None, _PLACE, finding, f"Look at the disk and the rights of {directory}."),)


def sentence_of(directory: Path, now: datetime) -> str:
    """What waits, for a page that cannot be shown without the database; empty where nothing does."""
    return " ".join(f"{problem.finding} {problem.remedy}" for problem in journal_problems(directory, now))


def _problems(waiting: Waiting, now: datetime) -> Iterator[Problem]:
    since = waiting.oldest_at
    if waiting.records and (since is None or now - since > _SOON):
        began = "" if since is None else f", the oldest since {since:%Y-%m-%d %H:%M} UTC"
        yield Problem(
            "problem", None, _PLACE,
            f"Records that were answered and wait in the journal for the database: {waiting.records:,} "
            f"({waiting.octets / 1_000_000:,.1f} MB){began}.",
            "See `citywifi doctor` and mend the database. They are delivered by themselves once it takes them.",
        )  # fmt: skip
    for file in waiting.damaged:
        yield Problem(
            "problem", None, _PLACE, f"A journal was damaged and put aside: {file.name}.",
            "Look at the disk. The log of `citywifi serve` says how many records are lost; `sqlite3 FILE .recover` may "
            "find some. Remove the file then.",
        )  # fmt: skip
