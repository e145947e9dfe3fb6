"""`citywifi simulate recovery` says in one sentence what it cannot do, before it writes anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from citywifi.cli import app
from citywifi.errors import CommandError
from citywifi.recovery.report import Waits
from tests.citywifi.commands.conftest import CommandLine

REFUSED = {
    "a network that is none": (["--network", "loopback"], "write it like 127.11.0.0/16"),
    "a network of others": (["--network", "10.0.0.0/8"], "must be of loopback"),
    "a network that is too small": (["--network", "127.11.0.0/24", "--access-points", "300"], "have 302 addresses"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses(case: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    arguments, expected = REFUSED[case]
    monkeypatch.setenv("CITYWIFI_DATA_DIRECTORY", str(tmp_path))
    result = CliRunner().invoke(app, ["simulate", "recovery", *arguments])
    assert isinstance(result.exception, CommandError), result.output
    assert expected in str(result.exception)


def test_percentiles_are_of_those_who_got_there() -> None:
    assert Waits.of([0.1 * number for number in range(1, 102)]) == Waits(5.1, 10.0, 10.1)
    assert Waits.of([]) == Waits(None, None, None)
    assert str(Waits.of([])) == "nobody"


def test_an_installation_that_is_no_demo_must_be_asked_for(command_line: CommandLine) -> None:
    assert "--prepare" in command_line.refusal("simulate", "recovery")
    assert command_line.actions() == []


def test_there_may_be_nothing_to_remove(command_line: CommandLine) -> None:
    assert command_line.run("simulate", "remove") == "there was none\n"
