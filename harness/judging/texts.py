"""Judges that rate texts one by one, and the verdicts that ratings come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from harness.asking import Asking, ask, request_seed
from harness.models.base import ChatModel, ChatRequest, Completion
from harness.progress import Progress
from harness.prompts import fill
from harness.records import Pair, Rating, Verdict, VerdictKey, candidate
from harness.specs import PointwiseJudge
from harness.verdicts import compare_ratings, parse_rating


class TextRater:
    """Asks a chat model about texts one by one: a rating each."""

    def __init__(
        self, pairs: Sequence[Pair], model: ChatModel, judge: PointwiseJudge, asking: Asking
    ) -> None:
        self.model, self.judge, self.asking = model, judge, asking
        self.neutralised = 0
        self._reserved = model.reserved()
        self._texts: dict[str, tuple[Pair, str]] = {}
        for pair in pairs:
            for side in (pair.chosen, pair.rejected):
                self._texts.setdefault(candidate(pair, side).id, (pair, side.response))

    def owed(self, done: Mapping[tuple[str, int], Rating]) -> Iterator[tuple[str, int]]:
        """The (text, repeat) that have no rating yet; an error is to do again."""
        for text_id in self._texts:
            for repeat in range(self.judge.repeats):
                before = done.get((text_id, repeat))
                if before is None or before.status == "error":
                    yield text_id, repeat

    def request(self, text_id: str, repeat: int) -> ChatRequest:
        """The call behind one rating."""
        pair, text = self._texts[text_id]
        values = {"prompt": pair.prompt, "text": text, "genre": pair.genre}
        filled = fill(self.judge, pair.language, values, self._reserved)
        self.neutralised += filled.neutralised
        low, high = self.judge.verdict.min, self.judge.verdict.max
        numbers = tuple(f"{low + i * (high - low) / 3:g}" for i in range(4))
        name = f"{text_id}/{repeat}"
        return ChatRequest(name, filled.messages, request_seed(self.asking.seed, name), numbers)

    def rate(
        self,
        done: dict[tuple[str, int], Rating],
        write: Callable[[Sequence[Rating]], None],
        progress: Progress,
    ) -> None:
        """Write a rating for everything owed; `done` is filled, without the answers' texts."""

        def requests() -> Iterator[ChatRequest]:
            return (self.request(*key) for key in list(self.owed(done)))

        def rating(request: ChatRequest, answer: Completion) -> bool:
            text_id, _, repeat = request.key.rpartition("/")
            key = (text_id, int(repeat))
            before = done.get(key)
            line = self._rating(key, answer, before.attempt + 1 if before else 1)
            write([line])
            done[key] = _without_texts(line)
            return line.status == "error"

        ask(self.model, requests(), sum(1 for _ in self.owed(done)), self.asking, rating, progress)

    def _rating(self, key: tuple[str, int], answer: Completion, attempt: int) -> Rating:
        score, reason = None, answer.error
        status: Literal["ok", "unparsed", "error"] = "error"
        if answer.error is None:
            score, reason = parse_rating(self.judge.verdict, answer.text, answer.finish_reason)
            status = "unparsed" if score is None else "ok"
        return Rating(
            id=key[0],
            score=score,
            n_tokens=answer.tokens_in or 0,
            truncated=False,
            raw=None if answer.error is not None else answer.text,
            status=status,
            reason=reason,
            repeat=key[1],
            attempt=attempt,
            finish_reason=answer.finish_reason,
            tokens_in=answer.tokens_in,
            tokens_out=answer.tokens_out,
            tokens_reasoning=answer.tokens_reasoning,
            reasoning=answer.reasoning,
        )


def verdicts_from_ratings(
    pairs: Sequence[Pair],
    ratings: Mapping[tuple[str, int], Rating],
    repeats: int,
    attempts: Mapping[VerdictKey, int],
) -> Iterator[Verdict]:
    """One verdict a pair and repeat: the higher rating wins, equal ones tie.

    A rating that failed makes an error, one that could not be read an unparsed verdict.
    `attempts` counts the lines that stand on disk already.
    """
    for pair in pairs:
        ids = candidate(pair, pair.chosen).id, candidate(pair, pair.rejected).id
        for repeat in range(repeats):
            sides = ratings[ids[0], repeat], ratings[ids[1], repeat]
            attempt = attempts.get((pair.pair_id, None, repeat), 0) + 1
            yield replace(_rated(pair, repeat, *sides), attempt=attempt)


def _without_texts(rating: Rating) -> Rating:
    return replace(rating, raw=None, reasoning=None)


def _rated(pair: Pair, repeat: int, chosen: Rating, rejected: Rating) -> Verdict:
    outcome, margin, reason = compare_ratings(chosen, rejected)
    return Verdict(
        *pair.head,
        None,
        outcome,
        margin=margin,
        reason=reason,
        repeat=repeat,
        tokens_in=_sum(chosen.tokens_in, rejected.tokens_in),
        tokens_out=_sum(chosen.tokens_out, rejected.tokens_out),
        truncated=chosen.truncated or rejected.truncated,
    )


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b
