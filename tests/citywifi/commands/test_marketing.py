"""`citywifi marketing`: who asks, and whom they may write to."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from captive_portal.information_rights.marketing import read_stop_token
from foundation.schema import marketing_consents, marketing_offers, residents, venues
from tests.citywifi.commands.conftest import CommandLine

NEWS = ("--controller", "council", "--name", "Coventry City Council")
ENGLISH = "en=Email me news about the libraries"


def agree(command_line: CommandLine, contact: str, offer: int) -> int:
    now = datetime.now(UTC)
    common = {"council_id": command_line.council_id}
    resident = command_line.insert(
        residents, **common, contact_kind="email", registered_at=now, last_seen_at=now,
        contact_encrypted=command_line.keyring.encrypt("contact", contact.encode()),
        contact_pseudonym=command_line.keyring.contact_pseudonym(command_line.council_id, contact),
    )  # fmt: skip
    return command_line.insert(marketing_consents, **common, resident_id=resident, offer_id=offer, given_at=now)


def test_the_table_of_who_said_yes_has_the_address_that_stops_it(command_line: CommandLine, tmp_path: Path) -> None:
    assert command_line.run("marketing", "offer", ENGLISH, "cy=Newyddion", *NEWS) == "version 1 is asked in cy, en\n"
    consent = agree(command_line, "ann@example.org", command_line.rows(marketing_offers)[0].id)
    agree(command_line, "=cmd@example.org", command_line.rows(marketing_offers)[1].id)
    command_line.run("marketing", "offer", "en=Other words", *NEWS)
    file = tmp_path / "news.csv"
    assert command_line.run("marketing", "export", "2", "--output", str(file)).startswith("wrote 2 to")
    first, second = csv.DictReader(file.read_text().splitlines())
    assert (first["contact"], second["contact"]) == ("ann@example.org", "'=cmd@example.org")
    assert first["agreed_to"] == "Email me news about the libraries"
    token = first["stop_address"].rpartition("/news/stop/")[2]
    assert read_stop_token(command_line.keyring, token) == consent
    assert file.stat().st_mode & 0o077 == 0
    assert command_line.actions() == ["offer news", "offer news", "export consents to news"]


def test_the_list_says_who_asks_and_how_many_said_yes(command_line: CommandLine) -> None:
    command_line.run("marketing", "offer", ENGLISH, *NEWS)
    agree(command_line, "ann@example.org", 1)
    [shown] = json.loads(command_line.run("marketing", "list", "--json"))
    assert (shown["version"], shown["controller"], shown["consents"], shown["closed_at"]) == (1, "council", 1, None)
    command_line.run("marketing", "close", "1")
    assert "until" in command_line.run("marketing", "list")
    assert "nobody is asked by version 1" in command_line.refusal("marketing", "close", "1")


def test_a_venue_asks_for_itself(command_line: CommandLine) -> None:
    now = datetime.now(UTC)
    common = {"council_id": command_line.council_id, "created_at": now, "updated_at": now}
    venue = command_line.insert(venues, **common, source="test", reference="L1", name="Central Library")
    command_line.run("marketing", "offer", ENGLISH, "--controller", "venue", "--name", "Friends", "--venue", "L1")
    assert command_line.row(marketing_offers).venue_id == venue


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("xx=What", *NEWS), "does not begin with a language"),
        (("en=", *NEWS), "one line of 1 to 500"),
        ((ENGLISH, "--controller", "venue", "--name", "Friends"), "--venue goes with"),
        ((ENGLISH, "--controller", "venue", "--name", "Friends", "--venue", "L9"), "is not the name"),
        ((ENGLISH, "--controller", "council", "--name", ""), "a name has"),
    ],
    ids=["language", "empty", "no venue", "unknown venue", "no name"],
)
def test_what_cannot_be_asked_is_said(command_line: CommandLine, arguments: tuple[str, ...], told: str) -> None:
    assert told in command_line.refusal("marketing", "offer", *arguments)
    assert command_line.rows(marketing_offers) == []


def test_a_version_that_there_is_not_is_no_table(command_line: CommandLine, tmp_path: Path) -> None:
    assert "there is no version 7" in command_line.refusal("marketing", "export", "7", "--output", str(tmp_path / "x"))
