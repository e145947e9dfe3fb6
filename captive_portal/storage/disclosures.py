"""The register of disclosures: who asked for people's data, by what right, what for, and what they got."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Row, bindparam, select

from captive_portal.errors import PortalError
from captive_portal.storage.information_requests import NoNumberLeftError, new_number
from foundation.database import Statements
from foundation.privacy import Keyring
from foundation.runtime import Runtime
from foundation.schema import councils, disclosures

LONGEST_NAME: Final = 200
LONGEST_SCOPE: Final = 2000
_TRIES: Final = 10

_columns = disclosures.c
_LISTED: Final = (
    select(disclosures, councils.c.name.label("council_name"), councils.c.time_zone)
    .join(councils, councils.c.id == _columns.council_id)
    .where(_columns.council_id.in_(bindparam("councils", expanding=True)))
    .order_by(_columns.asked_at.desc(), _columns.id.desc())
    .limit(bindparam("most"))
)
_COUNTED: Final = select(_columns.asked_at, _columns.outcome).where(
    _columns.council_id == bindparam("council_id"), _columns.is_counted.is_(True)
)
_DECIDE: Final = (
    disclosures.update()
    .where(
        _columns.number == bindparam("of_number"),
        _columns.council_id.in_(bindparam("councils", expanding=True)),
        _columns.decided_at.is_(None),
    )
    .values(outcome=bindparam("new_outcome"), decided_at=bindparam("now"))
    .returning(_columns.council_id)
)


class DisclosureError(PortalError):
    """What is to be entered is not complete, or was decided already; the message says what to do."""


class Outcome(StrEnum):
    """What who asked got; the words of disclosures.outcome."""

    PENDING = "pending"
    DISCLOSED = "disclosed"
    PARTLY = "partly"
    NOTHING_HELD = "nothing held"
    REFUSED = "refused"


DECISIONS: Final = (Outcome.DISCLOSED, Outcome.PARTLY, Outcome.NOTHING_HELD, Outcome.REFUSED)


@dataclass(frozen=True, slots=True)
class NewDisclosure:
    """Somebody asks for people's data. ``asked_by`` is a body, never a person."""

    council_id: int
    asked_at: datetime
    asked_by: str
    statute: str
    # Who authorised it, by name or rank.
    authoriser: str = field(repr=False)
    # Which data of whom, at which venues and when.
    scope: str = field(repr=False)
    # False where the law forbids to tell even that somebody asked (Investigatory Powers Act 2016 sections 82 and 95).
    is_counted: bool = True


@dataclass(frozen=True, slots=True)
class Disclosure:
    """A line of the register."""

    number: str
    council_name: str
    time_zone: str
    asked_at: datetime
    asked_by: str
    statute: str
    authoriser: str = field(repr=False)
    scope: str = field(repr=False)
    outcome: Outcome
    decided_at: datetime | None
    is_counted: bool


@dataclass(frozen=True, slots=True)
class Year:
    """How often in one year, where the council is."""

    year: int
    asked: int
    given: int
    not_given: int


async def add(connection: Statements, runtime: Runtime, new: NewDisclosure) -> str:
    """Enter that somebody asks; gives the line's number. Raises DisclosureError."""
    for name in ("asked_by", "statute", "authoriser", "scope"):
        longest = LONGEST_SCOPE if name == "scope" else LONGEST_NAME
        if not 0 < len(getattr(new, name).strip()) <= longest:
            raise DisclosureError(f"{name.replace('_', ' ')} has 1 to {longest} characters")
    details = json.dumps({"authoriser": new.authoriser.strip(), "scope": new.scope.strip()})
    values = {
        "council_id": new.council_id,
        "asked_at": new.asked_at,
        "asked_by": new.asked_by.strip(),
        "statute": new.statute.strip(),
        "details_encrypted": runtime.keyring.encrypt("disclosure", details.encode()),
        "outcome": Outcome.PENDING.value,
        "is_counted": new.is_counted,
    }
    for _ in range(_TRIES):
        number = f"D{new_number(new.asked_at)}"
        statement = runtime.database.insert(disclosures).values(number=number, **values)
        added = await connection.execute(statement.on_conflict_do_nothing().returning(_columns.id))
        if added.scalar_one_or_none() is not None:
            return number
    raise NoNumberLeftError("no number is free for a new line of the register")


async def decide(
    connection: Statements, council_ids: Sequence[int], number: str, outcome: Outcome, now: datetime
) -> int:
    """Enter what they got, once; gives the council's number. Raises DisclosureError."""
    if outcome not in DECISIONS:
        raise DisclosureError(f"a decision is one of: {', '.join(DECISIONS)}")
    values = {"of_number": number, "councils": list(council_ids), "new_outcome": outcome.value, "now": now}
    council_id: int | None = (await connection.execute(_DECIDE, values)).scalar_one_or_none()
    if council_id is None:
        raise DisclosureError(f"the register has no line {number} that is still to be decided")
    return council_id


async def listed(connection: Statements, keyring: Keyring, council_ids: Sequence[int], most: int) -> list[Disclosure]:
    """The register, the latest first."""
    rows = await connection.execute(_LISTED, {"councils": list(council_ids), "most": most})
    return [_disclosure(keyring, row) for row in rows]


def _disclosure(keyring: Keyring, row: Row[Any]) -> Disclosure:
    details = json.loads(keyring.decrypt("disclosure", row.details_encrypted))
    return Disclosure(
        number=row.number,
        council_name=row.council_name,
        time_zone=row.time_zone,
        asked_at=row.asked_at,
        asked_by=row.asked_by,
        statute=row.statute,
        authoriser=details["authoriser"],
        scope=details["scope"],
        outcome=Outcome(row.outcome),
        decided_at=row.decided_at,
        is_counted=row.is_counted,
    )


async def count_by_year(connection: Statements, council_id: int, time_zone: str) -> list[Year]:
    """How often others asked and were given something, the latest year first; what is secret is left out."""
    asked, given, not_given = Counter[int](), Counter[int](), Counter[int]()
    for asked_at, outcome in await connection.execute(_COUNTED, {"council_id": council_id}):
        year = asked_at.astimezone(ZoneInfo(time_zone)).year
        asked[year] += 1
        given[year] += outcome in (Outcome.DISCLOSED, Outcome.PARTLY)
        not_given[year] += outcome in (Outcome.NOTHING_HELD, Outcome.REFUSED)
    return [Year(year, asked[year], given[year], not_given[year]) for year in sorted(asked, reverse=True)]
