"""``citywifi serve``: run the services, all of them under one supervisor or one of them by itself."""

from __future__ import annotations

import asyncio
import importlib
import os
import shutil
import sys
from enum import StrEnum
from typing import Annotated

import typer

from citywifi.addresses import Address, addresses, refuse_taken
from citywifi.commands.database import prepare_installation
from citywifi.demo_settings import use_demo
from citywifi.errors import CommandError
from foundation.settings import Settings, load_settings


class Service(StrEnum):
    """What can be run by itself, for instance as a systemd unit of its own."""

    PORTAL = "portal"
    RADIUS = "radius"
    MONITORING = "monitoring"


_MODULES = {
    Service.PORTAL: "captive_portal.app",
    Service.RADIUS: "radius.server",
    Service.MONITORING: "monitoring.app",
}
_METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# A day of ten opening hours in seven minutes: it can be watched, and leaves the machine to the visitor.
_DEMO_REPLAY = ("replay", "--days", "2", "--speed", "90", "--keep-gateways", "--quiet")


def serve(
    service: Annotated[
        Service | None, typer.Argument(help="Run only this service, in this process.", show_default=False)
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Start with a fresh demo city and play two days of its libraries.")
    ] = False,
) -> None:
    """Run portal, RADIUS and monitoring until Ctrl-C. A service that dies is started again."""
    settings = use_demo() if demo else load_settings()
    if service is not None:
        _run_one(service, settings)
        return
    asyncio.run(_run_all(settings, demo=demo))


def _run_one(service: Service, settings: Settings) -> None:
    """Become the service. Metrics are shared through files, which prometheus_client decides when it is imported."""
    if _METRICS_VARIABLE not in os.environ:
        settings.metrics_directory.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, _METRICS_VARIABLE: str(settings.metrics_directory.absolute())}
        os.execve(sys.executable, [sys.executable, "-m", "citywifi", *sys.argv[1:]], environment)  # noqa: S606  ourselves
    from foundation.telemetry import configure_logging

    configure_logging(settings.log_level, service.value)
    asyncio.run(importlib.import_module(_MODULES[service]).serve(settings))


async def _run_all(settings: Settings, *, demo: bool) -> None:
    from citywifi.supervisor import Child, ServiceFailedError, Supervisor
    from foundation.runtime import open_runtime, serve_until_stopped
    from foundation.telemetry import configure_logging, share_metrics

    refuse_taken(addresses(settings))
    if demo:
        shutil.rmtree(settings.data_directory, ignore_errors=True)
        typer.echo("Making the demo city: Coventry, its libraries and their gateways …")
        await prepare_installation(settings)
    async with open_runtime(settings):
        pass  # it refuses in one sentence what each child would refuse in a log
    environment = share_metrics(settings.metrics_directory.absolute())
    os.environ.update(environment)
    configure_logging(settings.log_level, "supervisor")
    try:
        async with Supervisor(environment) as supervisor:
            await supervisor.start([Child(service.value, ("serve", service.value)) for service in Service])
            if demo:
                await supervisor.start([Child("replay", _DEMO_REPLAY)])
            typer.echo(_welcome(settings, addresses(settings), demo=demo))
            await serve_until_stopped()
            typer.echo("\nStopping …")
    except ServiceFailedError as error:
        raise CommandError(f"{error}; what it said stands above") from None
    typer.echo("Stopped.")


def _welcome(settings: Settings, listening: tuple[Address, ...], *, demo: bool) -> str:
    lines = ["", "CityWiFi is ready.", ""]
    lines += [f"  {address.name:<24}{address}" for address in listening]
    if demo:
        portal, console = listening[0], listening[1]
        lines += [
            "",
            f"  Be a phone in a library http://{settings.demo_network[1]}:3990/",
            f"  Mail that was sent      {portal}/demo/outbox",
            f"  Engineers' console      {console}/console",
            f"  Council's report        {console}/report",
            "",
            "Two days in Coventry's libraries are being played. Ctrl-C stops everything.",
        ]
    return "\n".join(lines)
