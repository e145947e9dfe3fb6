"""A browser for benchmarks: one kept connection, one request after the other, as little work as can be."""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from types import TracebackType


@dataclass(frozen=True, slots=True)
class Page:
    """An answer, and how long it took."""

    status: int
    location: str
    body: bytes
    seconds: float


class Browser:
    """Speaks HTTP/1.1 with the server on a port of this machine."""

    def __init__(self, port: int) -> None:
        self._host = f"127.0.0.1:{port}"
        self._socket = socket.create_connection(("127.0.0.1", port))

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def get(self, path: str) -> Page:
        """GET without following what it leads to."""
        return self._ask(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\nAccept-Language: en\r\n\r\n".encode())

    def post(self, path: str, form: str) -> Page:
        """POST an encoded form."""
        lines = (
            f"POST {path} HTTP/1.1",
            f"Host: {self._host}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(form)}",
        )
        return self._ask("\r\n".join((*lines, "", form)).encode())

    def _ask(self, request: bytes) -> Page:
        started = time.perf_counter()
        self._socket.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._more()
        head, _, body = answer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(fields.get("content-length", "0")):
            body += self._more()
        return Page(int(first.split()[1]), fields.get("location", ""), body, time.perf_counter() - started)

    def _more(self) -> bytes:
        octets = self._socket.recv(1 << 18)
        if not octets:
            raise ConnectionError("the server closed the connection in the middle of an answer")
        return octets
