"""Brings the translations' catalogues up to date: ``python -m tools.catalogues``.

Every text of the templates and of the code is put into each language's catalogue, those that are gone are taken out,
and what is not translated yet is printed; the exit status is 1 where something is. It is what Babel's own commands
would do (``pybabel extract`` and ``pybabel update --no-fuzzy-matching``), in the form that this repository keeps:
sorted by text, places named by file alone. Catalogues are compiled when the portal starts, so there is nothing else to
make.
"""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from captive_portal.languages import DEFAULT, LOCALE_FOLDER, NAMES

PACKAGE: Final = LOCALE_FOLDER.parent
_METHODS: Final = [("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
_OPTIONS: Final = {"templates/**.html": {"trimmed": "true"}}
_KEYWORDS: Final = {"_": None, "gettext": None, "ngettext": (1, 2)}
_WIDTH: Final = 110
_MOMENT: Final = datetime(2026, 11, 22, tzinfo=UTC)
_HEAD: Final = """\
# {language} ({code}) for the captive portal.
# Not yet read by a native reader: please review before the public sees it."""
# Where Babel knows no rule of its own, or one without all the forms: CLDR's.
_PLURALS: Final = {"gd": "nplurals=4; plural=(n==1 || n==11) ? 0 : (n==2 || n==12) ? 1 : (n > 2 && n < 20) ? 2 : 3;"}


def extract() -> Catalog:
    """Every text in use, with the files that it is in."""
    found = Catalog()
    for name, _line, message, _comments, _context in extract_from_dir(PACKAGE, _METHODS, _OPTIONS, _KEYWORDS):
        found.add(message, locations=[(name, 0)])
    return found


def catalogue_file(language: str) -> Path:
    """Where a language's translations are kept."""
    return LOCALE_FOLDER / language / "LC_MESSAGES" / "captive_portal.po"


def read(language: str) -> Catalog:
    """A language's catalogue; an empty one where there is none yet."""
    file = catalogue_file(language)
    if not file.exists():
        return Catalog(locale=language)
    with file.open("rb") as source:
        return read_po(source, locale=language)


def update(language: str, texts: Catalog) -> list[Message]:
    """Write the language's catalogue anew with just these texts; those that are not translated."""
    known = read(language)
    catalogue = Catalog(
        locale=language,
        header_comment=_HEAD.format(language=NAMES[language], code=language),
        project="CityWiFi captive portal",
        version="1",
        msgid_bugs_address="none",
        last_translator="The CityWiFi authors",
        language_team=language,
        creation_date=_MOMENT,
        revision_date=_MOMENT,
        fuzzy=False,
    )
    if language in _PLURALS:
        catalogue.mime_headers = [("Plural-Forms", _PLURALS[language])]
    missing = []
    for text in sorted(texts, key=lambda one: one.id if isinstance(one.id, str) else one.id[0]):
        if not text.id:
            continue
        before = known.get(text.id)
        locations = sorted({(name, 0) for name, _line in text.locations})
        catalogue.add(text.id, before.string if before else "", locations=locations, flags=text.flags)
        if before is None or not before.string or not all(before.string):
            missing.append(text)
    written = io.BytesIO()
    write_po(written, catalogue, width=_WIDTH, include_lineno=False, sort_output=False)
    file = catalogue_file(language)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(written.getvalue())
    return missing


def main() -> int:
    """Update every catalogue and name what is missing."""
    texts, missing = extract(), 0
    for language in NAMES:
        if language == DEFAULT:
            continue
        for message in update(language, texts):
            print(f"{language}: {message.id!r}")
            missing += 1
    print(f"{len([text for text in texts if text.id])} texts, {missing} translations are missing")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
