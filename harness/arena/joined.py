"""Verdicts that other arenas of a judge hold already: no two texts are judged twice."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.arena.setting import Setting
from harness.judging.orders import verdict_keys
from harness.models import PairJudge
from harness.progress import Progress
from harness.records import ArenaOrder, ArenaOutcome, ArenaVerdict, Match, Verdict
from harness.specs import PairwiseJudge
from harness.store import ArenaFolder
from harness.stored import MANIFEST, SCORES, arena_verdicts, read_json

Key = tuple[str, ArenaOrder | None, int]  # pair_id, order, repeat
_ORDERS: Mapping[ArenaOrder | None, ArenaOrder | None] = {
    "a_first": "b_first",
    "b_first": "a_first",
    None: None,
}
_OUTCOMES: Mapping[ArenaOutcome, ArenaOutcome] = {
    "a": "b",
    "b": "a",
    "tie": "tie",
    "unparsed": "unparsed",
    "error": "error",
}
_SPENT = {"tokens_in", "tokens_out", "tokens_reasoning"}  # before, in the arena it comes from
# what an arena's identity says of its players; all else is its judge
PLAYERS = ("players", "baseline")


def join(folder: ArenaFolder, setting: Setting, progress: Progress) -> None:
    """Take over what other arenas of this judge hold, and settle what needs no judge."""
    others = same_judge(folder.path, setting.identity())
    judging, matches = setting.judging, setting.card.matches
    if isinstance(setting.model, PairJudge) or (
        judging and isinstance(judging.judge, PairwiseJudge)
    ):
        verdicts = list(joined_verdicts(others, matches, folder.settled()))
        folder.append_told(verdicts)
        folder.append_verdicts(_alike(folder, setting, judging.judge.repeats if judging else 1))
        what = f"{len(verdicts):,} verdicts" if verdicts else ""
    else:
        there = {name for name, _ in folder.ratings()} if judging else _scored(folder)
        ids = {one for match in matches for one in match.ids}
        scores = list(joined_scores(others, ids, there))
        folder.append_lines(scores)
        what = f"{len(scores):,} scores" if scores else ""
    if what:
        names = ", ".join(arena.name for arena in others)
        progress.notice(f"{what} were there already, in {names}: not asked for again")


def _scored(folder: ArenaFolder) -> set[str]:
    """The texts whose last line has a score."""
    last = {line.id: line.score for line in folder.scores()}
    return {name for name, score in last.items() if score is not None}


def _alike(folder: ArenaFolder, setting: Setting, repeats: int) -> list[Verdict]:
    """Ties for two texts that are the same string: nobody need be asked."""
    same = [pair for pair in setting.pairs if pair.chosen.response == pair.rejected.response]
    asked, standing = setting.asked, folder.standing()
    keys = verdict_keys(same, orders=asked.orders, seed=asked.seed, repeats=repeats)
    return [
        Verdict(*pair.head, key[1], "tie", reason="the same text", repeat=key[2])
        for key, pair in keys
        if key not in standing
    ]


def same_judge(folder: Path, identity: Mapping[str, Any]) -> list[Path]:
    """The other arenas beside this one that were judged by the same judge in the same way."""
    wanted = _judge(identity)
    found = []
    for manifest in sorted(folder.parent.glob(f"*/{MANIFEST}")):
        if manifest.parent.name == folder.name:
            continue
        if _judge((read_json(manifest) or {}).get("identity") or {}) == wanted:
            found.append(manifest.parent)
    return found


def _judge(identity: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in identity.items() if key not in PLAYERS}


def joined_verdicts(
    arenas: Sequence[Path], matches: Sequence[Match], settled: Collection[Key]
) -> Iterator[ArenaVerdict]:
    """The verdicts of these arenas on the same two texts for the same prompt, told of these
    runs; the last line counts, and what failed is judged again."""
    wanted: dict[tuple[str, frozenset[str]], list[Match]] = {}
    for match in matches:
        wanted.setdefault((match.pair.prompt_id, frozenset(match.ids)), []).append(match)
    done: set[Key] = set(settled)
    for arena in arenas:
        last = {(line.pair_id, line.order, line.repeat): line for line in arena_verdicts(arena)}
        for line in last.values():
            if line.outcome == "error" or line.a_id is None or line.b_id is None:
                continue
            for match in wanted.get((line.prompt_id, frozenset((line.a_id, line.b_id))), ()):
                told = _told(line, match)
                key = (match.pair.pair_id, told.order, told.repeat)
                if key not in done:
                    done.add(key)
                    yield told


def _told(line: ArenaVerdict, match: Match) -> ArenaVerdict:
    """A verdict on the same two texts, told of the runs of this match."""
    (run_a, run_b), (a_id, b_id), pair = match.sides, match.ids, match.pair
    turned = line.a_id != a_id
    return replace(
        line,
        run_a=run_a,
        run_b=run_b,
        a_id=a_id,
        b_id=b_id,
        pair_id=pair.pair_id,
        sample=match.sample,
        tag=pair.tag,
        genre=pair.genre,
        order=_ORDERS[line.order] if turned else line.order,
        outcome=_OUTCOMES[line.outcome] if turned else line.outcome,
        margin=-line.margin if turned and line.margin is not None else line.margin,
        attempt=1,
        tokens_in=None,
        tokens_out=None,
        tokens_reasoning=None,
    )


def joined_scores(
    arenas: Sequence[Path], ids: Collection[str], there: Collection[str]
) -> Iterator[dict[str, Any]]:
    """The lines of these arenas' scores.jsonl for these texts, less those that are there."""
    done = set(there)
    for arena in arenas:
        path = arena / SCORES
        if not path.is_file():
            continue
        mine = set(done)
        with path.open("rb") as stream:
            for raw in stream:
                if not raw.endswith(b"\n"):
                    break
                line = json.loads(raw)
                if line["id"] in ids and line["id"] not in mine and line["score"] is not None:
                    done.add(line["id"])
                    yield line | dict.fromkeys(line.keys() & _SPENT)
