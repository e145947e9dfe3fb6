"""What a browser without JavaScript understands of a page: language, links, forms, and a refresh."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_REFRESH = re.compile(r"\s*(\d+)\s*(?:;\s*url\s*=\s*['\"]?(.*?)['\"]?\s*)?", re.IGNORECASE)
_BUTTONS = frozenset({"submit", "image"})
_CHOICES = frozenset({"checkbox", "radio"})
_NEVER_SENT = frozenset({"button", "reset"})


@dataclass(slots=True)
class Field:
    """An input of a form; ``kind`` is its type attribute, or the element's name where it has none."""

    name: str
    kind: str
    value: str
    is_checked: bool = False

    @property
    def is_choice(self) -> bool:
        """Sent only when it is checked."""
        return self.kind in _CHOICES


@dataclass(slots=True)
class Form:
    """A form; ``action`` is empty where it goes to the page's own address."""

    action: str
    method: str
    fields: list[Field] = field(default_factory=list)
    buttons: list[Field] = field(default_factory=list)

    def fill(self, name: str, value: str) -> None:
        """Type into the fields of a name."""
        for one in self.fields:
            if one.name == name:
                one.value = value

    def choose(self, name: str, value: str) -> None:
        """Tick the box, or the one of several buttons, that has this value."""
        for one in self.fields:
            if one.name == name and one.is_choice:
                one.is_checked = one.value == value

    def content(self, button: Field | None = None) -> list[tuple[str, str]]:
        """What is sent when it is submitted, by a button or without one."""
        sent = [*self.fields, *([button] if button is not None else [])]
        return [(one.name, one.value) for one in sent if one.name and (one.is_checked or not one.is_choice)]


@dataclass(frozen=True, slots=True)
class Link:
    """A link; ``language`` is its hreflang."""

    address: str
    language: str


@dataclass(frozen=True, slots=True)
class Refresh:
    """``<meta http-equiv="refresh">`` or the header; an empty address is the page's own."""

    after_seconds: int
    address: str


@dataclass(slots=True)
class Page:
    """A page that was read."""

    language: str = ""
    forms: list[Form] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    refresh: Refresh | None = None


def read_page(text: str, refresh_header: str | None = None) -> Page:
    """Read a page; what is not understood is passed over, as browsers do."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    if refresh_header is not None:
        reader.page.refresh = _refresh(refresh_header)
    return reader.page


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self._form: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        match tag:
            case "html":
                self.page.language = values.get("lang", "")
            case "a" if "href" in values:
                self.page.links.append(Link(values["href"], values.get("hreflang", "")))
            case "meta" if values.get("http-equiv", "").lower() == "refresh":
                self.page.refresh = _refresh(values.get("content", ""))
            case "form":
                self._form = Form(values.get("action", ""), values.get("method", "get").lower())
                self.page.forms.append(self._form)
            case "input" | "button" | "textarea" if self._form is not None:
                self._add(self._form, tag, values)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None

    def _add(self, form: Form, tag: str, values: dict[str, str]) -> None:
        kind = values.get("type", "submit" if tag == "button" else "text").lower()
        if kind in _NEVER_SENT or "disabled" in values:
            return
        checked_value = "on" if kind in _CHOICES else ""
        one = Field(values.get("name", ""), kind, values.get("value", checked_value), "checked" in values)
        (form.buttons if kind in _BUTTONS else form.fields).append(one)


def _refresh(text: str) -> Refresh | None:
    match = _REFRESH.fullmatch(text)
    return Refresh(int(match[1]), match[2] or "") if match else None
