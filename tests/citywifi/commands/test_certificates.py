from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from citywifi import demo
from foundation.certificate_store import CertificateStore
from foundation.certificates import Authority, make_authority, read_certificate
from foundation.schema import audit_events, credentials
from tests.citywifi.commands.conftest import CommandLine

NAME = "radius.wifi.example.org"
NOW = datetime.now(UTC)


@pytest.fixture
def with_authority(command_line: CommandLine) -> CommandLine:
    command_line.run("certificates", "init", "--name", NAME, "--organisation", "Coventry City Council")
    return command_line


def test_init_makes_an_authority_once_and_says_its_fingerprint(command_line: CommandLine) -> None:
    told = command_line.run("certificates", "init", "--name", NAME)
    assert command_line.certificates.authority().fingerprint in told
    assert command_line.certificates.server().dns_names == (NAME,)
    assert "left as it is" in command_line.refusal("certificates", "init", "--name", NAME)
    assert command_line.actions() == ["make certificate authority"]


def test_show_tells_of_every_certificate(with_authority: CommandLine, tmp_path: Path) -> None:
    with_authority.run("certificates", "equipment", "ap1.example.org", "--output", str(tmp_path / "ap1"))
    with_authority.run("certificates", "revoke", "ap1.example.org")
    shown = json.loads(with_authority.run("certificates", "show", "--json"))
    assert [(one["kind"], one["names"]) for one in shown] == [
        ("authority", ["Coventry City Council WiFi certificate authority"]),
        ("server", [NAME]),
        ("equipment", ["ap1.example.org"]),
    ]
    assert [one["revoked_at"] is None for one in shown] == [True, True, False]
    assert shown[1]["days_left"] == 729
    told = with_authority.run("certificates", "show")
    assert with_authority.certificates.server().fingerprint in told
    assert "revoked" in told
    assert "expire" not in told


def test_show_without_any_says_how_to_make_them(command_line: CommandLine) -> None:
    assert "citywifi certificates init" in command_line.run("certificates", "show")
    assert json.loads(command_line.run("certificates", "show", "--json")) == []


def test_show_warns_of_what_expires_soon_or_has(command_line: CommandLine) -> None:
    command_line.certificates.create([NAME], "", NOW - timedelta(days=705))
    assert f"the server certificate of {NAME} expires in 24 days" in command_line.run("certificates", "show")
    command_line.run("certificates", "renew")
    assert "expires in" not in command_line.run("certificates", "show")


def test_renew_keeps_the_name_unless_another_is_given(with_authority: CommandLine) -> None:
    with_authority.run("certificates", "renew")
    assert with_authority.certificates.server().dns_names == (NAME,)
    with_authority.run("certificates", "renew", "--name", "b.example.org", "--name", "c.example.org")
    assert with_authority.certificates.server().dns_names == ("b.example.org", "c.example.org")


def foreign(folder: Path, name: str = NAME) -> tuple[str, str, str]:
    """Files of a server certificate that another authority issued: certificate, key, chain."""
    other = Authority(make_authority("Another authority", "", NOW))
    pair = other.issue_server([name], NOW)
    contents = {"other.pem": pair.certificate, "other.key": pair.key, "other-ca.pem": other.certificate}
    for file, content in contents.items():
        (folder / file).write_bytes(content)
    return str(folder / "other.pem"), str(folder / "other.key"), str(folder / "other-ca.pem")


def test_use_takes_a_certificate_of_another_authority(with_authority: CommandLine, tmp_path: Path) -> None:
    certificate, key, chain = foreign(tmp_path)
    assert "--chain" in with_authority.refusal("certificates", "use", certificate, key)
    told = with_authority.run("certificates", "use", certificate, key, "--chain", chain)
    assert "Another authority" in told
    assert "will refuse" not in told
    assert "citywifi certificates use" in with_authority.refusal("certificates", "renew")
    assert with_authority.actions()[-1] == "use server certificate"


def test_use_warns_when_devices_know_another_name(with_authority: CommandLine, tmp_path: Path) -> None:
    certificate, key, chain = foreign(tmp_path, "other.example.org")
    told = with_authority.run("certificates", "use", certificate, key, "--chain", chain)
    assert f"before it was {NAME}" in told


def test_use_names_a_file_that_is_not_there(with_authority: CommandLine, tmp_path: Path) -> None:
    assert "No such file" in with_authority.refusal("certificates", "use", str(tmp_path / "a"), str(tmp_path / "b"))


def test_a_device_gets_a_certificate_only_for_a_credential(with_authority: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "anna.p12"
    command = ("certificates", "device", "anna", "--output", str(file))
    assert "citywifi credentials add" in with_authority.refusal(*command)
    with_authority.run("credentials", "add", "anna")
    told = with_authority.run(*command)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "shown only now" in told
    (issued,) = with_authority.certificates.issued()
    assert (issued.details.name, issued.details.organisation) == ("anna", "E08000026")
    assert "already" in with_authority.refusal(*command)
    # The audit has its number, not the resident's name.
    assert with_authority.rows(audit_events)[-1].subject == f"certificate {issued.details.serial}"


def test_a_revoked_credential_gets_no_certificate(with_authority: CommandLine, tmp_path: Path) -> None:
    with_authority.run("credentials", "add", "anna")
    with with_authority.engine.begin() as connection:
        connection.execute(update(credentials).values(revoked_at=NOW))
    told = with_authority.refusal("certificates", "device", "anna", "--output", str(tmp_path / "anna.p12"))
    assert "was revoked" in told
    assert not (tmp_path / "anna.p12").exists()


def test_equipment_gets_a_folder_with_all_that_it_needs(with_authority: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "ap1"
    with_authority.run("certificates", "equipment", "ap1.example.org", "--output", str(folder))
    assert sorted(file.name for file in folder.iterdir()) == ["ap1.example.org.key", "ap1.example.org.pem", "ca.pem"]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in folder.iterdir())
    assert read_certificate((folder / "ap1.example.org.pem").read_bytes()).dns_names == ("ap1.example.org",)
    assert "full host name" in with_authority.refusal("certificates", "equipment", "ap1", "--output", str(folder))
    assert "already" in with_authority.refusal("certificates", "equipment", "ap1.example.org", "--output", str(folder))


def test_the_demo_has_certificates_at_once(command_line: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = command_line.folder / "demo"
    monkeypatch.setenv("CITYWIFI_DATA_DIRECTORY", str(folder))
    command_line.run("database", "prepare", "--demo")
    store = CertificateStore(folder / "certificates")
    assert store.server().dns_names == (demo.SERVER_NAME,)
    before = store.authority()
    command_line.run("database", "prepare", "--demo")
    assert store.authority() == before
