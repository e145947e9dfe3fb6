"""A controller with an API that the portal calls: a real HTTP server over TLS with a certificate of its own making."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, Final

from aiohttp import web
from aiohttp.typedefs import Handler

from captive_portal.gateways.gateway import origin
from foundation.certificates import make_authority
from foundation.mac_address import MacAddress
from tests.captive_portal.simulated.base import Answer, Device, SimulatedGateway

# In `api_faults`: the connection is closed without an answer; or nothing comes for as long as the test lasts.
HANGS_UP: Final = -1
IS_SILENT: Final = -2


@lru_cache
def certificate() -> tuple[ssl.SSLContext, str]:
    """What the server needs, and the fingerprint that an engineer enters."""
    pair = make_authority("controller", "Test", datetime.now(UTC))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "controller.pem"
        file.write_bytes(pair.certificate + pair.key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
    return context, hashlib.sha256(ssl.PEM_cert_to_DER_cert(pair.certificate.decode())).hexdigest()


class SimulatedController(SimulatedGateway):
    """Subclasses add routes; what they do to devices is in ``let_on``."""

    uses_radius: ClassVar[bool] = False
    portal_secret = b"a controller's password"
    # Paths that log in, which faults spare: a fault in the middle is meant.
    login_paths: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        super().__init__()
        # Who is on, with the limits that the portal gave.
        self.let_on: dict[MacAddress, Mapping[str, Any]] = {}
        # Method and path of every request, in order, and of how many log-ins there were.
        self.requests: list[str] = []
        self.log_ins = 0
        self.retry_after: str | None = None
        self._runner: web.AppRunner | None = None
        # Set when a request is kept waiting (IS_SILENT).
        self.is_silent = asyncio.Event()
        self._stopping = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        """The API."""
        raise NotImplementedError

    def forget_log_ins(self) -> None:
        """Every session of the API has ended."""

    async def open(self) -> None:
        """Listen on a free port of loopback."""
        await super().open()
        context, fingerprint = certificate()
        app = web.Application(middlewares=[self._fail])
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        port = self._runner.addresses[0][1]
        self.login_url = f"https://127.0.0.1:{port}"
        self.options |= {"certificate_sha256": fingerprint}

    async def close(self) -> None:
        """Give the port back."""
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()
        await super().close()

    def lets_through(self, device: Device, url: str) -> bool:
        """Who was let on by the API."""
        return device.mac in self.let_on

    def owns(self, url: str) -> bool:
        """The controller; no browser is ever sent there."""
        return self.login_url is not None and origin(url) == origin(self.login_url)

    async def visit(self, device: Device, method: str, url: str, fields: Mapping[str, str]) -> Answer:
        """No browser has anything to do there."""
        raise AssertionError("a browser was sent to the controller")

    @web.middleware
    async def _fail(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        if self.api_faults and request.path not in self.login_paths:
            status = self.api_faults.pop(0)
            if status == HANGS_UP:
                assert request.transport is not None
                request.transport.abort()
            if status == IS_SILENT:
                self.is_silent.set()
            if status in (HANGS_UP, IS_SILENT):
                await self._stopping.wait()
            if status == 401:
                self.forget_log_ins()
            headers = {"Retry-After": self.retry_after} if status == 429 and self.retry_after else None
            return web.json_response({"error": "a fault"}, status=max(status, 200), headers=headers)
        return await handler(request)
