"""The checks of each kind of run, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from harness.leaderboard.entries import Kind, at
from harness.leaderboard.verify.arena import card_of, check_arena_numbers, told_of_pairs
from harness.leaderboard.verify.case import Case
from harness.leaderboard.verify.findings import Finding, note
from harness.leaderboard.verify.nulls import check_null
from harness.leaderboard.verify.numbers import check_numbers
from harness.leaderboard.verify.pairs import check_data, check_pairs, check_prompts
from harness.leaderboard.verify.scores import check_margins, check_scores, last_scores
from harness.leaderboard.verify.texts import check_measures, check_texts
from harness.leaderboard.verify.verdicts import (
    Asked,
    Setting,
    check_answers,
    check_verdicts,
    setting_of,
)
from harness.records import PairFacts, Verdict
from harness.stored import PAIRS, SCORES, VERDICTS


def _preference(case: Case) -> Iterator[Finding]:
    yield from check_pairs(case)
    yield from check_data(case)
    setting = setting_of(case)
    if isinstance(setting, Finding):
        yield setting
        return
    asked = {
        one.pair_id: Asked(
            (one.prompt_id, one.tag, one.genre, one.language), (one.chosen_id, one.rejected_id)
        )
        for one in case.submission.records(PAIRS, PairFacts)
    }

    def verdicts() -> Iterator[Verdict]:
        return case.submission.records(VERDICTS, Verdict)

    yield from _judged(case, verdicts, asked, setting)
    scores = last_scores(case.submission, setting) if case.submission.has(SCORES) else {}
    yield from check_null(case, verdicts(), scores)
    yield from check_numbers(case, setting)


def _judged(
    case: Case,
    verdicts: Callable[[], Iterator[Verdict]],
    asked: Mapping[str, Asked],
    setting: Setting,
) -> Iterator[Finding]:
    """Verdicts, answers and scores of a run over pairs, or of an arena told so."""
    raw, arena = case.submission.meta.raw, case.submission.kind == "arena"
    yield from check_verdicts(verdicts(), asked, setting)
    yield from check_answers(verdicts(), asked, setting, raw=raw)
    if not raw and setting.judge is not None:
        yield note("raw", "the answers were left out: no verdict was read again")
    if setting.scored != case.submission.has(SCORES):
        said = "no scores, and the verdicts stand on some" if setting.scored else "scores of no use"
        yield Finding("scores", said, SCORES)
    elif setting.scored:
        yield from check_scores(case.submission, asked, setting, others=arena)
        yield from check_margins(verdicts(), asked, last_scores(case.submission, setting), setting)


def _writing(case: Case) -> Iterator[Finding]:
    yield from check_prompts(case)
    yield from check_data(case)
    yield from check_texts(case)
    yield from check_measures(case)


def _arena(case: Case) -> Iterator[Finding]:
    if at(case.results, "model") is None:
        yield Finding("board", "people's choices, which name no task: not for a board yet")
        return
    card, found = card_of(case)
    yield from found
    setting = setting_of(case)
    if isinstance(setting, Finding):
        yield setting
        return
    yield note("data", "the texts of an arena are not in the file: known by their ids alone")
    yield from _judged(case, lambda: told_of_pairs(case.submission), card.asked, setting)
    yield from check_arena_numbers(case, card)


CHECKS: Mapping[Kind, Callable[[Case], Iterator[Finding]]] = {
    "preference": _preference,
    "writing": _writing,
    "arena": _arena,
}
