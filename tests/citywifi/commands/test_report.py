from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from citywifi.cli import app
from citywifi.errors import CommandError
from foundation.database import Database
from foundation.privacy import Keyring
from foundation.schema import installation
from tests.monitoring.city import make_city


@pytest.fixture
async def busy(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven sessions of today in a demo installation."""
    database = Database(sqlite_url)
    city = await make_city(database, Keyring.demo())
    for _ in range(7):
        await city.add_session(datetime.now(UTC), 0)
    async with database.write() as connection:
        fingerprint = Keyring.demo().fingerprint
        await connection.execute(installation.insert().values(name="key_fingerprint", value=fingerprint))
    await database.close()
    monkeypatch.setenv("CITYWIFI_DEMO", "true")
    monkeypatch.setenv("CITYWIFI_DATA_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CITYWIFI_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("COLUMNS", "160")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["report", *arguments])


def test_the_report_in_the_terminal_counts_what_was_just_accounted(busy: None) -> None:
    result = run()
    assert result.exit_code == 0
    total = next(line for line in result.output.splitlines() if line.startswith("Coventry"))
    assert total.split() == ["Coventry", "0", "0", "7", "0.0", "0.00"]


def test_it_writes_a_csv_and_a_page_that_stands_alone(busy: None, tmp_path: Path) -> None:
    result = run("--csv", str(tmp_path / "report.csv"), "--html", str(tmp_path / "report.html"))
    assert (result.exit_code, result.output) == (0, "")
    with (tmp_path / "report.csv").open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file))[-1]["sessions"] == "7"
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<dt>Sessions</dt><dd>7</dd>" in page
    assert "src=" not in page
    assert "http" not in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "yesterday"], "not a date"),
        (["--from", "2026-02-01", "--to", "2026-02-01"], "no day in it"),
        (["--council", "E08000001"], "there is no council"),
        (["--csv", "/nowhere/report.csv"], "cannot write"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(busy: None, arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert isinstance(result.exception, CommandError)
    assert said in str(result.exception)
