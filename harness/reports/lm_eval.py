"""A finished run in the layout of lm-eval's output: results_*.json and samples_*.jsonl."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import UsageError
from harness.metrics.accuracy import pair_values
from harness.metrics.table import BoolArray, FloatArray, IntArray
from harness.reports.lm_eval_rows import generation_kwargs, pair_samples, sha256_text, text_samples
from harness.reports.runs import run_results
from harness.stored import FinishedRun, FinishedWriting, read_run, read_writing

_NO_STDERR = "N/A"  # lm-eval's word for it
_RENAMED = {"accuracy": "acc", "accuracy_half": "acc_half"}
_BETTER = {"acc": True, "acc_half": True}


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file of lm-eval's output: its path below the output folder, and its text in pieces."""

    path: Path
    text: Iterable[str]


def lm_eval_files(folder: Path, stamp: str) -> tuple[OutputFile, ...]:
    """The two files of a finished run, as lm-eval 0.4.13 lays them out.

    `stamp` stands in both names: an ISO time with "-" for ":", and no "_". `acc` is our
    `accuracy`, `acc_half` our `accuracy_half`; other numbers keep their names. A `_stderr` is
    lm-eval's (of independent samples), and "N/A" where a number is no mean over samples. What the
    run does not know is left out or null. DataError for what does not hold.
    """
    writes = run_results(folder).get("kind") == "writing"
    run: FinishedRun | FinishedWriting = read_writing(folder) if writes else read_run(folder)
    model = _file_name(str(run.results["model"]["name"]))
    task = _file_name(str(run.results["task"]))
    results = json.dumps(_document(run), indent=2, ensure_ascii=False, allow_nan=False)
    return (
        OutputFile(Path(model) / f"results_{stamp}.json", (results,)),
        OutputFile(Path(model) / f"samples_{task}_{stamp}.jsonl", _lines(run)),
    )


def without_arenas(folders: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The runs among finished folders, and a line for each arena.

    UsageError where there is no run.
    """
    arenas = [folder for folder in folders if run_results(folder).get("kind") == "arena"]
    why = "an arena, and lm-eval's output has no place for matches of two models"
    if len(arenas) == len(folders):
        raise UsageError(f"{folders[0]}: {why}; --format json shows it")
    return (
        [folder for folder in folders if folder not in arenas],
        [f"{folder}: {why}; left out" for folder in arenas],
    )


def _file_name(name: str) -> str:
    """As lm-eval makes a folder of a model's name; "." and ".." are none."""
    found = re.sub(r"[\"<>:/|\\?*\[\]]+", "__", name)
    return found if found.strip(".") else "__"


def _samples(run: FinishedRun | FinishedWriting) -> Iterator[dict[str, Any]]:
    return text_samples(run) if isinstance(run, FinishedWriting) else pair_samples(run)


def _lines(run: FinishedRun | FinishedWriting) -> Iterator[str]:
    for sample in _samples(run):
        yield json.dumps(sample, ensure_ascii=False, allow_nan=False) + "\n"


@dataclass(frozen=True, slots=True)
class _Columns:
    """What the numbers need of N samples: `genre` (N,) codes into `genres`, the hash of all lines
    where their prompts are known, and values (N,) by metric, nan where a sample has none."""

    genres: Sequence[str]
    genre: IntArray
    values: Mapping[str, FloatArray]
    sha256: str | None


def _columns(run: FinishedRun | FinishedWriting) -> _Columns:
    if isinstance(run, FinishedRun):
        # from the tables: there may be a million pairs
        strict, half = (pair_values(run.pairs, run.verdicts, tie=tie) for tie in (0.0, 0.5))
        values = {"acc": strict, "acc_half": half}
        return _Columns(run.pairs.genres, run.pairs.genre, values, None)
    samples = list(text_samples(run))
    genres, genre = np.unique([one["doc"]["genre"] for one in samples], return_inverse=True)
    names = dict.fromkeys(name for one in samples for name in one["metrics"])
    found = {name: np.array([one.get(name, np.nan) for one in samples]) for name in names}
    parts = [one[f"{what}_hash"] for one in samples for what in ("doc", "prompt", "target")]
    known = None not in parts
    sha256 = sha256_text("".join(map(str, parts))) if known else None
    return _Columns(genres.tolist(), genre.astype(np.int64), found, sha256)


def _document(run: FinishedRun | FinishedWriting) -> dict[str, Any]:
    """results_*.json: lm-eval's keys, those of which the run knows something."""
    results, manifest = run.results, run.manifest
    task, model, settings = results["task"], results["model"], manifest.get("settings", {})
    columns = _columns(run)
    rows, n = _rows(results, columns), columns.genre.size
    facts, versions = manifest.get("model", {}), manifest.get("versions", {})
    left_out = results["data"].get("left_out", 0)
    asked = results.get("asked") or {}
    return {
        "results": rows,
        "groups": {task: rows[task]},
        "group_subtasks": {task: [name for name in rows if name != task]},
        "configs": {task: _config(run)},
        "versions": {},
        "n-shot": dict.fromkeys(rows, 0),
        "higher_is_better": {
            name: {metric: _BETTER.get(metric) for metric in _metric_names(row)}
            for name, row in rows.items()
        },
        "n-samples": {task: {"original": n + left_out, "effective": n}},
        "config": {
            "model": model.get("backend"),
            "model_args": settings.get("model_args"),
            "model_dtype": model.get("dtype"),
            "model_revision": model.get("revision"),
            "batch_size": settings.get("batch_size"),
            "device": manifest.get("device"),
            "limit": settings.get("limit"),
            "gen_kwargs": settings.get("gen_kwargs"),
            "seed": results.get("seed"),
        },
        "git_hash": manifest.get("git_commit"),
        "transformers_version": versions.get("transformers"),
        "harness_version": versions.get("writing-harness"),
        "max_length": facts.get("max_length") or facts.get("context"),
        "task_hashes": {task: columns.sha256} if columns.sha256 else {},
        "model_source": model.get("backend"),
        "model_name": model["name"],
        "model_name_sanitized": _file_name(str(model["name"])),
        "system_instruction": asked.get("system"),
        "system_instruction_sha": sha256_text(asked["system"]) if asked.get("system") else None,
        "chat_template_sha": facts.get("chat_template_sha256"),
        "total_evaluation_time_seconds": str(manifest.get("wall_seconds")),
    }


def _rows(results: Mapping[str, Any], columns: _Columns) -> dict[str, dict[str, Any]]:
    """The task's row and one a genre below it, by name."""
    task = str(results["task"])
    everything = np.ones(columns.genre.size, np.bool_)
    rows = {task: _row(task, task, results["metrics"], columns, everything)}
    for code, genre in enumerate(columns.genres):
        name = f"{task}_{genre_slug(genre)}"
        while name in rows:  # two genres may differ in their punctuation alone
            name += "_"
        numbers = results["genres"].get(genre, {})
        rows[name] = _row(name, genre, numbers, columns, columns.genre == code)
    return rows


def genre_slug(genre: str) -> str:
    """A genre in the name of a task: "Role-Playing" is role_playing."""
    return re.sub(r"\W+", "_", genre.lower()).strip("_")


def _row(
    name: str, alias: str, numbers: Mapping[str, Any], columns: _Columns, own: BoolArray
) -> dict[str, Any]:
    """A row of `results`: every plain number, with lm-eval's standard error where it is a mean."""
    row: dict[str, Any] = {"name": name, "alias": alias, "sample_len": int(own.sum())}
    for key, value in numbers.items():
        if key in ("n", "prompts") or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        metric = _RENAMED.get(key, key)
        row[f"{metric},none"] = value
        row[f"{metric}_stderr,none"] = _NO_STDERR
        if metric in columns.values:
            known = columns.values[metric][own]
            known = known[~np.isnan(known)]
            if known.size > 1:
                row[f"{metric}_stderr,none"] = float(known.std(ddof=1) / known.size**0.5)
    return row


def _metric_names(row: Mapping[str, Any]) -> list[str]:
    names = (key.removesuffix(",none") for key in row if key.endswith(",none"))
    return [name for name in names if not name.endswith("_stderr")]


def _config(run: FinishedRun | FinishedWriting) -> dict[str, Any]:
    """The task as lm-eval describes one, and in `metadata` what the run was of."""
    results, manifest = run.results, run.manifest
    judge = manifest.get("judge") or {}
    writes = isinstance(run, FinishedWriting)
    asked = (results.get("asked") or {}) if writes else judge
    sampling = asked.get("sampling")
    chats = writes or judge.get("kind") in ("pairwise", "pointwise")
    return {
        "task": results["task"],
        "dataset_path": results["data"]["file"],
        "output_type": "generate_until" if chats else "multiple_choice",
        **({"generation_kwargs": generation_kwargs(sampling)} if sampling else {}),
        "repeats": asked.get("repeats") or 1,
        "num_fewshot": 0,
        "metadata": {
            "language": results["language"],
            "judge": results.get("judge"),
            "data": results["data"],
            "identity_sha256": manifest.get("identity_sha256"),
        },
    }
