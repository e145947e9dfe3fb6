"""The monitoring service: console, reports and open data on one port, metrics on an internal one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from foundation.runtime import NotReadyError, Runtime, open_runtime, serve_until_stopped
from foundation.settings import Settings
from foundation.telemetry import render_metrics
from monitoring.console.site import make_console_app
from monitoring.tasks import run_forever, tasks_of

_SHUTDOWN_SECONDS: Final = 5.0


async def serve(settings: Settings) -> None:
    """Run the service until it is told to stop.

    Raises NotReadyError (a port that is taken, what open_runtime refuses).
    """
    async with open_runtime(settings) as runtime, _sites(runtime):
        working = asyncio.create_task(run_forever(tasks_of(settings, runtime.database)))
        try:
            await serve_until_stopped()
        finally:
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await working


@asynccontextmanager
async def _sites(runtime: Runtime) -> AsyncIterator[None]:
    monitoring = runtime.settings.monitoring
    async with (
        _listening(make_console_app(runtime), monitoring.host, monitoring.port),
        _listening(make_metrics_app(), monitoring.metrics_host, monitoring.metrics_port),
    ):
        yield


@asynccontextmanager
async def _listening(app: web.Application, host: str, port: int) -> AsyncIterator[None]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise NotReadyError(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
        yield
    finally:
        await runner.cleanup()


def make_metrics_app() -> web.Application:
    """The internal site for Prometheus: metrics of all services of this machine."""

    async def show(_request: web.Request) -> web.Response:
        body = await asyncio.to_thread(render_metrics)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/metrics", show)
    return app
