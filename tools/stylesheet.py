"""Makes the portal's stylesheet from GOV.UK Frontend's: ``python -m tools.stylesheet``.

The package ``govuk-frontend`` (npm, MIT) brings 130 kB of rules for every component there is. A page before the log-in
may weigh 50 kB in all, so only those rules stay whose classes our templates have. On the way

- plain elements (``h1``, ``p``, ``a``, lists without a class) get the looks of the package's typographic classes, so
  that pages of text need no classes;
- left and right become start and end, so that the same rules serve languages that are written from right to left;
- what is for GOV.UK alone (its typeface), for scripts, for print and for Internet Explorer goes.

The package's licence stands at the head of what is made, ``captive_portal/static/govuk.css``, which is not in the
repository: installing the project makes it (``tools/build_backend.py``).
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import tinycss2

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGE: Final = ROOT / "node_modules" / "govuk-frontend"
SOURCE: Final = PACKAGE / "dist" / "govuk" / "govuk-frontend.min.css"
TEMPLATES: Final = ROOT / "captive_portal" / "templates"
RESULT: Final = ROOT / "captive_portal" / "static" / "govuk.css"
LICENCE: Final = (
    "/*! Reduced from GOV.UK Frontend {version}. MIT License. Copyright (c) 2017 Crown Copyright (Government Digital "
    "Service). Licence: https://github.com/alphagov/govuk-frontend/blob/main/LICENSE.txt */"
)

# Elements without a class look as these classes do.
_PLAIN: Final = {
    "govuk-heading-l": ("h1",),
    "govuk-heading-m": ("h2",),
    "govuk-heading-s": ("h3",),
    "govuk-body": ("p",),
    "govuk-link": ("a",),
    "govuk-list": ("ul:not([class])", "ol:not([class])"),
    "govuk-list--bullet": ("ul:not([class])",),
    "govuk-list--number": ("ol:not([class])",),
}
_CLASS: Final = re.compile(r"\.((?:[\w-]|\\.)+)")
_USED: Final = re.compile(r"govuk-[\w-]+")
_UNWANTED_SELECTOR: Final = re.compile(r"frontend-supported|js-enabled|::?-moz-|::?-ms-|x:|:not\(:has")
_UNWANTED_CONDITION: Final = re.compile(r"print|-ms-|\\0|url-prefix|caret-color|content-visibility|sticky|safe-area")
# What is kept from Internet Explorer alone, such as the looks of details that it cannot open.
_IN_ALL_BROWSERS: Final = re.compile(r"not \(-ms-")
_KEPT_PREFIXED: Final = ("-webkit-appearance", "-webkit-text-size-adjust", "-webkit-clip-path")
_SIDES: Final = ("top", "right", "bottom", "left")
_LOGICAL: Final = {"top": "block-start", "right": "inline-end", "bottom": "block-end", "left": "inline-start"}


def make(source: str, used: set[str]) -> str:
    """The stylesheet for the classes in use. Raises ValueError where the source is no stylesheet."""
    kept = "".join(_rules(tinycss2.parse_stylesheet(source, skip_comments=True, skip_whitespace=True), used))
    variables = set(re.findall(r"var\((--[\w-]+)", kept))
    # A variable is kept where something refers to it.
    return re.sub(r"(--govuk-[\w-]+):([^;}]*);?", lambda found: found[0] if found[1] in variables else "", kept)


def classes_in_use(templates: Path = TEMPLATES) -> set[str]:
    """Every class of the package that a template has, and those that plain elements stand for."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(templates.rglob("*.html")))
    return {name for text in texts for name in _USED.findall(text)} | set(_PLAIN)


def _rules(nodes: Iterable[Any], used: set[str]) -> Iterator[str]:
    for node in nodes:
        if node.type == "error":
            raise ValueError(f"not a stylesheet: {node.message}")
        if node.type == "qualified-rule":
            selectors = _selectors(tinycss2.serialize(node.prelude), used)
            declarations = _declarations(node.content)
            if selectors and declarations:
                yield f"{','.join(selectors)}{{{declarations}}}"
        elif node.type == "at-rule" and node.content is not None and node.at_keyword in ("media", "supports"):
            yield from _conditional(node, used)


def _conditional(node: Any, used: set[str]) -> Iterator[str]:
    condition = tinycss2.serialize(node.prelude).strip()
    if _UNWANTED_CONDITION.search(condition) and not _IN_ALL_BROWSERS.match(condition):
        return
    inner = tinycss2.parse_rule_list(node.content, skip_comments=True, skip_whitespace=True)
    if kept := "".join(_rules(inner, used)):
        yield kept if _IN_ALL_BROWSERS.match(condition) else f"@{node.at_keyword} {condition}{{{kept}}}"


def _selectors(text: str, used: set[str]) -> list[str]:
    kept = []
    for selector in re.split(r",(?![^(]*\))", text):
        stripped = selector.strip()
        needed = set(_CLASS.findall(re.sub(r":not\([^)]*\)", "", stripped)))
        if not needed <= used or _UNWANTED_SELECTOR.search(stripped) or stripped.startswith("[href"):
            continue
        kept += _plain(stripped)
    return kept


def _plain(selector: str) -> list[str]:
    """A typographic class as the elements that it stands for, and itself."""
    for name, elements in _PLAIN.items():
        if re.search(rf"\.{name}(?![\w-])", selector):
            return [re.sub(rf"\.{name}(?![\w-])", f"{one}", selector) for one in elements] + [selector]
    return [selector]


def _declarations(content: Any) -> str:
    parsed = tinycss2.parse_declaration_list(content, skip_comments=True, skip_whitespace=True)
    texts = []
    for one in parsed:
        if one.type == "error":
            raise ValueError(f"not a declaration: {one.message}")
        value = tinycss2.serialize(one.value).strip()
        important = "!important" if one.important else ""
        texts += [f"{name}:{text}{important}" for name, text in _declaration(one.name, value)]
    return ";".join(texts)


def _declaration(name: str, value: str) -> list[tuple[str, str]]:
    # A pill's shape, a safe area of a notch: neither is on these pages.
    if "safe-area" in value or (name.startswith("-") and not name.startswith("--") and name not in _KEPT_PREFIXED):
        return []
    if name == "font-family":
        return [(name, "inherit")]
    # Every variable has its value at the head, so what stands in for it is not needed.
    value = re.sub(r"var\((--[\w-]+),[^()]*\)", r"var(\1)", value)
    return _logical(name, value)


def _logical(name: str, value: str) -> list[tuple[str, str]]:
    """Sides as start and end (CSS Logical Properties and Values, level 1)."""
    if name in ("left", "right"):
        return [(f"inset-{_LOGICAL[name]}", value)]
    if name in ("text-align", "float", "clear") and value in ("left", "right"):
        aligned = {"left": "start", "right": "end"}[value]
        return [(name, aligned if name == "text-align" else f"inline-{aligned}")]
    if found := re.fullmatch(r"(margin|padding|border)-(left|right)((?:-\w+)?)", name):
        return [(f"{found[1]}-{_LOGICAL[found[2]]}{found[3]}", value)]
    if found := re.fullmatch(r"(margin|padding|border)((?:-(?:width|style|color))?)", name):
        values = re.findall(r"(?:[\w-]*\([^()]*(?:\([^()]*\)[^()]*)*\)|[^\s()])+", value)
        if len(values) == 4 and values[1] != values[3]:
            sides = zip(_SIDES, values, strict=True)
            return [(f"{found[1]}-{_LOGICAL[side]}{found[2]}", one) for side, one in sides]
    return [(name, value)]


def install() -> None:
    """Fetch the package as package-lock.json names it."""
    command = ["npm", "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    try:
        subprocess.run(command, cwd=ROOT, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(
            f"GOV.UK Frontend is not installed; npm, which is part of Node.js, would do it: {error}"
        ) from None


def stylesheet() -> str:
    """The whole file, from the package as it is installed."""
    source = SOURCE.read_text(encoding="utf-8")
    version = re.search(r'--govuk-frontend-version:"([\d.]+)"', source)
    return f"{LICENCE.format(version=version[1] if version else '')}\n{make(source, classes_in_use())}\n"


def main() -> int:
    """Make the file and say how large it is; a source archive has brought one with it, which then stays."""
    if not SOURCE.exists() and RESULT.exists():
        print(f"{RESULT.name} is there already")
        return 0
    if not SOURCE.exists():
        install()
    text = stylesheet()
    RESULT.write_text(text, encoding="utf-8")
    print(f"{RESULT.relative_to(ROOT)}: {len(text.encode())} octets of {SOURCE.stat().st_size}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
