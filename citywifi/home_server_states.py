"""How the running RADIUS server finds the home servers: only it knows, and its metrics tell."""

from __future__ import annotations

import http.client
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from foundation.settings import MonitoringSettings

UNKNOWN: Final = "unknown"
_METRIC: Final = "citywifi_radius_home_server_state"
_PATIENCE_SECONDS: Final = 2.0
_MOST_OCTETS: Final = 16 * 1024 * 1024


def states_of_running_server(settings: MonitoringSettings) -> dict[str, str]:
    """State by ``host:port``; empty where the metrics cannot be read."""
    connection = http.client.HTTPConnection(settings.metrics_host, settings.metrics_port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        text = answer.read(_MOST_OCTETS).decode(errors="replace") if answer.status == http.client.OK else ""
    except (OSError, http.client.HTTPException):
        return {}
    finally:
        connection.close()
    return read_states(text)


def read_states(metrics_text: str) -> dict[str, str]:
    """State by ``host:port`` from Prometheus's text format."""
    try:
        samples = [sample for family in text_string_to_metric_families(metrics_text) for sample in family.samples]
    except ValueError:
        return {}
    return {
        sample.labels["server"]: sample.labels["state"]
        for sample in samples
        if sample.name == _METRIC and sample.value and {"server", "state"} <= sample.labels.keys()
    }
