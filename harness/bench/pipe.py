"""A Markdown table of measurements."""

from __future__ import annotations


def pipe_table(rows: list[list[str]], headers: list[str], text: int | None = None) -> str:
    """Markdown; everything is aligned right but the column of text."""
    from tabulate import tabulate

    align = ["left" if column == text else "right" for column in range(len(headers))]
    return tabulate(rows, headers=headers, tablefmt="pipe", colalign=align, disable_numparse=True)
