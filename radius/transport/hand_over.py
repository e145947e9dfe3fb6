"""EAP conversations stay with the worker that began them, whichever worker their requests reach.

A NAS that sends the requests of one conversation from several ports reaches several workers. The State names the owner
(``radius.authentication.eap.states``), and the request goes there as it came, with its source, by a Unix datagram
socket in a directory that only our user can enter. The owner takes it as if it had come to it, from verification on,
and answers by its own socket, which is bound to the same port.

Only verified requests are handed over, none is handed over twice, and the kernel bounds how many wait
(net.unix.max_dgram_qlen). What cannot be handed over is discarded and counted; the NAS sends it again.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from radius import attributes, metrics
from radius.authentication.eap.states import owner_of
from radius.discards import Unanswered
from radius.packet import LONGEST_PACKET_OCTETS, Packet
from radius.service import Port, Source

logger = structlog.get_logger(__name__)

# The source's port and the length of its address, which comes next, and then the packet.
_HEADER: Final = struct.Struct("!HB")
_MOST_OCTETS: Final = _HEADER.size + 255 + LONGEST_PACKET_OCTETS
_MOST_PER_WAKE_UP: Final = 64

Take = Callable[[bytes, Source], None]
"""Takes a datagram as if it had come from the source."""


class HandOver:
    """One worker's end: sends what is others', takes what is its own. ``start`` it, and ``close`` it at the end."""

    def __init__(self, directory: Path, number: int, count: int) -> None:
        """Worker ``number`` of ``count``. Raises OSError when the directory is not ours alone, or cannot be used."""
        self._number = number
        self._directory = _open_private(directory)
        # By the descriptor the names are short, however long the path is: sun_path has room for 108 octets.
        names = {owner: f"/proc/self/fd/{self._directory}/authentication-{owner}" for owner in range(1, count + 1)}
        own_name = names.pop(number)
        self._others = names
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        try:
            Path(own_name).unlink(missing_ok=True)  # its predecessor had no time to tidy up
            self._socket.bind(own_name)
        except OSError:
            self._socket.close()
            os.close(self._directory)
            raise
        self._own_name = own_name
        self._sent = metrics.handed_over.labels("sent")
        self._taken = metrics.handed_over.labels("taken")

    def start(self, take: Take) -> None:
        """Begin to take. ``take`` must hand nothing over again."""
        self._take = take
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        """Take no more."""
        asyncio.get_running_loop().remove_reader(self._socket)
        Path(self._own_name).unlink(missing_ok=True)
        self._socket.close()
        os.close(self._directory)

    def is_elsewhere(self, packet: Packet, source: Source) -> bool:
        """Whether a verified request is another worker's business: then it is on its way there, or counted as lost."""
        state = attributes.get_octets(packet, "State")
        owner = None if state is None else owner_of(state)
        name = None if owner is None else self._others.get(owner)
        if name is None:
            return False
        host, port = source
        address = host.encode()
        try:
            self._socket.sendto(_HEADER.pack(port, len(address)) + address + packet.octets, name)
        except BlockingIOError:
            _discard(Unanswered.OWNER_BUSY)
        except OSError:  # it is not there, or just died
            _discard(Unanswered.OWNER_GONE)
        else:
            self._sent.inc()
        return True

    def _read(self) -> None:
        for _ in range(_MOST_PER_WAKE_UP):
            try:
                message = self._socket.recv(_MOST_OCTETS)
            except BlockingIOError:
                return
            except OSError as error:
                logger.error("what is handed over cannot be read", problem=error.strerror)
                return
            self._taken.inc()
            port, length = _HEADER.unpack_from(message)
            begin = _HEADER.size + length
            self._take(message[begin:], (message[_HEADER.size : begin].decode(), port))


def _discard(reason: Unanswered) -> None:
    metrics.discards.labels(Port.AUTHENTICATION, reason).inc()


def _open_private(directory: Path) -> int:
    """A descriptor of a directory that nobody else can enter. Raises OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    found = os.fstat(descriptor)
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        os.close(descriptor)
        raise PermissionError(f"{directory} must belong to the user of the service alone: chmod 0700, or remove it")
    return descriptor
