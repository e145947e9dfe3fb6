"""What the handlers find in their application."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from aiohttp import web

from foundation.runtime import Runtime
from monitoring.charts import ChartPainter
from monitoring.console.authentication import Gatekeeper

RUNTIME: Final = web.AppKey("runtime", Runtime)
GATEKEEPER: Final = web.AppKey("gatekeeper", Gatekeeper)
SILENT_AFTER: Final = web.AppKey("silent_after", timedelta)
PAINTER: Final = web.AppKey("painter", ChartPainter)
