"""The gateway's dynamic-authorisation port (RFC 5176), as CoovaChilli does it.

User-Name is mandatory and Acct-Session-Id narrows; there is no Error-Cause in a NAK; only the configured RADIUS server
is listened to; a CoA replaces every limit of the session.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import replace

from citywifi.replay.gateway import Gateway
from citywifi.replay.gateway_packets import limits_from
from citywifi.replay.schedule import TerminateCause
from radius import attributes as radius_attributes
from radius.errors import RemoteFaultError
from radius.packet import Code, Packet, decode, encode_reply, verify_request

_REMEMBERED_REPLIES = 64
_RequestKey = tuple[tuple[str | int, ...], int, bytes]


class DynamicAuthorizationPort(asyncio.DatagramProtocol):
    """Listens while it is open; counts what it drops."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._transport: asyncio.DatagramTransport | None = None
        self._replies: OrderedDict[_RequestKey, bytes] = OrderedDict()
        self._stopping: set[asyncio.Task[None]] = set()
        self.discarded = 0

    async def open(self) -> None:
        """Bind the port. Raises OSError."""
        settings = self._gateway.settings
        loop = asyncio.get_running_loop()
        address = (settings.address, settings.dynamic_authorization_port)
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=address)

    async def close(self) -> None:
        """Give the port back, after what was asked for has been reported."""
        if self._transport is not None:
            self._transport.close()
        await asyncio.gather(*self._stopping)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """Answer a request, a repeated one with the same octets."""
        if addr[0] != self._gateway.settings.authentication_server[0]:
            self.discarded += 1
            return
        try:
            request = decode(data)
            verify_request(request, self._gateway.settings.radius_secret)
            key: _RequestKey = (addr, request.identifier, request.authenticator)
            if key not in self._replies:
                self._replies[key] = self._answer(request)
        except RemoteFaultError:
            self.discarded += 1
            return
        while len(self._replies) > _REMEMBERED_REPLIES:
            self._replies.popitem(last=False)
        if self._transport is not None:
            self._transport.sendto(self._replies[key], addr)

    def _answer(self, request: Packet) -> bytes:
        secret = self._gateway.settings.radius_secret
        user_name = radius_attributes.get_text(request, "User-Name")
        acct_session_id = radius_attributes.get_text(request, "Acct-Session-Id")
        phones = self._gateway.sessions_of(user_name, acct_session_id) if user_name else []
        if request.code is Code.COA_REQUEST:
            limits = limits_from(request)
            for phone in phones:
                if phone.session is not None:
                    phone.session.grant = replace(phone.session.grant, limits=limits)
            return encode_reply(Code.COA_ACK if phones else Code.COA_NAK, request, (), secret)
        if request.code is not Code.DISCONNECT_REQUEST:
            return encode_reply(Code.DISCONNECT_NAK, request, (), secret)
        for phone in phones:
            self._gateway.count_time(phone)
            self._later(self._gateway.stop(phone, phone.clock(), TerminateCause.ADMIN_RESET))
        return encode_reply(Code.DISCONNECT_ACK if phones else Code.DISCONNECT_NAK, request, (), secret)

    def _later(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)
