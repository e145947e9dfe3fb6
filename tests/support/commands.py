"""The command line is put together once in a process.

Typer's runner reads the annotations of every command anew each time that one is invoked, which takes longer than what
most of them do.
"""

from __future__ import annotations

from functools import cache

from typer import testing

# Its runner takes no command that is there already.
testing._get_command = cache(testing._get_command)  # type: ignore[attr-defined]  # it is Typer's own
