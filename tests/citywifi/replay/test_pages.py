"""What a phone without JavaScript reads from a page."""

from __future__ import annotations

from citywifi.replay.pages import Refresh, read_page

PAGE = """<!doctype html><html lang="cy"><head><meta http-equiv="refresh" content="2; url=/j/x/waiting"></head>
<body><a href="?lang=en" hreflang="en">English</a>
<form method="post" action="/j/x/start"><input type="hidden" name="terms" value="3">
<input type="radio" name="way" value="click"><input type="radio" name="way" value="email" checked>
<input type="checkbox" name="accept_terms" value="yes"><input type="checkbox" name="ignored" disabled checked>
<input type="email" name="email"><button name="go" value="1">Go</button><button type="button">No</button></form>
<input name="outside"></body></html>"""


def test_a_page_s_language_links_and_refresh_are_read() -> None:
    page = read_page(PAGE)
    assert page.language == "cy"
    assert [(link.address, link.language) for link in page.links] == [("?lang=en", "en")]
    assert page.refresh == Refresh(2, "/j/x/waiting")


def test_only_what_is_chosen_and_named_is_sent() -> None:
    (form,) = read_page(PAGE).forms
    assert form.content() == [("terms", "3"), ("way", "email"), ("email", "")]
    form.choose("way", "click")
    form.choose("accept_terms", "yes")
    form.fill("email", "a@example.org")
    sent = form.content(form.buttons[0])
    assert sent == [("terms", "3"), ("way", "click"), ("accept_terms", "yes"), ("email", "a@example.org"), ("go", "1")]


def test_a_refresh_may_come_as_a_header_and_without_an_address() -> None:
    assert read_page("<p>", "5").refresh == Refresh(5, "")
    assert read_page("<p>", "soon").refresh is None
    assert read_page("<p>").refresh is None
