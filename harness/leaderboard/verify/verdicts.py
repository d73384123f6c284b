"""Verdict lines: asked as one setting asks, each once, told as their answer or margin says."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from harness.leaderboard.archive import short
from harness.leaderboard.entries import at
from harness.leaderboard.verify.case import Case
from harness.leaderboard.verify.findings import Finding
from harness.leaderboard.verify.identity import judge_of
from harness.records import Order, Verdict, VerdictKey
from harness.specs import Judge, PairwiseJudge
from harness.stored import MANIFEST, VERDICTS
from harness.verdicts import outcome_of, outcome_of_margin, parse_pick

_BOTH: tuple[Order, ...] = ("chosen_first", "rejected_first")
_MOST_REPEATS = 1000  # a stranger's number, and each is a verdict that is looked for
Head = tuple[str, str, str, str]  # prompt_id, tag, genre, language


@dataclass(frozen=True, slots=True)
class Asked:
    """What a verdict is about: what its line begins with, and the ids of both texts."""

    head: Head
    ids: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Setting:
    """How a run asked: which orders (None for a model that scores), how often, by which file."""

    orders: str | None
    repeats: int
    judge: Judge | None
    seed: int

    @property
    def scored(self) -> bool:
        """Whether verdicts come from scores."""
        return self.orders is None

    def keys(self, pair_id: str) -> list[VerdictKey]:
        """The verdicts a pair is owed (docs/design.md 5.2)."""
        orders: tuple[Order | None, ...] = (None,)
        if self.orders == "both":
            orders = _BOTH
        elif self.orders == "seeded":
            first = hashlib.sha256(f"{self.seed}\0{pair_id}".encode()).digest()[0]
            orders = _BOTH[first % 2 :][:1]
        return [(pair_id, order, repeat) for order, repeat in product(orders, range(self.repeats))]


def setting_of(case: Case) -> Setting | Finding:
    """The setting of a run, or why it has none."""
    orders, judge, seed = case.identity.get("orders"), judge_of(case), case.seed
    if orders not in ("both", "seeded", None):
        return Finding("identity", f"orders {short(orders)}: both, seeded or null", MANIFEST)
    if seed is None:
        return Finding("identity", "no seed, so nothing can be computed again", MANIFEST)
    pairwise = isinstance(judge, PairwiseJudge)
    first = at(dict(case.identity), "model", "what") == "first"
    if (orders is not None) != (pairwise or (first and judge is None)):
        said = "a judge of pairs" if pairwise else "no judge of pairs"
        return Finding("identity", f"{said}, with orders {short(orders)}", MANIFEST)
    repeats = judge.repeats if judge else 1
    if repeats > _MOST_REPEATS:
        said = f"{repeats:,} answers to a prompt, over {_MOST_REPEATS:,}"
        return Finding("identity", said, MANIFEST)
    return Setting(orders, repeats, judge, seed)


def check_verdicts(
    verdicts: Iterable[Verdict], asked: Mapping[str, Asked], setting: Setting
) -> Iterator[Finding]:
    """Every line about a pair of the run, of its one setting, each attempt once; all are there.

    A second attempt follows an error alone: what was answered is never asked again.
    """
    last: dict[VerdictKey, tuple[int, bool]] = {}
    for line, verdict in enumerate(verdicts, 1):
        about = asked.get(verdict.pair_id)
        if about is None:
            said = f"pair_id {short(verdict.pair_id)} is not a pair of this run"
            yield Finding("verdicts", said, VERDICTS, line)
            continue
        if (verdict.prompt_id, verdict.tag, verdict.genre, verdict.language) != about.head:
            said = "prompt_id, tag, genre or language are not those of its pair"
            yield Finding("verdicts", said, VERDICTS, line)
        if verdict.key not in setting.keys(verdict.pair_id):
            said = (
                f"order {verdict.order}, repeat {verdict.repeat}: the run's setting (orders "
                f"{setting.orders}, {setting.repeats} a pair and order) asks for no such verdict"
            )
            yield Finding("mixture", said, VERDICTS, line)
        problem = _out_of_turn(verdict, *last.get(verdict.key, (0, True)))
        if problem is not None:
            yield Finding("verdicts", problem, VERDICTS, line)
        last[verdict.key] = (verdict.attempt, verdict.outcome == "error")
        problem = _told_wrong(verdict, setting)
        if problem is not None:
            yield Finding("margin", problem, VERDICTS, line)
    lost = [key for pair_id in asked for key in setting.keys(pair_id) if key not in last]
    for pair_id, order, repeat in lost:
        said = f"no verdict on pair {short(pair_id)}, order {order}, repeat {repeat}"
        yield Finding("verdicts", said, VERDICTS)


def _out_of_turn(verdict: Verdict, attempt: int, failed: bool) -> str | None:
    if verdict.attempt == attempt:
        return f"a second line for attempt {attempt} on pair {short(verdict.pair_id)}"
    if not failed:
        return f"pair {short(verdict.pair_id)} was answered before, and is answered anew"
    if verdict.attempt != attempt + 1:
        return f"attempt {verdict.attempt} comes after attempt {attempt}"
    return None


def _told_wrong(verdict: Verdict, setting: Setting) -> str | None:
    """Outcome against margin."""
    valid = verdict.outcome in ("chosen", "rejected", "tie")
    if not setting.scored:
        return None if verdict.margin is None else "a margin, and the judge gives no scores"
    if verdict.outcome == "unparsed" and setting.judge is None:
        return "unparsed, and the model gives scores alone"
    if valid != (verdict.margin is not None):
        return f"outcome {verdict.outcome} with margin {verdict.margin}"
    if verdict.margin is not None and outcome_of_margin(verdict.margin) != verdict.outcome:
        return f"outcome {verdict.outcome} with margin {verdict.margin!r}"
    return None


def check_answers(
    verdicts: Iterable[Verdict], asked: Mapping[str, Asked], setting: Setting, *, raw: bool
) -> Iterator[Finding]:
    """Answers of a judge of pairs, read again by its own file; without `raw` there are none.

    Two texts that are one string tie unasked, in an arena.
    """
    for line, verdict in enumerate(verdicts, 1):
        if not raw and (verdict.raw is not None or verdict.reasoning is not None):
            yield Finding("raw", "an answer, and it is said that none are here", VERDICTS, line)
        judge = setting.judge
        if not isinstance(judge, PairwiseJudge):
            if verdict.raw is not None:
                yield Finding("raw", "an answer, and no judge to give one", VERDICTS, line)
            continue
        about = asked.get(verdict.pair_id)
        alike = about is not None and about.ids[0] == about.ids[1] and verdict.outcome == "tie"
        if not raw or verdict.order is None or (alike and verdict.raw is None):
            continue
        if (verdict.raw is None) != (verdict.outcome == "error"):
            said = f"outcome {verdict.outcome} with{'out' if verdict.raw is None else ''} an answer"
            yield Finding("raw", said, VERDICTS, line)
        elif verdict.raw is not None:
            pick = parse_pick(judge.verdict, verdict.raw, verdict.finish_reason)
            outcome = outcome_of(pick, verdict.order)
            if (outcome, pick.reason) != (verdict.outcome, verdict.reason):
                said = f"outcome {verdict.outcome}, and its answer reads {outcome}"
                yield Finding("raw", said, VERDICTS, line)
