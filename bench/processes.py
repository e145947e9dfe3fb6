"""What a program and all processes that it started use of the machine (Linux, proc(5))."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_PROCESSES = Path("/proc")
Used = dict[int, int]
"""Nanoseconds of processor time by process."""


def tree(process_id: int) -> set[int]:
    """The process and its descendants that live now."""
    children: dict[int, list[int]] = {}
    for folder in _PROCESSES.glob("[0-9]*"):
        parent = _parent(folder)
        if parent is not None:
            children.setdefault(parent, []).append(int(folder.name))
    found, waiting = set(), [process_id]
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting += children.get(one, ())
    return found


def processor_time(process_id: int) -> Used:
    """What each process of the tree has used so far, all its threads together (scheduler statistics)."""
    return {one: _nanoseconds(one) for one in tree(process_id)}


def seconds_between(before: Used, after: Used) -> float:
    """Processor seconds from one reading to the next; what began in between counts from its beginning."""
    return sum(max(0, used - before.get(one, 0)) for one, used in after.items()) / 1e9


def resident_megabytes(process_id: int) -> float:
    """Memory of the tree; what its processes share counts once (proportional set size)."""
    return sum(_proportional_kilobytes(one) for one in tree(process_id)) / 1000 * 1.024


def _parent(folder: Path) -> int | None:
    try:
        # The name of the program stands in brackets and may hold anything.
        return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return None


def _nanoseconds(process_id: int) -> int:
    used = 0
    for task in _listed(_PROCESSES / str(process_id) / "task"):
        try:
            used += int((task / "schedstat").read_text().split()[0])
        except (OSError, IndexError):
            continue  # it ended meanwhile
    return used


def _listed(folder: Path) -> Iterable[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return ()


def _proportional_kilobytes(process_id: int) -> int:
    try:
        lines = (_PROCESSES / str(process_id) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
