"""How problems read."""

from __future__ import annotations

from citywifi.imports.report import Problem, shorten, watched


def test_a_problem_is_one_line() -> None:
    assert str(Problem(7, "postcode", "CV1", "is not a UK postcode")) == "line 7: postcode 'CV1': is not a UK postcode"
    assert str(Problem(7, "name", "", "is empty")) == "line 7: name (empty): is empty"


def test_values_are_shown_short_and_harmless() -> None:
    assert shorten("a\n b\t\x1b[31mc") == "a b [31mc"
    assert len(shorten("x" * 500)) == 60


def test_progress_is_told_now_and_then_and_at_the_end() -> None:
    told: list[tuple[str, int, int]] = []
    assert list(watched(range(450), lambda *what: told.append(what), "reading")) == list(range(450))
    assert told == [("reading", done, 450) for done in (0, 200, 400, 450)]
