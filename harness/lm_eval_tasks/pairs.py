"""Preference by likelihood for lm-eval: the pairs of a task and genre, and what is made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data import load_pairs
from harness.lm_eval_tasks.rendering import PairRendering, Request
from harness.lm_eval_tasks.settings import (
    LM_EVAL,
    PREFIX,
    Settings,
    limit_rank,
    read_settings,
    refuse_second_template,
    say,
    with_way_out,
)
from harness.records import Pair, candidate
from harness.reports.lm_eval_rows import chosen_index
from harness.spec_files import load_any
from harness.specs import TaskSpec

if TYPE_CHECKING:
    from datasets import DatasetDict

_SHOWN = 5  # notices of a file


def load(*, task: str, genre: str, **metadata: Any) -> DatasetDict:
    """The pairs of one genre of a preference task, in the order of `harness run --limit`.

    `task` and `genre` stand in the YAML; lm-eval adds the model's arguments and --metadata
    (`read_settings`). A genre without pairs gets one row that counts nowhere, as lm-eval takes no
    task without rows. HarnessError where data, checkpoint or texts do not hold.
    """
    from datasets import Dataset, DatasetDict

    settings = read_settings(task, metadata)
    file = settings.file
    changed = None if file is None else file.stat().st_mtime_ns
    pairs = [pair for pair in _pairs(task, file, changed) if pair.genre == genre]
    if not pairs:
        return DatasetDict({"test": Dataset.from_list([_NOTHING | {"genre": genre}])})
    asked = _requests(pairs, settings)
    rows = [_row(pair, request) for pair, request in zip(pairs, asked, strict=True)]
    return DatasetDict({"test": Dataset.from_list(rows)})


def process_results(
    doc: Mapping[str, Any], results: Sequence[tuple[float, bool]]
) -> dict[str, float]:
    """`acc` (a tie counts 0), `acc_half` (a tie counts half), `tie`, and `margin`.

    `margin` is log p(chosen) - log p(rejected) in nats. Nothing for a row that is no pair.
    """
    if not doc["pair_id"]:
        return {}
    found = log_likelihoods(doc, results)
    gold = doc["gold"]
    margin = found[gold] - found[1 - gold]
    won, tied = float(margin > 0), float(margin == 0)
    return {"acc": won, "acc_half": won + tied / 2, "tie": tied, "margin": margin}


def log_likelihoods(
    doc: Mapping[str, Any], results: Sequence[tuple[float, bool]]
) -> tuple[float, float]:
    """log p of both texts in the order of the row, as `likelihood:PATH,norm=sum` scores them."""
    sums = [float(logprob) for logprob, _ in results]
    first, second = (
        sums[place] - (sums[border] if border >= 0 else 0.0)
        for place, border in enumerate(doc["borders"])
    )
    return first, second


_NOTHING = {
    "pair_id": "",
    "prompt_id": "",
    "tag": "",
    "context": "-",
    "choices": ["-", "-"],
    "borders": [-1, -1],
    "gold": 0,
}  # in the form of a row


def _row(pair: Pair, request: Request) -> dict[str, Any]:
    return {
        "pair_id": pair.pair_id,
        "prompt_id": pair.prompt_id,
        "tag": pair.tag,
        "genre": pair.genre,
        "context": request.context,
        "choices": list(request.choices),
        "borders": list(request.borders),
        "gold": chosen_index(pair.pair_id),
    }


@lru_cache(maxsize=4)
def _pairs(task: str, file: Path | None, _changed: int | None) -> tuple[Pair, ...]:
    """A task's pairs, those first that --limit keeps: lm-eval's own takes the head of the file.

    Every genre of a group reads the file, and one that has changed is read anew.
    """
    spec = load_any("tasks", task, (TaskSpec,), "task")
    assert isinstance(spec, TaskSpec)
    with with_way_out(task):
        data = load_pairs(spec, file=file)
    for notice in data.notices[:_SHOWN]:
        say(f"{PREFIX}{task}: {notice}")
    return tuple(sorted(data.pairs, key=lambda pair: limit_rank(pair.pair_id)))


def _requests(pairs: Sequence[Pair], settings: Settings) -> list[Request]:
    """What lm-eval is asked about each pair, the chosen text at the index its id gives it."""
    sides = [
        (pair.chosen, pair.rejected) if chosen_index(pair.pair_id) == 0
        else (pair.rejected, pair.chosen)
        for pair in pairs
    ]  # fmt: skip
    if settings.render == LM_EVAL:
        if settings.checkpoint is None:
            say(
                "the model's arguments name no checkpoint: prompts and texts go to it as they are, "
                "without an end-of-turn token"
            )
        return [
            Request(pair.prompt, (first.response, second.response), (-1, -1))
            for pair, (first, second) in zip(pairs, sides, strict=True)
        ]
    refuse_second_template()
    rendering = PairRendering(settings)
    if rendering.half:
        say(
            "with --model hf, add softmax_dtype=float32 to --model_args: sums of log-probabilities "
            "in half precision are rounded to whole nats and more, and many pairs tie"
        )
    cuts = rendering.cuts(
        [candidate(pair, side) for pair, both in zip(pairs, sides, strict=True) for side in both]
    )
    return [rendering.request(cuts[place : place + 2]) for place in range(0, len(cuts), 2)]
