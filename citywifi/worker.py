"""One process of a service, as the supervisor starts it: ``python -m citywifi.worker radius-accounting-1``.

The same as ``citywifi serve radius --worker radius-accounting-1`` without what all the other commands need, so that a
worker that died is there again sooner and takes a third less memory.
"""

from __future__ import annotations

import asyncio
import os
import sys

from foundation.settings import Settings, load_settings

_METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def become(name: str, settings: Settings) -> None:
    """Log by this name. Metrics are shared through files, which prometheus_client decides when it is imported."""
    if _METRICS_VARIABLE not in os.environ:
        settings.metrics_directory.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, _METRICS_VARIABLE: str(settings.metrics_directory.absolute())}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)  # noqa: S606  ourselves
    from foundation.telemetry import configure_logging

    configure_logging(settings.log_level, name)


def run_radius_worker(name: str, settings: Settings) -> None:
    """Become the worker until it is stopped. Raises SettingsError for a name that none has, and what it refuses."""
    from radius.workers import worker_named

    worker = worker_named(name, settings)
    become(worker.name, settings)
    from radius.server import serve

    asyncio.run(serve(settings, worker))


def main() -> None:
    """Exit status 2 with one sentence for what a person can mend."""
    from citywifi.mendable import MENDABLE

    try:
        run_radius_worker(sys.argv[1], load_settings())
    except MENDABLE as error:
        sys.stderr.write(f"citywifi: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
