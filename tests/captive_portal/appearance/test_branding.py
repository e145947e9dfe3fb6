from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select
from typer.testing import CliRunner

from captive_portal.appearance.branding import (
    INK,
    MOST_LOGO_OCTETS,
    MOST_UPLOADED_OCTETS,
    PAPER,
    PLAIN,
    BrandingError,
    best_contrast,
    brand_of,
    contrast,
    parse_colour,
    read_logo,
    style_of,
    text_on,
    write_branding,
)
from citywifi.cli import app
from foundation.schema import councils, logos, venues
from tests.captive_portal.conftest import City, Client, Phone


def picture(size: tuple[int, int] = (400, 100), form: str = "PNG", mode: str = "RGBA") -> bytes:
    written = io.BytesIO()
    Image.new(mode, size, "#0b5cad").save(written, format=form)
    return written.getvalue()


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#ffffff", "#000000", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#0000ff", "#ffffff", 8.59),
        ("#123456", "#123456", 1),
    ],
)
def test_contrast_is_what_wcag_computes(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(other, one) == contrast(one, other)


@pytest.mark.parametrize(
    ("written", "colour", "text"),
    [("#00539F", "#00539f", PAPER), ("fc0", "#ffcc00", INK), (" #ffffff ", "#ffffff", INK), ("000", "#000000", PAPER)],
)
def test_a_colour_gets_the_text_that_is_easier_to_read(written: str, colour: str, text: str) -> None:
    assert parse_colour(written) == colour
    assert text_on(colour) == text
    assert style_of(colour) == f":root{{--brand:{colour};--on-brand:{text}}}"


def test_a_colour_that_no_text_can_stand_on_is_refused_with_the_nearest_that_it_can() -> None:
    assert best_contrast("#777777") < 4.5
    with pytest.raises(BrandingError, match=r"4\.48 to 1 at most.*nearest colour that does is #767676"):
        parse_colour("#777777")
    assert parse_colour("#767676") == "#767676"


@pytest.mark.parametrize("text", ["", "red", "#12345", "#0000000", "#00539f;}", "url(x)", "#00539f\n}"])
def test_what_is_no_colour_is_refused(text: str) -> None:
    with pytest.raises(BrandingError, match="is not a colour"):
        parse_colour(text)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_logo_becomes_a_small_png_of_our_own_making(form: str) -> None:
    logo = read_logo(picture((2000, 500), form, "RGB"))
    assert (logo.width, logo.height) == (192, 48)
    with Image.open(io.BytesIO(logo.octets)) as shown:
        assert (shown.format, shown.size) == ("PNG", (384, 96))
    assert len(logo.octets) <= MOST_LOGO_OCTETS
    assert logo.path == f"/logos/{logo.digest}.png"
    assert "octets" not in repr(logo)


def test_nothing_but_pixels_of_an_uploaded_picture_is_kept() -> None:
    plain = picture()
    comment = b"tEXtComment\0<script>alert(1)</script>"
    chunk = struct.pack(">I", len(comment) - 4) + comment + struct.pack(">I", zlib.crc32(comment))
    polyglot = plain[:33] + chunk + plain[33:] + b"<html>after the end</html>"
    assert read_logo(polyglot) == read_logo(plain)
    assert b"script" not in read_logo(polyglot).octets


def noise() -> bytes:
    """A picture that no palette makes light."""
    written = io.BytesIO()
    Image.effect_noise((400, 96), 200).convert("RGB").save(written, format="PNG")
    return written.getvalue()


@pytest.mark.parametrize(
    ("uploaded", "reason"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "SVG is not taken"),
        (b"GIF89a", "not a PNG, JPEG or WebP"),
        (b"", "not a PNG"),
        (picture()[:60], "damaged"),
        (picture((5000, 1000)), "5000 × 1000 pixels"),
        (bytes(MOST_UPLOADED_OCTETS + 1), "are the most"),
        (noise(), "use a simpler picture"),
    ],
    ids=["svg", "gif", "nothing", "half a file", "bomb", "too many octets", "noise"],
)
def test_what_is_no_logo_is_refused(uploaded: bytes, reason: str) -> None:
    with pytest.raises(BrandingError, match=reason):
        read_logo(uploaded)


def test_a_venue_shows_its_own_and_for_the_rest_its_councils() -> None:
    logo = read_logo(picture())
    council = write_branding({"name": "Coventry", "colour": "#00539f", "logo": logo})
    brand = brand_of(write_branding({"colour": "#ffcc00"}), council)
    assert (brand.name, brand.colour) == ("Coventry", "#ffcc00")
    assert brand.logo is not None
    assert brand.logo.path == logo.path
    assert brand_of(None, None) == PLAIN
    assert write_branding({}) is None


async def test_a_venues_pages_carry_its_name_colour_and_logo(phone: Phone, client: Client, city: City) -> None:
    logo = read_logo(picture())
    async with city.database.write() as connection:
        await connection.execute(
            councils.update().values(branding=write_branding({"name": "Godiva", "colour": "#00539f"}))
        )
        await connection.execute(venues.update().values(branding=write_branding({"logo": logo})))
        row = {"council_id": city.council_id, "digest": logo.digest, "octets": logo.octets}
        created_at = (await connection.execute(select(councils.c.created_at))).scalar_one()
        await connection.execute(logos.insert().values(**row, created_at=created_at))
    await phone.arrive()
    assert f'<img src="{logo.path}" width="192" height="48" alt="">' in phone.text
    assert "– Godiva WiFi</title>" in phone.text
    assert f"<style>{style_of('#00539f')}</style>" in phone.text
    page = await client.get(phone.path)
    assert page.headers["Content-Security-Policy"].count("'sha256-") == 2
    shown = await client.get(logo.path)
    assert await shown.read() == logo.octets
    assert shown.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert shown.headers["Content-Type"] == "image/png"
    assert (await client.get(f"/logos/{'0' * 32}.png")).status == 404


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With one council."""
    monkeypatch.setenv("CITYWIFI_DATA_DIRECTORY", str(tmp_path / "var"))
    for command in (["database", "prepare"], ["council", "add", "E08000026", "Coventry"]):
        assert CliRunner().invoke(app, command).exit_code == 0
    return tmp_path


def run(*words: str) -> str:
    answer = CliRunner().invoke(app, ["branding", *words])
    assert answer.exit_code == 0, answer.output
    return answer.output


def test_branding_is_set_and_shown_and_taken_back_by_the_command_line(installation: Path) -> None:
    (installation / "logo.png").write_bytes(picture())
    run("set", "--name", "Coventry Free", "--colour", "#00539f", "--logo", str(installation / "logo.png"))
    shown = json.loads(run("show", "--json"))
    assert shown["name"] == "Coventry Free"
    assert (shown["colour"], shown["text"], shown["contrast"]) == ("#00539f", "#ffffff", 7.67)
    assert shown["logo"].startswith("192 × 48, /logos/")
    run("set", "--name", "", "--logo", "")
    assert json.loads(run("show", "--json")) == {**shown, "name": "Coventry", "logo": None}
    assert "#00539f" in run("show")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["set"], "nothing was given"),
        (["set", "--colour", "#777777"], "#767676"),
        (["set", "--logo", "/nowhere/logo.png"], "cannot be read"),
        (["set", "--name", "x" * 61], "60 characters"),
        (["set", "--name", "x", "--venue", "none"], "no venue"),
        (["preview", "out", "--language", "xx"], "no language"),
    ],
    ids=lambda value: "" if isinstance(value, list) else value,
)
def test_what_cannot_be_set_is_refused_with_a_reason(installation: Path, words: list[str], reason: str) -> None:
    answer = CliRunner().invoke(app, ["branding", *words])
    assert answer.exit_code != 0
    assert reason in str(answer.exception)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_a_preview_is_whole_files_and_changes_nothing(installation: Path, language: str) -> None:
    (installation / "logo.png").write_bytes(picture())
    folder = installation / "preview"
    run("preview", str(folder), "--language", language, "--colour", "#ffcc00", "--logo", str(installation / "logo.png"))
    assert sorted(file.name for file in folder.iterdir()) == ["error.html", "online.html", "start.html"]
    html = (folder / "start.html").read_text(encoding="utf-8")
    assert f'lang="{language}"' in html
    assert style_of("#ffcc00") in html
    assert 'src="data:image/png;base64,' in html
    assert json.loads(run("show", "--json"))["colour"] is None
