"""A data file that is read more than once, and must not change between."""

from __future__ import annotations

import hashlib
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.data.lines import begins_as_list
from harness.errors import DataError

LARGE = 16 << 20  # bytes from which on a JSONL stays in its file
_BLOCK = 1 << 20


class StillFile:
    """An open file; every read tells whether it was changed since it was opened.

    A file that is replaced by another of its name stays what it was: the open one is read on.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._fd = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise DataError(f"{path}: {error.strerror or error}") from None
        self._close = weakref.finalize(self, os.close, self._fd)
        self._stamp = self._now()
        self.size = self._stamp[0]

    def _now(self) -> tuple[int, int]:
        status = os.fstat(self._fd)
        return status.st_size, status.st_mtime_ns

    def check(self) -> None:
        """DataError where the file is no longer what it was when it was opened."""
        if self._now() != self._stamp:
            raise self._changed()

    def _changed(self) -> DataError:
        return DataError(
            f"{self.path}: changed while it was being read; leave it alone until the run is over, "
            "and start the same command again"
        )

    def lines(self) -> Iterator[bytes]:
        """Every line with its newline, from the beginning."""
        with self._told(), self.path.open("rb", buffering=_BLOCK) as stream:
            if not os.path.samestat(os.fstat(stream.fileno()), os.fstat(self._fd)):
                raise self._changed()  # another file of that name
            yield from stream
        self.check()

    def sha256(self) -> str:
        """That of its bytes."""
        digest = hashlib.sha256()
        for block in self.blocks():
            digest.update(block)
        return digest.hexdigest()

    def blocks(self) -> Iterator[bytes]:
        """All bytes, a block at a time."""
        for start in range(0, self.size, _BLOCK):
            yield self.read(start, min(_BLOCK, self.size - start))

    def read(self, start: int, size: int) -> bytes:
        """Bytes of the file; may be called from several threads at once."""
        with self._told():
            found = os.pread(self._fd, size, start)
            while len(found) < size:
                more = os.pread(self._fd, size - len(found), start + len(found))
                if not more:
                    break
                found += more
        self.check()
        return found

    @contextmanager
    def _told(self) -> Iterator[None]:
        """A disk that fails is told as such."""
        try:
            yield
        except OSError as error:
            raise DataError(f"{self.path}: {error.strerror or error}") from None


def large_jsonl(path: Path) -> StillFile | None:
    """A regular file of LARGE bytes or more that is no JSON list, opened; None for any other."""
    if not path.is_file() or path.stat().st_size < LARGE:
        return None
    file = StillFile(path)
    return None if begins_as_list(file.blocks()) else file
