"""Some pairs of a submission scored or judged again by a model of the reader's: are they alike?"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.leaderboard.entries import Submission
    from harness.leaderboard.verify import Standard
    from harness.records import Pair, Verdict, VerdictKey


@dataclass(frozen=True, slots=True)
class SpotCheck:
    """What came of it: how many verdicts on how many pairs, a sentence for each that differs, and
    the largest difference of two margins (null where there are none)."""

    pairs: int
    verdicts: int
    differ: tuple[str, ...]
    margin: float | None


def spot_check(
    submission: Submission, standard: Standard, n: int, model: str, model_args: str | None
) -> SpotCheck:
    """Ask `model` about `n` pairs, by the submission's judge file and settings, and compare.

    The pairs are drawn anew each time, so that nobody can know them before. Code that comes with
    a checkpoint is not run. UsageError for what is no preference run, or without the data.
    """
    from harness.data import Dataset
    from harness.records import Verdict
    from harness.stored import VERDICTS

    data = standard.data
    if submission.kind != "preference" or not isinstance(data, Dataset):
        raise UsageError("--spot_check takes a preference run and its data: --data TASK=FILE")
    # a pair that stands twice has another id in a file of its own
    once = [pair for pair in data.pairs if "-" not in pair.pair_id]
    picked = secrets.SystemRandom().sample(once, min(n, len(once)))
    ids = {pair.pair_id for pair in picked}
    there = {
        verdict.key: verdict
        for verdict in submission.records(VERDICTS, Verdict)
        if verdict.pair_id in ids
    }
    with TemporaryDirectory(prefix="harness-spot-check-") as name:
        found = _asked(submission, standard, picked, model, model_args, Path(name))
    return _compared(len(picked), there, found)


def _asked(
    submission: Submission,
    standard: Standard,
    pairs: Sequence[Pair],
    model: str,
    model_args: str | None,
    folder: Path,
) -> dict[VerdictKey, Verdict]:
    """The verdicts of a run over these pairs."""
    from harness.leaderboard.entries import at
    from harness.models.base import ModelSettings
    from harness.records import Verdict
    from harness.request import RunRequest
    from harness.runner import run
    from harness.stored import VERDICTS, decoded

    manifest, task = submission.manifest, standard.task
    settings = at(manifest, "settings")
    spec, judge = at(manifest, "judge", "spec"), at(settings, "judge")
    if spec is not None:  # the very file it was asked by; JSON is YAML
        judge = str(folder / "judge.yaml")
        Path(judge).write_text(json.dumps(spec), encoding="utf-8")
    file = folder / "pairs.jsonl"
    lines = [json.dumps(_row(pair), ensure_ascii=False) + "\n" for pair in pairs]
    file.write_text("".join(lines), encoding="utf-8")
    same = {key: at(settings, key) for key in ("dtype", "max_length", "truncate", "segmenter")}
    request = RunRequest(
        tasks=(task.name,),
        model=model,
        model_args=model_args,
        settings=ModelSettings(judge=judge, seed=submission.results["seed"], **same),
        orders=at(settings, "orders"),
        gen_kwargs=at(settings, "gen_kwargs"),
        data={task.name: file},
        output_path=folder / "out",
    )
    [result] = run(request)
    return {verdict.key: verdict for verdict in decoded(result.folder / VERDICTS, Verdict)}


def _row(pair: Pair) -> dict[str, Any]:
    """A pair in the format of WritingPreferenceBench."""
    unknown = {"completion_tokens": None, "prompt_tokens": None, "word_len": None}
    sides = {
        name: {"response": side.response, "score": side.score, "model": side.model, **unknown}
        for name, side in (("chosen", pair.chosen), ("rejected", pair.rejected))
    }
    return {"prompt": pair.prompt, "prompt_id": pair.prompt_id, "tag": pair.tag, **sides}


def _compared(
    pairs: int, there: dict[VerdictKey, Verdict], found: dict[VerdictKey, Verdict]
) -> SpotCheck:
    differ, margins = [], []
    for key in sorted({*there, *found}, key=str):
        one, other = there.get(key), found.get(key)
        if one is None or other is None:
            differ.append(f"pair {key[0]}, order {key[1]}: only one of them has a verdict")
            continue
        if one.margin is not None and other.margin is not None:
            margins.append(abs(one.margin - other.margin))
        if one.outcome != other.outcome:
            said = [f"{v.outcome} (margin {v.margin})" for v in (one, other)]
            differ.append(f"pair {key[0]}, order {key[1]}: {said[0]}, here {said[1]}")
    return SpotCheck(pairs, len(there), tuple(differ), max(margins, default=None))
