"""Runs over pairs, one or two of the same pairs, as items: what people and judges said of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import DataError, UsageError
from harness.records import Pair, PairFacts, Rating, Score, Verdict
from harness.reports.overall import labels
from harness.reports.text import plain
from harness.stored import PAIRS, SCORES, VERDICTS, decoded, read_results
from harness.viewer.data_file import pairs_of_run
from harness.viewer.items import BETWEEN, MARKS, Answer, Item, Panel, Side, View
from harness.viewer.words import (
    across_orders,
    answer_of,
    failures,
    head_facts,
    rating_of,
    said,
    standing,
    title_of,
)

_SHOWN = {
    "chosen_first": "chosen text shown as A",
    "rejected_first": "rejected text shown as A",
    None: "",
}


@dataclass(frozen=True, slots=True)
class Judge:
    """A finished run over pairs: its lines that count, verdicts by pair, scores by text."""

    name: str
    folder: Path
    manifest: dict[str, Any]
    results: dict[str, Any]
    pairs: dict[str, PairFacts]
    verdicts: Mapping[str, list[Verdict]]
    scores: Mapping[str, Score]
    ratings: Mapping[str, list[Rating]]


def judges_view(
    folders: Sequence[Path],
    *,
    data: Mapping[str, Path],
    include: tuple[Path, ...] = (),
) -> View:
    """One run over pairs, or two over the same; errors as `pairs_of_run`."""
    judges = _read(folders)
    first = judges[0]
    task = str(first.results["task"])
    unknown = sorted(set(data) - {task})
    if unknown:
        raise UsageError(f"--data {unknown[0]}: the run is of {task}")
    ids = [pair_id for pair_id in first.pairs if all(pair_id in j.pairs for j in judges)]
    if not ids:
        raise DataError(f"{folders[0]} and {folders[-1]} share no pair: nothing to show together")
    pairs = pairs_of_run(first.folder, first.results, ids, file=data.get(task), include=include)
    left_out = [f"{len(j.pairs) - len(ids):,} pairs only in {j.name}" for j in judges]
    return View(
        " and ".join(judge.name for judge in judges) + f" on {task}",
        "pairs",
        head_facts([(judge.name, judge.results) for judge in judges]),
        tuple(note for note in left_out if not note.startswith("0 ")),
        _items(judges, ids, pairs),
        order="difference between the judges" if len(judges) > 1 else None,
    )


def _read(folders: Sequence[Path]) -> list[Judge]:
    stored = [read_results(folder) for folder in folders]
    named = labels(
        [(f.resolve().name, results) for f, (_, results) in zip(folders, stored, strict=True)]
    )
    return [
        _judge(folder, plain(name), *pair)
        for folder, name, pair in zip(folders, named, stored, strict=True)
    ]


def _judge(folder: Path, name: str, manifest: dict[str, Any], results: dict[str, Any]) -> Judge:
    verdicts: dict[str, list[Verdict]] = {}
    for verdict in {one.key: one for one in decoded(folder / VERDICTS, Verdict)}.values():
        verdicts.setdefault(verdict.pair_id, []).append(verdict)
    scores: dict[str, Score] = {}
    ratings: dict[str, list[Rating]] = {}
    if (manifest.get("judge") or {}).get("kind") == "pointwise":
        last = {(one.id, one.repeat): one for one in decoded(folder / SCORES, Rating)}
        for (text_id, _), rating in sorted(last.items()):
            ratings.setdefault(text_id, []).append(rating)
    else:
        scores = {one.id: one for one in decoded(folder / SCORES, Score)}
    pairs = {one.pair_id: one for one in decoded(folder / PAIRS, PairFacts)}
    return Judge(name, folder, manifest, results, pairs, verdicts, scores, ratings)


def _items(
    judges: Sequence[Judge], ids: Sequence[str], pairs: Mapping[str, Pair]
) -> Iterator[Item]:
    for pair_id in ids:
        pair, facts = pairs[pair_id], judges[0].pairs[pair_id]
        found = [_in_order(judge.verdicts.get(pair_id, ())) for judge in judges]
        yield Item(
            id=pair_id,
            title=title_of(pair.prompt),
            sub=f"{plain(facts.tag)} · {facts.chosen_chars:,} / {facts.rejected_chars:,}",
            prompt=pair.prompt,
            marks=BETWEEN.join("".join(MARKS[v.outcome] for v in own) for own in found),
            facts=said(
                ("genre", plain(facts.genre)),
                ("tag", plain(facts.tag)),
                ("prompt_id", plain(facts.prompt_id)),
                ("row", pair.row),
            ),
            facets=_facets(judges, found, facts),
            sorts=_sorts(judges, found, facts),
            panels=tuple(
                Panel(judge.name, _answers(own)) for judge, own in zip(judges, found, strict=True)
            ),
            sides=(
                _side(judges, pair, facts, chosen=True),
                _side(judges, pair, facts, chosen=False),
            ),
        )


def _in_order(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return sorted(verdicts, key=lambda one: (one.repeat, one.order or ""))


def _answers(verdicts: Sequence[Verdict]) -> tuple[Answer, ...]:
    repeats = any(one.repeat for one in verdicts)
    return tuple(answer_of(one, _SHOWN[one.order], repeats=repeats) for one in verdicts)


def _side(judges: Sequence[Judge], pair: Pair, facts: PairFacts, *, chosen: bool) -> Side:
    side = pair.chosen if chosen else pair.rejected
    text_id = facts.chosen_id if chosen else facts.rejected_id
    alone = len(judges) == 1
    scored = [
        (f"scored by {judge.name}", judge.scores[text_id].score)
        for judge in judges
        if text_id in judge.scores
    ]
    ratings = tuple(
        rating_of(one, title="" if alone else f"{judge.name}: ", repeats=len(own) > 1)
        for judge in judges
        for own in (judge.ratings.get(text_id, []),)
        for one in own
    )
    return Side(
        "chosen" if chosen else "rejected",
        side.response,
        preferred=chosen,
        facts=said(
            ("by", plain(side.model) if side.model else None),
            ("characters", len(side.response)),
            ("people's score", side.score),
            *scored,
        ),
        answers=ratings,
    )


def _facets(
    judges: Sequence[Judge], found: Sequence[Sequence[Verdict]], facts: PairFacts
) -> dict[str, tuple[str, ...]]:
    stood = [standing([one.outcome for one in own]) for own in found]
    difference = facts.chosen_chars - facts.rejected_chars
    longer = "chosen" if difference > 0 else "rejected" if difference else "neither"
    models = dict.fromkeys(plain(m) for m in (facts.chosen_model, facts.rejected_model) if m)
    told: dict[str, tuple[str, ...]] = {}
    if len(judges) > 1:
        told["judges"] = ("agree" if len(set(stood)) == 1 else "differ",)
    told |= {"genre": (plain(facts.genre),), "tag": (plain(facts.tag),)}
    for judge, own, outcome in zip(judges, found, stood, strict=True):
        of = "" if len(judges) == 1 else f" · {judge.name}"
        told[f"outcome{of}"] = (outcome,)
        told[f"orders{of}"] = across_orders(own)
        told[f"failures{of}"] = failures(own)
    return told | {"longer text": (longer,), "text by": tuple(models)}


def _sorts(
    judges: Sequence[Judge], found: Sequence[Sequence[Verdict]], facts: PairFacts
) -> dict[str, float | None]:
    told: dict[str, float | None] = {}
    if len(judges) > 1:
        values = [_value(own) for own in found]
        told["difference between the judges"] = abs(values[0] - values[1])
    for judge, own in zip(judges, found, strict=True):
        margins = [one.margin for one in own if one.margin is not None]
        of = "" if len(judges) == 1 else f" · {judge.name}"
        if judge.scores or judge.ratings:
            told[f"margin{of}"] = sum(margins) / len(margins) if margins else None
    told["length of chosen less rejected"] = facts.chosen_chars - facts.rejected_chars
    told["length of both"] = facts.chosen_chars + facts.rejected_chars
    return told


def _value(verdicts: Sequence[Verdict]) -> float:
    """The pair's value (docs/design.md 4.4); 0 where nothing was said of it."""
    if not verdicts:
        return 0.0
    return sum(one.outcome == "chosen" for one in verdicts) / len(verdicts)
