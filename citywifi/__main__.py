"""``python -m citywifi`` is the command ``citywifi``."""

from citywifi.cli import main

main()
