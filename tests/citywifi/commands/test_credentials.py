from __future__ import annotations

import csv
import io
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from foundation.credentials import nt_hash
from foundation.schema import audit_events, councils, credentials, network_access_servers, residents
from foundation.schema.sessions import accounting_sessions
from tests.citywifi.commands.conftest import CommandLine

NOW = datetime.now(UTC)


def password_in(told: str) -> str:
    return told.rsplit("shown only now: ", 1)[1].strip()


def test_add_makes_a_password_and_shows_it_once(command_line: CommandLine) -> None:
    password = password_in(command_line.run("credentials", "add", "anna"))
    row = command_line.row(credentials)
    assert row.user_name == "anna"
    assert command_line.keyring.decrypt("nt hash", row.nt_hash_encrypted) == nt_hash(password)
    assert command_line.keyring.decrypt("credential", row.password_encrypted) == password.encode()
    assert password not in command_line.run("credentials", "list")
    assert password not in command_line.run("credentials", "list", "--json")


def test_every_credential_is_of_a_resident_of_its_own(command_line: CommandLine) -> None:
    command_line.run("credentials", "add", "anna", "--group", "staff")
    command_line.run("credentials", "add", "ben")
    anna, ben = command_line.rows(residents)
    assert (anna.contact_kind, anna.contact_encrypted, anna.group_name) == ("none", None, "staff")
    assert [row.resident_id for row in command_line.rows(credentials)] == [anna.id, ben.id]


def test_a_password_from_another_system_is_read_and_not_shown(command_line: CommandLine) -> None:
    told = command_line.run("credentials", "add", "anna", "--password-stdin", typed="her own: ŵ\n")
    assert "ŵ" not in told
    row = command_line.row(credentials)
    assert command_line.keyring.decrypt("credential", row.password_encrypted).decode() == "her own: ŵ"
    assert "nothing came" in command_line.refusal("credentials", "add", "ben", "--password-stdin")


def test_with_nt_hash_only_the_password_is_not_kept(command_line: CommandLine) -> None:
    command_line.run("credentials", "add", "anna", "--nt-hash-only")
    assert command_line.row(credentials).password_encrypted is None
    assert json.loads(command_line.run("credentials", "list", "--json"))[0]["serves_chap"] is False


def test_a_credential_is_good_until_the_end_of_its_day_in_the_council(command_line: CommandLine) -> None:
    command_line.run("credentials", "add", "anna", "--expires", "2030-06-30")
    # British Summer Time
    assert command_line.row(credentials).expires_at == datetime(2030, 6, 30, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "one user name, or a file"),
        (("anna", "--file", "x.csv"), "one user name, or a file"),
        (("--file", "x.csv", "--password-stdin"), "in a column"),
        (("anna", "--expires", "tomorrow"), "2027-03-31"),
        (("anna", "--expires", "2020-01-01"), "past"),
        (("anna", "--expires", "2030-01-01T12:00"), "zone"),
        (("00-00-5E-00-53-01",), "for a device"),
        (("anna", "--council", "E06000001"), "there is no council"),
        (("--file", "nowhere.csv"), "does not exist"),
    ],
)
def test_what_cannot_be_added_is_told(command_line: CommandLine, arguments: tuple[str, ...], reason: str) -> None:
    assert reason in command_line.refusal("credentials", "add", *arguments)
    assert command_line.rows(credentials) == []
    assert command_line.actions() == []


def test_a_name_is_taken_once_in_each_council(command_line: CommandLine) -> None:
    command_line.run("credentials", "add", "anna")
    assert "already a credential 'anna'" in command_line.refusal("credentials", "add", "anna")
    command_line.insert(councils, code="E08000029", name="Solihull", created_at=NOW)
    assert "--council" in command_line.refusal("credentials", "add", "ben")
    command_line.run("credentials", "add", "anna", "--council", "E08000029")
    listed = command_line.run("credentials", "list")
    assert "E08000026" in listed
    assert "E08000029" in listed
    assert "--council" in command_line.refusal("credentials", "revoke", "anna")


PEOPLE = """user_name,password,nt_hash,group,expires
anna,a password of hers,,staff,2030-01-31
ben,,8846F7EAEE8FB117AD06BDD830B7586C,,
"carol, the third",,,,
"""


def test_a_file_of_many_is_added_and_its_new_passwords_are_printed(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE)
    command = ("credentials", "add", "--file", str(tmp_path / "people.csv"), "--group", "library")
    (made,) = csv.DictReader(io.StringIO(command_line.run(*command)))
    assert made["user_name"] == "carol, the third"
    anna, ben, carol = command_line.rows(credentials)
    assert command_line.keyring.decrypt("credential", anna.password_encrypted) == b"a password of hers"
    assert command_line.keyring.decrypt("nt hash", ben.nt_hash_encrypted) == nt_hash("password")
    assert ben.password_encrypted is None
    assert command_line.keyring.decrypt("credential", carol.password_encrypted) == made["password"].encode()
    assert [row.group_name for row in command_line.rows(residents)] == ["staff", "library", "library"]
    (event,) = command_line.rows(audit_events)
    assert (event.action, event.subject, event.detail["number"]) == ("add credentials", "3 credentials", 3)


def test_new_passwords_go_to_a_file_that_only_its_owner_reads(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("user_name\n" + "".join(f"person {number}\n" for number in range(1200)))
    output = tmp_path / "passwords.csv"
    command = ("credentials", "add", "--file", str(tmp_path / "people.csv"), "--output", str(output))
    assert command_line.run(*command) == ""
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    made = list(csv.DictReader(io.StringIO(output.read_text())))
    assert [one["user_name"] for one in made] == [row.user_name for row in command_line.rows(credentials)]
    assert len({one["password"] for one in made}) == 1200
    assert "already" in command_line.refusal(*command)


def test_of_a_file_with_a_mistake_nothing_is_added_and_every_line_is_told(
    command_line: CommandLine, tmp_path: Path
) -> None:
    command_line.run("credentials", "add", "dora")
    file = tmp_path / "people.csv"
    file.write_text(
        "user_name,password,nt_hash,group,expires\n"
        "anna,hidden1,8846F7EAEE8FB117AD06BDD830B7586C,,\n"
        "ben,,8846F7,,\n"
        ",hidden2,,,\n"
        "carol,,,,2020-01-01\n"
        "carol,,,,\n"
        "emil,,,,\n"
        "emil,,,,\n"
        "short,row\n"
    )
    told = command_line.refusal("credentials", "add", "--file", str(file))
    assert told.splitlines()[1:] == [
        "  line 2: nt_hash: the row has a password, too; leave one of them out",
        "  line 3: nt_hash: an NT hash has 32 hexadecimal digits",
        "  line 4: user_name: a user name has 1 to 253 octets",
        "  line 5: expires: this date is past",
        "  line 8: user_name: is in line 7, too",
        "  line 9: row: the row has 2 values and the heading has 5",
    ]
    assert "hidden" not in told
    assert [row.user_name for row in command_line.rows(credentials)] == ["dora"]


def test_names_that_are_there_already_are_told_by_line(command_line: CommandLine, tmp_path: Path) -> None:
    command_line.run("credentials", "add", "ben")
    (tmp_path / "people.csv").write_text("user_name\nanna\nben\n")
    told = command_line.refusal("credentials", "add", "--file", str(tmp_path / "people.csv"))
    assert told.endswith("line 3: user_name: there is already such a credential")
    assert len(command_line.rows(credentials)) == 1
    assert len(command_line.rows(residents)) == 1


def test_a_column_that_means_nothing_is_refused(command_line: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("user_name,expire\nanna,2030-01-01\n")
    assert "expire" in command_line.refusal("credentials", "add", "--file", str(tmp_path / "people.csv"))


def test_list_tells_the_state_and_the_last_use(command_line: CommandLine) -> None:
    for name in ("anna", "ben", "carol"):
        command_line.run("credentials", "add", name)
    anna, ben, _ = command_line.rows(credentials)
    seen = anna.created_at + timedelta(hours=5)
    with command_line.engine.begin() as connection:
        connection.execute(update(residents).where(residents.c.id == anna.resident_id).values(last_seen_at=seen))
        connection.execute(update(credentials).where(credentials.c.id == ben.id).values(expires_at=NOW))
    command_line.run("credentials", "revoke", "carol")
    listed = json.loads(command_line.run("credentials", "list", "--json"))
    assert [(one["user_name"], one["state"], one["last_used_at"]) for one in listed] == [
        ("anna", "good", seen.isoformat()),
        ("ben", "expired", None),
        ("carol", "revoked", None),
    ]


def test_revoking_says_what_becomes_of_open_sessions(command_line: CommandLine) -> None:
    command_line.run("credentials", "add", "anna")
    resident_id = command_line.row(credentials).resident_id
    common = {"council_id": command_line.council_id}
    nas_id = command_line.insert(
        network_access_servers, **common, name="x", vendor="other", secret_encrypted=b"", created_at=NOW, updated_at=NOW
    )
    for number, stopped_at in enumerate((None, None, NOW)):
        command_line.insert(
            accounting_sessions, **common, session_key=bytes([number] * 16), nas_id=nas_id, resident_id=resident_id,
            acct_session_id=str(number), started_at=NOW, updated_at=NOW, received_at=NOW, stopped_at=stopped_at,
        )  # fmt: skip
    told = command_line.run("credentials", "revoke", "anna")
    assert "2 of its sessions are open; the equipment ends them after 4 hours" in told
    assert command_line.row(credentials).revoked_at is not None
    assert "was revoked on" in command_line.refusal("credentials", "revoke", "anna")
    assert "there is no credential" in command_line.refusal("credentials", "revoke", "nobody")
    assert command_line.actions() == ["add credentials", "revoke credential"]
