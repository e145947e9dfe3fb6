"""`citywifi voucher`, `citywifi sponsor` and `citywifi ways`, on the command line."""

from __future__ import annotations

import csv
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from captive_portal.ways_in.voucher_codes import Code, Form, Misread, read_code
from captive_portal.ways_in.vouchers import code_pseudonym
from foundation.schema import (
    audit_events,
    councils,
    credentials,
    devices,
    journeys,
    network_access_servers,
    one_time_tokens,
    residents,
    sponsored_devices,
    sponsors,
    texts_sent,
    venues,
    voucher_batches,
    voucher_uses,
    vouchers,
)
from radius import packet
from tests.citywifi.commands.conftest import CommandLine, Gateway, add_session

NOW = datetime.now(UTC)


@pytest.fixture
def library(command_line: CommandLine) -> int:
    return command_line.insert(
        venues, council_id=command_line.council_id, source="test", reference="1", name="Central Library",
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip


def device(command_line: CommandLine, way: str, until: datetime) -> int:
    common = {"council_id": command_line.council_id, "last_seen_at": NOW}
    resident = command_line.insert(residents, contact_kind=way, registered_at=NOW, **common)
    return command_line.insert(
        devices, resident_id=resident, mac_pseudonym=way.encode().ljust(16, b"."), randomised=False, created_at=NOW,
        way_in=way, access_until=until, remembered_until=until, **common,
    )  # fmt: skip


@pytest.mark.parametrize("form", ["words", "digits", "pictures"])
def test_a_batch_is_written_once_and_kept_as_pseudonyms(
    command_line: CommandLine, library: int, tmp_path: Path, form: str
) -> None:
    file = tmp_path / "codes.csv"
    command_line.run(
        *("voucher", "create", "Front desk", "--number", "600", "--form", form, "--venue", "1", "--file", str(file)),
        *("--gives", "4h", "--devices", "2", "--until", "60d"),
    )
    assert file.stat().st_mode & 0o077 == 0
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert len({row["code"] for row in rows}) == 600
    batch = command_line.row(voucher_batches)
    assert (batch.venue_id, batch.form, batch.devices_per_code, batch.access_seconds) == (library, form, 2, 4 * 3600)
    lasts = batch.expires_at.replace(tzinfo=UTC) - datetime.now(UTC)
    assert timedelta(days=60) - timedelta(minutes=1) < lasts <= timedelta(days=60)
    kept = {row.code_pseudonym for row in command_line.rows(vouchers)}
    for row in rows:
        code: Code | Misread
        if form == "pictures":
            code = Code(Form.PICTURES, tuple(int(number) - 1 for number in row["code"].split()))
        else:
            code = read_code(row["code"])
        assert isinstance(code, Code)
        assert code_pseudonym(command_line.keyring, command_line.council_id, code) in kept
    assert command_line.actions()[-1] == "make codes"
    assert not any(word in str(command_line.rows(audit_events)) for word in rows[0]["code"].split() if len(word) > 3)


def test_sheets_are_printed_with_the_batch_or_later_in_large_letters(command_line: CommandLine, tmp_path: Path) -> None:
    sheet, file, large = tmp_path / "codes.pdf", tmp_path / "codes.csv", tmp_path / "large.pdf"
    command_line.run(
        *("voucher", "create", "Front desk", "--number", "3", "--sheet", str(sheet), "--file", str(file)),
        *("--network", "CityWiFi", "--until", "2027-03-31"),
    )
    command_line.run("voucher", "print", str(file), str(large), "--until", "31 March 2027", "--large-print")
    for pdf in (sheet, large):
        assert pdf.read_bytes().startswith(b"%PDF-")
        assert pdf.stat().st_mode & 0o077 == 0


def test_codes_that_nobody_would_see_are_not_made(command_line: CommandLine, tmp_path: Path) -> None:
    assert "kept nowhere else" in command_line.refusal("voucher", "create", "Front desk")
    there = tmp_path / "codes.csv"
    there.write_text("")
    assert "already" in command_line.refusal("voucher", "create", "Front desk", "--file", str(there))
    assert command_line.rows(voucher_batches) == []


class WithoutPango:
    """WeasyPrint's import as it goes where its library is missing."""

    def find_spec(self, name: str, *_place: object) -> None:
        if name == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")


def test_no_codes_are_made_that_could_not_be_written(
    command_line: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = ("voucher", "create", "Front desk")
    assert "may write in" in command_line.refusal(*create, "--file", f"{tmp_path}/nowhere/codes.csv")
    monkeypatch.delitem(sys.modules, "weasyprint", raising=False)
    monkeypatch.setattr(sys, "meta_path", [WithoutPango(), *sys.meta_path])
    assert "apt-get install libpango" in command_line.refusal(*create, "--sheet", f"{tmp_path}/codes.pdf")
    assert command_line.rows(voucher_batches) == []


@pytest.mark.parametrize("until", ["2020-01-01", "3000-01-01", "soon", "500d"])
def test_a_batch_has_an_end(command_line: CommandLine, tmp_path: Path, until: str) -> None:
    refusal = command_line.refusal("voucher", "create", "x", "--file", str(tmp_path / "codes.csv"), "--until", until)
    assert until in refusal


def test_two_batches_have_two_names(command_line: CommandLine, tmp_path: Path) -> None:
    command_line.run("voucher", "create", "Front desk", "--file", str(tmp_path / "a.csv"))
    refusal = command_line.refusal("voucher", "create", "Front desk", "--file", str(tmp_path / "b.csv"))
    assert "'Front desk'" in refusal
    assert not (tmp_path / "b.csv").exists()


def test_a_revoked_batch_ends_the_right_of_those_whom_it_let_on(command_line: CommandLine, tmp_path: Path) -> None:
    command_line.run("voucher", "create", "Front desk", "--number", "1", "--file", str(tmp_path / "codes.csv"))
    until = NOW + timedelta(hours=3)
    device(command_line, "code", until)
    device(command_line, "sponsor", until)
    command_line.insert(
        voucher_uses, council_id=command_line.council_id, voucher_id=command_line.row(vouchers).id,
        mac_pseudonym=b"code".ljust(16, b"."), used_at=NOW, access_until=until,
    )  # fmt: skip
    [listed] = json.loads(command_line.run("voucher", "list", "--json"))
    assert (listed["codes"], listed["devices_let_on"]) == (1, 1)
    assert "back: 1;" in command_line.run("voucher", "revoke", "Front desk")
    by_code, by_sponsor = command_line.rows(devices)
    assert (by_code.remembered_until, by_code.access_until < by_sponsor.access_until) == (None, True)
    assert by_sponsor.remembered_until is not None
    assert "revoked" in command_line.run("voucher", "list")
    assert "was revoked" in command_line.refusal("voucher", "revoke", "Front desk")
    assert "nothing called" in command_line.refusal("voucher", "revoke", "Back desk")


def test_a_sponsor_has_a_code_that_is_shown_once_and_members_that_are_counted(command_line: CommandLine) -> None:
    shown = command_line.run(
        "sponsor", "add", "Hostel North", "--group", "hostels", "--devices", "40", "--until", "90d"
    )
    code = read_code(shown)
    assert isinstance(code, Code)
    row = command_line.row(sponsors)
    assert row.code_pseudonym == code_pseudonym(command_line.keyring, command_line.council_id, code)
    assert (row.group_name, row.most_devices, row.venue_id) == ("hostels", 40, None)
    member = device(command_line, "sponsor", NOW + timedelta(days=90))
    command_line.insert(
        sponsored_devices, council_id=command_line.council_id, sponsor_id=row.id, device_id=member, joined_at=NOW
    )
    assert "1 of 40" in command_line.run("sponsor", "list")
    assert "back: 1;" in command_line.run("sponsor", "revoke", "Hostel North")
    assert command_line.row(devices).access_until.replace(tzinfo=UTC) <= datetime.now(UTC)
    assert "name a group" in command_line.refusal("sponsor", "add", "Hostel South", "--group", " ")


def add_nas(command_line: CommandLine, driver: str) -> int:
    return command_line.insert(
        network_access_servers, council_id=command_line.council_id, name=driver, arrival_key=driver, vendor="other",
        secret_encrypted=b"", gateway_driver=driver, created_at=NOW, updated_at=NOW,
    )  # fmt: skip


def test_whoever_is_on_by_a_code_that_is_revoked_is_put_off(
    command_line: CommandLine, tmp_path: Path, nas_id: int, gateway: Gateway
) -> None:
    command_line.run("voucher", "create", "Front desk", "--number", "1", "--file", str(tmp_path / "codes.csv"))
    until = NOW + timedelta(hours=3)
    by_code, by_sponsor = device(command_line, "code", until), device(command_line, "sponsor", until)
    command_line.insert(
        voucher_uses, council_id=command_line.council_id, voucher_id=command_line.row(vouchers).id,
        mac_pseudonym=b"code".ljust(16, b"."), used_at=NOW, access_until=until,
    )  # fmt: skip
    owner = {row.id: row.resident_id for row in command_line.rows(devices)}
    on = add_session(command_line, nas_id, "1", device_id=by_code)
    add_session(command_line, nas_id, "2", device_id=by_code, stopped_at=NOW, ended_by="stop")
    add_session(command_line, nas_id, "3", device_id=by_sponsor)
    unifi, click_through = (add_nas(command_line, driver) for driver in ("unifi", "meraki-click-through"))
    add_session(command_line, unifi, "4", device_id=by_code, source="api")
    add_session(command_line, click_through, "5", device_id=by_code, source="browser")
    command_line.insert(
        one_time_tokens, council_id=command_line.council_id, user_name="t1", resident_id=owner[by_code],
        device_id=by_code, nas_id=nas_id, created_at=NOW, expires_at=until,
    )  # fmt: skip
    said = command_line.run("voucher", "revoke", "Front desk")
    assert "sessions ended: 1\n" in said
    assert "the portal ends 1 more within 1 minute(s)" in said
    assert "not ended: 1: the equipment takes no order to end a session" in said
    assert gateway.asked == [packet.Code.DISCONNECT_REQUEST]
    assert command_line.row(one_time_tokens).expires_at.replace(tzinfo=UTC) <= datetime.now(UTC)
    event = command_line.rows(audit_events)[-1]
    assert (event.action, event.subject, event.detail["result"]) == ("end session", f"session {on}", "disconnected")


def test_user_names_that_were_made_on_a_code_go_with_it_and_those_of_an_own_right_stay(
    command_line: CommandLine, nas_id: int, gateway: Gateway
) -> None:
    command_line.run("sponsor", "add", "Hostel North", "--group", "hostels")
    until = NOW + timedelta(days=90)
    member = device(command_line, "sponsor", until)
    command_line.insert(
        sponsored_devices, council_id=command_line.council_id, sponsor_id=command_line.row(sponsors).id,
        device_id=member, joined_at=NOW,
    )  # fmt: skip
    owner = command_line.row(devices).resident_id
    common = {"council_id": command_line.council_id, "resident_id": owner, "created_at": NOW}
    for name, ends in (("calm-otter", until), ("kind-heron", None)):
        command_line.insert(credentials, user_name=name, expires_at=ends, **common)
        add_session(command_line, nas_id, name[:1], resident_id=owner, user_name=name)
    command_line.insert(
        journeys, council_id=command_line.council_id, path_pseudonym=bytes(16), nas_id=nas_id,
        mac_pseudonym=b"sponsor".ljust(16, b"."), state="ended", language="en", details_encrypted=b"", created_at=NOW,
        updated_at=NOW, expires_at=until,
    )  # fmt: skip
    assert "sessions ended: 1\n" in command_line.run("sponsor", "revoke", "Hostel North")
    on_code, of_own = command_line.rows(credentials)
    assert (on_code.revoked_at is not None, of_own.revoked_at) == (True, None)
    assert gateway.asked == [packet.Code.DISCONNECT_REQUEST]
    # A page that is open still knows of the right, so it is over.
    assert command_line.row(journeys).expires_at.replace(tzinfo=UTC) <= datetime.now(UTC)


def test_what_equipment_does_not_end_is_told_with_the_reason(command_line: CommandLine, nas_id: int) -> None:
    command_line.run("sponsor", "add", "Hostel North", "--group", "hostels")
    member = device(command_line, "sponsor", NOW + timedelta(days=90))
    command_line.insert(
        sponsored_devices, council_id=command_line.council_id, sponsor_id=command_line.row(sponsors).id,
        device_id=member, joined_at=NOW,
    )  # fmt: skip
    with command_line.engine.begin() as connection:
        connection.execute(network_access_servers.update().values(dynamic_authorization_host=None))
    for name in ("1", "2"):
        add_session(command_line, nas_id, name, device_id=member)
    said = command_line.run("sponsor", "revoke", "Hostel North")
    assert "sessions ended: 0\n" in said
    assert "not ended: 2: no address for Disconnect-Requests is set for this equipment" in said


def test_a_council_chooses_and_a_venue_may_choose_otherwise(command_line: CommandLine, library: int) -> None:
    assert "click, email" in command_line.run("ways", "list")
    said = command_line.run("ways", "set", "email", "code", "sponsor")
    assert "all of Coventry: email, code, sponsor" in said
    said = command_line.run("ways", "set", "sms", "code", "--venue", "Central Library")
    # Nobody sends texts for this installation yet.
    assert "before a provider is set" in said
    assert command_line.row(councils).ways_in == "email,code,sponsor"
    assert command_line.row(venues).ways_in == "sms,code"
    assert json.loads(command_line.run("ways", "list", "--json"))[1]["ways"] == ["sms", "code"]
    command_line.run("ways", "inherit", "1")
    assert command_line.row(venues).ways_in is None
    assert command_line.actions() == ["set ways in"] * 3


@pytest.mark.parametrize("ways", [["fax"], ["grace"], [","]])
def test_a_way_that_there_is_not_cannot_be_chosen(command_line: CommandLine, ways: list[str]) -> None:
    refusal = command_line.refusal("ways", "set", *ways)
    assert "click, email, sms, code, sponsor" in refusal


def test_a_council_pays_for_so_many_texts(command_line: CommandLine) -> None:
    assert "0 of 1000 texts" in command_line.run("ways", "texts")
    command_line.insert(texts_sent, council_id=command_line.council_id, month=f"{NOW:%Y-%m}", segments=7)
    assert "7 of 50 texts" in command_line.run("ways", "texts", "--limit", "50")
    assert json.loads(command_line.run("ways", "texts", "--json"))["limit"] == 50
    assert "of 1000" in command_line.run("ways", "texts", "--limit", "inherit")
    assert "no number" in command_line.refusal("ways", "texts", "--limit", "many")
