"""Install CityWiFi with the compiled packet path into a folder: ``python -m tools.compiled_install FOLDER``.

The checkout stays pure Python. Whatever is to run compiled gets the folder before the checkout:

    PYTHONSAFEPATH=1 PYTHONPATH=FOLDER:. .venv/bin/python -m bench codec

``PYTHONSAFEPATH`` keeps Python from looking into the current directory first. Dependencies are the environment's. The
exit status is 1 where that cannot be compiled; standard error says why.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.build_backend import why_pure

_CHECKOUT = Path(__file__).parents[1]
_FILES = ("LICENSE", "README.md", "pyproject.toml", "setup.py")
_FOLDERS = ("captive_portal", "citywifi", "foundation", "monitoring", "radius", "tools")


def copy_sources(folder: Path) -> None:
    """Copy what a wheel is made of, so that a build leaves nothing in the checkout."""
    for name in _FILES:
        shutil.copy(_CHECKOUT / name, folder)
    for name in _FOLDERS:
        shutil.copytree(_CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))


def install(folder: Path, optimisation: int = 2) -> None:
    """Replace what is in the folder; ``optimisation`` is the C compiler's, 0 to 3.

    Raises subprocess.CalledProcessError with pip's words in ``stderr``.
    """
    with TemporaryDirectory() as source:
        copy_sources(Path(source))
        shutil.rmtree(folder, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
        command += ["--no-deps", "--no-build-isolation", "--target", str(folder.resolve()), "."]
        environment = {**os.environ, "CITYWIFI_OPTIMISATION": str(optimisation)}
        subprocess.run(command, cwd=source, env=environment, check=True, capture_output=True, text=True)


def main(arguments: list[str]) -> int:
    """The command."""
    if len(arguments) != 1:
        print("usage: python -m tools.compiled_install FOLDER", file=sys.stderr)
        return 2
    reason = why_pure()
    if reason:
        print(f"the packet path cannot be compiled: {reason}", file=sys.stderr)
        return 1
    try:
        install(Path(arguments[0]))
    except subprocess.CalledProcessError as error:
        print(f"the packet path could not be compiled:\n{error.stdout}{error.stderr}", file=sys.stderr)
        return 1
    print(f"compiled; use it with PYTHONSAFEPATH=1 PYTHONPATH={arguments[0]}:.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
