"""Fills a run folder with verdicts: by scores, by a judge's choices, or by its ratings."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np

from harness.batching import Budget
from harness.data.columns import columns
from harness.errors import ModelError, TextsTooLong
from harness.jobs.account import account
from harness.jobs.judging import Judging
from harness.judging import PairAsker, TextRater, choose_pairs, verdicts_from_ratings
from harness.models import AnyModel, ChatModel, PairJudge, RewardModel
from harness.progress import Progress
from harness.records import Pair, VerdictKey, candidate
from harness.request import RunRequest
from harness.scoring import (
    ScoreTable,
    distinct_texts,
    margins,
    score_texts,
    verdicts_from_scores,
)
from harness.specs import PairwiseJudge
from harness.store import RunFolder, Standing

SHOWN = 20  # rows named in a message
_AT_ONCE = 4096  # verdicts that are written together


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


def nothing_owed(folder: RunFolder, pairs: Sequence[Pair], progress: Progress) -> bool:
    """Whether a finished folder has a verdict that is no error for all it ever asked.

    Lines that were lost since are told: what they held is done again.
    """
    standing = folder.standing()
    held = Counter(key[0] for key in standing)
    most = max(held.values(), default=1)
    lost = sum(held[pair_id] < most for pair_id in columns(pairs).pair_id)
    if lost:
        progress.notice(
            f"{folder.path}: finished before, but verdicts on {lost:,} of {len(pairs):,} pairs are "
            "gone; what is missing is done again"
        )
    return not lost and all(line.outcome != "error" for line in standing.values())


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
    start, settled, attempts = model.facts(), _settled(standing), _attempts(standing)
    if judge.repeats > 1 and asking.sampling.temperature == 0:
        progress.notice(f"judge {judge.name}: {judge.repeats} repeats at temperature 0 are alike")
    asker: PairAsker | TextRater = (
        PairAsker(pairs, model, judge, asking)
        if isinstance(judge, PairwiseJudge)
        else TextRater(pairs, model, judge, asking)
    )
    try:
        if isinstance(asker, PairAsker):
            asker.ask(settled, attempts, folder.append_verdicts, progress)
        else:
            ratings = folder.ratings()
            asker.rate(ratings, folder.append_ratings, progress)
            verdicts = verdicts_from_ratings(pairs, ratings, judge.repeats, attempts)
            folder.append_verdicts([v for v in verdicts if v.key not in settled])
    except BaseException:  # Ctrl-C, --max_errors: what was spent until then stays counted
        folder.save_manifest(**_counted(folder, pairs, model, start, asker))
        raise
    return _counted(folder, pairs, model, start, asker)


def _counted(
    folder: RunFolder,
    pairs: Sequence[Pair],
    model: ChatModel,
    start: Mapping[str, Any],
    asker: PairAsker | TextRater,
) -> dict[str, Any]:
    neutralised = folder.manifest["counts"].get("neutralised", 0) + asker.neutralised
    return account(folder, model, start, pairs=len(pairs), neutralised=neutralised)


def _score(
    folder: RunFolder,
    pairs: Sequence[Pair],
    model: RewardModel,
    standing: Mapping[VerdictKey, Standing],
    request: RunRequest,
    progress: Progress,
) -> dict[str, Any]:
    texts = distinct_texts(pairs)
    done = ScoreTable(len(texts))
    done.read(texts, folder.scores())
    with _naming_rows(pairs):
        facts = score_texts(
            texts,
            model,
            budget=_budget(folder, model, request),
            done=done,
            write=folder.append_scores,
            progress=progress,
            on_budget=lambda budget: folder.save_manifest(budget=dataclasses.asdict(budget)),
            max_errors=request.max_errors,
            scratch=folder.path,
        )
    settled = _settled(standing)
    verdicts = verdicts_from_scores(texts, done, _attempts(standing))
    owed = (verdict for verdict in verdicts if verdict.key not in settled)
    while lines := list(islice(owed, _AT_ONCE)):
        folder.append_verdicts(lines)
    doubt = 2 * facts.self_check["max_difference"]
    margin = np.abs(margins(texts, done))
    near = int(np.count_nonzero((margin > 0) & (margin <= doubt)))
    return {
        "plan": facts.plan,
        "self_check": {**facts.self_check, "pairs_within": near},
        "counts": {
            "pairs": len(pairs),
            "texts": len(texts),
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
