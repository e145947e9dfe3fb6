"""Whole EAP logins over real sockets: how many a second, what each costs the server, and what others wait meanwhile.

TLS handshakes run in the service's event loop, one after the other, so that a login by PAP may have to wait for some.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.eap_client import AccessServer, Device
from bench.radius import Installation, build_generator, load, prepare
from bench.row import Row
from bench.service import processor_seconds, running_service
from foundation.certificate_store import CertificateStore

_METHODS = {"ttls": "TTLS/PAP", "peap": "PEAP/MSCHAPv2"}
_VERSIONS = ("1.2", "1.3")
_LOGINS = 100
_REPETITIONS = 5
# Beside the logins by EAP: far less than the server can do, so that what is measured is their wait.
_PAP_A_SECOND = 200
_SECONDS = 5
_DEVICES_AT_ONCE = 2


def measure() -> list[Row]:
    """Logins by method, TLS version and kind; then the 99th percentile of PAP with and without them."""
    with tempfile.TemporaryDirectory(prefix="citywifi-bench-") as name:
        installation = prepare(Path(name))
        store = CertificateStore(installation.settings.certificates_directory)
        store.create(["radius.wifi.example.org"], "City", datetime.now(UTC))
        generator = build_generator(installation)
        with running_service("radius", installation.settings) as process_id:
            rows = _logins(installation, process_id)
            return rows if generator is None else rows + _beside_pap(installation, generator)


def _logins(installation: Installation, process_id: int) -> list[Row]:
    rows: list[Row] = []
    for method, name in _METHODS.items():
        for version in _VERSIONS:
            device = Device(version, method, *installation.people[0])
            server = _access_server(installation)
            device.log_in(server)
            for kind in ("full", "resumed"):
                what = f"EAP: {name}, TLS {version}, {kind}"
                rows += _measure(what, device, server, process_id, is_full=kind == "full")
            server.close()
    return rows


def _measure(what: str, device: Device, server: AccessServer, process_id: int, *, is_full: bool) -> list[Row]:
    rates, milliseconds, requests = [], [], 0
    for _ in range(_REPETITIONS):
        used, started = processor_seconds(process_id), time.perf_counter()
        for _ in range(_LOGINS):
            if is_full:
                device.session = None
            requests = device.log_in(server)
        rates.append(_LOGINS / (time.perf_counter() - started))
        milliseconds.append((processor_seconds(process_id) - used) / _LOGINS * 1000)
    return [
        Row.of(f"{what}, one after the other", rates, "a second"),
        Row.of(f"{what}, processor time of the server", milliseconds, "ms a login"),
        Row.of(f"{what}, size", [requests], "Access-Requests"),
    ]


def _beside_pap(installation: Installation, generator: Path) -> list[Row]:
    """How long PAP waits, alone and while devices log in by PEAP with full handshakes as fast as they can."""

    def percentile() -> float:
        return float(load(generator, installation, "pap", _SECONDS, "-q", str(_PAP_A_SECOND))["ms"]["p99"])

    alone, beside, logins = [], [], []
    for _ in range(3):
        alone.append(percentile())
        done, seconds, waited = _while_logging_in(installation, percentile)
        beside.append(waited)
        logins.append(done / seconds)
    what = f"EAP: {_PAP_A_SECOND} logins a second by PAP"
    return [
        Row.of(f"{what} alone, 99th percentile", alone, "ms"),
        Row.of(f"{what} beside full PEAP logins, 99th percentile", beside, "ms"),
        Row.of("EAP: those full PEAP logins, two at once", logins, "a second"),
    ]


def _while_logging_in(installation: Installation, measured: Callable[[], float]) -> tuple[int, float, float]:
    """Logins done, seconds they took, and what was measured meanwhile."""
    is_over = threading.Event()
    counts: list[int] = []

    def log_in(number: int) -> None:
        device, server = Device("1.3", "peap", *installation.people[number]), _access_server(installation)
        done = 0
        while not is_over.is_set():
            device.session = None
            device.log_in(server)
            done += 1
        counts.append(done)
        server.close()

    threads = [threading.Thread(target=log_in, args=(number,)) for number in range(_DEVICES_AT_ONCE)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    try:
        found = measured()
    finally:
        is_over.set()
        for thread in threads:
            thread.join()
    return sum(counts), time.perf_counter() - started, found


def _access_server(installation: Installation) -> AccessServer:
    return AccessServer(installation.settings.radius.authentication_port, installation.secret.encode())
