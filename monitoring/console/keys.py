"""What the handlers find in their application."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from foundation.runtime import Runtime
from foundation.staff import StaffDoor
from monitoring.charts import ChartPainter

RUNTIME: Final = web.AppKey("runtime", Runtime)
DOOR: Final = web.AppKey("staff_door", StaffDoor)
# What the forms of the demo carry instead of a log-in's token.
DEMO_FORM_TOKEN: Final = web.AppKey("demo_form_token", str)
# By the log-in's token, when it was last seen to be an engineer's: what is known of them without the database.
SEEN_ENGINEERS: Final = web.AppKey("seen_engineers", dict[str, datetime])
SILENT_AFTER: Final = web.AppKey("silent_after", timedelta)
PAINTER: Final = web.AppKey("painter", ChartPainter)
