from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest
import structlog

from citywifi import supervisor
from citywifi.supervisor import Child, ServiceFailedError, Supervisor

# Stands for ``python -m citywifi``: a child that says ready, writes its process number, and waits for its end.
CHILD = """
import os, pathlib, signal, sys, time
from foundation.runtime import notify_ready
file, mode = pathlib.Path(sys.argv[1]), sys.argv[2]
with file.open("a") as numbers:
    numbers.write(f"{os.getpid()}\\n")
if mode == "fails":
    sys.exit(3)
notify_ready()
if mode == "ends":
    sys.exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if mode == "deaf" else signal.SIG_DFL)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "citywifi").mkdir()
    (tmp_path / "citywifi" / "__init__.py").touch()
    (tmp_path / "citywifi" / "__main__.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{Path.cwd()}")
    monkeypatch.setattr(supervisor, "_FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(supervisor, "_STOPPED_WITHIN_SECONDS", 0.5)
    monkeypatch.chdir(tmp_path)
    structlog.reset_defaults()


def process_numbers(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


async def wait_until_started(file: Path, times: int) -> list[int]:
    for _ in range(1000):
        if len(numbers := process_numbers(file)) >= times:
            return numbers
        await asyncio.sleep(0.02)
    raise AssertionError("the child was not started in time")


def is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


async def test_start_returns_when_every_child_is_ready_and_leaving_stops_them(tmp_path: Path) -> None:
    files = [tmp_path / "one", tmp_path / "two"]
    async with Supervisor({}) as running:
        await running.start([Child(file.name, (str(file), "serves")) for file in files])
        numbers = [number for file in files for number in process_numbers(file)]
        assert len(numbers) == 2
        assert all(is_alive(number) for number in numbers)
    assert not any(is_alive(number) for number in numbers)


async def test_a_child_that_was_killed_is_started_again(tmp_path: Path) -> None:
    file = tmp_path / "one"
    async with Supervisor({}) as running:
        await running.start([Child("one", (str(file), "serves"))])
        os.kill(process_numbers(file)[0], signal.SIGKILL)
        assert len(await wait_until_started(file, 2)) == 2


async def test_a_child_that_does_not_start_is_named(tmp_path: Path) -> None:
    async with Supervisor({}) as running:
        with pytest.raises(ServiceFailedError, match="radius did not start"):
            await running.start([Child("radius", (str(tmp_path / "one"), "fails"))])


async def test_a_child_that_may_end_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "one"
    async with Supervisor({}) as running:
        await running.start([Child("replay", (str(file), "ends"), may_end=True)])
        await asyncio.sleep(0.5)
    assert len(process_numbers(file)) == 1


async def test_a_child_that_does_not_listen_is_killed_in_the_end(tmp_path: Path) -> None:
    file = tmp_path / "one"
    async with Supervisor({}) as running:
        await running.start([Child("one", (str(file), "deaf"))])
        await asyncio.sleep(0.3)
    assert not is_alive(process_numbers(file)[0])
