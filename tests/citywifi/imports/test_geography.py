"""Grid, outlines, and which outline a point lies in."""

from __future__ import annotations

import json

import pytest

from citywifi.imports.geography import Outlines, grid_to_wgs84, outline_text, read_outline
from citywifi.imports.values import ValueNotUsable

WEST = {"type": "Polygon", "coordinates": [[[-1.54, 52.39], [-1.51, 52.39], [-1.51, 52.43], [-1.54, 52.39]]]}


def test_the_national_grid_agrees_with_ordnance_surveys_worked_example() -> None:
    """OS, A guide to coordinate systems in Great Britain, annexe C: E 651409.903 N 313177.270 is in Caister."""
    latitude, longitude = grid_to_wgs84(651409.903, 313177.270)
    assert latitude == pytest.approx(52.65798, abs=0.0001)
    assert longitude == pytest.approx(1.71605, abs=0.0001)


def test_a_point_is_in_its_outline_and_not_in_its_neighbours() -> None:
    outlines = Outlines([("west", json.dumps(WEST))])
    assert outlines.containing(52.395, -1.515) == "west"
    assert outlines.containing(52.395, -1.50) is None


def test_a_sliver_at_the_edge_takes_the_nearest_outline_only_if_the_point_is_known_to_be_inside() -> None:
    outlines = Outlines([("west", json.dumps(WEST))])
    assert outlines.containing(52.40, -1.5095) is None
    assert outlines.containing(52.40, -1.5095, known_inside=True) == "west"
    assert outlines.containing(52.40, -1.49, known_inside=True) is None


def test_no_outlines_contain_nothing() -> None:
    assert Outlines[str]([]).containing(52.4, -1.5, known_inside=True) is None


@pytest.mark.parametrize(
    ("geometry", "reason"),
    [
        ({}, "not a polygon"),
        ({"type": "Point", "coordinates": [0, 0]}, "not a polygon"),
        ({"type": "Polygon", "coordinates": []}, "empty polygon"),
        ({"type": "Polygon", "coordinates": [[["x", "y"]]]}, "cannot be read"),
        ({"type": "Polygon", "coordinates": "none"}, "cannot be read"),
        ({"type": "Polygon"}, "cannot be read"),
        (
            {
                "type": "Polygon",
                "coordinates": [[[433000, 279000], [434000, 279000], [434000, 280000], [433000, 279000]]],
            },
            "not in degrees",
        ),
    ],
)
def test_what_is_no_outline_is_refused(geometry: object, reason: str) -> None:
    with pytest.raises(ValueNotUsable, match=reason):
        read_outline(geometry)


def test_an_outline_that_crosses_itself_is_made_valid() -> None:
    bow_tie = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
    assert read_outline(bow_tie).is_valid


def test_outlines_are_kept_without_meaningless_decimals() -> None:
    precise = {"type": "Polygon", "coordinates": [[[0.123456789, 0], [1, 0], [1, 1], [0.123456789, 0]]]}
    assert "0.123457" in outline_text(read_outline(precise))
