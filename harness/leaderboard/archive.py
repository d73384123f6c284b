"""A stranger's zip, read without trusting it: known members only, every size bounded."""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import DataError
from harness.stored import (
    MANIFEST,
    MEASURES,
    PAIRS,
    PROMPTS,
    RESULTS,
    SCORES,
    TEXTS,
    VERDICTS,
)

META = "submission.json"
MEMBERS = frozenset(
    {META, MANIFEST, RESULTS, PAIRS, VERDICTS, SCORES, PROMPTS, TEXTS, MEASURES}
)  # fmt: skip
MAX_MEMBERS = 16
MAX_BYTES = 512 << 20  # of all members, unpacked
MAX_RATIO = 200  # unpacked to packed; our own files come to about 20
MAX_LINE = 16 << 20  # a judge's longest answers have some hundred KB
_SLACK = 4096  # a member this small is no bomb whatever its ratio
_MAX_DIRECTORY = 1 << 16
_CHUNK = 1 << 16
_MAX_NAME = 80
_END = struct.Struct("<4s4H2LH")  # the end record of a zip (APPNOTE 4.3.16)
_ZIP64_LOCATOR = 20
_ENCRYPTED, _PATCHED, _STRONG = 0x1, 0x20, 0x40  # bits of a member's flags (APPNOTE 4.4.4)
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class Archive:
    """A zip whose directory has been checked; `sizes` are the unpacked bytes its members claim.

    What is read is bounded by what was claimed, and its CRC checked at the end. Every method
    raises DataError for a member that is not there or does not unpack.
    """

    path: Path
    sizes: Mapping[str, int]

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of a member, some at a time."""
        if name not in self.sizes:
            raise DataError(f"{self.path}: no member {name}")
        with _mended(self.path, name), zipfile.ZipFile(self.path) as opened:
            packed, done = opened.getinfo(name).compress_size, 0
            with opened.open(name) as stream:
                while chunk := stream.read(_CHUNK):
                    done += len(chunk)
                    if done > min(MAX_BYTES, MAX_RATIO * packed + _SLACK):
                        raise DataError(
                            f"{self.path}: member {name} unpacks to over {MAX_RATIO} times its size"
                        )
                    yield chunk
            if done != self.sizes[name]:
                raise DataError(f"{self.path}: member {name} is shorter than it claims")

    def read(self, name: str, limit: int = MAX_LINE) -> bytes:
        """A whole member of at most `limit` bytes."""
        if self.sizes.get(name, 0) > limit:
            raise DataError(f"{self.path}: member {name} has over {limit:,} bytes")
        return b"".join(self.chunks(name))

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a member, each with its newline, none longer than 16 MiB."""
        rest: list[bytes] = []
        held = 0
        for chunk in self.chunks(name):
            first, *others = chunk.split(b"\n")
            rest.append(first)
            held += len(first)
            if held > MAX_LINE:
                raise DataError(f"{self.path}: member {name} has a line over {MAX_LINE:,} bytes")
            for other in others:
                yield b"".join(rest) + b"\n"
                rest, held = [other], len(other)
        if held:
            yield b"".join(rest)


def open_archive(path: Path) -> Archive:
    """Check the directory of a zip; one DataError with everything that is wrong with it.

    Each member is one of MEMBERS, a plain file, there once, stored or deflated, not encrypted:
    so there is no path to follow and no link. At most 16 members and 512 MiB, unpacked to at
    most 200 times their packed size.
    """
    _check_end(path)
    with _mended(path, None), zipfile.ZipFile(path) as opened:
        members = opened.infolist()
    wrong = list(_problems(members))
    if wrong:
        raise DataError("\n".join(f"{path}: {problem}" for problem in wrong))
    return Archive(path, {member.filename: member.file_size for member in members})


def _check_end(path: Path) -> None:
    """DataError where the end of the file is not that of a small zip.

    Before zipfile sees it: that would read a directory of any length into memory.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            stream.seek(max(0, size - _END.size - _ZIP64_LOCATOR))
            tail = stream.read(_END.size + _ZIP64_LOCATOR)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    end = tail[-_END.size :]
    if len(end) < _END.size or not end.startswith(b"PK\x05\x06"):
        raise DataError(f"{path}: not a zip file, or one with something behind its end")
    _, disk, _, _, count, length, offset, comment = _END.unpack(end)
    if tail[: -_END.size].startswith(b"PK\x06\x07") or disk or comment:
        raise DataError(f"{path}: a zip of another make (zip64, several disks or a comment)")
    if count > MAX_MEMBERS:
        raise DataError(f"{path}: {count:,} members, and a submission has at most {MAX_MEMBERS}")
    if length > _MAX_DIRECTORY or offset + length + _END.size != size:
        raise DataError(f"{path}: its directory is too long, or not where it says")
    if size > MAX_BYTES:
        raise DataError(f"{path}: {size:,} bytes, over the {MAX_BYTES:,} a submission may have")


def _problems(members: list[zipfile.ZipInfo]) -> Iterator[str]:
    if len(members) > MAX_MEMBERS:  # the end record may have lied
        yield f"{len(members):,} members, and a submission has at most {MAX_MEMBERS}"
        return
    seen: set[str] = set()
    for member in members:
        name = member.orig_filename
        for problem in _member_problems(member):
            yield f"member {short(name)}: {problem}"
        if name in seen:
            yield f"member {short(name)}: there twice"
        seen.add(name)
    total = sum(member.file_size for member in members)
    if total > MAX_BYTES:
        yield f"unpacks to {total:,} bytes, over the {MAX_BYTES:,} a submission may have"


def _member_problems(member: zipfile.ZipInfo) -> Iterator[str]:
    name, mode = member.orig_filename, member.external_attr >> 16
    if stat.S_ISLNK(mode):
        yield "a link"
    elif member.is_dir() or member.external_attr & 0x10 or stat.S_IFMT(mode) not in (0, 0o100000):
        yield "not a plain file"
    if name.startswith(("/", "\\")) or ":" in name or ".." in name or "\\" in name:
        yield "a path that leads elsewhere"
    elif name not in MEMBERS:
        yield f"not a part of a submission (known: {', '.join(sorted(MEMBERS))})"
    if member.flag_bits & (_ENCRYPTED | _PATCHED | _STRONG):
        yield "encrypted or patched"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        yield "packed by another method than deflate"
    if member.file_size > MAX_RATIO * member.compress_size + _SLACK:
        yield f"claims to unpack to over {MAX_RATIO} times its size"


@contextmanager
def _mended(path: Path, name: str | None) -> Iterator[None]:
    """Turn what zipfile and zlib raise for a broken archive into one DataError."""
    where = f"{path}" if name is None else f"{path}: member {name}"
    try:
        yield
    except _BROKEN as error:
        raise DataError(f"{where}: damaged ({short(str(error))})") from None
    except OSError as error:
        raise DataError(f"{where}: cannot be read ({error.strerror or error})") from None


def short(text: object) -> str:
    """What a stranger wrote, for a message: quoted, no control characters, at most 80 long."""
    quoted = repr(text)
    return quoted if len(quoted) <= _MAX_NAME else quoted[: _MAX_NAME - 1] + "…"
