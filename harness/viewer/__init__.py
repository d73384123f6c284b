"""One page to read what happened in a run: texts, verdicts, answers; no network, no server."""

from harness.viewer.choose import view_page

__all__ = ["view_page"]
