"""The command line: `wasup --help`."""

from wasup.cli.main import app, main

__all__ = ["app", "main"]
