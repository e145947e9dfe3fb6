"""What of accounting is kept in memory, and how much may be."""

from __future__ import annotations

from prometheus_client import Gauge

session_anchors = Gauge(
    "citywifi_radius_session_anchors",
    "Accounting sessions whose beginning is remembered, so that their records need no look-up.",
    multiprocess_mode="livesum",
)
session_anchors_limit = Gauge(
    "citywifi_radius_session_anchors_limit",
    "Of how many accounting sessions the beginning may be remembered.",
    multiprocess_mode="livesum",
)
