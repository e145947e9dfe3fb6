"""Terms as the council wrote them, in blocks that a page can show.

The text is plain: an empty line ends a paragraph, a line that begins with ``#`` is a heading, lines that begin with
``-`` or ``*`` are a list. Nothing else in it has a meaning, so it cannot carry markup into a page.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """A ``heading``, ``paragraph`` or ``list`` with its lines of text."""

    kind: str
    lines: tuple[str, ...]


def read_blocks(text: str) -> list[Block]:
    """The text's blocks in their order."""
    blocks: list[Block] = []
    open_kind = ""
    for line in [*text.splitlines(), ""]:
        kind, content = _read_line(line.strip())
        if kind and kind == open_kind and kind != "heading":
            last = blocks.pop()
            joined = (*last.lines, content) if kind == "list" else (f"{last.lines[0]} {content}",)
            blocks.append(Block(kind, joined))
        elif kind:
            blocks.append(Block(kind, (content,)))
        open_kind = kind
    return blocks


def _read_line(line: str) -> tuple[str, str]:
    if not line:
        return "", ""
    if line.startswith("#"):
        return "heading", line.lstrip("#").strip()
    if line.startswith(("- ", "* ")):
        return "list", line[2:].strip()
    return "paragraph", line
