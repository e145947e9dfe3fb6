"""``citywifi essentials``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import pytest
from typer.testing import CliRunner

from captive_portal.essentials import watch
from captive_portal.essentials.before_login import BeforeLogin, Reach, Tried
from captive_portal.essentials.sites import EssentialSite, default_sites
from captive_portal.storage.essentials import Checked
from citywifi.cli import app
from citywifi.commands import essentials
from foundation.schema import essential_sites
from tests.citywifi.commands.conftest import CommandLine


def test_a_councils_own_site_is_added_listed_told_to_equipment_and_removed(command_line: CommandLine) -> None:
    said = command_line.run(
        "essentials", "add", "Our council", "https://www.coventry.gov.uk/", "--host", "*.coventry.gov.uk"
    )
    assert "coventry-gov-uk: www.coventry.gov.uk, *.coventry.gov.uk" in said
    listed = json.loads(command_line.run("essentials", "list", "--json"))
    assert listed[0]["hosts"] == ["www.coventry.gov.uk", "*.coventry.gov.uk"]
    assert len(listed) == 1 + len(default_sites())
    command_line.run(
        "nas", "add", "10.1.0.1", "--vendor", "coovachilli", "--name", "Library", "--identifier", "central",
        "--login-url", "http://10.1.0.1:3990",
    )  # fmt: skip
    told = command_line.run("nas", "configuration", "Library")
    assert "HS_UAMDOMAINS='.coventry.gov.uk www.gov.uk" in told
    command_line.run("essentials", "remove", "coventry-gov-uk")
    assert command_line.rows(essential_sites) == []
    assert command_line.actions()[0] == "add an essential site"
    assert command_line.actions()[-1] == "remove an essential site"


def test_one_that_comes_with_citywifi_is_left_out_and_put_back(command_line: CommandLine) -> None:
    command_line.run("essentials", "remove", "nhs")
    assert "left out" in command_line.run("essentials", "list")
    command_line.run("essentials", "put-back", "nhs")
    assert "left out" not in command_line.run("essentials", "list")


def test_what_cannot_be_is_refused_in_a_sentence(command_line: CommandLine) -> None:
    assert "begins with https://" in command_line.refusal("essentials", "add", "Us", "http://council.example/")
    assert "no site 'us'" in command_line.refusal("essentials", "remove", "us")
    assert "none that comes" in command_line.refusal("essentials", "put-back", "us")
    assert "--portal URL" in command_line.refusal("essentials", "check", "--before-login")


def test_a_check_shows_what_does_not_answer_and_keeps_it(
    command_line: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look_at(
        _http: object, sites: Sequence[EssentialSite], now: datetime
    ) -> list[tuple[EssentialSite, Checked]]:
        return [(site, Checked(now, "it answers 500" if site.key == "nhs" else None, ("a.example",))) for site in sites]

    monkeypatch.setattr(watch, "look_at", look_at)
    answer = CliRunner().invoke(app, ["essentials", "check"])
    assert answer.exit_code == 1
    assert "it answers 500" in answer.output
    assert "a.example" in answer.output
    assert "it answers 500" in command_line.run("essentials", "list")


@pytest.mark.parametrize(
    ("site", "foreign", "status", "sentence"),
    [
        (Reach.OPEN, Reach.SHUT, 0, "all of them are open, and the rest is shut"),
        (Reach.OPEN, Reach.OPEN, 1, "this device has signed up already"),
        (Reach.SHUT, Reach.SHUT, 1, "enter the gateway's configuration anew"),
        (Reach.SOMEBODY_ELSE, Reach.SHUT, 1, "somebody else answers"),
    ],
)
def test_a_device_before_login_is_told_what_it_found(
    site: Reach, foreign: Reach, status: int, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def load_sites(_portal: str, _council: str) -> list[EssentialSite]:
        return list(default_sites())

    async def try_sites(sites: Sequence[EssentialSite], _foreign: str) -> BeforeLogin:
        return BeforeLogin(tuple(Tried(each, ((each.hosts[0], site),)) for each in sites), foreign)

    monkeypatch.setattr(essentials, "load_sites", load_sites)
    monkeypatch.setattr(essentials, "try_sites", try_sites)
    options = ["--before-login", "--portal", "https://wifi.example", "--council", "E08000026"]
    answer = CliRunner().invoke(app, ["essentials", "check", *options])
    assert answer.exit_code == status, answer.output
    assert sentence in answer.output
