"""Fills a run folder with verdicts: by scores, by a judge's choices, or by its ratings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from harness.batching import Budget
from harness.errors import ModelError, TextsTooLong
from harness.jobs.judging import Judging
from harness.judging import PairAsker, TextRater, choose_pairs, verdicts_from_ratings
from harness.models import AnyModel, ChatModel, PairJudge, RewardModel
from harness.progress import Progress
from harness.records import Pair, VerdictKey, candidate
from harness.request import RunRequest
from harness.scoring import distinct_candidates, score_candidates, verdicts_from_scores
from harness.specs import PairwiseJudge
from harness.store import RunFolder, Standing
from harness.stored import usage

SHOWN = 20  # rows named in a message


def fill_folder(
    folder: RunFolder,
    pairs: Sequence[Pair],
    model: AnyModel,
    judging: Judging | None,
    request: RunRequest,
    progress: Progress,
) -> dict[str, Any]:
    """Every verdict that is not there yet; what the manifest should say of it."""
    standing = folder.standing()
    if isinstance(model, ChatModel):
        assert judging is not None
        return _ask(folder, pairs, model, judging, standing, progress)
    if isinstance(model, PairJudge):
        choose_pairs(
            pairs,
            model,
            orders=request.orders,
            seed=request.seed,
            settled=_settled(standing),
            write=folder.append_verdicts,
        )
        return {}
    return _score(folder, pairs, model, standing, request, progress)


def _settled(standing: Mapping[VerdictKey, Standing]) -> set[VerdictKey]:
    """What need not be done again: everything but errors."""
    return {key for key, line in standing.items() if line.outcome != "error"}


def _attempts(standing: Mapping[VerdictKey, Standing]) -> dict[VerdictKey, int]:
    return {key: line.attempt for key, line in standing.items()}


def _ask(
    folder: RunFolder,
    pairs: Sequence[Pair],
    model: ChatModel,
    judging: Judging,
    standing: Mapping[VerdictKey, Standing],
    progress: Progress,
) -> dict[str, Any]:
    judge, asking = judging.judge, judging.asking
    start = model.facts()
    if judge.repeats > 1 and asking.sampling.temperature == 0:
        progress.notice(f"judge {judge.name}: {judge.repeats} repeats at temperature 0 are alike")
    if isinstance(judge, PairwiseJudge):
        asker = PairAsker(pairs, model, judge, asking)
        asker.ask(_settled(standing), _attempts(standing), folder.append_verdicts, progress)
        neutralised = asker.neutralised
    else:
        rater = TextRater(pairs, model, judge, asking)
        ratings = folder.ratings()
        rater.rate(ratings, folder.append_ratings, progress)
        neutralised = rater.neutralised
        settled, attempts = _settled(standing), _attempts(standing)
        verdicts = verdicts_from_ratings(pairs, ratings, judge.repeats, attempts)
        folder.append_verdicts([v for v in verdicts if v.key not in settled])
    return {
        "model": {"name": model.name, "backend": model.backend, **model.facts()},
        "counts": {
            "pairs": len(pairs),
            **usage(folder.path),
            **_spent(folder, start, model.facts()),
            "neutralised": folder.manifest["counts"].get("neutralised", 0) + neutralised,
        },
    }


def _spent(folder: RunFolder, start: Mapping[str, Any], end: Mapping[str, Any]) -> dict[str, Any]:
    """Calls and retries of this call, added to those the manifest counts already.

    A model counts through all tasks of a command; a folder is for one.
    """
    counts = folder.manifest["counts"]
    before, began = counts.get("retries", {}), start.get("retries", {})
    retries = {
        kind: n - began.get(kind, 0) + before.get(kind, 0)
        for kind, n in end.get("retries", {}).items()
    }
    calls = end.get("calls", 0) - start.get("calls", 0)
    return {"calls": counts.get("calls", 0) + calls, "retries": {**before, **retries}}


def _score(
    folder: RunFolder,
    pairs: Sequence[Pair],
    model: RewardModel,
    standing: Mapping[VerdictKey, Standing],
    request: RunRequest,
    progress: Progress,
) -> dict[str, Any]:
    done = folder.scores()
    with _naming_rows(pairs):
        facts = score_candidates(
            distinct_candidates(pairs),
            model,
            budget=_budget(folder, model, request),
            done=done,
            write=folder.append_scores,
            progress=progress,
            on_budget=lambda budget: folder.save_manifest(budget=dataclasses.asdict(budget)),
            max_errors=request.max_errors,
        )
    verdicts = verdicts_from_scores(pairs, done, _attempts(standing))
    settled = _settled(standing)
    folder.append_verdicts([v for v in verdicts if v.key not in settled])
    doubt = 2 * facts.self_check["max_difference"]
    near = sum(v.margin is not None and 0 < abs(v.margin) <= doubt for v in verdicts)
    return {
        "plan": facts.plan,
        "self_check": {**facts.self_check, "pairs_within": near},
        "counts": {
            "pairs": len(pairs),
            "texts": len(done),
            "scored_now": facts.scored,
            "reused": facts.reused,
            "tokens_in": facts.tokens_in,
            "tokens_out": 0,
        },
    }


@contextmanager
def _naming_rows(pairs: Sequence[Pair]) -> Iterator[None]:
    """Add to an error about texts the rows of the file they stand in."""
    try:
        yield
    except TextsTooLong as error:
        wanted = set(error.ids)
        rows = [
            f"row {pair.row} {name}"
            for pair in pairs
            for name, side in (("chosen", pair.chosen), ("rejected", pair.rejected))
            if candidate(pair, side).id in wanted
        ]
        more = f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
        raise ModelError(f"{error}: {', '.join(rows[:SHOWN])}{more}") from None


def _budget(folder: RunFolder, model: RewardModel, request: RunRequest) -> Budget:
    """The user's budget; else the one a killed run had come to; else the device's."""
    stored, settings = folder.manifest.get("budget"), request.settings
    given = settings.max_batch_tokens is not None or settings.batch_size is not None
    if stored is not None and not given:
        return Budget(**stored)
    budget = model.budget(max_tokens=settings.max_batch_tokens, max_texts=settings.batch_size)
    folder.save_manifest(budget=dataclasses.asdict(budget))
    return budget
