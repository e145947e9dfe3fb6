"""The commands that look after an installation do the same on PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from citywifi.cli import app


def run(*arguments: str) -> str:
    answer = CliRunner().invoke(app, list(arguments))
    assert answer.exit_code == 0, (answer.output, answer.exception)
    return answer.stdout


def test_equipment_and_credentials_are_looked_after(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITYWIFI_DATA_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CITYWIFI_SETTINGS_FILE", str(tmp_path / "none.toml"))
    monkeypatch.setenv("CITYWIFI_DATABASE_URL", postgres_url)
    run("database", "prepare")
    run("council", "add", "E08000026", "Coventry")
    run("nas", "add", "192.0.2.1", "--vendor", "cisco", "--name", "Depot")
    run("nas", "access-point", "add", "Depot", "00-1A-2B-3C-4D-5E", "First floor")
    run("nas", "rotate", "Depot")
    run("nas", "change", "Depot", "--identifier", "depot")
    (server,) = json.loads(run("nas", "list", "--json"))
    assert (server["network"], server["nas_identifier"]) == ("192.0.2.1/32", "depot")
    assert server["previous_secret_until"] is not None
    run("nas", "access-point", "remove", "00-1A-2B-3C-4D-5E")
    run("nas", "remove", "Depot")
    assert json.loads(run("nas", "list", "--json")) == []
    (tmp_path / "people.csv").write_text("user_name\n" + "".join(f"person {number}\n" for number in range(700)))
    run("credentials", "add", "--file", str(tmp_path / "people.csv"))
    run("credentials", "revoke", "person 7")
    listed = json.loads(run("credentials", "list", "--json"))
    assert [one["user_name"] for one in listed if one["state"] == "revoked"] == ["person 7"]
    assert len(listed) == 700
