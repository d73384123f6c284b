"""An arena: who met whom over which texts, as one setting asks, and its numbers from that."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import msgspec

from harness.errors import DataError
from harness.leaderboard.archive import short
from harness.leaderboard.entries import Submission, at, strict_json
from harness.leaderboard.verify.case import Case
from harness.leaderboard.verify.findings import Finding, note
from harness.leaderboard.verify.numbers import told
from harness.leaderboard.verify.verdicts import Asked
from harness.metrics.arena_numbers import arena_numbers
from harness.records import (
    ArenaOrder,
    ArenaOutcome,
    ArenaVerdict,
    Measures,
    Order,
    Outcome,
    Verdict,
)
from harness.stored import MANIFEST, MEASURES, RESULTS, VERDICTS

_OUTCOMES: dict[ArenaOutcome, Outcome] = {
    "a": "chosen",
    "b": "rejected",
    "tie": "tie",
    "unparsed": "unparsed",
    "error": "error",
}
_ORDERS: dict[ArenaOrder | None, Order | None] = {
    "a_first": "chosen_first",
    "b_first": "rejected_first",
    None: None,
}
Meeting = tuple[str, str, str, str, int]  # run_a, run_b, language, prompt_id, sample
Wrote = dict[tuple[str, str, str, int], Measures]  # run, language, prompt_id, repeat


@dataclass(frozen=True, slots=True)
class Card:
    """The matches of an arena by the ids of their pairs, and what was measured on their texts."""

    asked: Mapping[str, Asked]
    measures: Mapping[str, list[Measures]]


def told_of_pairs(submission: Submission) -> Iterator[Verdict]:
    """An arena's verdicts as those of a run over pairs, whose chosen text is the first run's."""
    for one in submission.records(VERDICTS, ArenaVerdict):
        yield Verdict(
            one.pair_id or "",
            one.prompt_id,
            one.tag,
            one.genre,
            one.language,
            _ORDERS[one.order],
            _OUTCOMES[one.outcome],
            margin=one.margin,
            raw=one.raw,
            reason=one.reason,
            repeat=one.repeat,
            attempt=one.attempt,
            finish_reason=one.finish_reason,
            tokens_in=one.tokens_in,
            truncated=one.truncated,
            reasoning=one.reasoning,
        )


def arena_measures(submission: Submission) -> dict[str, list[Measures]]:
    """measures.jsonl of an arena, by run."""
    found: dict[str, list[Measures]] = {}
    for number, line in enumerate(submission.lines(MEASURES), 1):
        value = strict_json(line, f"{MEASURES} line {number}")
        found.setdefault(str(value.pop("run")), []).append(msgspec.convert(value, Measures))
    return found


def card_of(case: Case) -> tuple[Card, list[Finding]]:
    """The matches that the verdicts tell of, and what is wrong with who they say met."""
    measures = arena_measures(case.submission)
    wrote: Wrote = {
        (run, one.language, one.prompt_id, one.repeat): one
        for run, own in measures.items()
        for one in own
    }
    asked: dict[str, Asked] = {}
    meetings: dict[str, Meeting] = {}
    found: list[Finding] = []
    for line, one in enumerate(case.submission.records(VERDICTS, ArenaVerdict), 1):
        meeting = (one.run_a, one.run_b, one.language, one.prompt_id, one.sample)
        problem = _match_problem(one, wrote)
        if one.pair_id is not None and meetings.setdefault(one.pair_id, meeting) != meeting:
            problem = f"pair_id {short(one.pair_id)} is another match's"
        if problem is not None:
            found.append(Finding("verdicts", problem, VERDICTS, line))
        elif one.pair_id is not None:
            head = (one.prompt_id, one.tag, one.genre, one.language)
            asked.setdefault(one.pair_id, Asked(head, (str(one.a_id), str(one.b_id))))
    if len(set(meetings.values())) != len(meetings):
        found.append(Finding("verdicts", "a match stands under two pair_ids", VERDICTS))
    found += _check_coverage(case, measures, wrote, set(meetings.values()))
    return Card(asked, measures), found


def _match_problem(one: ArenaVerdict, wrote: Wrote) -> str | None:
    if one.annotator is not None:
        return "an annotator, in an arena that a model judged"
    if one.pair_id is None:
        return "no pair_id"
    for run, text_id in ((one.run_a, one.a_id), (one.run_b, one.b_id)):
        text = wrote.get((run, one.language, one.prompt_id, one.sample))
        if text is None or text.text_id != text_id:
            return f"no text of {short(run)} with this id for this prompt in {MEASURES}"
        if (text.tag, text.genre) != (one.tag, one.genre) and run == one.run_a:
            return f"tag or genre are not those of {MEASURES}"
    return None


def _check_coverage(
    case: Case, measures: Mapping[str, Any], wrote: Wrote, met: set[Meeting]
) -> Iterator[Finding]:
    """Every two players (or all against the baseline) on all they both wrote for."""
    players = [at(player, "name") for player in case.results.get("players") or ()]
    if sorted(measures) != sorted(set(map(str, players))):
        yield Finding("verdicts", f"the runs of {MEASURES} are not the players", RESULTS)
    baseline = case.results.get("baseline")
    owed = {
        (a, b, language, prompt_id, repeat)
        for a, b in combinations(sorted(measures), 2)
        if baseline is None or baseline in (a, b)
        for run, language, prompt_id, repeat in wrote
        if run == a and (b, language, prompt_id, repeat) in wrote
    }
    lost = {meeting[:4] for meeting in owed - met}
    unshared = case.manifest.get("unshared")
    if len(lost) > (unshared if isinstance(unshared, int) else 0):
        said = f"{len(lost):,} times two runs have a text for a prompt, and no verdict"
        yield Finding("verdicts", said, VERDICTS)
    if met - owed:
        yield Finding("verdicts", f"{len(met - owed):,} matches that nobody asked for", VERDICTS)


def check_arena_numbers(case: Case, card: Card) -> Iterator[Finding]:
    """results.json of an arena, key by key (docs/design.md 4.6)."""
    results, seed = case.results, case.seed
    if seed is None:
        yield Finding("numbers", "no seed, so nothing can be computed again", RESULTS)
        return
    try:
        units, order = case.submission.arena()
    except DataError as error:
        yield Finding("numbers", f"cannot be computed again: {error}", RESULTS)
        return
    if results.get("players") != case.manifest.get("players"):
        yield Finding("identity", f"players are not those of {MANIFEST}", RESULTS)
    told_of = ("model", "judge", "players", "baseline", "seed", "calibration")
    expected: dict[str, Any] = {
        "schema": 1,
        "kind": "arena",
        **{key: results.get(key) for key in told_of},
        **arena_numbers(units, order, card.measures, {}, seed=seed),
    }
    if results.get("calibration"):
        expected |= {key: results.get(key) for key in ("corrected", "language_gap")}
        said = "corrected and language_gap stand on calibration runs that are not here: not "
        yield note("numbers", said + "computed again")
    yield from told(results, expected)
