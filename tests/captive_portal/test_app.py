from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import generate_latest
from prometheus_client.registry import REGISTRY

from captive_portal import metrics
from captive_portal.app import serve
from foundation.runtime import NotReadyError
from foundation.settings import MailSettings, PortalSettings, Settings
from tests.support.peers import Peers


@pytest.fixture
def settings(sqlite_url: str, tmp_path: Path, free_port: int) -> Settings:
    return Settings(
        demo=True,
        data_directory=tmp_path,
        database_url=sqlite_url,  # type: ignore[arg-type]  # pydantic makes it a SecretStr
        portal=PortalSettings(port=free_port, public_url=f"http://127.0.0.1:{free_port}"),
        mail=MailSettings(),
    )


async def test_the_service_says_ready_serves_and_stops_at_a_signal(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
        notifications.bind(str(tmp_path / "notify"))
        notifications.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        service = asyncio.create_task(serve(settings))
        said = await asyncio.get_running_loop().sock_recv(notifications, 100)
    assert said.startswith(b"READY=1")
    url = settings.portal.public_url
    async with aiohttp.ClientSession() as browser, browser.get(f"{url}/healthz") as response:
        assert await response.text() == "ok\n"
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(service, 10)


async def test_a_taken_port_is_told_with_what_to_do(settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", settings.portal.port))
        taken.listen()
        with pytest.raises(NotReadyError, match="CITYWIFI_PORTAL__PORT"):
            await serve(settings)


@pytest.mark.peer("promtool")
async def test_the_portals_metrics_pass_promtool(peers: Peers) -> None:
    promtool = peers.require("promtool")
    process = await asyncio.create_subprocess_exec(
        promtool, "check", "metrics", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    lines = [line for line in generate_latest(REGISTRY).splitlines() if b"citywifi_portal_" in line]
    assert len(lines) > 20
    output, _ = await process.communicate(b"\n".join(lines) + b"\n")
    assert (process.returncode, output.decode()) == (0, "")


async def test_a_browser_that_hangs_up_amidst_a_form_is_no_fault_of_ours(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    hung_up = metrics.refused_requests.labels("hung-up")
    before = hung_up._value.get()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
        notifications.bind(str(tmp_path / "notify"))
        notifications.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        service = asyncio.create_task(serve(settings))
        await asyncio.get_running_loop().sock_recv(notifications, 100)
    _, browser = await asyncio.open_connection("127.0.0.1", settings.portal.port)
    form = f"POST /j/{'a' * 24}/start HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    browser.write(f"{form}Content-Length: 99\r\n\r\nway=cl".encode())
    await browser.drain()
    await asyncio.sleep(0.1)
    browser.transport.abort()
    async with asyncio.timeout(10):
        while hung_up._value.get() == before:  # noqa: ASYNC110  the counter is what is waited for
            await asyncio.sleep(0.02)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(service, 10)
    assert "Traceback" not in "".join(capfd.readouterr())
