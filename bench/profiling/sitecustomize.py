"""Python imports this by itself in every process whose PYTHONPATH has this folder: it samples where the time goes.

At each tick of processor time (the kernel's, some milliseconds) the frames of the main thread are noted, which costs
little, so that the picture is true; what a C function takes is counted to the line that called it. Only what an event
loop runs is counted, not the start. ``bench.profile`` reads what is written at the end.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
from collections import Counter
from pathlib import Path
from types import FrameType

FOLDER_VARIABLE = "CITYWIFI_BENCH_PROFILE"
_EVERY_SECONDS = 0.001
_LOOP = "_run_once"

_lines: Counter[str] = Counter()
_functions: Counter[str] = Counter()
_within: Counter[str] = Counter()


def _note(_: int, frame: FrameType | None) -> None:
    frames = []
    while frame is not None and frame.f_code.co_name != _LOOP:
        frames.append(frame)
        frame = frame.f_back
    if frame is None:
        return
    innermost = (frames or [frame])[0]
    _lines[f"{innermost.f_code.co_filename}:{innermost.f_lineno} {innermost.f_code.co_qualname}"] += 1
    _functions[_name(innermost)] += 1
    _within.update({_name(one) for one in frames})


def _name(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename} {frame.f_code.co_qualname}"


def _start(folder: Path) -> None:
    signal.signal(signal.SIGPROF, _note)
    signal.setitimer(signal.ITIMER_PROF, _EVERY_SECONDS, _EVERY_SECONDS)
    atexit.register(_write, folder)


def _write(folder: Path) -> None:
    signal.setitimer(signal.ITIMER_PROF, 0)
    found = {"lines": _lines, "functions": _functions, "within": _within}
    (folder / f"{os.getpid()}.json").write_text(json.dumps(found))


if FOLDER_VARIABLE in os.environ:
    _start(Path(os.environ[FOLDER_VARIABLE]))
