from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from foundation.telemetry import (
    PersonalDataInLogError,
    build_version,
    configure_logging,
    join_metrics,
    render_metrics,
    share_metrics,
)


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Other tests' loggers must not be made by what these configure."""
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_a_log_line_is_json_with_time_level_and_service(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", "radius")
    structlog.get_logger().info("ready", port=1812)
    line = capsys.readouterr().err
    assert '"service": "radius"' in line
    assert '"port": 1812' in line
    assert '"timestamp"' in line


@pytest.mark.parametrize("field", ["mac", "user_name", "email", "password", "calling_station_id"])
def test_a_log_line_with_personal_data_is_a_fault_of_ours(field: str) -> None:
    configure_logging("info", "radius")
    with pytest.raises(PersonalDataInLogError, match=field):
        structlog.get_logger().info("login", **{field: "value"})


def test_the_running_version_is_a_metric() -> None:
    configure_logging("info", "test")
    assert f'citywifi_build_info{{service="test",version="{build_version()}"}} 1.0' in render_metrics().decode()


def test_processes_share_their_metrics(tmp_path: Path) -> None:
    (tmp_path / "counter_1.db").write_text("left over from an earlier run")
    environment = {**os.environ, **share_metrics(tmp_path)}
    count = "from prometheus_client import Counter; Counter('citywifi_test', 'x').inc()"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", count], env=environment, check=True, timeout=50)
    show = "from foundation.telemetry import render_metrics; print(render_metrics().decode())"
    shown = subprocess.run([sys.executable, "-c", show], env=environment, check=True, timeout=50, capture_output=True)
    assert b"citywifi_test_total 2.0" in shown.stdout


def test_who_joins_beside_other_services_forgets_only_the_dead(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    kept = [f"gauge_livesum_{os.getpid()}.db", f"counter_{dead.pid}.db"]
    for name in (*kept, f"gauge_livesum_{dead.pid}.db", f"gauge_livemax_{dead.pid}.db"):
        (tmp_path / name).touch()
    assert join_metrics(tmp_path) == {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted(kept)
