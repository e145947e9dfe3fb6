"""Simulated residents read their codes from the demo's outbox, as the portal writes it."""

from __future__ import annotations

from pathlib import Path

from captive_portal.ways_in import mail
from citywifi.replay.outbox import Outbox
from foundation.settings import load_settings


async def send(folder: Path, address: str, code: str) -> None:
    settings = load_settings(demo=True, data_directory=folder)
    await mail.send(mail.code_message("wifi@example.org", address, code, "Coventry", 15), settings)


async def test_the_newest_code_for_an_address_is_found(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    await send(tmp_path, "a@example.org", "111111")
    await send(tmp_path, "b@example.org", "222222")
    await send(tmp_path, "a@example.org", "333333")
    assert await outbox.code_for("a@example.org", 1) == "333333"
    assert await outbox.code_for("b@example.org", 1) == "222222"


async def test_a_code_that_was_forgotten_or_never_came_is_not_waited_for_in_vain(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    assert await outbox.code_for("a@example.org", 0) is None
    await send(tmp_path, "a@example.org", "111111")
    outbox.forget("a@example.org")
    assert await outbox.code_for("a@example.org", 0) is None


async def test_a_half_written_mail_is_read_when_it_is_whole(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox")
    await send(tmp_path, "a@example.org", "111111")
    (file,) = (tmp_path / "outbox").glob("*.eml")
    whole = file.read_bytes()
    file.write_bytes(whole[:60])
    assert await outbox.code_for("a@example.org", 0) is None
    file.write_bytes(whole)
    assert await outbox.code_for("a@example.org", 0) == "111111"
