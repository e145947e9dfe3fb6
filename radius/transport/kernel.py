"""What the kernel knows of a UDP socket: how full its receive buffer is, what it dropped, and who shares the port.

Drops are read by SO_MEMINFO, one call a second that costs a microsecond. The counter that SO_RXQ_OVFL adds to each
datagram comes only with a datagram, and makes every one of them dearer (recvmsg and its ancillary data); the column of
/proc/net/udp means reading and searching all sockets of the machine, and is not there where /proc is hidden. It tells
how full the buffer is besides. /proc/net/udp is read once, at the start, for what nothing else tells: the others.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

# asm-generic/socket.h, linux/sock_diag.h (SK_MEMINFO_RMEM_ALLOC, SK_MEMINFO_DROPS); Linux 4.12 and later.
_SO_MEMINFO: Final = 55
_FIGURES: Final = struct.Struct("=9I")
_RMEM_ALLOC: Final = 0
_DROPS: Final = 8
_SOCKETS: Final = Path("/proc/self/net")
_NOT_CONNECTED_PORT: Final = "0000"


@dataclass(frozen=True, slots=True)
class SocketMemory:
    """Octets that wait to be read, with the kernel's overhead, and datagrams dropped so far (modulo 2**32)."""

    used_octets: int
    drops: int


def memory_of(bound: socket.socket) -> SocketMemory | None:
    """None where the kernel does not tell."""
    try:
        octets = bound.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _FIGURES.size)
    except OSError:
        return None
    if len(octets) < _FIGURES.size:
        return None
    figures = _FIGURES.unpack(octets)
    return SocketMemory(figures[_RMEM_ALLOC], figures[_DROPS])


def refuse_strangers(bound: socket.socket, sharers: int) -> None:
    """Raise OSError when more than ``sharers`` sockets have the port.

    With SO_REUSEPORT any program of the same user can bind it too, without an error, and gets a share of the requests.
    """
    if sharers < 2:  # the port is not shared, and the kernel itself keeps others out
        return
    found = _sockets_at(bound)
    if found > sharers:
        raise OSError(
            errno.EADDRINUSE,
            f"{found} programs have it and {sharers} are ours; stop the others (ss -ulnp names them)",
        )


def _sockets_at(bound: socket.socket) -> int:
    """How many sockets receive what comes to this one's address, itself among them; 0 where that cannot be told."""
    name = "udp6" if bound.family == socket.AF_INET6 else "udp"
    try:
        lines = (_SOCKETS / name).read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return 0
    inode = str(os.fstat(bound.fileno()).st_ino)
    # sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ref pointer drops
    rows = [line.split() for line in lines]
    own = next((row[1] for row in rows if row[9] == inode), None)
    if own is None:
        return 0
    # The file is read in pieces, and a socket that is opened meanwhile makes the kernel tell another one twice.
    return len({row[9] for row in rows if row[2].endswith(_NOT_CONNECTED_PORT) and _overlap(row[1], own)})


def _overlap(one: str, other: str) -> bool:
    """Whether two addresses, as /proc/net/udp writes them, are one or one of them is every address."""
    (address, port), (other_address, other_port) = one.split(":"), other.split(":")
    if port != other_port:
        return False
    return address == other_address or not int(address, 16) or not int(other_address, 16)
