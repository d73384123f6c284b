"""Opening the files of people's judgements: which format, which annotator, none of them twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.data.choice_rows import read_choices
from harness.data.fetch import read_file, sha256_hex
from harness.data.judged import Judged
from harness.data.ranking_rows import read_rankings
from harness.data.rows import decode
from harness.errors import UsageError


@dataclass(frozen=True, slots=True)
class JudgedFile:
    """A file that was read; `annotator` is who judged where a row does not say."""

    path: Path
    sha256: str
    annotator: str
    read: Judged


def open_files(paths: Sequence[Path]) -> list[JudgedFile]:
    """Read each file, as CSV unless it begins as JSON does.

    UsageError for one that is not there, and for two that hold the same or would stand for the
    same annotator; DataError for one that cannot be read as rows.
    """
    files = [
        _read(path, annotator) for path, annotator in zip(paths, _annotators(paths), strict=True)
    ]
    _refuse_twins(files)
    return files


def _annotators(paths: Sequence[Path]) -> list[str]:
    """Who judged a file whose rows do not say; the annotation tool calls all its files alike."""
    shared = Counter(path.stem for path in paths)
    return [
        f"{path.resolve().parent.name}/{path.stem}" if shared[path.stem] > 1 else path.stem
        for path in paths
    ]


def _read(path: Path, annotator: str) -> JudgedFile:
    if not path.is_file():
        raise UsageError(f"{path}: {'a directory' if path.is_dir() else 'no such file'}")
    content = read_file(path)
    json = decode(content, str(path)).lstrip()[:1] in ("[", "{")
    read = (read_rankings if json else read_choices)(content, str(path))
    return JudgedFile(path, sha256_hex(content), annotator, read)


def _refuse_twins(files: Sequence[JudgedFile]) -> None:
    """UsageError where two files hold the same bytes, or would stand for one annotator."""
    sums: dict[str, JudgedFile] = {}
    names: dict[str, JudgedFile] = {}
    for file in files:
        same = sums.setdefault(file.sha256, file)
        if same is not file:
            raise UsageError(f"{file.path}: the same contents as {same.path}; give each file once")
        same = names.setdefault(file.annotator, file)
        if same is not file:
            raise UsageError(
                f"{file.path}: would stand for the annotator {file.annotator!r}, as does "
                f"{same.path}; rename one of them"
            )
