"""The engineer's commands beside a running server: what they change is in force within a second, without a restart."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from citywifi.cli import app
from foundation.settings import load_settings
from tests.end_to_end.installation import Installation
from tests.support.peers import Peers
from tools.free_ports import free_ports

OLD, NEW = "the equipment's first secret", "the equipment's second secret"
PASSWORD = "four plain words here"
# Once a second the server asks whether anything changed; the rest is for a busy machine.
IN_FORCE_SECONDS = 2.5


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """A prepared installation that is no demo; its server is not running yet."""
    authentication, accounting, metrics = free_ports(3)
    chosen = {
        "CITYWIFI_DATA_DIRECTORY": str(tmp_path),
        "CITYWIFI_SETTINGS_FILE": str(tmp_path / "none.toml"),
        "CITYWIFI_RADIUS__AUTHENTICATION_PORT": str(authentication),
        "CITYWIFI_RADIUS__ACCOUNTING_PORT": str(accounting),
        "CITYWIFI_MONITORING__METRICS_PORT": str(metrics),
    }
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    citywifi("database", "prepare")
    citywifi("council", "add", "E08000026", "Coventry")
    citywifi("credentials", "add", "anna", "--password-stdin", typed=PASSWORD)
    return Installation({**os.environ, "PYTHONPATH": str(Path.cwd())}, load_settings())


def citywifi(*arguments: str, typed: str = "") -> str:
    answer = CliRunner().invoke(app, list(arguments), input=typed + "\n")
    assert answer.exit_code == 0, answer.output
    return answer.output


@pytest.mark.slow
@pytest.mark.peer("radclient")
def test_equipment_is_added_rotated_and_removed_while_the_server_runs(installation: Installation, peers: Peers) -> None:
    program = peers.require("radclient")
    port = installation.settings.radius.authentication_port

    def is_accepted(secret: str, patience_seconds: float) -> bool:
        """Whether the server answers within that time; radclient repeats its request four times a second."""
        retries = round(patience_seconds * 4)
        attributes = f'User-Name = anna\nUser-Password = "{PASSWORD}"\nMessage-Authenticator = 0x00\n'
        answer = subprocess.run(
            [program, "-x", "-t", "0.25", "-r", str(retries), f"127.0.0.1:{port}", "auth", secret],
            input=attributes, capture_output=True, text=True, timeout=20,
        )  # fmt: skip
        return "Received Access-Accept" in answer.stdout

    with installation.running(["radius"]):
        assert not is_accepted(OLD, 0.5)
        citywifi("nas", "add", "127.0.0.1", "--vendor", "other", "--secret-stdin", typed=OLD)
        assert is_accepted(OLD, IN_FORCE_SECONDS)

        citywifi("nas", "rotate", "127.0.0.1", "--secret-stdin", "--keep-old-for", "5s", typed=NEW)
        old_ends = time.monotonic() + 5
        assert is_accepted(NEW, IN_FORCE_SECONDS)
        assert is_accepted(OLD, 0.5)
        time.sleep(max(0.0, old_ends - time.monotonic()))
        assert not is_accepted(OLD, 0.5)
        assert is_accepted(NEW, 0.5)

        citywifi("nas", "remove", "127.0.0.1")
        time.sleep(IN_FORCE_SECONDS)
        assert not is_accepted(NEW, 0.5)


@pytest.mark.slow
@pytest.mark.peer("eapol_test")
def test_a_device_logs_on_with_the_file_that_was_made_for_it(
    installation: Installation, peers: Peers, tmp_path: Path
) -> None:
    program = peers.require("eapol_test")
    citywifi("nas", "add", "127.0.0.1", "--vendor", "other", "--secret-stdin", typed=OLD)
    citywifi("credentials", "add", "ben")
    citywifi("certificates", "init", "--name", "radius.wifi.example.org")
    passwords = {}
    for name in ("anna", "ben"):
        told = citywifi("certificates", "device", name, "--output", str(tmp_path / f"{name}.p12"))
        passwords[name] = told.rsplit("shown only now: ", 1)[1].strip()
    citywifi("certificates", "revoke", "ben")

    def log_on(name: str) -> str:
        lines = {
            "key_mgmt": "WPA-EAP",
            "eap": "TLS",
            "identity": f'"{name}"',
            "ca_cert": f'"{tmp_path / "certificates" / "ca.pem"}"',
            "domain_match": '"radius.wifi.example.org"',
            "private_key": f'"{tmp_path / f"{name}.p12"}"',
            "private_key_passwd": f'"{passwords[name]}"',
        }
        configuration = tmp_path / f"{name}.conf"
        configuration.write_text("network={\n" + "".join(f"{key}={value}\n" for key, value in lines.items()) + "}\n")
        port = installation.settings.radius.authentication_port
        answer = subprocess.run(
            [program, "-c", configuration, "-a", "127.0.0.1", "-p", str(port), "-s", OLD, "-t", "10"],
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        return answer.stdout.rstrip()

    with installation.running(["radius"]):
        assert log_on("anna").endswith("SUCCESS"), installation.log("radius")
        refused = log_on("ben")
    assert refused.endswith("FAILURE")
    assert "certificate revoked" in refused
