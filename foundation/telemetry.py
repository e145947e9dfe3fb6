"""Structured logs without personal data, metrics that all processes of a machine share, build information.

Metrics are declared as module-level objects in the room that they measure; their names begin with ``citywifi_`` and
end in their unit. A label never names a user, a MAC address or a session. A limit stands beside its usage, a drop is
counted by reason.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import MutableMapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Gauge, disable_created_metrics, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import REGISTRY

_SHARED_METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
# What must not be logged under any name that a hurried hand would give it.
_PERSONAL_FIELDS = frozenset(
    {"mac", "mac_address", "calling_station_id", "user_name", "username", "email", "contact", "phone", "ip",
     "framed_ip_address", "password", "secret", "code", "token", "path_id"}
)  # fmt: skip

disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client leaves some functions untyped

build_information = Gauge(
    "citywifi_build_info", "1 for the running version.", ["version", "service"], multiprocess_mode="max"
)

start_time_seconds = Gauge(
    "citywifi_start_time_seconds",
    "When each process that runs was started (Unix time), by its name.",
    ["service"],
    multiprocess_mode="livemax",
)


class PersonalDataInLogError(AssertionError):
    """A log line was about to carry personal data: a fault of our own."""


@cache
def build_version() -> str:
    """The installed version, or ``unknown`` when run from a bare checkout."""
    try:
        return version("citywifi")
    except PackageNotFoundError:
        return "unknown"


def configure_logging(level: str, service: str) -> None:
    """JSON lines to standard error, or coloured text on a terminal."""
    on_terminal = sys.stderr.isatty()
    # Not the usual traceback with every local variable: those are personal data.
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer = console if on_terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _refuse_personal_data,
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    build_information.labels(build_version(), service).set(1)
    start_time_seconds.labels(service).set_to_current_time()


def _refuse_personal_data(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    named = _PERSONAL_FIELDS.intersection(event)
    if named:
        raise PersonalDataInLogError(
            f"log fields {sorted(named)} may carry personal data; log a pseudonym or leave it out"
        )
    return event


def share_metrics(directory: Path) -> dict[str, str]:
    """The environment for service processes whose metrics are to be read together; empties the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for stale in directory.glob("*.db"):
        stale.unlink(missing_ok=True)
    return {_SHARED_METRICS_VARIABLE: str(directory)}


def join_metrics(directory: Path) -> dict[str, str]:
    """As ``share_metrics``, beside other services that share it; only the dead's live gauges are forgotten."""
    directory.mkdir(parents=True, exist_ok=True)
    for file in directory.glob("gauge_live*.db"):
        process_id = file.stem.rpartition("_")[2]
        if process_id.isdecimal() and not Path("/proc", process_id).exists():
            file.unlink(missing_ok=True)
    return {_SHARED_METRICS_VARIABLE: str(directory)}


def forget_process(process_id: int) -> None:
    """A service process died: its live gauges (sessions now, queue length) no longer count. Its counters stay."""
    if directory := os.environ.get(_SHARED_METRICS_VARIABLE):
        mark_process_dead(process_id, directory)  # type: ignore[no-untyped-call]


def render_metrics() -> bytes:
    """Metrics of all processes that share a directory, or of this one, in Prometheus's text format."""
    directory = os.environ.get(_SHARED_METRICS_VARIABLE)
    if directory is None:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, directory)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
