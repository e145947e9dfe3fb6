"""`citywifi import` as a person uses it."""

from __future__ import annotations

import asyncio
import csv
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner, Result

from citywifi.commands.imports import app
from citywifi.errors import CommandError
from foundation.database import Database
from foundation.runtime import NotReadyError
from foundation.schema import venues
from tests.conftest import insert_council

HEADING = "id,name,lat,lon\n"
COLUMNS = ["--column", "reference=id", "--column", "name=name", "--column", "latitude=lat", "--column", "longitude=lon"]


@pytest.fixture
def installation(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with Coventry, which the settings name."""

    async def prepare() -> None:
        database = Database(sqlite_url)
        await insert_council(database)
        await database.close()

    asyncio.run(prepare())
    monkeypatch.setenv("CITYWIFI_DATABASE_URL", sqlite_url)
    return sqlite_url


def run(arguments: Sequence[str], columns: int = 200) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": str(columns)}, catch_exceptions=False)


def places(folder: Path, text: str) -> str:
    file = folder / "places.csv"
    file.write_text(HEADING + text, encoding="utf-8")
    return str(file)


def count_venues(url: str) -> int:
    async def count() -> int:
        database = Database(url)
        async with database.read() as connection:
            number = (await connection.execute(select(func.count()).select_from(venues))).scalar_one()
        await database.close()
        return int(number)

    return asyncio.run(count())


def figures(result: Result) -> list[str]:
    """The row of the table that is printed."""
    row = next(line for line in result.stdout.splitlines() if line.startswith("│"))
    return [cell.strip() for cell in row.strip("│").split("│")]


def test_an_import_ends_with_a_table_and_each_row_that_could_not_be_used(installation: str, tmp_path: Path) -> None:
    file = places(tmp_path, "1,A,52.4,-1.5\n,B,52.4,-1.5\n3,C,north,-1.5\n")
    result = run(["venues", file, *COLUMNS])
    assert result.exit_code == 0
    assert figures(result) == ["3", "2", "0", "0", "0", "0", "1"]
    assert "line 3: id (empty): there is no identifier" in result.stdout
    assert "line 4: lat, lon 'north, -1.5': is not a number; the position is left out" in result.stdout
    assert "reading" in result.stderr
    assert count_venues(installation) == 2


def test_a_second_import_says_that_nothing_changed(installation: str, tmp_path: Path) -> None:
    file = places(tmp_path, "1,A,52.4,-1.5\n")
    run(["venues", file, *COLUMNS])
    assert figures(run(["venues", file, *COLUMNS])) == ["1", "0", "0", "1", "0", "0", "0"]


def test_the_screen_shows_twenty_problems_and_says_where_the_others_are(installation: str, tmp_path: Path) -> None:
    file = places(tmp_path, "1,A,52.4,-1.5\n" + ",=B,52.4,-1.5\n" * 25 + "2,B,x,=1\n")
    result = run(["venues", file, *COLUMNS])
    assert result.stdout.count("there is no identifier") == 20
    assert "… and 5 more; --rejects FILE.csv writes them all" in result.stdout
    rejects = tmp_path / "rejects.csv"
    result = run(["venues", file, *COLUMNS, "--rejects", str(rejects)])
    assert f"… and 5 more; all are in {rejects}" in result.stdout
    with rejects.open(newline="", encoding="utf-8") as stream:
        written = list(csv.DictReader(stream))
    assert len(written) == 26
    assert written[0]["line"] == "3"
    assert [row["row is used"] for row in written[-2:]] == ["no", "yes"]


def test_a_value_that_a_spreadsheet_would_run_is_written_as_text(installation: str, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    run(["venues", places(tmp_path, '1,A,"=HYPERLINK(1)",2\n'), *COLUMNS, "--rejects", str(rejects)])
    with rejects.open(newline="", encoding="utf-8") as stream:
        assert next(csv.DictReader(stream))["value"].startswith("'=HYPERLINK")


def test_a_dry_run_says_so_and_writes_nothing(installation: str, tmp_path: Path) -> None:
    result = run(["venues", places(tmp_path, "1,A,52.4,-1.5\n"), *COLUMNS, "--dry-run"])
    assert "dry run: nothing was written" in result.stdout
    assert figures(result)[:2] == ["1", "1"]
    assert count_venues(installation) == 0


def test_a_mapping_file_is_taken(installation: str, tmp_path: Path) -> None:
    mapping = tmp_path / "parks.toml"
    mapping.write_text('source = "parks"\n[columns]\nreference = "id"\nname = "name"\n', encoding="utf-8")
    result = run(["venues", places(tmp_path, "1,A,52.4,-1.5\n"), "--mapping", str(mapping)])
    assert "venues (parks)" in result.stdout


@pytest.mark.parametrize("command", ["areas", "deprivation", "population", "boundaries", "venues"])
@pytest.mark.parametrize("kind", ["directory", "empty", "binary", "missing", "wrong"])
def test_a_file_that_cannot_be_used_gets_one_sentence(
    installation: str, tmp_path: Path, command: str, kind: str
) -> None:
    contents = {"empty": b"", "binary": bytes(range(256)), "wrong": b"colour,taste\nred,sweet\n"}
    path = tmp_path / kind
    if kind == "directory":
        path.mkdir()
    elif kind in contents:
        path.write_bytes(contents[kind])
    with pytest.raises(CommandError) as caught:
        run([command, str(path)])
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


def test_a_council_that_is_not_there_is_told(installation: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="there is no council E06000001; there is E08000026 Coventry"):
        run(["venues", places(tmp_path, "1,A,52.4,-1.5\n"), *COLUMNS, "--council", "E06000001"])


def test_a_database_without_its_schema_says_how_to_prepare_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYWIFI_DATABASE_URL", f"sqlite:///{tmp_path}/new.sqlite3")
    with pytest.raises(NotReadyError, match="citywifi database prepare"):
        run(["venues", places(tmp_path, "1,A,52.4,-1.5\n"), *COLUMNS])


def test_rejects_that_cannot_be_written_are_told(installation: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be written"):
        run(["venues", places(tmp_path, "1,A,52.4,-1.5\n"), *COLUMNS, "--rejects", str(tmp_path / "no" / "x.csv")])


@pytest.mark.parametrize("kind", ["wrong", "directory"])
def test_the_real_command_exits_with_2_and_one_line_without_a_traceback(
    installation: str, tmp_path: Path, kind: str
) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("colour,taste\nred,sweet\n", encoding="utf-8")
    file = wrong if kind == "wrong" else tmp_path
    finished = subprocess.run(
        [sys.executable, "-m", "citywifi", "import", "venues", str(file)],
        capture_output=True,
        text=True,
        env={**os.environ, "CITYWIFI_DATABASE_URL": installation},
        timeout=50,
        check=False,
    )
    assert (finished.returncode, finished.stdout) == (2, "")
    (line,) = finished.stderr.splitlines()
    assert line.startswith("citywifi: ")
