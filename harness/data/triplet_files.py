"""The rows of a training file: a JSON list, JSONL read line by line, or Parquet."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from harness.data.fetch import read_file
from harness.data.rows import Row, decode, parse_rows
from harness.errors import DataError, MissingExtra
from harness.progress import Progress

_SPACE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"
_HEAD = 4096
_MEGABYTE = 1_000_000
_BATCH = 1024


def read_rows(path: Path, *, columns: Collection[str], progress: Progress) -> list[Row]:
    """All rows of a file, in order; lines that are not JSON come as rows with a problem.

    Parquet is told by its name or first bytes, a JSON list by its bracket. Of Parquet only the
    `columns` are read, every other one is null. JSONL is parsed as it is read, so that of a large
    file no second copy is held. Raises DataError for what spoils the whole file (as `parse_rows`
    does), MissingExtra for Parquet without its library.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from None
    if path.suffix.lower() == ".parquet" or head.startswith(b"PAR1"):
        return _parquet_rows(path, columns, progress)
    first = head.removeprefix(_BOM).lstrip(_SPACE)[:1]
    if first == b"[" or not first:
        return parse_rows(read_file(path), str(path))
    return _line_rows(path, progress)


def _line_rows(path: Path, progress: Progress) -> list[Row]:
    rows: list[Row] = []
    done = 0
    progress.start(f"reading {path.name}", path.stat().st_size // _MEGABYTE, "MB")
    with path.open("rb") as file:
        for line_number, line in enumerate(file, 1):
            done += len(line)
            if done >= _MEGABYTE:
                progress.advance(done // _MEGABYTE)
                done %= _MEGABYTE
            stripped = (line.removeprefix(_BOM) if line_number == 1 else line).strip(_SPACE)
            if stripped:
                rows.append(_line_row(stripped, len(rows) + 1, line_number, str(path)))
    progress.finish()
    if not any(isinstance(row.value, dict) for row in rows):
        return parse_rows(read_file(path), str(path))  # no JSONL at all: it says what else
    return rows


def _line_row(line: bytes, number: int, line_number: int, name: str) -> Row:
    """A line as the only element of a list: of one value, with the checks every file gets."""
    where = f"{name}, line {line_number:,}"
    place = f"row {number}" + (f" (line {line_number})" if line_number != number else "")
    try:
        found = parse_rows(b"[" + line + b"]", where)
    except DataError:
        found = []
    if len(found) == 1:
        return Row(number, place, found[0].value)
    decode(line, where)  # says more about bytes that are no UTF-8
    problem = parse_rows(b"{}\n" + line, where)[-1].problem
    return Row(number, place, None, problem or "several values")


def _parquet_rows(path: Path, columns: Collection[str], progress: Progress) -> list[Row]:
    try:
        import pyarrow as pa  # type: ignore[import-untyped]
        import pyarrow.parquet as pq  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtra("reading Parquet", "train") from None
    rows: list[Row] = []
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            others = dict.fromkeys(name for name in names if name not in columns)
            kept = [name for name in names if name in columns]
            total = file.metadata.num_rows
            if not kept:
                return [Row(n, f"row {n}", dict(others)) for n in range(1, total + 1)]
            progress.start(f"reading {path.name}", total, "rows")
            for batch in file.iter_batches(batch_size=_BATCH, columns=kept):
                for value in batch.to_pylist():
                    number = len(rows) + 1
                    rows.append(Row(number, f"row {number}", others | value))
                progress.advance(batch.num_rows)
            progress.finish()
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: cannot be read as Parquet: {reason}") from None
    if not rows:
        raise DataError(f"{path}: the file holds no rows")
    return rows
