"""How the project is built: compiled where it can be, pure where it must be, and the same either way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tools import build_backend, compiled_install

# The tests of what is compiled; the rest of the house stands on it, and adds nothing to its proof.
COMPILED_TESTS = (
    "foundation/test_array_literals.py",
    "foundation/test_direct.py",
    "foundation/test_mac_address.py",
    "foundation/test_privacy.py",
    "foundation/test_tally.py",
    "foundation/test_token_buckets.py",
    "radius/policies/test_effective.py",
    "radius/roaming/test_forwarding.py",
    "radius/roaming/test_realm.py",
    "radius/roaming/test_travelling.py",
    "radius/test_anchors.py",
    "radius/test_attribute_layout.py",
    "radius/test_attribute_values.py",
    "radius/test_attributes.py",
    "radius/test_authentication_log.py",
    "radius/test_authenticators.py",
    "radius/test_authorization.py",
    "radius/test_batching.py",
    "radius/test_captures.py",
    "radius/test_credential.py",
    "radius/test_defences.py",
    "radius/test_device.py",
    "radius/test_directory.py",
    "radius/test_directory_cache.py",
    "radius/test_duplicates.py",
    "radius/test_handlers.py",
    "radius/test_message_authenticators.py",
    "radius/test_methods.py",
    "radius/test_nas.py",
    "radius/test_packet.py",
    "radius/test_packet_hostile.py",
    "radius/test_packet_replies.py",
    "radius/test_password.py",
    "radius/test_pending.py",
    "radius/test_records.py",
    "radius/test_server.py",
    "radius/test_service.py",
    "radius/test_sessions.py",
    "radius/test_writer.py",
    "radius/transport/test_udp.py",
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
    assert "the packet path stays pure Python: there is no C compiler (/nowhere/gcc)" in built.stdout + built.stderr
    assert [wheel.name for wheel in wheels.iterdir()] == ["citywifi-0.1.0-py3-none-any.whl"]


@pytest.mark.slow
@pytest.mark.longest
@pytest.mark.timeout(600)
def test_what_is_compiled_passes_the_tests_of_the_pure_source(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    reason = build_backend.why_pure()
    if reason:
        request.node.user_properties.append(("missing peer", reason))
        pytest.skip(reason)
    request.node.user_properties.append(("peer", "mypyc"))
    compiled_install.install(tmp_path, optimisation=0)
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": f"{tmp_path}:{REPOSITORY}"}
    located = subprocess.run(
        [sys.executable, "-c", "from radius import packet; print(packet.__file__)"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert located.stdout.startswith(str(tmp_path))
    assert located.stdout.strip().endswith(".so")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-o", f"cache_dir={tmp_path}/cache", "-m", "not slow"]
    command += ["-o", f"pythonpath={tmp_path} {REPOSITORY}", *(f"tests/{name}" for name in COMPILED_TESTS)]
    passed = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert passed.returncode == 0, passed.stdout[-4000:] + passed.stderr[-1000:]
