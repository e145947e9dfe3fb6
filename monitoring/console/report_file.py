"""The report as one file that stands alone: stylesheet inside, nothing to load, no controls."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import jinja2

from monitoring.console.formats import FILTERS
from monitoring.inclusion.publication import MEASURE_NAMES, decimals_of, shown
from monitoring.inclusion.report import CouncilReport

HERE: Final = Path(__file__).parent


def as_html(report: CouncilReport) -> str:
    """The tables and the notes on method as a page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters.update(FILTERS)
    style = (HERE / "static" / "console.css").read_text(encoding="utf-8")
    context = {**report_context(report), "style": style}
    return environment.get_template("report_file.html").render(context)


def report_context(report: CouncilReport) -> dict[str, object]:
    """What the templates of the report need."""
    return {
        "report": report,
        "last_day": report.period.end - timedelta(days=1),
        "measures": MEASURE_NAMES,
        "shown": shown,
        "decimals_of": decimals_of,
    }
