from __future__ import annotations

import json
from datetime import date
from xml.etree import ElementTree

from monitoring.charts import ChartPainter, daily_profile, draw, hours_by_decile, sessions_by_ward, ward_map
from monitoring.inclusion.indicators import Area, Period
from monitoring.inclusion.profile import DailyProfile
from monitoring.inclusion.report import CouncilReport, Missing, Row

CONFIDENTIAL = Missing.CONFIDENTIAL
SVG = "{http://www.w3.org/2000/svg}"


def row(code: str, name: str, sessions: int | Missing, hours: float | Missing) -> Row:
    return Row(Area(code, name), 0, 0, sessions, hours, 0)


REPORT = CouncilReport(
    "E08000026", "Coventry", "Europe/London", Period(date(2026, 11, 1), date(2026, 12, 1)), 5, None,
    wards=(
        row("E1", "Foleshill", 4321, 10),
        row("E2", "<b>Earlsdon</b> & co", 17, 5),
        row("E3", "Withheld ward", CONFIDENTIAL, CONFIDENTIAL),
    ),
    deciles=(row("1", "1 (most deprived)", 10, 987.0), row("2", "2", CONFIDENTIAL, CONFIDENTIAL)),
    total=row("E08000026", "Coventry", 4400, 1000.0),
)  # fmt: skip
SQUARE = json.dumps({"type": "Polygon", "coordinates": [[[0, 52], [1, 52], [1, 53], [0, 53], [0, 52]]]})
PARTS = json.dumps({"type": "MultiPolygon", "coordinates": [[[[2, 52], [3, 52], [3, 53], [2, 52]]]]})


def texts(drawing: str) -> list[str]:
    return ["".join(element.itertext()) for element in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


def test_a_chart_shows_what_is_published_and_nothing_of_what_is_withheld() -> None:
    shown = texts(draw(sessions_by_ward(REPORT), "Sessions", "a"))
    assert {"Foleshill", "4,321", "<b>Earlsdon</b> & co", "17"} <= set(shown)
    assert "Withheld ward" not in shown
    assert "2" not in texts(draw(hours_by_decile(REPORT), "Hours", "a"))


def test_a_drawing_has_a_role_and_a_title_and_nothing_that_loads_or_runs() -> None:
    drawing = draw(sessions_by_ward(REPORT), 'Sessions "by" ward & more', "a")
    root = ElementTree.fromstring(drawing)
    assert root.get("role") == "img"
    title = root.find(f"{SVG}title")
    assert title is not None
    assert (title.text, title.get("id")) == ('Sessions "by" ward & more', root.get("aria-labelledby"))
    for forbidden in ("<script", "<style", "style=", "<image", "href=", "<b>"):
        assert forbidden not in drawing


def test_a_map_shades_what_is_published_and_leaves_the_rest_pale() -> None:
    spec = ward_map(REPORT, {"E1": SQUARE, "E2": PARTS, "E3": SQUARE})
    assert spec is not None
    assert [shape["properties"]["value"] for shape in spec["data"]["values"]] == [4321, 17, None]
    drawing = draw(spec, "Map", "a")
    # All three lie below; the two with figures are drawn over them.
    assert drawing.count('stroke-dasharray="2,2"') == 3
    assert drawing.count('stroke="white"') == 2


def test_without_outlines_there_is_no_map() -> None:
    assert ward_map(REPORT, {}) is None


def test_the_daily_profile_has_a_place_for_every_hour() -> None:
    spec = daily_profile(DailyProfile((CONFIDENTIAL, *range(1, 24))))
    assert [entry["value"] for entry in spec["data"]["values"]] == [None, *range(1, 24)]
    assert "Hour of the day" in texts(draw(spec, "Profile", "a"))


async def test_the_same_chart_is_drawn_once_and_two_on_a_page_share_no_identifier() -> None:
    painter = ChartPainter()
    first = await painter.draw(sessions_by_ward(REPORT), "Sessions")
    assert await painter.draw(sessions_by_ward(REPORT), "Sessions") is first
    other = await painter.draw(hours_by_decile(REPORT), "Hours")
    identifiers = [
        {element.get("id") for element in ElementTree.fromstring(drawing).iter()} - {None} for drawing in (first, other)
    ]
    assert not identifiers[0] & identifiers[1]
    painter.close()
