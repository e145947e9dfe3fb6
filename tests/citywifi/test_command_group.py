"""Commands are imported when they are wanted, and look as if they always were there."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from citywifi.cli import app

_AFTERWARDS = """
import sys
from typer.testing import CliRunner
from citywifi.cli import app
assert CliRunner().invoke(app, ["serve", "--help"]).exit_code == 0
print(*{name.partition(".")[0] for name in sys.modules})
"""


def test_a_service_starts_without_what_other_commands_need() -> None:
    """It is begun anew with other settings of its metrics, so what is imported before is imported twice."""
    imported = subprocess.run([sys.executable, "-c", _AFTERWARDS], capture_output=True, text=True, check=True).stdout
    assert {"sqlalchemy", "aiohttp", "shapely", "cryptography"}.isdisjoint(imported.split())


@pytest.mark.parametrize(("words", "told"), [(["doctor"], "clocks"), (["nas"], "add"), (["nas", "add"], "NAME")])
def test_commands_and_groups_have_help(words: list[str], told: str) -> None:
    answer = CliRunner().invoke(app, [*words, "--help"])
    assert answer.exit_code == 0
    assert told.lower() in answer.output.lower()


def test_a_command_that_is_nearly_right_is_suggested() -> None:
    answer = CliRunner().invoke(app, ["sttaff"])
    assert answer.exit_code == 2
    assert "'staff'" in answer.output
