"""Files written whole or not at all, and what a killed process left of a line cut off."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import HarnessError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn a full disk or a closed door into one clear message."""
    try:
        yield
    except OSError as error:
        raise HarnessError(f"{path}: cannot write: {error.strerror or error}") from error


def write_atomic(path: Path, text: str | Iterable[str]) -> None:
    """Write a file whole or not at all; a long one in pieces."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with writing(path):
        try:
            with temporary.open("w", encoding="utf-8") as stream:
                stream.writelines([text] if isinstance(text, str) else text)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def cut_torn_line(path: Path) -> bool:
    """Truncate a file after its last newline; True where something was cut."""
    with writing(path), path.open("rb+") as stream:
        size = end = stream.seek(0, os.SEEK_END)
        while end:
            begin = max(0, end - 65536)
            stream.seek(begin)
            newline = stream.read(end - begin).rfind(b"\n")
            if newline >= 0:
                end = begin + newline + 1
                break
            end = begin
        if end == size:
            return False
        stream.truncate(end)
        return True
