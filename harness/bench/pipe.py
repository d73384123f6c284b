"""A Markdown table of measurements."""

from __future__ import annotations


def pipe_table(
    rows: list[list[str]], headers: list[str], text: int | tuple[int, ...] | None = None
) -> str:
    """Markdown; everything is aligned right but the columns of text."""
    from tabulate import tabulate

    left = (text,) if isinstance(text, int) else text or ()
    align = ["left" if column in left else "right" for column in range(len(headers))]
    return tabulate(rows, headers=headers, tablefmt="pipe", colalign=align, disable_numparse=True)
