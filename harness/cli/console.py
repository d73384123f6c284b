"""Draws progress on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import atexit
import sys
import time
from typing import Any

import click

_BAR_SECONDS = 1.0  # work shorter than this draws no bar
_FIRST_SECONDS = 5.0  # until the first line in a log file or a pipe
_PLAIN_SECONDS = 10.0  # from each of them to the next


class Console:
    """The Progress of the command line."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._what, self._unit, self._total, self._done = "", "", 0, 0
        self._tokens = 0
        self._began = self._next = 0.0
        self._bar: Any = None  # rich is imported only once there is something to draw

    def notice(self, message: str) -> None:
        click.echo(message, err=True)

    def start(self, what: str, total: int, unit: str) -> None:
        self.finish()
        self._what, self._unit, self._total, self._done = what, unit, total, 0
        self._tokens = 0
        self._began = time.monotonic()
        self._next = self._began + _FIRST_SECONDS

    def advance(self, n: int, *, tokens: int = 0) -> None:
        self._done += n
        self._tokens += tokens
        now = time.monotonic()
        if self._terminal:
            if now - self._began >= _BAR_SECONDS:
                self._draw()
        elif now >= self._next and self._done < self._total:
            self._next = now + _PLAIN_SECONDS
            rate = self._done / (now - self._began)
            left = (self._total - self._done) / rate if rate else 0.0
            self.notice(
                f"{self._what}: {self._done:,}/{self._total:,} {self._unit}, "
                f"{self._rate(now)}, {left:.0f} s left"
            )

    def _rate(self, now: float) -> str:
        """Units a second, or seconds a unit where it takes long; tokens a second beside it."""
        seconds = now - self._began
        rate = self._done / seconds
        text = f"{rate:,.0f}/s" if rate >= 2 or not rate else f"{1 / rate:,.1f} s each"
        return f"{text}, {self._tokens / seconds:,.0f} tokens/s" if self._tokens else text

    def finish(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _draw(self) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        if self._bar is None:
            from rich.console import Console as RichConsole

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[unit]} {task.fields[rate]}"),
                TimeRemainingColumn(),
                console=RichConsole(stderr=True),
                transient=True,
            )
            self._bar.add_task(self._what, total=self._total, unit=self._unit, rate="")
            self._bar.start()
            atexit.register(self.finish)  # an interrupted run gives the cursor back
        rate = self._rate(time.monotonic())
        self._bar.update(self._bar.task_ids[0], completed=self._done, rate=rate)
