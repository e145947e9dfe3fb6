"""Whole EAP logins over real sockets: how many a second, what each costs the server, and what others wait meanwhile.

TLS handshakes run in the service's event loop, one after the other, so that a login by PAP may have to wait for some.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from bench.eap_client import AccessServer, Device
from bench.generator import Target, Work, load
from bench.laboratory import Laboratory, System, Variant, laboratory
from bench.processes import processor_time, seconds_between
from bench.row import Row

_METHODS = {"ttls": "TTLS/PAP", "peap": "PEAP/MSCHAPv2"}
_VERSIONS = ("1.2", "1.3")
_SECONDS = 2.0
_REPETITIONS = 3
_DEVICES_AT_ONCE = 8
_RESIDENTS = 1_000
# Beside the logins by EAP: far less than the server can do, so that what is measured is their wait.
_PAP_A_SECOND = 200
_PAP_SECONDS = 5
_DEVICES_BESIDE_PAP = 2


def measure() -> list[Row]:
    """Logins by method, TLS version and kind; then the 99th percentile of PAP with and without them."""
    with laboratory() as lab, lab.ours(Variant(_RESIDENTS, database="sqlite", is_compiled=False)) as system:
        return _logins(lab, system) + _beside_pap(lab, system)


def _people(lab: Laboratory, number: int) -> list[tuple[str, str]]:
    population = lab.population(_RESIDENTS)
    return [(population.user_name(one), population.password(one)) for one in range(number)]


def _logins(lab: Laboratory, system: System) -> list[Row]:
    rows: list[Row] = []
    for method, name in _METHODS.items():
        for version in _VERSIONS:
            for kind in ("full", "resumed"):
                people = _people(lab, _DEVICES_AT_ONCE)
                crowd = Crowd(system.target, version, method, people, is_full=kind == "full")
                rows += _measure(f"EAP: {name}, TLS {version}, {kind}", crowd, system.process_id)
                crowd.close()
    return rows


def _measure(what: str, crowd: Crowd, process_id: int) -> list[Row]:
    rates, milliseconds = [], []
    for _ in range(_REPETITIONS):
        before = processor_time(process_id)
        with crowd.logging_in():
            time.sleep(_SECONDS)
        rates.append(crowd.rate)
        milliseconds.append(seconds_between(before, processor_time(process_id)) / crowd.logins * 1000)
    return [
        Row.of(f"{what}, {_DEVICES_AT_ONCE} at once", rates, "a second"),
        Row.of(f"{what}, processor time of the server", milliseconds, "ms a login"),
        Row.of(f"{what}, size", [crowd.requests_per_login], "Access-Requests"),
    ]


def _beside_pap(lab: Laboratory, system: System) -> list[Row]:
    """How long PAP waits, alone and while devices log in by PEAP with full handshakes as fast as they can."""
    work = Work("pap", lab.users(_RESIDENTS), a_second=_PAP_A_SECOND)

    def percentile() -> float:
        return load(lab.generator, system.target, work, _PAP_SECONDS).p99_milliseconds

    alone, beside, rates = [], [], []
    crowd = Crowd(system.target, "1.3", "peap", _people(lab, _DEVICES_BESIDE_PAP), is_full=True)
    for _ in range(_REPETITIONS):
        alone.append(percentile())
        with crowd.logging_in():
            beside.append(percentile())
        rates.append(crowd.rate)
    crowd.close()
    what = f"EAP: {_PAP_A_SECOND} logins a second by PAP"
    return [
        Row.of(f"{what} alone, 99th percentile", alone, "ms"),
        Row.of(f"{what} beside full PEAP logins, 99th percentile", beside, "ms"),
        Row.of(f"EAP: those PEAP logins, {_DEVICES_BESIDE_PAP} at once", rates, "a second"),
    ]


class Crowd:
    """Devices that log in again and again, each as soon as it is on; all with one method. Close it at the end."""

    def __init__(
        self, target: Target, version: str, method: str, people: Sequence[tuple[str, str]], *, is_full: bool
    ) -> None:
        port, secret = target.authentication_port, target.secret.encode()
        self._members = [(Device(version, method, *person), AccessServer(port, secret)) for person in people]
        self._is_full = is_full
        self.requests_per_login = 0
        self.logins = 0
        self.rate = 0.0
        for device, server in self._members:
            # The first login is a full one in any case.
            device.log_in(server)

    def close(self) -> None:
        """Close the sockets."""
        for _, server in self._members:
            server.close()

    @contextmanager
    def logging_in(self) -> Iterator[None]:
        """Log in while the block runs; ``logins`` and ``rate`` (a second) are those of the block."""
        is_over = threading.Event()
        started = time.perf_counter()
        with ThreadPoolExecutor(len(self._members)) as threads:
            running = [threads.submit(self._log_in, device, server, is_over) for device, server in self._members]
            try:
                yield
            finally:
                is_over.set()
            self.logins = sum(thread.result() for thread in running)
        self.rate = self.logins / (time.perf_counter() - started)

    def _log_in(self, device: Device, server: AccessServer, is_over: threading.Event) -> int:
        logins = 0
        while not is_over.is_set():
            if self._is_full:
                device.session = None
            self.requests_per_login = device.log_in(server)
            logins += 1
        return logins
