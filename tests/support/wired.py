"""A wired 802.1X port of Debian's own programs: hostapd as access equipment, wpa_supplicant as a device.

Three network namespaces stand in a row: the test's own (where the RADIUS server listens), the equipment's, and the
device's. Making them needs root.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.network import ip, own_cable
from tests.support.peers import Peers

DAS_PORT = 3799


@dataclass(frozen=True)
class Cables:
    """Names of namespaces and interfaces, and the addresses at both ends of the cable to the server."""

    equipment: str
    device: str
    server_address: str
    equipment_address: str


@contextmanager
def cables() -> Iterator[Cables]:
    """Two namespaces and the cables between them, gone at the end."""
    with own_cable() as cable:
        made = Cables(cable.namespace("nas"), cable.namespace("sta"), cable.here, cable.there)
        for namespace in (made.equipment, made.device):
            ip("netns", "add", namespace)
        cable.lay(made.equipment, "uplink")
        ip("-n", made.equipment, "link", "set", "lo", "up")
        ip("-n", made.equipment, "link", "add", "port", "type", "veth", "peer", "name", "wire", "netns", made.device)
        ip("-n", made.equipment, "link", "set", "port", "up")
        ip("-n", made.device, "link", "set", "wire", "up")
        yield made


@asynccontextmanager
async def hostapd(
    peers: Peers, made: Cables, folder: Path, *, secret: str, ports: tuple[int, int], **options: str
) -> AsyncIterator[None]:
    """The equipment, serving; stopped as an engineer would, so that it says Accounting-Off."""
    settings = {
        "interface": "port",
        "driver": "wired",
        "ieee8021x": "1",
        "use_pae_group_addr": "1",
        "own_ip_addr": made.equipment_address,
        "nas_identifier": "hall-switch",
        "auth_server_addr": made.server_address,
        "auth_server_port": str(ports[0]),
        "auth_server_shared_secret": secret,
        "acct_server_addr": made.server_address,
        "acct_server_port": str(ports[1]),
        "acct_server_shared_secret": secret,
        "radius_acct_interim_interval": "2",
        "radius_das_port": str(DAS_PORT),
        "radius_das_client": f"{made.server_address} {secret}",
        "radius_das_require_event_timestamp": "1",
        "radius_das_require_message_authenticator": "1",
    } | options
    configuration = folder / "hostapd.conf"
    configuration.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    command: list[str | Path] = [peers.require("hostapd"), "-t", configuration]
    async with _running(made.equipment, command, folder / "hostapd.log", "AP-ENABLED"):
        yield


@asynccontextmanager
async def supplicant(peers: Peers, made: Cables, folder: Path, **network: str) -> AsyncIterator[None]:
    """The device, connected when the block begins. ``network`` is wpa_supplicant's, strings with their quotes."""
    wanted = {"key_mgmt": "IEEE8021X", "eapol_flags": "0"} | network
    lines = "".join(f"  {name}={value}\n" for name, value in wanted.items())
    configuration = folder / "wpa_supplicant.conf"
    configuration.write_text(f"ap_scan=0\nnetwork={{\n{lines}}}\n")
    program = peers.require("wpa_supplicant")
    command: list[str | Path] = [program, "-t", "-D", "wired", "-i", "wire", "-c", configuration]
    async with _running(made.device, command, folder / "wpa_supplicant.log", "CTRL-EVENT-CONNECTED"):
        yield


@asynccontextmanager
async def _running(namespace: str, command: list[str | Path], log: Path, ready: str) -> AsyncIterator[None]:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            "ip", "netns", "exec", namespace, *command, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            async with asyncio.timeout(20):
                await _wait_until(process, log, ready)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


async def _wait_until(process: asyncio.subprocess.Process, log: Path, ready: str) -> None:
    while True:
        said = await asyncio.to_thread(log.read_text, errors="replace")
        if ready in said:
            return
        assert process.returncode is None, said
        await asyncio.sleep(0.05)
