"""Scores behind verdicts: one for each text, and every margin the difference of two of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from harness.leaderboard.archive import short
from harness.leaderboard.entries import Submission
from harness.leaderboard.verify.findings import Finding
from harness.leaderboard.verify.verdicts import Asked, Setting
from harness.records import Rating, Score, Verdict, VerdictKey
from harness.specs import PointwiseJudge
from harness.stored import SCORES, VERDICTS
from harness.verdicts import parse_rating

TextKey = tuple[str, int]  # id of a text, repeat


@dataclass(frozen=True, slots=True)
class Said:
    """The last word on a text: its score, whether it failed for good, and its tokens."""

    score: float | None
    error: bool
    n_tokens: int
    truncated: bool


def last_scores(submission: Submission, setting: Setting) -> dict[TextKey, Said]:
    """The last line of scores.jsonl for every text and repeat."""
    if isinstance(setting.judge, PointwiseJudge):
        return {
            (one.id, one.repeat): Said(
                one.score, one.status == "error", one.tokens_in or 0, one.truncated
            )
            for one in submission.records(SCORES, Rating)
        }
    return {
        (one.id, 0): Said(one.score, one.score is None, one.n_tokens, one.truncated)
        for one in submission.records(SCORES, Score)
    }


def check_scores(
    submission: Submission, asked: Mapping[str, Asked], setting: Setting, *, others: bool = False
) -> Iterator[Finding]:
    """Every line a score of a text of this run, none given twice; all are there.

    With `others` a text may be another run's: an arena takes over what it finds.
    """
    texts = {one for about in asked.values() for one in about.ids}
    done: dict[TextKey, bool] = {}
    for line, (key, open_, problem) in enumerate(_lines(submission, setting), 1):
        if key[0] not in texts and not others:
            said = f"id {short(key[0])} is no text of this run"
            yield Finding("scores", said, SCORES, line)
        if done.get(key):
            yield Finding("scores", f"text {short(key[0])} was scored before", SCORES, line)
        if key[1] >= setting.repeats:
            yield Finding("mixture", f"repeat {key[1]} of {setting.repeats}", SCORES, line)
        if problem is not None:
            yield Finding("raw" if "reads" in problem else "scores", problem, SCORES, line)
        done[key] = not open_
    lost = {(one, repeat) for one in texts for repeat in range(setting.repeats)} - done.keys()
    for name, repeat in sorted(lost):
        yield Finding("scores", f"no score of text {short(name)}, repeat {repeat}", SCORES)


def _lines(submission: Submission, setting: Setting) -> Iterator[tuple[TextKey, bool, str | None]]:
    """Key, whether the text is still to be scored, and what is wrong with each line."""
    judge = setting.judge
    if isinstance(judge, PointwiseJudge):
        for rating in submission.records(SCORES, Rating):
            problem = _rating_problem(rating, judge, submission.meta.raw)
            yield (rating.id, rating.repeat), rating.status == "error", problem
        return
    for one in submission.records(SCORES, Score):
        with np.errstate(over="ignore"):  # beyond float32 is none, either
            wide = one.score is not None and float(np.float32(one.score)) != one.score
        problem = "no float32, as scores are" if wide else None
        if one.score is not None and one.raw is not None:
            problem = "a score beside what was no number"
        yield (one.id, 0), one.score is None, problem


def _rating_problem(rating: Rating, judge: PointwiseJudge, raw: bool) -> str | None:
    """Status against score, and score against the answer where it is there."""
    if (rating.score is not None) != (rating.status == "ok"):
        return f"status {rating.status} with score {rating.score}"
    low, high = judge.verdict.min, judge.verdict.max
    if rating.score is not None and not low <= rating.score <= high:
        return f"score {rating.score!r} is not from {low:g} to {high:g}"
    if not raw:
        hidden = rating.raw is None and rating.reasoning is None
        return None if hidden else "an answer, and it is said that none are here"
    if (rating.raw is None) != (rating.status == "error"):
        return f"status {rating.status} with{'out' if rating.raw is None else ''} an answer"
    if rating.raw is not None:
        read = parse_rating(judge.verdict, rating.raw, rating.finish_reason)
        if read != (rating.score, rating.reason):
            return f"score {rating.score}, and its answer reads {read[0]}"
    return None


def check_margins(
    verdicts: Iterable[Verdict],
    asked: Mapping[str, Asked],
    scores: Mapping[TextKey, Said],
    setting: Setting,
) -> Iterator[Finding]:
    """The verdict that counts against the scores of both texts: margin, tokens, truncation."""
    last: dict[VerdictKey, tuple[int, Verdict]] = {}
    for line, verdict in enumerate(verdicts, 1):
        last[verdict.key] = (line, verdict)
    for line, verdict in last.values():
        about = asked.get(verdict.pair_id)
        if about is None:
            continue  # told by check_verdicts
        sides = [scores.get((one, verdict.repeat)) for one in about.ids]
        if sides[0] is None or sides[1] is None:
            continue  # told by check_scores
        problem = _margin_problem(verdict, sides[0], sides[1], setting)
        if problem is not None:
            yield Finding("scores", problem, VERDICTS, line)


def _margin_problem(verdict: Verdict, chosen: Said, rejected: Said, setting: Setting) -> str | None:
    if chosen.score is None or rejected.score is None:
        failed = "error" if chosen.error or rejected.error else "unparsed"
        if verdict.outcome != failed:
            return f"outcome {verdict.outcome}, and the scores of its texts make it {failed}"
    elif verdict.margin != chosen.score - rejected.score:
        margin = chosen.score - rejected.score
        return f"margin {verdict.margin!r}, and the scores of its texts differ by {margin!r}"
    if verdict.truncated != (chosen.truncated or rejected.truncated):
        return "truncated is not what its texts' scores say"
    tokens = chosen.n_tokens + rejected.n_tokens
    if setting.judge is None and verdict.tokens_in != tokens:
        return f"tokens_in {verdict.tokens_in}, and its texts have {tokens}"
    return None
