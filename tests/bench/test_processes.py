"""What a tree of processes uses is read from the kernel."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.processes import processor_time, resident_megabytes, seconds_between, tree

_BUSY = "import time\nwhile time.process_time() < 0.2: pass\nprint('done', flush=True)\ninput()"


def test_a_child_counts_with_its_parent() -> None:
    before = processor_time(os.getpid())
    child = subprocess.Popen([sys.executable, "-S", "-c", _BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child:
        child.stdout.readline()
        assert child.pid in tree(os.getpid())
        assert seconds_between(before, processor_time(os.getpid())) >= 0.2
        assert resident_megabytes(os.getpid()) > resident_megabytes(child.pid) > 1
        child.kill()
    assert child.pid not in tree(os.getpid())
