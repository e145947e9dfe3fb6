"""Every command in the documentation is one that works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from citywifi.cli import app

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`((?:citywifi|make|python -m) [^`]+)`")
_LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


def lines_in(page: Path) -> list[str]:
    text = page.read_text()
    blocks = [line for _, block in _BLOCK.findall(text) for line in block.splitlines()]
    return [*blocks, *_INLINE.findall(text)]


def commands(program: str) -> list[str]:
    return sorted({line for page in PAGES for line in lines_in(page) if line.startswith(f"{program} ")})


def subcommand(line: str) -> list[str]:
    """The words that choose a command: ``import venues`` of ``citywifi import venues FILE``."""
    words = []
    for word in line.split()[1:]:
        if not re.fullmatch(r"[a-z-]+", word) or word.startswith("-"):
            break
        words.append(word)
    return words


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "CITYWIFI_DATA_DIRECTORY": str(folder / "var")}
    return subprocess.run(
        [sys.executable, "-m", "citywifi", *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("line", commands("citywifi"))
def test_a_command_that_a_page_names_exists(line: str) -> None:
    answer = CliRunner().invoke(app, [*subcommand(line), "--help"])
    assert answer.exit_code == 0, answer.output


@pytest.mark.parametrize("line", commands("make"))
def test_a_target_that_a_page_names_exists(line: str) -> None:
    target = line.split()[1]
    assert re.search(rf"^{target}:", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_links_to_is_there(page: Path) -> None:
    missing = [target for target in _LINK.findall(page.read_text()) if not (page.parent / target).exists()]
    assert missing == []


def test_the_operators_steps_lead_to_an_installation(tmp_path: Path) -> None:
    for language in ("en", "cy"):
        (tmp_path / f"terms.{language}.txt").write_text("Be kind.")
    blocks = _BLOCK.findall((REPOSITORY / "docs" / "operators.md").read_text())
    steps = [line for kind, block in blocks if kind == "sh" for line in block.splitlines()]
    assert len(steps) >= 4
    for step in steps:
        answer = run(step.split()[1:], tmp_path)
        # The doctor still misses access equipment, which no city has at this point.
        assert answer.returncode == (1 if "doctor" in step else 0), f"{step}: {answer.stderr}"
