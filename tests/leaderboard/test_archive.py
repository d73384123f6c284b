"""Archives of strangers: what is not a plain, small zip of known members is refused unread."""

from __future__ import annotations

import random
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from harness.errors import DataError
from harness.leaderboard.archive import MAX_MEMBERS, MEMBERS, open_archive


def one(path: Path, name: str, content: bytes = b"{}", **changes: object) -> Path:
    """A zip with one member whose entry is changed."""
    member = zipfile.ZipInfo(name)
    member.compress_type = zipfile.ZIP_DEFLATED
    for key, value in changes.items():
        setattr(member, key, value)
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr(member, content)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "one.zip"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../results.json", "a path that leads elsewhere"),
        ("/etc/passwd", "a path that leads elsewhere"),
        ("..\\results.json", "a path that leads elsewhere"),
        ("C:results.json", "a path that leads elsewhere"),
        ("inner/", "not a plain file"),
        ("inner.zip", "not a part of a submission"),
        ("a/results.json", "not a part of a submission"),
        ("\x1b[31mred", "'\\x1b[31mred'"),
    ],
)
def test_a_member_is_known_by_name_or_refused(path: Path, name: str, said: str) -> None:
    with pytest.raises(DataError) as raised:
        open_archive(one(path, name))
    assert said in str(raised.value)


def test_a_link_is_refused(path: Path) -> None:
    link = one(path, "results.json", b"/etc/passwd", external_attr=(stat.S_IFLNK | 0o777) << 16)
    with pytest.raises(DataError, match="a link"):
        open_archive(link)


def test_a_name_that_stands_twice_is_refused(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("results.json", b"{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            opened.writestr("results.json", b"[]")
    with pytest.raises(DataError, match="there twice"):
        open_archive(path)


def test_encryption_and_other_methods_are_refused(path: Path) -> None:
    with pytest.raises(DataError, match="another method"):
        open_archive(one(path, "results.json", compress_type=zipfile.ZIP_LZMA))
    content = bytearray(one(path, "results.json").read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match="encrypted"):
        open_archive(path)


def test_a_bomb_is_refused_before_it_is_unpacked(path: Path) -> None:
    with pytest.raises(DataError, match="over 200 times its size"):
        open_archive(one(path, "verdicts.jsonl", b" " * 20_000_000))


def claim(path: Path, size: int) -> Path:
    """A zip whose one member says that it is `size` bytes long, in both of its headers."""
    content = bytearray(one(path, "results.json", bytes(range(256)) * 40).read_bytes())
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = content.index(mark) + offset
        content[place : place + 4] = struct.pack("<L", size)
    path.write_bytes(bytes(content))
    return path


def test_a_claim_of_a_gigabyte_is_refused(path: Path) -> None:
    with pytest.raises(DataError, match=r"unpacks to 1,073,741,824 bytes"):
        open_archive(claim(path, 1 << 30))


def test_a_member_is_never_read_beyond_its_claim(path: Path) -> None:
    archive = open_archive(claim(path, 100))
    with pytest.raises(DataError, match="damaged"):
        archive.read("results.json")


def test_a_damaged_member_is_told(path: Path) -> None:
    content = bytearray(one(path, "results.json", compress_type=zipfile.ZIP_STORED).read_bytes())
    content[content.index(b"{}")] = ord("[")
    path.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"results\.json: damaged"):
        open_archive(path).read("results.json")


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip" * 100, b"PK\x05\x06" + b"\0" * 30])
def test_what_is_no_zip_is_told_so(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(DataError, match="not a zip file"):
        open_archive(path)


def test_a_directory_of_many_members_is_refused_before_it_is_read(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as opened:
        for number in range(MAX_MEMBERS + 1):
            opened.writestr(f"{number}", b"")
    with pytest.raises(DataError, match="17 members"):
        open_archive(path)


def test_something_before_or_behind_the_zip_is_refused(path: Path) -> None:
    content = one(path, "results.json").read_bytes()
    path.write_bytes(b"#!/bin/sh\n" + content)
    with pytest.raises(DataError, match="not where it says"):
        open_archive(path)
    path.write_bytes(content + b"more")
    with pytest.raises(DataError, match="behind its end"):
        open_archive(path)


def test_everything_wrong_with_a_directory_is_told_at_once(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as opened:
        opened.writestr("../a", b"")
        opened.writestr("b", b"")
    with pytest.raises(DataError) as raised:
        open_archive(path)
    assert len(str(raised.value).splitlines()) == 2


def test_lines_come_whole_whatever_the_chunks(path: Path) -> None:
    noise = random.Random(0)
    lines = [noise.randbytes(number * 350).hex().encode() + b"\n" for number in range(200)]
    archive = open_archive(one(path, "pairs.jsonl", b"".join(lines)))
    assert list(archive.lines("pairs.jsonl")) == lines


def test_every_part_of_a_submission_may_be_there(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as opened:
        for name in MEMBERS:
            opened.writestr(name, b"{}\n")
    assert set(open_archive(path).sizes) == MEMBERS
