"""What is left of GOV.UK Frontend in the portal's pages."""

from __future__ import annotations

import pytest

from captive_portal.appearance.design import read_stylesheet
from tests.support.peers import Peers
from tools import stylesheet


def test_what_is_installed_is_what_the_package_and_the_templates_make(peers: Peers) -> None:
    peers.require_package("govuk-frontend")
    assert stylesheet.RESULT.read_text(encoding="utf-8") == stylesheet.stylesheet(), "run python -m tools.stylesheet"


def test_the_licence_stands_at_its_head_and_nothing_of_the_governments_own_marks_is_in_it() -> None:
    made = read_stylesheet()
    assert made.startswith("/*! Reduced from GOV.UK Frontend 6.6.0. MIT License. Copyright (c)")
    for mark in ("GDS Transport", "@font-face", "crown", "url("):
        assert mark not in made


def test_only_rules_whose_classes_are_in_use_stay() -> None:
    source = ".govuk-button{top:0}.govuk-tabs{top:1px}.govuk-button .govuk-tabs,.govuk-button:hover{top:2px}"
    assert stylesheet.make(source, {"govuk-button"}) == ".govuk-button{top:0}.govuk-button:hover{top:2px}"
    inside = "@media print{.govuk-button{top:0}}@media (min-width:40em){.govuk-tabs{top:0}.govuk-button{top:1px}}"
    assert stylesheet.make(inside, {"govuk-button"}) == "@media (min-width:40em){.govuk-button{top:1px}}"
    modern = "@supports not (-ms-ime-align:auto){.govuk-button{top:0}}"
    assert stylesheet.make(modern, {"govuk-button"}) == ".govuk-button{top:0}"
    scripted = ".govuk-frontend-supported .govuk-button{top:0}@font-face{font-family:x}"
    assert stylesheet.make(scripted, {"govuk-button"}) == ""


def test_plain_elements_look_as_the_typographic_classes_do() -> None:
    assert stylesheet.make(".govuk-body{top:0}", {"govuk-body"}) == "p,.govuk-body{top:0}"
    made = stylesheet.make(".govuk-link:hover{top:0}.govuk-body-s{top:1px}", {"govuk-link", "govuk-body-s"})
    assert made == "a:hover,.govuk-link:hover{top:0}.govuk-body-s{top:1px}"


@pytest.mark.parametrize(
    ("written", "logical"),
    [
        ("margin-left:1px", "margin-inline-start:1px"),
        ("padding-right:1px", "padding-inline-end:1px"),
        ("left:0", "inset-inline-start:0"),
        ("text-align:left", "text-align:start"),
        ("float:right", "float:inline-end"),
        ("border-left:4px solid", "border-inline-start:4px solid"),
        ("margin:1px 2px 3px 2px", "margin:1px 2px 3px 2px"),
        (
            "border-width:0 0 5px 6px",
            "border-block-start-width:0;border-inline-end-width:0;border-block-end-width:5px;border-inline-start-width:6px",
        ),
        ("font-family:GDS Transport,arial", "font-family:inherit"),
        ("-moz-osx-font-smoothing:grayscale;top:0", "top:0"),
        ("top:0!important", "top:0!important"),
        ("color:var(--govuk-x,#fff)", "color:var(--govuk-x)"),
    ],
)
def test_sides_become_start_and_end(written: str, logical: str) -> None:
    assert stylesheet.make(f".a{{{written}}}", {"a"}) == f".a{{{logical}}}"


def test_variables_that_nothing_refers_to_go() -> None:
    made = stylesheet.make(":root{--govuk-x:#fff;--govuk-y:#000}.a{color:var(--govuk-x)}", {"a"})
    assert made == ":root{--govuk-x:#fff;}.a{color:var(--govuk-x)}"


@pytest.mark.parametrize("broken", ["}", ".a{b}"])
def test_what_is_no_stylesheet_is_refused(broken: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        stylesheet.make(broken, {"a"})
