"""The command `doorkeeper`. Exit codes: 0 fine, 1 failed while running (or denied), 2 wrong input."""

from proxy.cli.main import main

__all__ = ["main"]
