"""The command line: one small file a verb, imported when the verb is used."""

from harness.cli.main import main

__all__ = ["main"]
