"""How the project is built: compiled where it can be, pure where it must be, and the same either way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tools import build_backend, compiled_install

# What the codec decides by itself; the rest of the room stands on it, and adds nothing to its proof.
CODEC_TESTS = (
    "test_attribute_layout.py",
    "test_attribute_values.py",
    "test_attributes.py",
    "test_authenticators.py",
    "test_captures.py",
    "test_duplicates.py",
    "test_packet.py",
    "test_packet_hostile.py",
    "test_packet_replies.py",
    "test_service.py",
)


@pytest.mark.parametrize(("value", "is_asked_for"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_the_environment_may_ask_for_pure_python(
    monkeypatch: pytest.MonkeyPatch, value: str, is_asked_for: bool
) -> None:
    monkeypatch.setenv("CITYWIFI_PURE", value)
    assert (build_backend.why_pure() == "CITYWIFI_PURE asks for it") is is_asked_for


def test_without_a_compiler_a_wheel_is_pure_and_mypyc_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "/nowhere/gcc")
    reason = build_backend.why_pure()
    assert reason == "there is no C compiler (/nowhere/gcc); install gcc to have it compiled"


def test_without_pythons_headers_a_wheel_is_pure(monkeypatch: pytest.MonkeyPatch) -> None:
    # A compiler that cannot compile what needs them.
    monkeypatch.setenv("CC", "false")
    assert "finds no Python.h" in str(build_backend.why_pure())


@pytest.mark.slow
def test_a_pure_wheel_says_why_it_is_pure(tmp_path: Path) -> None:
    source, wheels = tmp_path / "source", tmp_path / "wheels"
    source.mkdir()
    compiled_install.copy_sources(source)
    command = [sys.executable, "-m", "pip", "wheel", "-v", "--no-deps", "--no-build-isolation", "-w", str(wheels), "."]
    environment = {**os.environ, "CC": "/nowhere/gcc"}
    built = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=True)
    assert "the codec stays pure Python: there is no C compiler (/nowhere/gcc)" in built.stdout + built.stderr
    assert [wheel.name for wheel in wheels.iterdir()] == ["citywifi-0.1.0-py3-none-any.whl"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_compiled_codec_passes_the_tests_of_the_pure_one(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    reason = build_backend.why_pure()
    if reason:
        request.node.user_properties.append(("missing peer", reason))
        pytest.skip(reason)
    request.node.user_properties.append(("peer", "mypyc"))
    compiled_install.install(tmp_path)
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": f"{tmp_path}:{REPOSITORY}"}
    located = subprocess.run(
        [sys.executable, "-c", "from radius import packet; print(packet.__file__)"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert located.stdout.startswith(str(tmp_path))
    assert located.stdout.strip().endswith(".so")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-o", f"cache_dir={tmp_path}/cache", "-m", "not slow"]
    command += ["-o", f"pythonpath={tmp_path} {REPOSITORY}", *(f"tests/radius/{name}" for name in CODEC_TESTS)]
    passed = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert passed.returncode == 0, passed.stdout[-4000:] + passed.stderr[-1000:]
