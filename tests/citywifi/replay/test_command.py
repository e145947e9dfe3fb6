"""`citywifi replay` says in one sentence what it cannot do, before it does anything."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from citywifi.cli import app
from citywifi.commands.database import prepare_installation
from citywifi.errors import CommandError
from citywifi.replay.run import days_until
from foundation.runtime import NotReadyError
from foundation.settings import load_settings

TODAY = datetime.now(UTC).date()


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: int) -> Path:
    """Settings of a demo whose services are not running."""
    for name, value in {
        "CITYWIFI_DEMO": "true",
        "CITYWIFI_DATA_DIRECTORY": str(tmp_path / "data"),
        "CITYWIFI_SETTINGS_FILE": str(tmp_path / "none.toml"),
        "CITYWIFI_RADIUS__AUTHENTICATION_PORT": str(free_port),
        "CITYWIFI_RADIUS__ACCOUNTING_PORT": str(free_port),
        "CITYWIFI_PORTAL__PUBLIC_URL": f"http://127.0.0.1:{free_port}",
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "citywifi.sqlite3").touch()
    return tmp_path


def refusal(*arguments: str) -> str:
    """What the command says instead of playing."""
    result = CliRunner().invoke(app, ["replay", *arguments])
    assert isinstance(result.exception, CommandError | NotReadyError), result.output
    return str(result.exception)


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--date", "yesterday"], "write it like 2026-11-21"),
        (["--date", str(TODAY + timedelta(days=1))], "is not over yet"),
        (["--date", "2020-02-29"], "CITYWIFI_RADIUS__ACCOUNTING_DELAY_LIMIT_SECONDS"),
        (["--speed", "fast"], "or max"),
        (["--speed", "-1"], "or max"),
        (["--speed", "inf"], "or max"),
        (["--answered", "/nowhere/answered.jsonl"], "cannot be written"),
    ],
)
def test_what_cannot_be_played_is_refused(arguments: list[str], expected: str) -> None:
    assert expected in refusal(*arguments)


@pytest.mark.usefixtures("demo")
def test_a_database_that_was_not_prepared_is_named() -> None:
    assert "citywifi database prepare" in refusal()


async def test_services_that_do_not_answer_are_named_with_how_to_start_them(demo: Path) -> None:
    await prepare_installation(load_settings(demo=True))
    message = await asyncio.to_thread(refusal, "--limit", "1", "--library", "Central")
    assert "RADIUS at 127.0.0.1 port" in message
    assert "citywifi serve --demo" in message
    assert "no library is called" in await asyncio.to_thread(refusal, "--library", "Atlantis")


def test_days_end_with_the_day_that_was_asked_for() -> None:
    first, *_, last = days_until(TODAY, 7)
    assert (first, last) == (TODAY - timedelta(days=6), TODAY)
