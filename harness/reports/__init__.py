"""Turns stored results into tables: for the terminal, Markdown, CSV and JSON."""

from harness.reports.summary import render_run, write_report

__all__ = ["render_run", "write_report"]
