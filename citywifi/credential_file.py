"""Credentials of many people at once: what a file's rows ask for, or what is wrong in which line.

Columns: ``user_name`` and, where wanted, ``password`` or ``nt_hash``, ``group``, ``expires``. Values of a row that
cannot be used are not shown: one of them may be a password.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from citywifi.errors import CommandError
from citywifi.imports.readers import Row, Table, read_table, require_columns
from foundation.credentials import (
    CredentialError,
    WantedCredential,
    checked_group,
    checked_nt_hash,
    checked_password,
    checked_user_name,
)

COLUMNS: Final = ("user_name", "password", "nt_hash", "group", "expires")
# Below this a password is taken, because it is somebody's already, and the operator is told.
SHORT_PASSWORD: Final = 8
_EXPECTED: Final = f"a CSV file with the columns {', '.join(COLUMNS)} (only the first must be there)"

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a row gets that does not say it itself; dates are days of the council's time zone."""

    time_zone: ZoneInfo
    now: datetime
    group_name: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a line cannot be used."""

    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.column}: {self.reason}"


@dataclass(frozen=True, slots=True)
class People:
    """What a file asks for, each with its line, and what is wrong in it."""

    wanted: tuple[tuple[int, WantedCredential], ...]
    wrong: tuple[Wrong, ...]

    @property
    def short_passwords(self) -> int:
        """How many bring a password that is easily guessed."""
        return sum(one.password is not None and len(one.password) < SHORT_PASSWORD for _, one in self.wanted)


def read_people(path: Path, defaults: Defaults) -> People:
    """Read the file. Raises CommandError when it is not such a file at all."""
    table = read_table(path, _EXPECTED)
    require_columns(table, ("user_name",), _EXPECTED)
    unknown = [column for column in table.columns if column not in COLUMNS]
    if unknown:
        raise CommandError(
            f"{table.name} has columns that mean nothing here: {', '.join(unknown)[:200]}; expected {_EXPECTED}"
        )
    return _read(table, defaults)


def read_expiry(text: str, defaults: Defaults) -> datetime:
    """The end of a day such as 2027-03-31, or a moment with its zone. Raises CredentialError for one that is past."""
    try:
        if len(text) == len("2027-03-31"):
            day = date.fromisoformat(text) + timedelta(days=1)
            moment = datetime(day.year, day.month, day.day, tzinfo=defaults.time_zone).astimezone(UTC)
        else:
            moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise CredentialError("a date is written 2027-03-31, a moment 2027-03-31T12:00+01:00") from None
    if moment.tzinfo is None:
        raise CredentialError("a moment needs its zone, as in 2027-03-31T12:00+01:00")
    if moment <= defaults.now:
        raise CredentialError("this date is past")
    return moment


def _read(table: Table, defaults: Defaults) -> People:
    wanted: list[tuple[int, WantedCredential]] = []
    wrong = [Wrong(problem.line, "row", problem.reason) for problem in table.broken]
    first_lines: dict[str, int] = {}
    for row in table.rows:
        faults: list[Wrong] = []
        one = _wanted(row, defaults, faults)
        if one is not None and one.user_name in first_lines:
            faults.append(Wrong(row.line, "user_name", f"is in line {first_lines[one.user_name]}, too"))
        if one is None or faults:
            wrong += faults
            continue
        first_lines[one.user_name] = row.line
        wanted.append((row.line, one))
    return People(tuple(wanted), tuple(sorted(wrong, key=lambda fault: fault.line)))


def _wanted(row: Row, defaults: Defaults, faults: list[Wrong]) -> WantedCredential | None:
    def read(column: str, check: Callable[[str], _Value]) -> _Value | None:
        text = row.values.get(column, "")
        if not text.strip() and column != "user_name":
            return None
        try:
            return check(text)
        except CredentialError as error:
            faults.append(Wrong(row.line, column, str(error)))
            return None

    user_name = read("user_name", checked_user_name)
    password = read("password", checked_password)
    known_hash = read("nt_hash", checked_nt_hash)
    group = read("group", checked_group)
    expires_at = read("expires", lambda text: read_expiry(text.strip(), defaults))
    if password is not None and known_hash is not None:
        faults.append(Wrong(row.line, "nt_hash", "the row has a password, too; leave one of them out"))
    if user_name is None:
        return None
    return WantedCredential(
        user_name, password, known_hash, group or defaults.group_name, expires_at or defaults.expires_at
    )
