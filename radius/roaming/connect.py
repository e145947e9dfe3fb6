"""From an address in the table to a way of asking there."""

from __future__ import annotations

from foundation.settings import Settings
from radius.roaming.exchange import Connect, Exchange, UdpExchange
from radius.roaming.table import Address


def connector(settings: Settings) -> Connect:
    """What makes the exchange with an address, by its transport."""

    def connect(address: Address) -> Exchange:
        return UdpExchange(address)

    return connect
