"""From an address in the table to a way of asking there."""

from __future__ import annotations

from foundation.settings import Settings
from radius.roaming.exchange import Connect, Exchange, UdpExchange
from radius.roaming.table import RADSEC, Address
from radius.transport.radsec_client import RadSecExchange
from radius.transport.tls import files_of


def connector(settings: Settings) -> Connect:
    """What makes the exchange with an address, by its transport."""

    files = files_of(settings.radsec, settings.certificates_directory)

    def connect(address: Address) -> Exchange:
        if address.transport != RADSEC:
            return UdpExchange(address)
        # Without a name of its own the certificate must have the one by which the server is reached.
        return RadSecExchange(address.host, address.port, address.radsec_name or address.host, address.secret, files)

    return connect
