"""What is to be judged: the texts of every two players for every prompt they share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from harness.arena.players import Player, written
from harness.errors import DataError
from harness.records import Match, Pair, Prompt, Side, Text, short_id
from harness.stored import FinishedWriting


@dataclass(frozen=True, slots=True)
class Card:
    """The matches of an arena; `unshared` counts prompts that a run of a pair has no text for,
    or has with other words under the same id."""

    matches: tuple[Match, ...]
    unshared: int


def make_card(players: Sequence[Player], baseline: str | None) -> Card:
    """Every two players, or everyone against the baseline, on every prompt both wrote for.

    DataError where nobody meets anybody.
    """
    matches: list[Match] = []
    unshared = 0
    wrote = {
        (player.name, str(run.results["language"])): written(run)
        for player in players
        for run in player.runs
    }
    for a, b in combinations([player.name for player in players], 2):
        if baseline is not None and baseline not in (a, b):
            continue
        for name, language in wrote:
            if name != a or (b, language) not in wrote:
                continue
            one, other = wrote[a, language], wrote[b, language]
            for prompt_id in one.keys() | other.keys():
                met = list(_met(a, b, prompt_id, one, other))
                matches += met
                unshared += not met
    if not matches:
        raise DataError("no two of these runs have texts for one prompt: there is nothing to judge")
    matches.sort(key=lambda match: (match.sides, match.pair.language, match.pair.prompt_id))
    return Card(tuple(matches), unshared)


def _met(a: str, b: str, prompt_id: str, one: Any, other: Any) -> Iterator[Match]:
    if prompt_id not in one or prompt_id not in other:
        return
    prompt: Prompt = one[prompt_id][0]
    if prompt.prompt != other[prompt_id][0].prompt:
        return
    theirs: dict[int, Text] = other[prompt_id][1]
    for sample, text in sorted(one[prompt_id][1].items()):
        if sample in theirs:
            yield _match(a, b, prompt, sample, str(text.text), str(theirs[sample].text))


def _match(a: str, b: str, prompt: Prompt, sample: int, text_a: str, text_b: str) -> Match:
    # by names too: two pairs of runs may have the same two texts
    name = short_id(prompt.language, prompt.prompt_id, a, b, str(sample), text_a, text_b)
    pair = Pair(
        name,
        prompt.prompt_id,
        prompt.prompt,
        prompt.tag,
        prompt.genre,
        prompt.language,
        Side(text_a, None, a),
        Side(text_b, None, b),
        0,
    )
    return Match(pair, sample)


def texts_sha256(run: FinishedWriting) -> str:
    """One sum over the texts of a run that count, and the prompts they are for."""
    digest = hashlib.sha256()
    for prompt_id, (prompt, texts) in sorted(written(run).items()):
        for repeat, text in sorted(texts.items()):
            parts = (
                prompt_id,
                prompt.tag,
                prompt.genre,
                prompt.prompt,
                str(repeat),
                str(text.text),
            )
            digest.update(("\0".join(parts) + "\n").encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
