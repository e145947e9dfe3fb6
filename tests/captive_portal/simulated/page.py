"""What a page says to a browser without script, and to one that only sees its accessible tree."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

_REFRESH: Final = re.compile(r"\s*(\d+)\s*(?:;\s*url\s*=\s*['\"]?(.*?)['\"]?\s*)?", re.IGNORECASE)
_WITHOUT_LABEL: Final = frozenset({"hidden", "submit", "button", "image"})


@dataclass(slots=True)
class Field:
    """A field of a form with its accessible name, the text of its label."""

    name: str
    kind: str
    value: str
    identifier: str
    is_checked: bool = False
    label: str = ""


@dataclass(slots=True)
class Form:
    """A form; ``action`` is empty where it goes to the page's own address."""

    identifier: str
    action: str
    method: str
    fields: list[Field] = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)

    def content(self, filled: dict[str, str]) -> dict[str, str]:
        """What is sent when a person filled it in so: choices by value, texts as typed. Raises AssertionError."""
        names = {one.name for one in self.fields}
        assert filled.keys() <= names, f"the form has no {sorted(filled.keys() - names)}, only {sorted(names)}"
        sent = {one.name: one.value for one in self.fields if one.kind == "hidden" or one.is_checked}
        sent |= {one.name: one.value for one in self.fields if one.kind not in ("hidden", "checkbox", "radio")}
        for name, value in filled.items():
            offered = [one for one in self.fields if one.name == name]
            choices = [one.value for one in offered if one.kind in ("checkbox", "radio")]
            assert not choices or value in choices, f"{name} offers {choices}, not {value!r}"
            sent[name] = value
        return sent


@dataclass(slots=True)
class Link:
    """A link with its text."""

    address: str
    text: str = ""


@dataclass(slots=True)
class Page:
    """A page that was read."""

    language: str = ""
    title: str = ""
    headings: list[str] = field(default_factory=list)
    forms: list[Form] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    refresh_seconds: int | None = None
    refresh_address: str = ""

    @property
    def main_form(self) -> Form | None:
        """The one that leads on."""
        return next((form for form in self.forms if form.identifier == "main-form"), None)

    def what_a_screen_reader_misses(self) -> list[str]:
        """What has no accessible name; empty on a page that can be used without seeing it."""
        missing = [
            f"no label for {one.name}"
            for form in self.forms
            for one in form.fields
            if one.kind not in _WITHOUT_LABEL and not one.label.strip()
        ]
        missing += ["a button without text" for form in self.forms if not all(text.strip() for text in form.buttons)]
        missing += [f"a link without text to {link.address}" for link in self.links if not link.text.strip()]
        if not self.language:
            missing.append("the page's language")
        if not self.title.strip():
            missing.append("the page's title")
        if len(self.headings) != 1:
            missing.append(f"one main heading, not {len(self.headings)}")
        return missing


def read_page(text: str) -> Page:
    """Read a page; what is not understood is passed over, as browsers do."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    for form in reader.page.forms:
        for one in form.fields:
            one.label = one.label or reader.labels.get(one.identifier, "")
    return reader.page


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.page = Page()
        self.labels: dict[str, str] = {}
        self._form: Form | None = None
        # What text belongs to, the innermost last.
        self._open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        match tag:
            case "html":
                self.page.language = values.get("lang", "")
            case "meta" if values.get("http-equiv", "").lower() == "refresh":
                self._refresh(values.get("content", ""))
            case "a" if "href" in values:
                self.page.links.append(Link(values["href"], values.get("aria-label", "")))
                self._open.append((tag, ""))
            case "form":
                self._form = Form(values.get("id", ""), values.get("action", ""), values.get("method", "get").lower())
                self.page.forms.append(self._form)
            case "label":
                self._open.append((tag, values.get("for", "")))
            case "title" | "h1":
                self.page.headings += [""] if tag == "h1" else []
                self._open.append((tag, ""))
            case "button" if self._form is not None:
                self._form.buttons.append(values.get("aria-label", ""))
                self._open.append((tag, ""))
            case "input" | "textarea" if self._form is not None:
                self._add(self._form, tag, values)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if self._open and self._open[-1][0] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if not self._open:
            return
        tag, target = self._open[-1]
        match tag:
            case "title":
                self.page.title += data
            case "h1":
                self.page.headings[-1] += data
            case "a":
                self.page.links[-1].text += data
            case "button" if self._form is not None:
                self._form.buttons[-1] += data
            case "label":
                self.labels[target] = self.labels.get(target, "") + data

    def _add(self, form: Form, tag: str, values: dict[str, str]) -> None:
        kind = values.get("type", "text").lower() if tag == "input" else tag
        if kind == "submit":
            form.buttons.append(values.get("value", ""))
        if kind in ("submit", "button", "reset") or "disabled" in values:
            return
        value = values.get("value", "on" if kind in ("checkbox", "radio") else "")
        one = Field(values.get("name", ""), kind, value, values.get("id", ""), "checked" in values)
        one.label = values.get("aria-label", "")
        form.fields.append(one)

    def _refresh(self, content: str) -> None:
        match = _REFRESH.fullmatch(content)
        if match:
            self.page.refresh_seconds, self.page.refresh_address = int(match[1]), match[2] or ""
