"""Where the services listen, and whether somebody else does."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from citywifi.errors import CommandError
from foundation.settings import Settings

_PROBE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Address:
    """One socket of one service."""

    name: str
    host: str
    port: int
    # http, or for RADIUS udp and tcp.
    scheme: str
    # The setting that changes the port.
    setting: str

    @property
    def is_free(self) -> bool:
        """Whether we could listen there now."""
        kind = socket.SOCK_DGRAM if self.scheme == "udp" else socket.SOCK_STREAM
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, kind) as probe:
            if self.scheme != "udp":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
            except OSError:
                return False
        return True

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (
            f"{self.scheme}://{host}:{self.port}"
            if self.scheme == "http"
            else f"{host}:{self.port} {self.scheme.upper()}"
        )


def addresses(settings: Settings) -> tuple[Address, ...]:
    """Every socket of an installation with all its services on one machine."""
    portal, monitoring = settings.portal, settings.monitoring
    return (
        Address("Portal", portal.host, portal.port, "http", "portal.port"),
        Address("Console and open data", monitoring.host, monitoring.port, "http", "monitoring.port"),
        *radius_addresses(settings),
        Address("Metrics", monitoring.metrics_host, monitoring.metrics_port, "http", "monitoring.metrics_port"),
    )


def radius_addresses(settings: Settings) -> tuple[Address, ...]:
    """Those of the RADIUS service."""
    radius, radsec = settings.radius, settings.radsec
    udp = (
        Address("RADIUS authentication", radius.host, radius.authentication_port, "udp", "radius.authentication_port"),
        Address("RADIUS accounting", radius.host, radius.accounting_port, "udp", "radius.accounting_port"),
    )
    return (*udp, Address("RadSec", radsec.host, radsec.port, "tcp", "radsec.port")) if radsec.enabled else udp


def refuse_taken(listening: Sequence[Address], *, patience_seconds: float = 0) -> None:
    """Raise CommandError that names every address where we cannot listen, and the setting that changes it.

    The probe does not share its port (SO_REUSEPORT), so that it also finds one that somebody else would share with us.
    ``patience_seconds`` leaves time to the children of a supervisor that was killed: they stop by themselves.
    """
    gives_up_at = time.monotonic() + patience_seconds
    taken = _taken(listening)
    while taken and time.monotonic() < gives_up_at:
        time.sleep(_PROBE_SECONDS)
        taken = _taken(taken)
    if taken:
        names = "; ".join(
            f"{address} ({address.name}, CITYWIFI_{address.setting.upper().replace('.', '__')})" for address in taken
        )
        raise CommandError(f"cannot listen at {names}: something else does; stop it or change the setting")


def _taken(listening: Sequence[Address]) -> list[Address]:
    return [address for address in listening if not address.is_free]
