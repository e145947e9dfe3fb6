"""`make run` as a newcomer meets it: everything up, the README's line works, nothing is left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.network import own_network
from tests.support.peers import Peers
from tools.free_ports import free_ports

REPOSITORY = Path(__file__).resolve().parent.parent.parent
READY_WITHIN_SECONDS = 60

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo"), pytest.mark.timeout(180)]


@dataclass(frozen=True)
class Demo:
    process: subprocess.Popen[str]
    first_gateway: str
    portal: int
    console: int
    authentication: int
    accounting: int
    metrics: int

    def get(self, port: int, path: str) -> str:
        return fetch(f"http://127.0.0.1:{port}{path}")

    def children(self) -> dict[str, int]:
        """Process numbers of the services by name."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                status = (folder / "stat").read_text()
                arguments = (folder / "cmdline").read_text().split("\0")
            except OSError:
                continue
            if int(status.rpartition(")")[2].split()[1]) == self.process.pid and "citywifi" in arguments:
                found[arguments[-2]] = int(folder.name)
        return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    network = own_network()
    ports = dict(zip(("portal", "console", "authentication", "accounting", "metrics"), free_ports(5), strict=True))
    environment = {
        **os.environ,
        "CITYWIFI_DATA_DIRECTORY": str(folder),
        "CITYWIFI_DEMO_NETWORK": network,
        "CITYWIFI_PORTAL__PORT": str(ports["portal"]),
        "CITYWIFI_PORTAL__PUBLIC_URL": f"http://127.0.0.1:{ports['portal']}",
        "CITYWIFI_MONITORING__PORT": str(ports["console"]),
        "CITYWIFI_MONITORING__METRICS_PORT": str(ports["metrics"]),
        "CITYWIFI_RADIUS__AUTHENTICATION_PORT": str(ports["authentication"]),
        "CITYWIFI_RADIUS__ACCOUNTING_PORT": str(ports["accounting"]),
        "PYTHONUNBUFFERED": "1",
    }
    with (folder / "output").open("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "citywifi", "serve", "--demo"],
            cwd=REPOSITORY, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            wait_until(lambda: "CityWiFi is ready" in (folder / "output").read_text() or process.poll() is not None)
            assert process.poll() is None, (folder / "output").read_text()
            yield Demo(process, network.removesuffix("0/24") + "1", **ports)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=40)


def fetch(address: str) -> str:
    with urllib.request.urlopen(address, timeout=20) as answer:
        return str(answer.read().decode())


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)


def test_the_readmes_radclient_line_works_as_printed_but_for_the_port(demo: Demo, peers: Peers) -> None:
    peers.require("radclient")
    line = next(line for line in (REPOSITORY / "README.md").read_text().splitlines() if "| radclient" in line)
    assert "127.0.0.1:1812" in line
    answer = subprocess.run(
        ["bash", "-c", line.replace(":1812", f":{demo.authentication}")],
        capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert "Received Access-Accept" in answer.stdout


def test_every_page_that_the_readme_names_is_there(demo: Demo) -> None:
    ports = {"8080": demo.portal, "8090": demo.console, "9108": demo.metrics}
    named = re.findall(r"http://127\.0\.0\.1:(\d+)([^>\s]*)>", (REPOSITORY / "README.md").read_text())
    assert len(named) >= 4
    for port, path in named:
        assert demo.get(ports[port], path)
    assert "WiFi" in fetch(f"http://{demo.first_gateway}:3990/")


def test_metrics_of_all_three_services_come_from_one_port(demo: Demo) -> None:
    metrics = demo.get(demo.metrics, "/metrics")
    for service in ("portal", "radius", "monitoring"):
        assert re.search(rf'citywifi_build_info{{.*service="{service}["-]', metrics)
        assert f"citywifi_{service}_" in metrics


def test_a_service_that_is_killed_comes_back(demo: Demo) -> None:
    killed = demo.children()["portal"]
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: demo.children().get("portal", killed) != killed)
    wait_until(lambda: answers(demo))


def answers(demo: Demo) -> bool:
    try:
        return bool(demo.get(demo.portal, "/healthz"))
    except OSError:
        return False


def test_sessions_are_played_and_reach_the_report(demo: Demo) -> None:
    counted = re.compile(r"citywifi_radius_requests_total{[^}]*accounting[^}]*} [1-9]")
    wait_until(lambda: counted.search(demo.get(demo.metrics, "/metrics")))
