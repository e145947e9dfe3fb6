from __future__ import annotations

from pathlib import Path

import pytest

from citywifi.worker_diagnosis import check_workers
from foundation.settings import RadiusSettings, Settings


@pytest.fixture
def buffer_file(tmp_path: Path) -> Path:
    file = tmp_path / "rmem_max"
    file.write_text("16777216\n")
    return file


def test_the_processes_are_named(buffer_file: Path) -> None:
    ((level, _, finding, _),) = check_workers(Settings(), buffer_file)
    assert (level, finding) == ("ok", "RADIUS runs as 2 processes: radius-authentication-1, radius-accounting-1")


def test_more_workers_than_sqlite_can_serve_are_a_problem(buffer_file: Path) -> None:
    ((level, _, finding, remedy),) = check_workers(Settings(radius=RadiusSettings(accounting_workers=2)), buffer_file)
    assert level == "problem"
    assert "radius.accounting_workers is 2" in finding
    assert remedy


def test_a_kernel_that_keeps_the_buffers_small_is_noted_with_the_remedy(buffer_file: Path) -> None:
    buffer_file.write_text("212992\n")
    _, (level, _, finding, remedy) = check_workers(Settings(), buffer_file)
    assert level == "note"
    assert "212992" in finding
    assert "sysctl net.core.rmem_max=8388608" in remedy


def test_a_kernel_that_does_not_tell_is_left_alone(tmp_path: Path) -> None:
    assert len(list(check_workers(Settings(), tmp_path / "nothing"))) == 1
