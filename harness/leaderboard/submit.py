"""Packs a finished run into one file of a board, with metadata that nobody has to type."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Literal

from harness.errors import DataError, UsageError
from harness.leaderboard.archive import MAX_BYTES, META, short
from harness.leaderboard.boards import Board
from harness.leaderboard.entries import PARTS, Kind, at
from harness.records import canonical
from harness.spec_files import load_any
from harness.specs import AnyTask, TaskSpec, WritingSpec
from harness.store import slug, writing
from harness.stored import MANIFEST, RESULTS, read_results

_UNSAID = ("raw", "reasoning")  # what --no_raw leaves out of every line
_DATE = (1980, 1, 1, 0, 0, 0)  # the first a zip can have: the same run gives the same bytes
_MODE = 0o100644 << 16
_LOCAL = ("hf", "vllm", "likelihood")  # backends that read weights from a folder of this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the run does not know of itself; null where nobody said."""

    contact: str | None = None
    license: str | None = None
    trained_on_test: Literal["yes", "no", "unknown"] | None = None
    raw: bool = True


@dataclass(frozen=True, slots=True)
class Packed:
    """A submission on disk, and what its submitter should know."""

    path: Path
    notices: tuple[str, ...]


def board_task(board: Board) -> AnyTask:
    """The task a board ranks."""
    task = load_any("tasks", board.spec.task, (TaskSpec, WritingSpec), "task")
    assert isinstance(task, TaskSpec | WritingSpec)
    return task


def submission_path(run: Path, board: Board) -> Path:
    """Where a finished run goes: <model-slug>-<8 hex of identity>.zip, "arena-" before an arena."""
    manifest, results = read_results(run)
    before = "arena-" if results.get("kind") == "arena" else ""
    model = slug(str(at(results, "model", "name")))
    name = f"{before}{model}-{str(manifest['identity_sha256'])[:8]}.zip"
    return board.folder / "submissions" / name


def pack(run: Path, board: Board, about: About, *, path: Path | None = None) -> Packed:
    """Write a run as one file: to `path`, where it need not be fit for the board, else among the
    board's submissions. DataError where the run is not finished or the board cannot take it."""
    manifest, results = read_results(run)
    task = board_task(board)
    kind = _kind(run, board, task, results)
    unfit = list(refusals(task, manifest, results))
    if unfit and path is None:
        raise DataError(
            f"{run}: board {board.spec.name} cannot take it: {'; '.join(unfit)}. --out FILE packs "
            "it all the same, to be verified by itself"
        )
    needed, optional = PARTS[kind]
    if lost := [name for name in needed if not (run / name).is_file()]:
        raise DataError(f"{run}: no {', '.join(lost)}; run the same command again with --fresh")
    names = [MANIFEST, RESULTS, *needed, *(name for name in optional if (run / name).is_file())]
    sums = {name: _sum(_part(run, name, about.raw)) for name in names}
    if sum(one["bytes"] for one in sums.values()) > MAX_BYTES:
        raise DataError(f"{run}: over {MAX_BYTES >> 20} MiB; --no_raw leaves the answers out")
    meta = {
        "schema": 1,
        "board": board.spec.name,
        "kind": kind,
        "parts": sums,
        "raw": about.raw,
        "contact": about.contact,
        "license": about.license,
        "trained_on_test": about.trained_on_test,
        "harness": version("writing-harness"),
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    path = path or submission_path(run, board)
    _write(path, run, sorted([*names, META]), meta, about.raw)
    return Packed(path, tuple(_notices(results, unfit)))


def _kind(run: Path, board: Board, task: AnyTask, results: Mapping[str, Any]) -> Kind:
    """What was run, if the board ranks it at all."""
    kind = results.get("kind")
    fits: tuple[Kind, ...] = ("preference",) if task.kind == "preference" else ("writing", "arena")
    for one in fits:
        if kind == one and task.name in tasks_of(results):
            return one
    done = " and ".join(sorted(map(str, tasks_of(results)))) or "people's choices"
    raise UsageError(
        f"{run}: a run of kind {kind} of {done}; board {board.spec.name} takes "
        f"{' or '.join(fits)} runs of {task.name}"
    )


def tasks_of(results: Mapping[str, Any]) -> set[Any]:
    """The task of a run; of an arena those of its players."""
    if results.get("kind") != "arena":
        return {results.get("task")}
    return {at(run, "task") for player in results.get("players") or () for run in player["runs"]}


def refusals(
    task: AnyTask, manifest: Mapping[str, Any], results: Mapping[str, Any]
) -> Iterator[str]:
    """Why a run cannot stand beside others on a board of its task.

    Data of one's own is taken where the task pins none: the demo boards are there to try it.
    """
    if results.get("kind") == "arena":
        yield from _arena_refusals(task, results)
        return
    data, pinned = results["data"], task.source.sha256
    if pinned is not None and data["replaced"]:
        yield "it was made with --data"
    elif pinned is not None and data["sha256"] != pinned:
        yield f"its data are {data['sha256'][:8]}…, the task's are {pinned[:8]}…"
    if data["left_out"]:
        yield f"{data['left_out']:,} of the file were left out (--limit or --genres)"
    if data["dropped_rows"]:
        yield f"{data['dropped_rows']:,} bad rows were dropped"
    genre_map = at(manifest, "settings", "genre_map")
    if genre_map not in (None, task.genres):
        yield f"its genres are those of {short(genre_map)}, the task's are {task.genres}"


def _arena_refusals(task: AnyTask, results: Mapping[str, Any]) -> Iterator[str]:
    for player in results["players"]:
        own = [run for run in player["runs"] if run["task"] == task.name]
        if not own:
            yield f"player {short(player['name'])} has no run of {task.name}"
        for run in own:
            if task.source.sha256 not in (None, run["data_sha256"]):
                yield f"player {short(player['name'])} wrote for other data than the task's"


def _notices(results: Mapping[str, Any], unfit: list[str]) -> Iterator[str]:
    if unfit:
        yield f"not fit for the board: {'; '.join(unfit)}"
    model = results.get("model") or {}
    if model.get("backend") in _LOCAL and model.get("revision") is None:
        yield (
            "a checkpoint of your own: its identity has the sum of its headers and of samples of "
            "its weights, not of every byte (weights_sha256 is null)"
        )


def _part(run: Path, name: str, raw: bool) -> Iterator[bytes]:
    """The bytes of a part; without `raw` its lines have neither answers nor thoughts."""
    with (run / name).open("rb") as stream:
        if raw or not name.endswith(".jsonl"):
            while chunk := stream.read(1 << 20):
                yield chunk
            return
        for line in stream:
            fields = json.loads(line)
            unsaid = {key: None for key in _UNSAID if key in fields}
            yield canonical(fields | unsaid).encode() + b"\n"


def _sum(chunks: Iterator[bytes]) -> dict[str, Any]:
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    return {"sha256": digest.hexdigest(), "bytes": size}


def _write(path: Path, run: Path, names: list[str], meta: dict[str, Any], raw: bool) -> None:
    """The zip, whole or not at all; names sorted and no times, so that it can be made again."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with writing(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as packed:
                for name in names:
                    with _member(packed, name) as stream:
                        text = json.dumps(meta, ensure_ascii=False, sort_keys=True, indent=1)
                        own = [text.encode() + b"\n"] if name == META else _part(run, name, raw)
                        for chunk in own:
                            stream.write(chunk)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _member(packed: zipfile.ZipFile, name: str) -> IO[bytes]:
    member = zipfile.ZipInfo(name, _DATE)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = _MODE
    member.create_system = 3
    return packed.open(member, "w")
