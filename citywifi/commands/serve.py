"""``citywifi serve``: run the services, all of them under one supervisor or one of them by itself."""

from __future__ import annotations

import asyncio
import importlib
import shutil
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from citywifi.addresses import Address, addresses, radius_addresses, refuse_taken
from citywifi.demo_settings import use_demo
from citywifi.errors import CommandError
from citywifi.worker import become, run_radius_worker
from foundation.settings import Settings, load_settings

if TYPE_CHECKING:
    from citywifi.supervisor import Child


class Service(StrEnum):
    """What can be run by itself, for instance as a systemd unit of its own."""

    PORTAL = "portal"
    RADIUS = "radius"
    MONITORING = "monitoring"


_MODULES = {
    Service.PORTAL: "captive_portal.app",
    Service.MONITORING: "monitoring.app",
}
# Whoever killed a supervisor may start a new one before the children of the old one have stopped.
_LEAVE_SECONDS = 5.0
# A day of ten opening hours in seven minutes: it can be watched, and leaves the machine to the visitor.
_DEMO_REPLAY = ("replay", "--days", "2", "--speed", "90", "--keep-gateways", "--quiet")


def serve(
    service: Annotated[
        Service | None, typer.Argument(help="Run only this service. RADIUS runs its workers.", show_default=False)
    ] = None,
    worker: Annotated[
        str | None,
        typer.Option(
            "--worker",
            help="Run only this worker of RADIUS, in this process: radius-authentication-1, radius-accounting-1, …",
            show_default=False,
        ),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Start with a fresh demo city and play two days of its libraries.")
    ] = False,
) -> None:
    """Run portal, RADIUS and monitoring until Ctrl-C. A process that dies is started again."""
    settings = use_demo() if demo else load_settings()
    if worker is not None:
        if service is not Service.RADIUS:
            raise CommandError("only RADIUS has workers: citywifi serve radius --worker NAME")
        run_radius_worker(worker, settings)
    elif service is Service.RADIUS:
        asyncio.run(_run_radius(settings))
    elif service is not None:
        _run_one(service, settings)
    else:
        asyncio.run(_run_all(settings, demo=demo))


def _run_one(service: Service, settings: Settings) -> None:
    """Become the service."""
    become(service.value, settings)
    asyncio.run(importlib.import_module(_MODULES[service]).serve(settings))


async def _run_radius(settings: Settings) -> None:
    """The RADIUS workers under a supervisor of their own; portal and monitoring may run beside it."""
    from citywifi.supervisor import supervised
    from foundation.runtime import serve_until_stopped
    from foundation.telemetry import join_metrics

    children = _radius_children(settings)
    refuse_taken(radius_addresses(settings), patience_seconds=_LEAVE_SECONDS)
    await _refuse_unready(settings)
    async with supervised(settings, join_metrics(settings.metrics_directory.absolute()), children):
        await serve_until_stopped()


async def _run_all(settings: Settings, *, demo: bool) -> None:
    from citywifi.supervisor import Child, supervised
    from foundation.runtime import serve_until_stopped
    from foundation.telemetry import share_metrics

    children = [Child(service.value, ("serve", service.value)) for service in _MODULES] + _radius_children(settings)
    refuse_taken(addresses(settings))
    if demo:
        from citywifi.commands.database import prepare_installation

        shutil.rmtree(settings.data_directory, ignore_errors=True)
        typer.echo("Making the demo city: Coventry, its libraries and their gateways …")
        await prepare_installation(settings)
    await _refuse_unready(settings)
    async with supervised(settings, share_metrics(settings.metrics_directory.absolute()), children) as supervisor:
        if demo:
            await supervisor.start([Child("replay", _DEMO_REPLAY)])
        typer.echo(_welcome(settings, addresses(settings), demo=demo))
        await serve_until_stopped()
        typer.echo("\nStopping …")
    typer.echo("Stopped.")


def _radius_children(settings: Settings) -> list[Child]:
    """Raises SettingsError for more workers than the database can serve."""
    from citywifi.supervisor import Child
    from radius.workers import workers_of

    return [Child(worker.name, (worker.name,), module="citywifi.worker") for worker in workers_of(settings)]


async def _refuse_unready(settings: Settings) -> None:
    """Refuse in one sentence what each child would refuse in a log."""
    from foundation.runtime import open_runtime

    async with open_runtime(settings):
        pass


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
