"""What is kept of a resident, as one structure that a page shows, and that is exported as JSON and as CSV.

UK GDPR articles 15 (access) and 20 (a commonly used, machine-readable format). Secrets are no part of it: of a password
there is only a hash, and of a code only a keyed one.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from foundation.retention import RULES
from foundation.settings import RetentionSettings

# How long the pages are open after the contact was proved.
OPEN_FOR: Final = timedelta(minutes=15)
# A spreadsheet takes a cell that begins so for a formula (OWASP, CSV injection).
_RUNS_IN_SPREADSHEETS: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Registration:
    """The resident: by which contact, if any, and since when."""

    contact: str | None = field(repr=False)
    # none, email, sms, code (from paper) or sponsor.
    contact_kind: str
    language: str
    group: str
    registered_at: datetime
    venue: str | None
    last_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Device:
    """One that comes as this resident's; its address is kept as a keyed hash only."""

    is_this_one: bool
    added_at: datetime
    last_seen_at: datetime
    way_in: str | None
    remembered_until: datetime | None
    access_until: datetime | None
    has_private_address: bool


@dataclass(frozen=True, slots=True)
class Session:
    """One time online. The last three are cleared a while after it ended."""

    began_at: datetime
    ended_at: datetime | None
    venue: str | None
    seconds: int
    octets_sent: int
    octets_received: int
    # radius, or by which other way the network told of it.
    source: str
    device_address: str | None = field(repr=False)
    network_address: str | None = field(repr=False)
    user_name: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Terms that were accepted."""

    terms_id: int
    version: int
    language: str
    accepted_at: datetime
    venue: str | None


@dataclass(frozen=True, slots=True)
class Credential:
    """A user name for the secure network; never its password."""

    user_name: str = field(repr=False)
    created_at: datetime
    expires_at: datetime | None
    removed_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class PaperCode:
    """A code on paper that let one of the devices on."""

    used_at: datetime
    access_until: datetime


@dataclass(frozen=True, slots=True)
class NewsConsent:
    """News that the resident agreed to get, in the words that they read."""

    # council, venue or operator; and its name.
    controller: str
    controller_name: str
    channel: str
    language: str
    text: str
    venue: str | None
    given_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class ProblemReport:
    """Something that the resident said does not work."""

    reported_at: datetime
    venue: str | None
    # As foundation.problem_reports has it.
    kind: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskedRequest:
    """A complaint or another request about data, under the resident's contact."""

    number: str
    kind: str
    received_at: datetime
    closed_at: datetime | None
    outcome: str | None
    # By both sides; empty where the contact was not proved, because it may have been somebody else who gave it.
    written: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProgramToken:
    """What lets a program of the resident's at their data (captive_portal/api); never the token itself."""

    made_at: datetime
    good_until: datetime
    may_delete: bool
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Kept:
    """For how long one kind of data is kept at most, after its last use."""

    # The name of the rule in foundation.retention.
    name: str
    hours: int


@dataclass(frozen=True, slots=True)
class MyData:
    """All that is kept of a resident; lists have the newest first."""

    registration: Registration
    devices: tuple[Device, ...]
    sessions: tuple[Session, ...]
    terms: tuple[Acceptance, ...]
    news: tuple[NewsConsent, ...]
    user_names: tuple[Credential, ...]
    codes_on_paper: tuple[PaperCode, ...]
    problem_reports: tuple[ProblemReport, ...]
    requests: tuple[AskedRequest, ...]
    program_tokens: tuple[ProgramToken, ...]
    kept: tuple[Kept, ...]


# The rules that are about a resident's data, in the order in which a page tells them.
_TOLD: Final = (
    "raw identifiers",
    "sessions",
    "authentications",
    "journeys",
    "problem reports",
    "requests about data",
    "devices",
    "residents",
)


def kept(settings: RetentionSettings) -> tuple[Kept, ...]:
    """The council's limits, from the rules that the retention job keeps."""
    ages = {rule.name: rule.age for rule in RULES if rule.age is not None}
    return tuple(
        Kept(name, int(age(settings).total_seconds()) // 3600) for name in _TOLD if (age := ages.get(name)) is not None
    )


def to_json(data: MyData) -> str:
    """Everything, with times in UTC as ISO 8601 has them."""
    return json.dumps(_plain(data), ensure_ascii=False, indent=2) + "\n"


def to_csv(data: MyData) -> str:
    """Everything in one table: part, number within the part, name, value."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(("part", "number", "name", "value"))
    for part in fields(data):
        value = getattr(data, part.name)
        for number, item in enumerate(value if isinstance(value, tuple) else (value,), 1):
            writer.writerows((part.name, number, name, _harmless(text)) for name, text in _cells(item))
    return lines.getvalue()


def _cells(item: Any) -> Iterator[tuple[str, str]]:
    for name, value in _plain(item).items():
        if isinstance(value, bool):
            yield name, "yes" if value else "no"
        else:
            yield name, "" if value is None else str(value)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_RUNS_IN_SPREADSHEETS) else text


def _plain(value: Any) -> Any:
    """Of dictionaries, lists, texts and numbers only."""
    if is_dataclass(value):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime) else value
