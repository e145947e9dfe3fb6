"""Where the services listen, and whether somebody else does."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from citywifi.errors import CommandError
from foundation.settings import Settings


@dataclass(frozen=True, slots=True)
class Address:
    """One socket of one service."""

    name: str
    host: str
    port: int
    # http, or udp for RADIUS.
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
        return f"{host}:{self.port} UDP" if self.scheme == "udp" else f"{self.scheme}://{host}:{self.port}"


def addresses(settings: Settings) -> tuple[Address, ...]:
    """Every socket of an installation with all its services on one machine."""
    portal, radius, monitoring = settings.portal, settings.radius, settings.monitoring
    return (
        Address("Portal", portal.host, portal.port, "http", "portal.port"),
        Address("Console and open data", monitoring.host, monitoring.port, "http", "monitoring.port"),
        Address("RADIUS authentication", radius.host, radius.authentication_port, "udp", "radius.authentication_port"),
        Address("RADIUS accounting", radius.host, radius.accounting_port, "udp", "radius.accounting_port"),
        Address("Metrics", monitoring.metrics_host, monitoring.metrics_port, "http", "monitoring.metrics_port"),
    )


def refuse_taken(listening: tuple[Address, ...]) -> None:
    """Raise CommandError that names every address where we cannot listen, and the setting that changes it."""
    taken = [address for address in listening if not address.is_free]
    if taken:
        names = "; ".join(
            f"{address} ({address.name}, CITYWIFI_{address.setting.upper().replace('.', '__')})" for address in taken
        )
        raise CommandError(f"cannot listen at {names}: something else does; stop it or change the setting")
